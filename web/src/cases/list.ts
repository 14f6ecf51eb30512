/** The cases of the last days, frozen sections first, and the slides that wait for one. */

import { type Child, h, icon } from "../dom";
import { momentText } from "../format";
import { locale, messages } from "../i18n";
import { notify } from "../notice";
import { framed } from "../pages/framed";
import { nameOf, traits } from "../patient";
import { getWaitingReports } from "../reports/calls";
import { waitingReports } from "../reports/waiting";
import { casePath } from "../router";
import { told } from "../told";
import { type CaseSummary, getCases, getWaiting, type Priority } from "./calls";
import { waitingItem } from "./link";
import { getShorts, priorsBadge, type Short } from "./priors";

export const casesPage = framed(async (again) => {
  const words = messages().cases;
  document.title = `${words.title} · ${messages().product}`;
  const [first, waiting, reports] = await Promise.all([
    cardsFrom(0),
    getWaiting(),
    // Readers are not asked what is to be filed.
    getWaitingReports().catch(() => []),
  ]);
  const count = h("span", { class: "count" });
  const list = h("ul", { class: "case-list" });
  const more = h("button", { type: "button", class: "button" }, words.more);
  const show = ({ cards, follow }: Cards) => {
    list.append(...cards);
    count.textContent = words.count(list.childElementCount, follow);
    more.hidden = !follow;
  };
  show(first);
  more.addEventListener("click", async () => {
    more.disabled = true;
    try {
      show(await cardsFrom(list.childElementCount));
    } catch (error) {
      notify([told(error, words.moreFailed)]);
    }
    more.disabled = false;
  });
  return h(
    "main",
    { id: "main", tabindex: -1, class: "page cases" },
    h("a", { class: "back-link", href: "/" }, icon("back"), messages().exams),
    h("div", { class: "page-title" }, h("h1", {}, words.title), count),
    first.cards.length > 0
      ? list
      : h(
          "div",
          { class: "no-match" },
          h("p", {}, h("b", {}, words.none)),
          h("p", {}, words.noneText),
        ),
    h("div", { class: "more" }, more),
    waitingReports(reports, again),
    waiting.length > 0 &&
      h(
        "section",
        { class: "case-waiting", "aria-labelledby": "all-waiting" },
        h("h2", { id: "all-waiting" }, words.allWaiting(waiting.length)),
        h("p", { class: "faint" }, words.allWaitingText),
        h("ul", {}, ...waiting.map((one) => waitingItem(one, null, again))),
      ),
  );
});

interface Cards {
  cards: HTMLElement[];
  follow: boolean;
}

async function cardsFrom(offset: number): Promise<Cards> {
  const [{ cases, more }, shorts] = await Promise.all([getCases(offset), getShorts(offset)]);
  return { cards: cases.map((one) => caseCard(one, shorts.get(one.id))), follow: more };
}

/** Said only where it matters. */
export function priorityBadge(priority: Priority): Child {
  if (priority === "routine") return null;
  return h("span", { class: `badge ${priority}` }, messages().cases.priority[priority]);
}

function caseCard(one: CaseSummary, before: Short | undefined): HTMLElement {
  const words = messages().cases;
  const [patient, ...more] = one.patients;
  return h(
    "li",
    { class: `case-card ${one.priority}` },
    h(
      "div",
      { class: "case-who" },
      h(
        "a",
        { class: "case-link", href: casePath(one.id) },
        nameOf(patient ?? null),
        ...more.flatMap((other) => [" / ", nameOf(other)]),
      ),
      more.length === 0 && traits(patient ?? null),
    ),
    h(
      "div",
      { class: "case-what" },
      h("span", { class: "code" }, one.accession_number),
      priorityBadge(one.priority),
      more.length > 0 && h("span", { class: "badge refused" }, words.conflict),
      one.cancelled && h("span", { class: "badge refused" }, words.cancelled),
      priorsBadge(before),
    ),
    h(
      "div",
      { class: "case-when" },
      h("span", {}, words.progress(one.scanned, one.expected)),
      h("time", { class: "faint", datetime: one.said_at }, momentText(one.said_at, locale())),
    ),
  );
}
