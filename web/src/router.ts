/** Which page an address means, and moving between pages without reloading. */

export type Route =
  | { page: "list" }
  | { page: "exam"; exam: string }
  | { page: "view"; image: string }
  | { page: "deposit" }
  | { page: "cases" }
  | { page: "case"; case: string }
  | { page: "capture"; session: string | null }
  | { page: "move"; image: string }
  | { page: "move-exam"; exam: string }
  | { page: "phones" }
  | { page: "pair" }
  | { page: "advices" }
  | { page: "advice"; advice: string }
  | { page: "album"; patient: string }
  | { page: "lesions"; patient: string }
  | { page: "lesion"; lesion: string }
  | { page: "compare"; lesion: string }
  | { page: "outbox" }
  | { page: "identities" }
  | { page: "history"; patient: string }
  | { page: "opened" }
  | { page: "worklist" }
  | { page: "day" }
  | { page: "timeline"; patient: string }
  | { page: "beside"; patient: string }
  | { page: "unknown" };

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function ofPatients(head: "patients" | "lesions", id: string, rest: string[]): Route {
  const path = [head, ...rest].join("/");
  if (path === "patients") return { page: "timeline", patient: id };
  if (path === "patients/beside") return { page: "beside", patient: id };
  if (path === "patients/lesions") return { page: "lesions", patient: id };
  if (path === "patients/identity") return { page: "history", patient: id };
  if (path === "patients/images") return { page: "album", patient: id };
  if (path === "lesions") return { page: "lesion", lesion: id };
  if (path === "lesions/compare") return { page: "compare", lesion: id };
  return { page: "unknown" };
}

const BARE: Record<string, Route> = {
  deposit: { page: "deposit" },
  cases: { page: "cases" },
  phones: { page: "phones" },
  pair: { page: "pair" },
  capture: { page: "capture", session: null },
  advice: { page: "advices" },
  outbox: { page: "outbox" },
  identities: { page: "identities" },
  opened: { page: "opened" },
  worklist: { page: "worklist" },
  day: { page: "day" },
};

const OF_ONE: Record<string, (id: string) => Route> = {
  capture: (session) => ({ page: "capture", session }),
  cases: (id) => ({ page: "case", case: id }),
  exam: (exam) => ({ page: "exam", exam }),
  view: (image) => ({ page: "view", image }),
  advice: (advice) => ({ page: "advice", advice }),
  move: (image) => ({ page: "move", image }),
  "move-exam": (exam) => ({ page: "move-exam", exam }),
};

export function parseRoute(pathname: string): Route {
  const [head, id, ...rest] = pathname.split("/").filter(Boolean);
  if (head === undefined || pathname === "/index.html") return { page: "list" };
  if (id === undefined) return BARE[head] ?? { page: "unknown" };
  if (head === "patients" || head === "lesions") return ofPatients(head, decoded(id), rest);
  if (rest.length > 0) return { page: "unknown" };
  return OF_ONE[head]?.(decoded(id)) ?? { page: "unknown" };
}

export const examPath = (exam: string) => `/exam/${encodeURIComponent(exam)}`;
export const outboxPath = "/outbox";
export const worklistPath = "/worklist";
export const dayPath = "/day";
/** Where who is sent here from another system comes in. */
export const openedPath = "/opened";
export const identitiesPath = "/identities";
export const historyPath = (patient: string) => `/patients/${encodeURIComponent(patient)}/identity`;
export const advicesPath = "/advice";
export const advicePath = (advice: string) => `/advice/${encodeURIComponent(advice)}`;
export const albumPath = (patient: string) => `/patients/${encodeURIComponent(patient)}/images`;
export const timelinePath = (patient: string) => `/patients/${encodeURIComponent(patient)}`;
/** Two of a patient's images side by side. */
export const besidePath = (patient: string, first: string, second: string) =>
  `${timelinePath(patient)}/beside?${new URLSearchParams({ first, second })}`;
export const depositPath = "/deposit";
export const phonesPath = "/phones";
/** Where a code is shown that lets a phone in for one session alone. */
export const pairingPath = (session: string) =>
  `${phonesPath}?session=${encodeURIComponent(session)}`;
export const pairPath = "/pair";
export const capturePath = (session?: string) =>
  session === undefined ? "/capture" : `/capture/${encodeURIComponent(session)}`;
export const lesionsPath = (patient: string) => `/patients/${encodeURIComponent(patient)}/lesions`;
export const lesionPath = (lesion: string) => `/lesions/${encodeURIComponent(lesion)}`;
export const comparePath = (lesion: string, first: string, second: string) =>
  `${lesionPath(lesion)}/compare?${new URLSearchParams({ first, second })}`;
export const movePath = (image: string) => `/move/${encodeURIComponent(image)}`;
export const moveExamPath = (exam: string) => `/move-exam/${encodeURIComponent(exam)}`;
export const casesPath = "/cases";
export const casePath = (id: string) => `${casesPath}/${encodeURIComponent(id)}`;
/** A slide as one of its case: the next key leads to the next slide of it. */
export const viewInCasePath = (image: string, id: string) =>
  `${viewPath(image)}?${new URLSearchParams({ case: id })}`;
export const viewPath = (image: string) => `/view/${encodeURIComponent(image)}`;

/** Fills the outlet until the signal says that the user has gone elsewhere. */
export type Page = (outlet: HTMLElement, signal: AbortSignal) => void | Promise<void>;

let onNavigate: () => void = () => undefined;

/** Draws the present page anew, as after a change of language. */
export function refresh(): void {
  onNavigate();
}

export function navigate(path: string): void {
  if (path !== location.pathname + location.search) history.pushState(null, "", path);
  onNavigate();
}

function onClick(event: MouseEvent): void {
  const plain =
    event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!plain || event.defaultPrevented || !link || link.target || link.hasAttribute("download"))
    return;
  if (link.origin !== location.origin || parseRoute(link.pathname).page === "unknown") return;
  if (link.hash && link.pathname === location.pathname) return;
  event.preventDefault();
  navigate(link.pathname + link.search);
}

/** Calls `render` for every address the user comes to, the first one included. */
export function startRouter(render: () => void): void {
  onNavigate = render;
  addEventListener("popstate", render);
  document.addEventListener("click", onClick);
  render();
}
