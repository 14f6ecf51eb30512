/** Identities that wait for a person, side by side, and what was done to a patient's. */

import "../styles/identities.css";
import { ask, myself, type Patient } from "../api";
import { h, icon } from "../dom";
import { sexCode } from "../format";
import { locale, messages } from "../i18n";
import { getPatient } from "../lesions/calls";
import { dayText } from "../lesions/words";
import { notify } from "../notice";
import { nameOf, traits } from "../patient";
import { historyPath, type Page, timelinePath } from "../router";
import { told } from "../told";
import { framed } from "./framed";

const TRAITS = [
  "patient_id",
  "issuer",
  "name",
  "birth_name",
  "first_names",
  "birth_date",
  "sex",
  "birthplace",
  "status",
  "flags",
] as const;
type Trait = (typeof TRAITS)[number];
type Traits = Partial<Record<Trait, string | string[] | null>>;

interface Side extends Traits {
  key: string | null;
  has_ins: boolean;
  exams: number;
}

interface Doubt {
  id: number;
  kind: "conflict" | "merge" | "same-ins" | "visit";
  known: Side;
  other: Side;
  visits: string[];
  by: string;
  stated_at: string;
  looked_at: string | null;
}

interface Event {
  id: number;
  act: keyof ReturnType<typeof messages>["identities"]["acts"];
  other: string | null;
  before: Traits;
  after: Traits;
  by: string;
  recorded_at: string;
  undone_at: string | null;
  undone_by: string | null;
  may_be_undone: boolean;
}

export const identitiesPage: Page = framed(async (again) => {
  const words = messages().identities;
  const [{ doubts }, { role }] = await Promise.all([
    ask<{ doubts: Doubt[] }>("GET", "/api/identities/doubts"),
    myself(),
  ]);
  const decides = role === "physician" || role === "operator";
  return page(
    words.title,
    h("p", { class: "faint" }, doubts.length > 0 ? words.lead : words.none),
    ...doubts.map((one) => question(one, decides, again)),
  );
});

export const historyPage = (patient: string): Page =>
  framed(async (again) => {
    const words = messages().identities;
    const address = `/api/patients/${encodeURIComponent(patient)}/identity`;
    const [{ events }, { role }, { patient: whose }] = await Promise.all([
      ask<{ events: Event[] }>("GET", address),
      myself(),
      getPatient(patient),
    ]);
    const decides = role === "physician" || role === "operator";
    return page(
      words.historyTitle,
      whoseIs(whose, patient),
      events.length === 0 && h("p", {}, words.historyNone),
      h("ol", {}, ...events.map((one) => event(one, decides, again))),
    );
  });

function whoseIs(patient: Patient | null, key: string): HTMLElement {
  return h(
    "div",
    { class: "identities-whose" },
    h("p", {}, nameOf(patient)),
    traits(patient),
    h("a", { href: timelinePath(key) }, messages().identities.ofPatient),
  );
}

function page(title: string, ...content: Parameters<typeof h>[2][]): HTMLElement {
  document.title = `${title} · ${messages().product}`;
  return h(
    "main",
    { id: "main", tabindex: -1, class: "page identities" },
    h("a", { class: "back-link", href: "/" }, icon("back"), messages().exams),
    h("h1", {}, title),
    ...content,
  );
}

