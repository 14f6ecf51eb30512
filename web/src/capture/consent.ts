/** The patient's consent: care is never held up by it; the rest is closed until it is given. */

import { h } from "../dom";
import { messages } from "../i18n";
import { attempt } from "./attempt";
import type { Answer, By, Consent, Purpose } from "./calls";
import type { Live } from "./live";
import { named } from "./redraw";

const ANSWERS: Record<Purpose, readonly Answer[]> = {
  care: ["given", "refused", "unable"],
  teaching: ["given", "refused"],
  research: ["given", "refused"],
};
const PURPOSES: readonly Purpose[] = ["care", "teaching", "research"];
const BYS: readonly By[] = ["patient", "parents", "guardian"];

/** The last answer for each purpose. */
export function answerTo(consents: readonly Consent[], purpose: Purpose): Consent | null {
  return consents.filter((one) => one.purpose === purpose).at(-1) ?? null;
}

/** What a touch on an answer says: the same again is nothing, a given one taken back is withdrawn. */
export function nextAnswer(now: Answer | null, touched: Answer): Answer | null {
  if (now === touched) return null;
  return now === "given" && touched === "refused" ? "withdrawn" : touched;
}

let by: By = "patient";

export function consentSection(live: Live, redrawn: () => void): HTMLElement {
  const words = messages().capture;
  const { consents } = live.about;
  by = consents.at(-1)?.by ?? by;
  const select = h(
    "select",
    { ...named("by"), id: "consent-by" },
    ...BYS.map((one) => h("option", { value: one }, words.by[one])),
  );
  select.value = by;
  select.addEventListener("change", () => {
    by = select.value as By;
  });
  const say = (purpose: Purpose, answer: Answer) =>
    void attempt(() => live.agree({ purpose, answer, by: select.value as By })).then(redrawn);
  return h(
    "section",
    { class: "send-part consents" },
    h("h2", {}, words.consents),
    h("div", { class: "consent-by" }, h("label", { for: "consent-by" }, words.consentBy), select),
    ...PURPOSES.map((purpose) => question(purpose, answerTo(consents, purpose), say)),
  );
}

function question(
  purpose: Purpose,
  now: Consent | null,
  say: (purpose: Purpose, answer: Answer) => void,
): HTMLElement {
  const words = messages().capture;
  const answer = now?.answer ?? null;
  return h(
    "div",
    { class: "consent" },
    h("p", { id: `consent-${purpose}` }, words.purpose[purpose]),
    h(
      "div",
      { class: "segments", role: "group", "aria-labelledby": `consent-${purpose}` },
      ...ANSWERS[purpose].map((one) => {
        const isNow = one === answer || (one === "refused" && answer === "withdrawn");
        const next = nextAnswer(answer, one);
        return h(
          "button",
          {
            ...named(`${purpose}-${one}`),
            type: "button",
            "aria-pressed": String(isNow),
            onclick: () => next && !isNow && say(purpose, next),
          },
          isNow && answer === "withdrawn" ? words.answer.withdrawn : words.answer[one],
        );
      }),
    ),
    note(purpose, answer),
  );
}

function note(purpose: Purpose, answer: Answer | null): HTMLElement | false {
  const words = messages().capture;
  if (purpose !== "care") return answer === null && h("p", { class: "faint" }, words.closedNote);
  if (answer === "refused" || answer === "withdrawn")
    return h("p", { class: "consent-refused", role: "status" }, words.careRefused);
  return answer === null && h("p", { class: "faint" }, words.careNote);
}
