/** Drawing a part of the page anew without taking the keyboard's place from whoever uses one. */

import { type Child, h } from "../dom";

/** What may be drawn anew and is to be found again carries a name of its own. */
export const named = (name: string) => ({ "data-named": name });

export function redraw(place: HTMLElement, ...children: Child[]): void {
  const held = document.activeElement;
  const name = held instanceof HTMLElement && place.contains(held) ? held.dataset.named : undefined;
  place.replaceChildren(...h("div", {}, ...children).childNodes);
  if (name === undefined) return;
  const again = place.querySelector<HTMLElement>(`[data-named="${CSS.escape(name)}"]`);
  again?.focus({ preventScroll: true });
}
