/** A viewer inside another page: it tells that page where the view stands, and goes where it is told. */

import { normalised, type View } from "./deeplink";
import type { Stage } from "./stage";

const SHOW = "sansverre.show";
const VIEW = "sansverre.view";

/** The view that a message asks for; null for any other message. */
export function viewOf(message: unknown): View | null {
  if (typeof message !== "object" || message === null) return null;
  const { type, view } = message as { type?: unknown; view?: unknown };
  if (type !== SHOW || typeof view !== "object" || view === null) return null;
  const { x, y, zoom, rotation = 0 } = view as Record<string, unknown>;
  const numbers = [x, y, zoom, rotation];
  if (!numbers.every((value): value is number => Number.isFinite(value))) return null;
  const [left, top, scale, turn] = numbers as [number, number, number, number];
  return scale > 0 ? { x: left, y: top, zoom: scale, rotation: normalised(turn) } : null;
}

/** Follows the page around; only those that the server names can be it (frame-ancestors). */
export function followParent(stage: Stage, signal: AbortSignal): void {
  if (parent === window) return;
  addEventListener(
    "message",
    ({ source, data }) => {
      const view = source === parent ? viewOf(data) : null;
      if (view) stage.show(view);
    },
    { signal },
  );
  let told = "";
  stage.on("state", () => {
    const message = { type: VIEW, view: stage.view() };
    const text = JSON.stringify(message);
    if (text === told) return;
    told = text;
    // Where somebody looks is all that it says.
    parent.postMessage(message, "*");
  });
}
