/** A page of two pictures side by side, over the whole window. */

import { h } from "../dom";
import { messages } from "../i18n";
import type { Page } from "../router";
import { problemOf, showProblem } from "./problem";

/** `show` fills the page; false where what its address names is not to be had. */
export function paired(show: (outlet: HTMLElement, signal: AbortSignal) => Promise<boolean>): Page {
  const page: Page = async (outlet, signal) => {
    const again = () => void page(outlet, signal);
    document.body.dataset.surface = "viewer";
    document.documentElement.dataset.viewer = "loading";
    outlet.replaceChildren(
      h("main", { id: "main", class: "viewer-loading" }, h("p", {}, messages().loading)),
    );
    try {
      const isThere = await show(outlet, signal);
      if (!isThere && !signal.aborted) showProblem(outlet, "missing", again, signal);
    } catch (error) {
      if (!signal.aborted) showProblem(outlet, problemOf(error), again, signal);
    }
  };
  return page;
}
