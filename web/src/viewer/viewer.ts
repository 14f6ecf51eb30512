/** The viewer put together: patient, image, tools, and the address that follows the view. */

import type { Exam, ImageDetail, ImageSummary } from "../api";
import { onRecovery } from "../connection";
import { h, icon } from "../dom";
import { languageButton } from "../header";
import { messages } from "../i18n";
import { isLinked, linkedBack } from "../link";
import { type Problem, problemOf } from "../pages/problem";
import { imageName, nameOf, thumbnail, traits } from "../patient";
import { createReports } from "../reports/panel";
import { advicesPath, casePath, examPath, navigate, viewInCasePath, viewPath } from "../router";
import { createArrival } from "./arrival";
import { formatView, parseView } from "./deeplink";
import { createFacts } from "./facts";
import { fieldExport } from "./field";
import { followParent } from "./frame";
import { createHelp } from "./help";
import { addKeyboard } from "./keyboard";
import { createMagnifier, keyZooms } from "./magnifier";
import { createMeasure } from "./measure";
import { createRecovery } from "./recovery";
import { createScaleBar } from "./scalebar";
import { Stage } from "./stage";
import { type Actions, createHeaderTools, createTools, toggleFullscreen } from "./tools";

const ADDRESS_DELAY_MS = 250;
const SMALL = "(max-width: 700px), (max-height: 560px)";

declare global {
  interface Window {
    /** For tests and the console: the OpenSeadragon viewer on screen. */
    sansverre?: { viewer: Stage["osd"] };
  }
}

/** Builds the viewer in `outlet` and resolves once the image is open; `fail` replaces the page. */
export async function openViewer(
  outlet: HTMLElement,
  image: ImageDetail,
  exam: Exam,
  fail: (problem: Problem) => void,
  signal: AbortSignal,
): Promise<void> {
  const words = messages();
  const canvas = h("div", { class: "stage-canvas" });
  const map = h("div", { class: "navigator", role: "group", "aria-label": words.navigatorLabel });
  shapeMap(map, image);
  const frame = h("div", { class: "stage" }, canvas, map);
  let facts = createFacts(image, () => toggleFacts(false));
  // Nobody who has a link, or is asked for advice, is shown more than the image.
  const reports = isLinked() || image.lent ? null : createReports(image.exam);
  const help = createHelp(image.mpp_um !== null);

  const toggleFacts = (open = facts.hidden) => {
    facts.hidden = !open;
    const opener = document.querySelector<HTMLElement>("[data-toggle=facts]");
    opener?.setAttribute("aria-expanded", String(open));
    if (open) facts.querySelector("button")?.focus();
    else opener?.focus();
  };
  const actions: Actions = {
    toggleNavigator: () => {
      map.classList.toggle("closed");
      showPressed();
    },
    toggleFullscreen,
    toggleFacts: () => toggleFacts(),
    toggleReports: () => reports?.toggle(),
    showHelp: () => help.showModal(),
  };
  const showPressed = () =>
    document
      .querySelector("[data-toggle=navigator]")
      ?.setAttribute("aria-pressed", String(!map.classList.contains("closed")));

  outlet.replaceChildren(
    viewerHeader(image, exam, actions, reports?.button ?? null),
    h(
      "main",
      { id: "main", tabindex: -1, class: "viewer", "aria-label": words.viewer },
      strip(image, exam),
      frame,
      facts,
      reports?.panel ?? "",
    ),
    help,
  );

  const closing = new AbortController();
  signal.addEventListener("abort", () => closing.abort());
  const stage = new Stage(canvas, map, image);
  window.sansverre = { viewer: stage.osd };
  closing.signal.addEventListener("abort", () => {
    stage.destroy();
    delete window.sansverre;
  });
  const giveUp = (problem: Problem) => {
    if (closing.signal.aborted) return;
    closing.abort();
    fail(problem);
  };
  stage.on("failed", () => {
    // The description of the image failed; whether the network is the cause, its next answer says.
    giveUp(navigator.onLine ? "image" : "network");
  });
  stage.on("state", (state) => {
    document.documentElement.dataset.viewer = state === "incomplete" ? "error" : state;
  });

  await stage.ready;
  if (closing.signal.aborted) return;
  nameCanvas(stage);
  const tools = createTools(stage, actions, closing.signal);
  frame.append(
    tools,
    h(
      "div",
      { class: "foot" },
      createScaleBar(stage, image),
      createMagnifier(stage, image),
      notice(),
    ),
    createRecovery(stage, image.id, (error) => giveUp(problemOf(error)), closing.signal),
  );
  if (image.kind === "photo" && image.state === "published" && !isLinked()) {
    const { button, layer } = createMeasure(stage, image, closing.signal);
    tools.append(h("div", { class: "tool-group" }, button));
    frame.append(layer);
  }
  tools.append(fieldExport(stage, image, imageName(image, exam.images)));
  if (image.state !== "published") {
    const finish = (finished: ImageDetail) => {
      const anew = createFacts(finished, () => toggleFacts(false));
      anew.hidden = facts.hidden;
      facts.replaceWith(anew);
      facts = anew;
    };
    const refuse = () => giveUp("refused");
    frame.append(createArrival(stage, image.id, { finish, refuse }, closing.signal));
  }
  stage.on("view", () => {
    // A map of what is wholly in sight tells nothing and hides a corner of it.
    map.classList.toggle("needless", stage.view(true).zoom < stage.fitZoom() * 1.05);
  });
  showPressed();
  addKeyboard(
    stage,
    {
      ...actions,
      zooms: keyZooms(image),
      closeOverlays: () => {
        if (!facts.hidden) toggleFacts(false);
        else if (reports && !reports.panel.hidden) reports.toggle(false);
      },
      openSibling: (direction) => openSibling(image, exam, direction),
    },
    closing.signal,
  );
  followAddress(stage, exam.case, closing.signal);
  followParent(stage, closing.signal);
  onRecovery(() => stage.osd.forceRedraw(), closing.signal);
}

