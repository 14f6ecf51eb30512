/** The page of an image that cannot be seen yet: how far it has come, asked until it can be. */

import { getImage, type ImageDetail, type ImageState } from "../api";
import { h, icon } from "../dom";
import { messages } from "../i18n";
import { nameOf, traits } from "../patient";
import { examPath } from "../router";

const FIRST_DELAY_MS = 2000;
const LONGEST_DELAY_MS = 10000;
const STEPS = ["received", "opened", "built", "published"] as const satisfies ImageState[];

function progress(state: ImageState): HTMLElement {
  const { steps } = messages();
  const reached = (STEPS as readonly ImageState[]).indexOf(state);
  const items = STEPS.map((step, index) =>
    h(
      "li",
      {
        class: index <= reached ? "done" : null,
        "aria-current": index === reached ? "step" : null,
      },
      steps[step],
    ),
  );
  return h("ol", { class: "progress" }, ...items);
}

/** Shows the waiting page and resolves with the image once it can be seen, or is refused. */
export async function waitUntilViewable(
  outlet: HTMLElement,
  image: ImageDetail,
  signal: AbortSignal,
): Promise<ImageDetail> {
  const words = messages();
  const steps = h("div", { "aria-live": "polite" }, progress(image.state));
  outlet.replaceChildren(
    h(
      "main",
      { id: "main", tabindex: -1, class: "problem waiting", "data-state": image.state },
      h("div", { class: "problem-icon" }, icon("wait")),
      h("p", { class: "whose" }, nameOf(image.patient), traits(image.patient)),
      h("h1", {}, words.waitingTitle),
      h("p", {}, words.waitingText),
      steps,
      h(
        "p",
        { class: "actions" },
        h("a", { class: "button", href: examPath(image.exam) }, words.backToExam),
      ),
    ),
  );
  let latest = image;
  let delay = FIRST_DELAY_MS;
  while (!latest.viewable && latest.state !== "refused") {
    await pause(delay, signal);
    delay = Math.min(delay * 1.3, LONGEST_DELAY_MS);
    const before = latest.state;
    latest = await getImage(image.id, signal);
    if (latest.state !== before) steps.replaceChildren(progress(latest.state));
  }
  return latest;
}

export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
