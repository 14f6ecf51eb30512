/** A page between the head and the foot: loading, shown, or what stands in its way. */

import { h } from "../dom";
import { pageFooter, pageHeader } from "../header";
import { messages } from "../i18n";
import type { Page } from "../router";
import { problemOf, showProblem } from "./problem";

/** A page whose body is asked for; `body` may ask to be drawn `again` after a change. */
export function framed(
  body: (again: () => void, signal: AbortSignal) => Promise<HTMLElement>,
): Page {
  const page: Page = async (outlet, signal) => {
    const again = () => void page(outlet, signal);
    if (!outlet.querySelector("main[data-framed]")) {
      const loading = h(
        "main",
        { id: "main", class: "page", "aria-busy": "true" },
        h("p", { role: "status" }, messages().loading),
      );
      outlet.replaceChildren(pageHeader(), loading, pageFooter());
    }
    try {
      const shown = await body(again, signal);
      if (signal.aborted) return;
      shown.dataset.framed = "";
      const before = outlet.querySelector("main[data-framed]");
      const hadFocus = before?.contains(document.activeElement) === true;
      outlet.replaceChildren(pageHeader(), shown, pageFooter());
      if (hadFocus) {
        // The button that was pressed is gone: keys go on from here, not from the top.
        shown.tabIndex = -1;
        shown.focus();
      }
    } catch (error) {
      if (signal.aborted) return;
      showProblem(outlet, problemOf(error), again, signal);
      outlet.prepend(pageHeader());
      outlet.append(pageFooter());
    }
  };
  return page;
}
