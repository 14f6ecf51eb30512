/** Keeping the viewer's own files for when there is no network, and saying when they have changed. */

import { h } from "../dom";
import { messages } from "../i18n";
import { notify } from "../notice";

let isKept = false;

/** For the pages that are used on phones; where the browser has no such thing, all else works. */
export function keepShell(): void {
  if (isKept || !("serviceWorker" in navigator)) return;
  isKept = true;
  const { serviceWorker } = navigator;
  // The first one takes over a page of its own version.
  let isFirst = serviceWorker.controller === null;
  serviceWorker.addEventListener("controllerchange", () => {
    if (!isFirst) tell();
    isFirst = false;
  });
  serviceWorker.register("/sw.js").catch(() => {
    // Some browsers refuse it where people went past a warning about the certificate.
    document.documentElement.dataset.shell = "none";
  });
}

function tell(): void {
  const words = messages().phones;
  const reload = () => location.reload();
  notify(
    [
      words.version,
      " ",
      h("button", { type: "button", class: "button", onclick: reload }, words.reload),
    ],
    { stays: true },
  );
}
