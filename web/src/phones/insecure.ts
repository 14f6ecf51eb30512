/**
 * The page in place of those that take pictures, where the connection is not private.
 *
 * It offers no file to be chosen either: without keys nothing here could be sealed while it waits,
 * and patients' pictures and the proof of who sends them would cross the network to be read by all.
 */

import { h, icon } from "../dom";
import { pageFooter, pageHeader } from "../header";
import { messages } from "../i18n";
import type { Page } from "../router";

export const insecurePage: Page = (outlet) => {
  const words = messages().phones.insecure;
  document.documentElement.dataset.viewer = "error";
  outlet.replaceChildren(
    pageHeader(),
    h(
      "main",
      { id: "main", tabindex: -1, class: "problem", "data-problem": "insecure" },
      h("div", { class: "problem-icon" }, icon("lock")),
      h("h1", {}, words.title),
      h("p", {}, words.text),
      h("p", {}, h("strong", {}, words.what)),
      h("p", {}, words.who),
    ),
    pageFooter(),
  );
};
