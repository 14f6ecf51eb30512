/** An image seen before it is finished: said discreetly, and replaced in silence when it is. */

import { getImage, type ImageDetail } from "../api";
import { h, icon } from "../dom";
import { messages } from "../i18n";
import { pause } from "../pages/waiting";
import type { Stage } from "./stage";

const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 5000;

interface Outcomes {
  finish: (image: ImageDetail) => void;
  refuse: () => void;
}

/** The notice over the image, gone with what it says. */
export function createArrival(
  stage: Stage,
  image: string,
  outcomes: Outcomes,
  signal: AbortSignal,
): HTMLElement {
  const element = h("p", { class: "arrival", role: "status" }, icon("wait"), messages().arriving);
  void follow(stage, image, outcomes, signal, element);
  return element;
}

async function follow(
  stage: Stage,
  image: string,
  { finish, refuse }: Outcomes,
  signal: AbortSignal,
  element: HTMLElement,
): Promise<void> {
  let delay = FIRST_DELAY_MS;
  while (!signal.aborted) {
    try {
      await pause(delay, signal);
      const latest = await getImage(image, signal);
      if (latest.state === "refused") return refuse();
      if (latest.state === "published") {
        await stage.succeed(latest);
        finish(latest);
        element.remove();
        return;
      }
    } catch {
      // No answer, or no longer asked for: the loop asks again or ends.
    }
    delay = Math.min(delay * 1.3, LONGEST_DELAY_MS);
  }
}
