/** Pictures with what is stated of each, as tiles. */

import "../styles/out/choosing.css";
import { h, icon } from "../dom";
import { momentText } from "../format";
import { language, locale, messages } from "../i18n";
import { thumbnail } from "../patient";
import { viewPath } from "../router";
import type { Shown } from "./calls";

/** "Face antérieure de l’avant-bras, gauche", else what kind of picture it is. */
export function whereOf(shown: Shown): string {
  if (!shown.site) return messages().kind[shown.kind];
  const isPaired = shown.side !== null && shown.side !== "U";
  const side = isPaired && messages().out.sides[shown.side as "L" | "R" | "B"];
  return [shown.site[language()], side].filter(Boolean).join(", ");
}

/** "Dermoscopie, lésion L1". */
export function whatOf(shown: Shown): string {
  const words = messages().out;
  return [shown.view && words.views[shown.view], shown.lesion && words.lesion(shown.lesion)]
    .filter(Boolean)
    .join(", ");
}

/** A picture that opens; its words are its name for those who cannot see it. */
export function shownTile(shown: Shown): HTMLLIElement {
  return h(
    "li",
    {},
    h(
      "a",
      { href: viewPath(shown.id) },
      thumbnail(shown),
      h(
        "span",
        { class: "tile-words" },
        h("span", { class: "tile-name" }, icon(shown.kind), whereOf(shown)),
        h("span", { class: "faint" }, whatOf(shown)),
        h(
          "time",
          { class: "faint", datetime: shown.taken_at },
          momentText(shown.taken_at, locale()),
        ),
      ),
    ),
  );
}