function question(doubt: Doubt, decides: boolean, again: () => void): HTMLElement {
  const words = messages().identities;
  const id = `by-${doubt.id}`;
  const by = h("input", { id, type: "text", autocomplete: "name" });
  const decide = async (verdict: "same" | "different" | "later") => {
    // A second click is no second decision. Buttons that are disabled would lose the focus.
    if (acts.ariaBusy === "true") return;
    acts.ariaBusy = "true";
    try {
      await ask("POST", `/api/identities/doubts/${doubt.id}`, { verdict, by: by.value.trim() });
      notify([verdict === "later" ? words.postponed : words.decided]);
      again();
    } catch (error) {
      acts.ariaBusy = null;
      notify([told(error, words.failed)]);
    }
  };
  const button = (verdict: "same" | "different" | "later") =>
    h(
      "button",
      { type: "button", class: "button", onclick: () => void decide(verdict) },
      verdict !== "later" && doubt.kind === "visit" ? words.visit[verdict] : words[verdict],
    );
  const follows = words.follows[doubt.kind];
  const acts = h(
    "div",
    { class: "identities-acts" },
    h("div", { class: "field" }, h("label", { for: id }, words.by), by),
    button("same"),
    button("different"),
    button("later"),
  );
  return h(
    "section",
    { "aria-label": words.kinds[doubt.kind], "data-kind": doubt.kind },
    h("h2", {}, words.kinds[doubt.kind]),
    h("p", { class: "faint" }, words.from(doubt.by, dayOf(doubt.stated_at))),
    doubt.looked_at !== null && h("p", {}, words.seen(dayOf(doubt.looked_at))),
    sides(doubt),
    doubt.kind === "visit" && h("p", {}, words.visit.lead(doubt.visits.join(", "))),
    decides &&
      follows.length > 0 &&
      h(
        "ul",
        { class: "identities-follows" },
        ...[...follows, words.undoable].map((one) => h("li", {}, one)),
      ),
    decides && acts,
  );
}

/** A table of both, so that a screen reader tells the trait and whose it is. */
function sides({ known, other }: Doubt): HTMLElement {
  const words = messages().identities;
  const rows = TRAITS.filter((one) => text(one, known[one]) || text(one, other[one])).map((one) =>
    row(words.traits[one], text(one, known[one]), text(one, other[one]), one),
  );
  const yes = (is: boolean) => (is ? words.yes : words.no);
  const head = (label: string, side: Side) =>
    h(
      "th",
      { scope: "col" },
      label,
      side.key !== null && " · ",
      side.key !== null && h("a", { href: historyPath(side.key) }, words.history),
    );
  return h(
    "table",
    {},
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, words.trait),
        head(words.known, known),
        head(other.key === null ? words.stated : words.other, other),
      ),
    ),
    h(
      "tbody",
      {},
      ...rows,
      row(words.ins, yes(known.has_ins), other.key === null ? "" : yes(other.has_ins), "ins"),
      row(words.exams, String(known.exams), other.key === null ? "" : String(other.exams), "exams"),
    ),
  );
}

function row(label: string, known: string, other: string, trait: string): HTMLElement {
  const differs =
    known !== "" && other !== "" && known !== other && !["exams", "ins"].includes(trait);
  const words = messages().identities;
  return h(
    "tr",
    { "data-trait": trait, "data-differs": differs },
    h("th", { scope: "row" }, label, differs && ` (${words.differs})`),
    h("td", {}, known),
    h("td", {}, other),
  );
}

function event(one: Event, decides: boolean, again: () => void): HTMLElement {
  const words = messages().identities;
  const undo = async () => {
    try {
      await ask("POST", `/api/identities/events/${one.id}/undo`, {});
      notify([words.undoDone]);
      again();
    } catch {
      notify([words.undoFailed]);
    }
  };
  const changed = TRAITS.filter((trait) => trait in one.after);
  return h(
    "li",
    { "data-act": one.act },
    h("h2", {}, words.acts[one.act]),
    h("p", { class: "faint" }, words.from(one.by, dayOf(one.recorded_at))),
    ...changed.map((trait) =>
      h(
        "p",
        {},
        words.changed(
          words.traits[trait],
          text(trait, one.before[trait]),
          text(trait, one.after[trait]),
        ),
      ),
    ),
    one.other !== null && h("p", {}, h("a", { href: historyPath(one.other) }, words.other)),
    one.undone_at !== null && h("p", {}, words.undone(dayOf(one.undone_at), one.undone_by ?? "")),
    decides &&
      one.may_be_undone &&
      h("button", { type: "button", class: "button", onclick: () => void undo() }, words.undo),
  );
}

/** A trait as people write it. */
function text(trait: Trait, value: string | string[] | null | undefined): string {
  if (Array.isArray(value)) return value.join(", ");
  const said = value ?? "";
  const sex = trait === "sex" && sexCode(said);
  if (sex) return messages().sex[sex];
  return trait === "birth_date" ? dayText(said) : said.replaceAll("^", " ");
}

function dayOf(moment: string): string {
  return new Date(moment).toLocaleString(locale(), { dateStyle: "short", timeStyle: "short" });
}
