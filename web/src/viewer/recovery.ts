/** Tiles that did not come: said discreetly, asked for again, never left out in silence. */

import { ApiError, getImage } from "../api";
import { connectionLost, onRecovery } from "../connection";
import { h, icon } from "../dom";
import { messages } from "../i18n";
import type { Stage } from "./stage";

const FIRST_RETRY_MS = 2000;
const LONGEST_RETRY_MS = 30000;

/** The notice for missing tiles; `onRefused` is told when the server no longer gives this image. */
export function createRecovery(
  stage: Stage,
  image: string,
  onRefused: (error: ApiError) => void,
  signal: AbortSignal,
): HTMLElement {
  const text = h("span", {});
  const retryButton = h(
    "button",
    { type: "button", class: "button", onclick: () => retry() },
    messages().retry,
  );
  const element = h(
    "div",
    { class: "tile-notice", role: "status" },
    icon("warning"),
    text,
    retryButton,
  );
  element.hidden = true;
  let timer = 0;
  let delay = FIRST_RETRY_MS;

  function retry(): void {
    clearTimeout(timer);
    timer = 0;
    stage.retry();
    show();
  }

  function show(): void {
    element.hidden = stage.missing.size === 0;
    text.textContent = messages().tilesFailed(stage.missing.size);
  }

  /** An image element says nothing of the cause; the image's own address does. */
  async function findCause(): Promise<void> {
    try {
      await getImage(image, signal);
    } catch (error) {
      if (!(error instanceof ApiError)) return;
      if (error.status === 0) connectionLost();
      else if (error.status < 500) onRefused(error);
    }
  }

  stage.on("tileFailed", () => {
    show();
    if (timer) return;
    timer = setTimeout(retry, delay);
    delay = Math.min(delay * 2, LONGEST_RETRY_MS);
    void findCause();
  });
  stage.on("state", (state) => {
    if (state === "ready") delay = FIRST_RETRY_MS;
  });
  onRecovery(retry, signal);
  signal.addEventListener("abort", () => clearTimeout(timer));
  return element;
}
