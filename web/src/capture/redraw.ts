/** Drawing a part of the page anew without taking it from under a finger, or from the keyboard. */

import { type Child, h } from "../dom";

/** What may be drawn anew and is to be found again carries a name of its own. */
export const named = (name: string) => ({ "data-named": name });

/** What looks the same stays: a touch that has begun on it ends on it. */
export function redraw(place: HTMLElement, ...children: Child[]): void {
  const fresh = h("div", {}, ...children).childNodes;
  if (isSame([...place.childNodes], [...fresh])) return;
  const held = document.activeElement;
  const name = held instanceof HTMLElement && place.contains(held) ? held.dataset.named : undefined;
  place.replaceChildren(...fresh);
  if (name === undefined) return;
  const again = place.querySelector<HTMLElement>(`[data-named="${CSS.escape(name)}"]`);
  again?.focus({ preventScroll: true });
}

function isSame(shown: Node[], fresh: Node[]): boolean {
  return (
    shown.length === fresh.length && shown.every((one, at) => one.isEqualNode(fresh[at] ?? null))
  );
}
