/** What is said of an exam of the list, wherever it stands. */

import { type Child, h } from "../dom";
import { momentText } from "../format";
import { locale, messages } from "../i18n";
import type { By, Item } from "./calls";

const nameOfUser = ({ name, me }: By): string => {
  const words = messages().worklist;
  return me ? words.me : (name ?? words.someone);
};

/** Why it is unread, each a badge; or by whom it was read. */
export function newsOf({ news, read }: Item): Child[] {
  const words = messages().worklist;
  if (news.length > 0)
    return news.map((one) => h("span", { class: `badge news ${one}` }, words.news[one]));
  if (!read) return [];
  const moment = momentText(read.at, locale()) ?? "";
  return [h("span", { class: "faint" }, words.readBy(nameOfUser(read.by), moment))];
}

export function takenOf({ taken }: Item): Child {
  const words = messages().worklist;
  if (!taken) return null;
  return h(
    "span",
    { class: taken.me ? "badge taken mine" : "badge taken" },
    taken.me ? words.takenByMe : words.taken(nameOfUser(taken)),
  );
}
