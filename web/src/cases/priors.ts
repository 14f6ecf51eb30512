/** What was done already, before it is done again: on the case's page and in the list. */

import { ask } from "../api";
import { type Child, h, icon } from "../dom";
import { messages } from "../i18n";
import { dayText } from "../lesions/words";
import { examPath, timelinePath } from "../router";

interface Prior {
  establishment: string;
  own: boolean;
  on: string | null;
  kinds: string[];
  description: string;
  exam: string | null;
  archive: string | null;
  address: string | null;
}

export interface Before {
  exams: Prior[];
  unanswered: string[];
  over: boolean;
}

/** How many there are before a case, and the day of the last. */
export interface Short {
  case: string;
  exams: number;
  last: string | null;
}

const SHOWN = 4;

export const getPriors = (id: string) =>
  ask<Before>("GET", `/api/cases/${encodeURIComponent(id)}/priors`);

/** Of the cases that `getCases` gives for the same offset. */
export const getShorts = async (offset: number) =>
  new Map(
    (await ask<{ cases: Short[] }>("GET", `/api/priors?offset=${offset}`)).cases.map((one) => [
      one.case,
      one,
    ]),
  );

export function priorsPart(before: Before, patient: string | null): HTMLElement | null {
  const words = messages().timeline;
  const { exams, unanswered, over } = before;
  if (exams.length === 0 && unanswered.length === 0)
    return over ? null : beforeUnknown(h("p", { class: "faint" }, words.beforeWaiting));
  return h(
    "section",
    { class: "priors", "aria-labelledby": "priors" },
    h("h2", { id: "priors" }, exams.length > 0 ? words.beforeCount(exams.length) : words.before),
    h("ul", {}, ...exams.slice(0, SHOWN).map(prior)),
    unanswered.length > 0 &&
      h(
        "p",
        { class: "priors-silent" },
        icon("warning"),
        words.beforeSilent([...new Set(unanswered)].join(", ")),
      ),
    patient && h("a", { href: timelinePath(patient) }, words.beforeAll),
  );
}

/** Said where it would stand: what is not known is not taken for nothing. */
export function priorsMissing(again: () => void): HTMLElement {
  const words = messages().timeline;
  return beforeUnknown(
    h("p", { class: "priors-silent" }, icon("warning"), words.beforeFailed),
    h("button", { type: "button", class: "button small", onclick: again }, words.retry),
  );
}

function beforeUnknown(...said: HTMLElement[]): HTMLElement {
  return h(
    "section",
    { class: "priors", "aria-labelledby": "priors" },
    h("h2", { id: "priors" }, messages().timeline.before),
    ...said,
  );
}

function prior(one: Prior): HTMLElement {
  const words = messages().timeline;
  const kinds: Record<string, string> = {
    slide: words.kind.slide,
    photo: words.kind.photo,
    report: words.kind.report,
  };
  const what = [one.kinds.map((kind) => kinds[kind] ?? kind).join(", "), one.description]
    .filter(Boolean)
    .join(" · ");
  const title = what || words.kind.radiology;
  const address = one.address && {
    href: one.address,
    target: "_blank",
    rel: "noopener noreferrer",
    title: words.openThere,
  };
  return h(
    "li",
    {},
    h("span", {}, one.on ? dayText(one.on) : words.noDay),
    address
      ? h("a", address, title)
      : one.exam && one.own
        ? ours(one.exam, title)
        : h("b", {}, title),
    h("span", { class: "faint" }, [one.establishment, one.archive].filter(Boolean).join(" · ")),
  );
}

/** Another establishment's is opened from the patient's page, where it is written down. */
const ours = (exam: string, title: string) => h("a", { href: examPath(exam) }, title);

export function priorsBadge(short: Short | undefined): Child {
  if (!short) return null;
  const words = messages().timeline;
  const last = short.last ? `, ${words.beforeLast(dayText(short.last))}` : "";
  return h("span", { class: "badge done-before" }, `${words.beforeCount(short.exams)}${last}`);
}
