/** Knowing that the network is gone, saying so, and carrying on by itself when it is back. */

import { isReachable } from "./api";
import { h, icon } from "./dom";
import { messages } from "./i18n";
import { notify } from "./notice";

const FIRST_DELAY_MS = 2000;
const LONGEST_DELAY_MS = 15000;

const waiting = new Set<() => void>();
let banner: HTMLElement | null = null;
let timer = 0;
let delay = FIRST_DELAY_MS;

/** Calls back each time the connection returns, until the page that asked is left. */
export function onRecovery(callback: () => void, signal: AbortSignal): void {
  waiting.add(callback);
  signal.addEventListener("abort", () => waiting.delete(callback));
}

/** Calls back the next time the connection returns, unless the page was left before. */
export function onNextRecovery(callback: () => void, signal: AbortSignal): void {
  const once = () => {
    waiting.delete(once);
    callback();
  };
  onRecovery(once, signal);
}

/** To be told by whoever asked and had no answer. */
export function connectionLost(): void {
  if (banner) return;
  const words = messages();
  banner = h(
    "div",
    { class: "banner", role: "alert" },
    icon("cloudOff"),
    h("span", {}, words.offline),
    h("button", { type: "button", class: "button", onclick: () => void probe() }, words.retry),
  );
  document.body.prepend(banner);
  document.body.dataset.offline = "";
  delay = FIRST_DELAY_MS;
  schedule();
}

function schedule(): void {
  clearTimeout(timer);
  timer = setTimeout(() => void probe(), delay);
  delay = Math.min(delay * 1.6, LONGEST_DELAY_MS);
}

async function probe(): Promise<void> {
  if (!banner) return;
  if (!(await isReachable())) return schedule();
  clearTimeout(timer);
  banner?.remove();
  banner = null;
  delete document.body.dataset.offline;
  notify([messages().online]);
  for (const callback of [...waiting]) callback();
}

export function watchConnection(): void {
  addEventListener("offline", connectionLost);
  addEventListener("online", () => void probe());
}
