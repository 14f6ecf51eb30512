/** Short messages over the page: spoken to screen readers, gone by themselves. */

import { type Child, h, iconButton } from "./dom";
import { messages } from "./i18n";

const SHOWN_MS = 5000;

let region: HTMLElement | null = null;

function notices(): HTMLElement {
  if (!region?.isConnected) {
    region = h("div", { class: "notices", role: "status", "aria-live": "polite" });
    document.body.append(region);
  }
  return region;
}

/** Shows a message; it stays until dismissed where `stays` is set. Returns how to take it away. */
export function notify(content: Child[], options: { stays?: boolean } = {}): () => void {
  const box = h("div", { class: "notice" });
  const dismiss = () => box.remove();
  box.append(h("div", { class: "notice-text" }, ...content));
  box.append(iconButton("close", messages().close, dismiss));
  notices().append(box);
  if (!options.stays) setTimeout(dismiss, SHOWN_MS);
  return dismiss;
}
