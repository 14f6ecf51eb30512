/** All published pictures of a patient, from every visit, to choose from. */

import { h, icon } from "../dom";
import { pageFooter, pageHeader } from "../header";
import { messages } from "../i18n";
import { problemOf, showProblem } from "../pages/problem";
import { nameOf, traits } from "../patient";
import type { Page } from "../router";
import { getAlbum } from "./calls";
import { chooser } from "./choosing";
import { shownTile, whatOf, whereOf } from "./shown";

export function albumPage(patient: string): Page {
  return async (outlet, signal) => {
    const words = messages();
    try {
      const album = await getAlbum(patient);
      if (signal.aborted) return;
      const tiles = album.images.map((one, number) => ({
        id: one.id,
        name: [`${number + 1}. ${whereOf(one)}`, whatOf(one)].filter(Boolean).join(" · "),
        item: shownTile(one),
      }));
      outlet.replaceChildren(
        pageHeader(),
        h(
          "main",
          { id: "main", tabindex: -1, class: "page" },
          h("a", { class: "back-link", href: "/" }, icon("back"), words.exams),
          h(
            "div",
            { class: "exam-head" },
            h("h1", {}, nameOf(album.patient)),
            traits(album.patient),
          ),
          h(
            "div",
            { class: "choose-acts" },
            h("p", { class: "count" }, words.out.albumCount(tiles.length)),
            chooser(tiles),
          ),
          tiles.length > 0
            ? h("ul", { class: "gallery" }, ...tiles.map(({ item }) => item))
            : h("p", { class: "no-match" }, words.out.empty),
        ),
        pageFooter(),
      );
    } catch (error) {
      if (signal.aborted) return;
      showProblem(outlet, problemOf(error), () => void albumPage(patient)(outlet, signal), signal);
      outlet.prepend(pageHeader());
      outlet.append(pageFooter());
    }
  };
}
