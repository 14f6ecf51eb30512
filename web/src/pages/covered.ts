/** What stands before a covered picture: why it is covered, and the way to open it on purpose. */

import { type Cover, uncover } from "../api";
import { h, icon } from "../dom";
import { messages } from "../i18n";
import { isLinked } from "../link";

/** Until the reader has opened the picture on purpose; why it is covered is said before. */
export async function openedOnPurpose(
  outlet: HTMLElement,
  image: string,
  cover: Cover,
  signal: AbortSignal,
): Promise<void> {
  const words = messages().cover;
  await new Promise<void>((resolve) => {
    const open = h(
      "button",
      { type: "button", class: "button primary", onclick: () => resolve() },
      words.open,
    );
    document.documentElement.dataset.viewer = "covered";
    outlet.replaceChildren(
      h(
        "main",
        { id: "main", tabindex: -1, class: "problem covered" },
        h("div", { class: "problem-icon" }, icon("lock")),
        h("h1", {}, words.title),
        h("p", {}, words.why[cover]),
        h("p", { class: "faint" }, words.recorded),
        open,
        !isLinked() && h("a", { class: "button", href: "/" }, messages().back),
      ),
    );
    open.focus();
  });
  await uncover(image, signal);
}
