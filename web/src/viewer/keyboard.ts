/** Every key of the viewer, in one table. */

import type { Stage } from "./stage";
import type { Actions } from "./tools";

const STEP_PX = 80;
/** A page move keeps a strip of what was seen. */
const PAGE_SHARE = 0.85;

export interface KeyActions extends Actions {
  zooms: number[];
  closeOverlays: () => void;
  openSibling: (direction: 1 | -1) => void;
}

const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input, textarea, select");
}

export function addKeyboard(stage: Stage, actions: KeyActions, signal: AbortSignal): void {
  const pan = (key: string, page: boolean) => {
    const [dx, dy] = ARROWS[key] ?? [0, 0];
    const { x, y } = stage.osd.viewport.getContainerSize();
    stage.panBy(dx * (page ? x * PAGE_SHARE : STEP_PX), dy * (page ? y * PAGE_SHARE : STEP_PX));
  };
  const table: Record<string, (event: KeyboardEvent) => void> = {
    "+": () => stage.zoomBy(1.6),
    "=": () => stage.zoomBy(1.6),
    "-": () => stage.zoomBy(1 / 1.6),
    "0": () => stage.fit(),
    r: () => stage.rotateQuarter(1),
    R: () => stage.rotateQuarter(-1),
    n: actions.toggleNavigator,
    f: actions.toggleFullscreen,
    i: actions.toggleFacts,
    c: actions.toggleReports,
    "?": actions.showHelp,
    "[": () => actions.openSibling(-1),
    "]": () => actions.openSibling(1),
    PageUp: () => actions.openSibling(-1),
    PageDown: () => actions.openSibling(1),
    Escape: actions.closeOverlays,
  };
  for (const key of Object.keys(ARROWS)) table[key] = (event) => pan(key, event.shiftKey);
  for (const [index, zoom] of actions.zooms.entries())
    table[String(index + 1)] = () => stage.zoomTo(zoom);

  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    // On a French keyboard the digits of the top row need Shift; the key's place says which is meant.
    const digit = /^Digit(\d)$/.exec(event.code)?.[1];
    const action = table[event.key] ?? (digit === undefined ? undefined : table[digit]);
    if (!action) return;
    event.preventDefault();
    action(event);
  };
  document.addEventListener("keydown", onKey, { signal });
}
