/** The page that a phone opens by a code: one tap lets it in. */

import { ApiError } from "../api";
import { h, icon } from "../dom";
import { pageFooter, pageHeader } from "../header";
import { messages } from "../i18n";
import { keyOf } from "../link";
import { problemOf, showProblem } from "../pages/problem";
import { capturePath, type Page } from "../router";
import { enter } from "./calls";

/** What was behind the `#`, which is taken out of the address at once. */
let key: string | null = null;

export const pairPage: Page = (outlet, signal) => {
  key = keyOf(location.hash) ?? key;
  history.replaceState(null, "", location.pathname);
  draw(outlet, signal, key ? "asking" : "spent");
};

function draw(outlet: HTMLElement, signal: AbortSignal, what: "asking" | "spent"): void {
  const words = messages().phones;
  const button = h(
    "button",
    { type: "button", class: "button primary" },
    icon("phone"),
    words.enter,
  );
  button.addEventListener("click", () => {
    button.disabled = true;
    button.replaceChildren(words.entering);
    void letIn(outlet, signal);
  });
  const content =
    what === "asking"
      ? [
          h("h1", {}, words.enterTitle),
          h("p", {}, words.enterText(location.host)),
          h("p", { class: "actions" }, button),
        ]
      : [h("h1", {}, words.spentTitle), h("p", {}, words.spentText)];
  outlet.replaceChildren(
    pageHeader(),
    h(
      "main",
      { id: "main", tabindex: -1, class: "problem", "data-pairing": what },
      h("div", { class: "problem-icon" }, icon(what === "asking" ? "phone" : "lock")),
      ...content,
    ),
    pageFooter(),
  );
}

async function letIn(outlet: HTMLElement, signal: AbortSignal): Promise<void> {
  try {
    const { session } = await enter(key ?? "", phoneName(navigator.userAgent));
    key = null;
    // A new page, as all that this one knows is of whoever was signed in before.
    location.replace(capturePath(session ?? undefined));
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof ApiError && error.status === 401) {
      key = null;
      draw(outlet, signal, "spent");
    } else {
      showProblem(outlet, problemOf(error), () => draw(outlet, signal, "asking"), signal);
    }
  }
}

/** What a phone is called in the list of those that are in. */
export function phoneName(userAgent: string): string {
  const device = /iPhone|iPad|Android|Windows|Macintosh|(?:Linux(?!.*Android))/.exec(
    userAgent,
  )?.[0];
  const browser = /(Firefox|FxiOS|EdgA?|SamsungBrowser|CriOS|Chrome|Safari)\//.exec(userAgent)?.[1];
  const named = {
    FxiOS: "Firefox",
    EdgA: "Edge",
    Edg: "Edge",
    CriOS: "Chrome",
    SamsungBrowser: "Samsung",
  };
  const known = browser && (named[browser as keyof typeof named] ?? browser);
  return [device ?? messages().phones.phone, known].filter(Boolean).join(", ");
}
