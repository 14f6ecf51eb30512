/** The panel of the viewer that shows an exam's reports while the image stays. */

import { h, icon, iconButton } from "../dom";
import { messages } from "../i18n";
import { reportsOfExam } from "./calls";
import { reportList } from "./list";

/** Keys by which somebody reads on in the panel, and which move the image elsewhere. */
const READING = new Set(["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " "]);

export interface ReportsPanel {
  panel: HTMLElement;
  button: HTMLButtonElement;
  toggle: (open?: boolean) => void;
}

/** The panel and its button, both hidden until it is known that there are reports. */
export function createReports(exam: string): ReportsPanel {
  const words = messages();
  const body = h("div", {
    class: "facts-body",
    tabindex: 0,
    role: "group",
    "aria-label": words.reports.title,
  });
  body.addEventListener("keydown", (event) => READING.has(event.key) && event.stopPropagation());
  const toggle = (open = panel.hidden) => {
    if (button.hidden) return;
    panel.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    (open ? panel.querySelector("button") : button)?.focus();
  };
  const panel = h(
    "aside",
    { id: "reports", class: "facts reports", "aria-label": words.reports.title, hidden: true },
    h(
      "header",
      {},
      h("h2", {}, words.reports.title),
      iconButton("close", words.close, () => toggle(false)),
    ),
    body,
  );
  const button = h(
    "button",
    {
      type: "button",
      class: "button quiet",
      title: words.reports.open,
      "aria-label": words.reports.title,
      "aria-expanded": "false",
      "aria-controls": "reports",
      hidden: true,
      onclick: () => toggle(),
    },
    icon("file"),
    h("span", { class: "wide-only" }, words.reports.title),
  );
  void reportsOfExam(exam).then(
    (found) => {
      if (found.length === 0) return;
      body.replaceChildren(reportList(found, { open: true }));
      button.hidden = false;
    },
    // Without its reports an image is shown all the same; the case's page says what is wrong.
    () => button.remove(),
  );
  return { panel, button, toggle };
}
