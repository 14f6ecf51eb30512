/** Lesions in words, the same wherever one is named. */

import { placeText } from "../body/words";
import { type Child, h } from "../dom";
import { dateText, parseDate } from "../format";
import { language, messages } from "../i18n";
import type { Lesion } from "./calls";
import { dayOf, isPast, placeOf } from "./model";

export function dayText(day: string): string {
  const date = parseDate(day);
  return date ? dateText(date, language()) : day;
}

export const momentDay = (moment: string) => dayText(dayOf(moment));

/** "Joue, à gauche". */
export function whereText(lesion: Lesion): string {
  return placeText(placeOf(lesion), [lesion.site]);
}

/** "Suivie", with what is past set apart. */
export function statusChip(lesion: Lesion): HTMLElement {
  const words = messages().lesions.status[lesion.status];
  return h("span", { class: `chip${isPast(lesion) ? " past" : ""}` }, words);
}

/** The lesion's number as its pin shows it. */
export function numberMark(lesion: Lesion): Child {
  return h(
    "span",
    { class: `body-pin still${isPast(lesion) ? " past" : ""}`, "aria-hidden": "true" },
    lesion.number,
  );
}
