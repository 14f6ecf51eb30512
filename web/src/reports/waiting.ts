/** Reports that wait for a person: whom they name beside whom their order names. */

import type { Patient } from "../api";
import { type Child, h } from "../dom";
import { personName } from "../format";
import { messages } from "../i18n";
import { notify } from "../notice";
import { nameOf, traits } from "../patient";
import { casePath } from "../router";
import { fileReport, type WaitingReport } from "./calls";

export function waitingReports(waiting: WaitingReport[], again: () => void): Child {
  if (waiting.length === 0) return null;
  const words = messages().reports;
  return h(
    "section",
    { class: "case-waiting reports-waiting", "aria-labelledby": "reports-waiting" },
    h("h2", { id: "reports-waiting" }, words.waiting(waiting.length)),
    h("p", { class: "faint" }, words.waitingText),
    h("ul", {}, ...waiting.map((one) => item(one, again))),
  );
}

function item(one: WaitingReport, again: () => void): HTMLElement {
  const words = messages().reports;
  const file = async () => {
    try {
      await fileReport(one.id);
      notify([words.filed]);
      again();
    } catch {
      notify([words.fileFailed], { stays: true });
    }
  };
  const whose = one.ordered[0] ?? one.named;
  const { family, given } = personName(whose?.name ?? null);
  const name =
    [family, given].filter(Boolean).join(" ") || whose?.patient_id || messages().noPatient;
  // Against what the report itself says it is filed by no slip of the hand.
  let isSure = one.why !== "other-patient";
  const button = h(
    "button",
    {
      type: "button",
      class: "button",
      onclick: () => {
        if (isSure) return void file();
        isSure = true;
        button.textContent = words.fileConfirm(name);
      },
    },
    words.fileUnder(name),
  );
  return h(
    "li",
    { class: "report-waiting" },
    h(
      "div",
      {},
      h("b", {}, one.title),
      " ",
      one.case
        ? h("a", { class: "code", href: casePath(one.case) }, one.accession_number)
        : h("span", { class: "code" }, one.accession_number),
      h("p", { class: "badge refused" }, words.why[one.why]),
    ),
    side(words.named, one.named ? [one.named] : []),
    side(words.ordered, one.ordered),
    one.why !== "conflict" && one.accession_number !== "" && button,
  );
}

function side(title: string, patients: Patient[]): HTMLElement {
  return h(
    "div",
    { class: "report-side" },
    h("span", { class: "faint" }, title),
    ...patients.map((one) => h("div", {}, h("b", {}, nameOf(one)), traits(one))),
    patients.length === 0 && h("span", {}, messages().reports.nobody),
  );
}