/** As large as its corner allows, in the shape of the image; closed at first on a small screen. */
function shapeMap(map: HTMLElement, image: ImageDetail): void {
  const narrow = matchMedia(SMALL).matches;
  const [width, height] = narrow ? [132, 120] : [220, 170];
  const scale = Math.min(width / image.width, height / image.height);
  map.style.width = `${Math.max(48, Math.round(image.width * scale))}px`;
  map.style.height = `${Math.max(48, Math.round(image.height * scale))}px`;
  // Hidden from sight, not from layout: the map must know its size when it is made.
  map.classList.toggle("closed", narrow);
}

function nameCanvas(stage: Stage): void {
  const { canvas } = stage.osd;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", messages().stage);
}

function notice(): HTMLElement {
  return h("p", { class: "device-notice wide-only" }, messages().notice);
}

/** Opens the view the address asks for, else the whole image; then keeps the address up to date. */
function followAddress(stage: Stage, within: string | undefined, signal: AbortSignal): void {
  const asked = parseView(location.search);
  if (asked) stage.show(asked, true);
  else stage.fit(true);
  let timer = 0;
  let latest = location.search;
  stage.on("view", () => {
    // Frames are drawn for arriving tiles too: only a view that moves puts off the writing.
    const address = formatView(stage.view(), within);
    if (address === latest || signal.aborted) return;
    latest = address;
    clearTimeout(timer);
    timer = setTimeout(() => history.replaceState(null, "", address), ADDRESS_DELAY_MS);
  });
  signal.addEventListener("abort", () => clearTimeout(timer));
}

function wayBack(exam: Exam): string {
  if (exam.case) return casePath(exam.case);
  return exam.images.length > 1 ? examPath(exam.id) : "/";
}

function viewerHeader(
  image: ImageDetail,
  exam: Exam,
  actions: Actions,
  reports: HTMLElement | null,
): HTMLElement {
  const words = messages();
  const { images, accession_number } = exam;
  const index = images.findIndex(({ id }) => id === image.id);
  const toExams = images.length > 1 ? words.backToExam : words.back;
  const toCase = exam.case ? words.cases.backToCase : toExams;
  const lentWords = image.lent ? words.out.backToAdvice : toCase;
  const backWords = linkedBack() ? words.opened.back : lentWords;
  const place = images.length > 1 ? ` (${index + 1}/${images.length})` : "";
  return h(
    "header",
    { class: "viewer-header" },
    (!isLinked() || linkedBack()) &&
      h(
        "a",
        {
          class: "icon-button back",
          href: linkedBack() ?? (image.lent ? advicesPath : wayBack(exam)),
          title: backWords,
          "aria-label": backWords,
        },
        icon("back"),
      ),
    h(
      "div",
      { class: "banner-patient", role: "group", "aria-label": words.patient },
      h("h1", {}, nameOf(image.patient)),
      traits(image.patient),
    ),
    h(
      "div",
      { class: "banner-context wide-only" },
      h("span", {}, imageName(image, images), place),
      accession_number &&
        h("span", { class: "code" }, `${words.accessionShort} ${accession_number}`),
    ),
    h("div", { class: "header-tools" }, reports, ...createHeaderTools(actions), languageButton()),
  );
}

/** Those that can be opened; the others keep their number in the exam. */
function openable(exam: Exam): ImageSummary[] {
  return exam.images.filter(({ viewable }) => viewable);
}

/** Where another image is, read on in the same case. */
function pathOf({ id }: ImageSummary, exam: Exam): string {
  return exam.case ? viewInCasePath(id, exam.case) : viewPath(id);
}

function openSibling(image: ImageDetail, exam: Exam, direction: 1 | -1): void {
  const images = openable(exam);
  const next = images[images.findIndex(({ id }) => id === image.id) + direction];
  if (next) navigate(pathOf(next, exam));
}

/** The images of the exam as small pictures, the one on screen marked. */
function strip(image: ImageDetail, exam: Exam): HTMLElement | null {
  const images = openable(exam);
  if (images.length < 2) return null;
  const items = images.map((one) =>
    h(
      "li",
      {},
      h(
        "a",
        { href: pathOf(one, exam), "aria-current": one.id === image.id ? "page" : null },
        thumbnail(one),
        h("span", { class: "strip-name" }, imageName(one, exam.images)),
      ),
    ),
  );
  return h("nav", { class: "strip", "aria-label": messages().imagesStrip }, h("ul", {}, ...items));
}
