/** On every page: what waits goes on, and its number stands in the head. */

import { h } from "../dom";
import { messages } from "../i18n";
import { isPossible, mayWait, watch } from ".";

const FOREVER = new AbortController().signal;

/** Starts the queue where something may wait; most who come only look, and load nothing of it. */
export function keepGoing(): void {
  if (isPossible() && mayWait()) watch(() => undefined, FOREVER);
}

/** How many pictures wait on this phone; nothing where none does. */
export function waitingCount(): HTMLElement {
  const shown = h("span", { class: "deposit-percent", hidden: true });
  if (!isPossible() || !mayWait()) return shown;
  const left = new AbortController();
  let wasShown = false;
  watch(({ waiting }) => {
    if (wasShown && !shown.isConnected) return left.abort();
    wasShown ||= shown.isConnected;
    shown.hidden = waiting.length === 0;
    shown.replaceChildren(
      h("span", { "aria-hidden": "true" }, waiting.length),
      h("span", { class: "visually-hidden" }, messages().phones.waiting.count(waiting.length)),
    );
  }, left.signal);
  return shown;
}
