/** A page between the head and the foot: loading, shown, or what stands in its way. */

import { h } from "../dom";
import { pageFooter, pageHeader } from "../header";
import { messages } from "../i18n";
import type { Page } from "../router";
import { problemOf, showProblem } from "./problem";

/**
 * A page whose body is asked for; `body` may ask to be drawn `again` after a change.
 *
 * What is open then (`data-keep` names it) stays open, and the focus stays where it leads to.
 */
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
      const hadFocus = outlet.querySelector("main[data-framed]")?.contains(document.activeElement);
      const focus = keep(outlet, shown);
      outlet.replaceChildren(pageHeader(), shown, pageFooter());
      // Where what had it is gone, keys go on from here, not from the top.
      if (hadFocus) shown.tabIndex = -1;
      if (hadFocus) (focus ?? shown).focus({ preventScroll: true });
    } catch (error) {
      if (signal.aborted) return;
      showProblem(outlet, problemOf(error), again, signal);
      outlet.prepend(pageHeader());
      outlet.append(pageFooter());
    }
  };
  return page;
}

/** Opens in what comes what is open in what goes. */
export function keepOpen(before: HTMLElement, after: HTMLElement): void {
  for (const { dataset } of before.querySelectorAll<HTMLElement>("details[open][data-keep]")) {
    const same = `details[data-keep="${CSS.escape(dataset.keep ?? "")}"]`;
    after.querySelector(same)?.setAttribute("open", "");
  }
}

/** Keeps open what is open; answers what has the focus there. */
function keep(before: HTMLElement, after: HTMLElement): HTMLElement | null {
  keepOpen(before, after);
  const focused = document.activeElement;
  if (!focused || !before.querySelector("main")?.contains(focused)) return null;
  const kept = focused.parentElement?.closest<HTMLElement>("details[data-keep]")?.dataset.keep;
  if (focused.matches("summary") && kept)
    return after.querySelector(`details[data-keep="${CSS.escape(kept)}"] > summary`);
  const href = focused.getAttribute("href");
  return href ? after.querySelector(`a[href="${CSS.escape(href)}"]`) : null;
}
