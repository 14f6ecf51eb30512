/** Asking whose the images are: taken over from an exam that is there, or typed. */

import { ApiError, type Exam, listExams } from "../api";
import { h, icon, iconButton } from "../dom";
import { matches } from "../filter";
import { messages } from "../i18n";
import { nameOf, traits } from "../patient";
import { told as toldOf } from "../told";
import type { Order } from "./calls";

const MOST_FOUND = 6;

/** The form's fields as they are typed. */
export interface Typed {
  patient_id: string;
  issuer: string;
  family: string;
  given: string;
  birth_date: string;
  sex: string;
  accession_number: string;
  accession_issuer: string;
}

/** Null where neither patient nor order is named: a name alone names nobody. */
export function orderOf(typed: Typed): Order | null {
  const of = (name: keyof Typed) => typed[name].trim();
  const id = of("patient_id");
  const accession_number = of("accession_number") || null;
  const others = (["family", "given", "birth_date", "sex"] as const).some((name) => of(name));
  const issuer = of("accession_issuer") || null;
  if (lackingOf(typed) === "accession_number") return null;
  if ((!id && !accession_number) || (!id && others)) return null;
  const name = [of("family"), of("given")].join("^").replace(/\^$/, "");
  return {
    patient: id
      ? {
          patient_id: id,
          issuer: of("issuer") || null,
          name: name || null,
          birth_date: of("birth_date") || null,
          sex: of("sex") || null,
        }
      : null,
    accession_number,
    issuer,
  };
}

/** What is to be typed where there is no order yet. */
export function lackingOf(typed: Typed): "patient_id" | "accession_number" {
  const alone = typed.accession_issuer.trim() && !typed.accession_number.trim();
  return alone ? "accession_number" : "patient_id";
}

export function typedOf(order: Order | null): Typed {
  const [family = "", given = ""] = (order?.patient?.name ?? "").split("^");
  return {
    patient_id: order?.patient?.patient_id ?? "",
    issuer: order?.patient?.issuer ?? "",
    family,
    given,
    birth_date: order?.patient?.birth_date ?? "",
    sex: order?.patient?.sex ?? "",
    accession_number: order?.accession_number ?? "",
    accession_issuer: order?.issuer ?? "",
  };
}

export function sameOrder(one: Order | null, other: Order | null): boolean {
  return JSON.stringify(typedOf(one)) === JSON.stringify(typedOf(other));
}

/**
 * Opens the form; `save` is given what was stated, and the form stays while that fails. `asked` are
 * the words of the question, where it is not whose images these are.
 */
export function askWhose(
  order: Order | null,
  save: (order: Order) => Promise<void> | void,
  asked: { title?: string; save?: string; taken?: string } = {},
): void {
  const words = messages();
  const told = { ...words.deposit.dialog, ...asked };
  const error = h("p", { class: "form-error", role: "alert" });
  const fields = new Map<keyof Typed, HTMLInputElement | HTMLSelectElement>();
  const field = (
    name: keyof Typed,
    label: string,
    options: { type?: string; hint?: string } = {},
  ) => {
    const input =
      name === "sex"
        ? h(
            "select",
            { id: `whose-${name}` },
            h("option", { value: "" }, words.unknown),
            ...(["F", "M", "O"] as const).map((code) =>
              h("option", { value: code }, words.sex[code]),
            ),
          )
        : h("input", {
            id: `whose-${name}`,
            type: options.type ?? "text",
            autocomplete: "off",
            spellcheck: "false",
            placeholder: options.hint,
          });
    fields.set(name, input);
    return h("div", { class: "field" }, h("label", { for: `whose-${name}` }, label), input);
  };
  const fill = (typed: Typed) => {
    for (const [name, input] of fields) input.value = typed[name];
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    const typed = Object.fromEntries([...fields].map(([name, { value }]) => [name, value]));
    const stated = orderOf(typed as unknown as Typed);
    if (!stated) {
      const lacking = lackingOf(typed as unknown as Typed);
      error.textContent = lacking === "patient_id" ? told.needId : told.needNumber;
      fields.get(lacking)?.focus();
      return;
    }
    try {
      await save(stated);
      dialog.close();
    } catch (failure) {
      error.textContent = failureWords(failure, told.taken);
    }
  };
  const close = () => dialog.close();
  const dialog = h(
    "dialog",
    { class: "whose-dialog", "aria-labelledby": "whose-title" },
    h(
      "form",
      { onsubmit: (event: Event) => void submit(event), novalidate: true },
      h(
        "header",
        {},
        h("h2", { id: "whose-title" }, told.title),
        iconButton("close", told.cancel, close),
      ),
      h(
        "div",
        { class: "whose-body" },
        finder((exam) => {
          fill(typedOf(exam));
          error.textContent = "";
          dialog.querySelector<HTMLElement>("[type=submit]")?.focus();
        }),
        h("p", { class: "whose-or" }, told.byHand),
        h(
          "div",
          { class: "fields" },
          field("patient_id", told.patientId),
          field("issuer", told.issuer, { hint: told.issuerHint }),
          field("family", told.family),
          field("given", told.given),
          field("birth_date", told.birth, { type: "date" }),
          field("sex", told.sex),
          field("accession_number", told.accession),
          field("accession_issuer", told.accessionIssuer, { hint: told.accessionIssuerHint }),
        ),
        error,
      ),
      h(
        "footer",
        {},
        h("button", { type: "button", class: "button", onclick: close }, words.close),
        h("button", { type: "submit", class: "button primary" }, told.save),
      ),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  fill(typedOf(order));
  document.body.append(dialog);
  dialog.showModal();
}

function failureWords(failure: unknown, taken: string): string {
  const told = messages().deposit.dialog;
  if (!(failure instanceof ApiError)) return told.failed;
  return failure.status === 409 ? taken : toldOf(failure, told.failed);
}

/** A search among the recent exams, whose patient and order are taken over. */
function finder(choose: (exam: Exam) => void): HTMLElement {
  const told = messages().deposit.dialog;
  const results = h("ul", { class: "found", "aria-label": told.found });
  const none = h("p", { class: "faint", role: "status" });
  let exams: Promise<Exam[]> | null = null;
  const input = h("input", {
    id: "whose-find",
    type: "search",
    placeholder: told.findHint,
    autocomplete: "off",
    spellcheck: "false",
  });
  const look = async () => {
    exams ??= listExams(null, new AbortController().signal).then(
      (page) => page.exams,
      () => [],
    );
    const query = input.value.trim();
    const found = query ? (await exams).filter((exam) => matches(exam, query)) : [];
    if (query !== input.value.trim()) return;
    none.textContent = query && found.length === 0 ? told.none : "";
    results.replaceChildren(...found.slice(0, MOST_FOUND).map(result));
  };
  const result = (exam: Exam) =>
    h(
      "li",
      {},
      h(
        "button",
        {
          type: "button",
          onclick: () => {
            choose(exam);
            results.replaceChildren();
            input.value = "";
          },
        },
        nameOf(exam.patient),
        traits(exam.patient),
        exam.accession_number && h("span", { class: "code faint" }, exam.accession_number),
      ),
    );
  input.addEventListener("input", () => void look());
  return h(
    "div",
    { class: "finder" },
    h("label", { for: "whose-find" }, told.find),
    h("div", { class: "search" }, icon("search"), input),
    results,
    none,
  );
}
