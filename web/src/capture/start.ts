/** Where a session begins: those of today, and whom to photograph next. */

import type { Patient } from "../api";
import { askWhose } from "../deposit/whose";
import { h, icon } from "../dom";
import { momentText } from "../format";
import { pageFooter, pageHeader } from "../header";
import { locale, messages } from "../i18n";
import { problemOf, showProblem } from "../pages/problem";
import { nameOf, traits } from "../patient";
import { capturePath, navigate } from "../router";
import { beginSession, listSessions, type SessionSummary } from "./calls";
import { today } from "./live";
import { askOperator, rememberedOperator } from "./operator";

export async function startPage(outlet: HTMLElement, signal: AbortSignal): Promise<void> {
  const words = messages().capture;
  const list = h("section", { class: "sessions", "aria-busy": "true" });
  const main = h(
    "main",
    { id: "main", tabindex: -1, class: "page capture-start" },
    h("a", { class: "back-link", href: "/" }, icon("back"), messages().exams),
    h("div", { class: "page-title" }, h("h1", {}, words.title)),
    h("p", { class: "intro" }, words.intro),
    operatorLine(),
    h(
      "button",
      { type: "button", class: "button primary begin", onclick: begin },
      icon("plus"),
      words.begin,
    ),
    list,
  );
  outlet.replaceChildren(pageHeader(), main, pageFooter());
  try {
    const sessions = await listSessions(today());
    if (signal.aborted) return;
    list.removeAttribute("aria-busy");
    list.replaceChildren(h("h2", {}, words.today), sessionList(sessions));
  } catch (error) {
    if (signal.aborted) return;
    showProblem(outlet, problemOf(error), () => void startPage(outlet, signal), signal);
    outlet.prepend(pageHeader());
    outlet.append(pageFooter());
  }
}

function begin(): void {
  const words = messages().capture;
  const id = drawnId();
  askWhose(
    null,
    async ({ patient, accession_number, issuer }) => {
      await beginFor(id, patient, accession_number, issuer);
      navigate(capturePath(id));
    },
    { title: words.beginTitle, save: words.beginSave },
  );
}

/** Begins the visit of a patient who is in sight already, and goes to photograph them. */
export async function photograph(patient: Patient): Promise<void> {
  const id = drawnId();
  await beginFor(id, patient, null, null);
  navigate(capturePath(id));
}

export function beginFor(
  id: string,
  patient: Patient | null,
  accession: string | null,
  issuer: string | null | undefined,
): Promise<SessionSummary> {
  const accession_issuer = issuer ?? null;
  const operator = rememberedOperator();
  return beginSession({ id, patient, accession, accession_issuer, operator });
}

/** By `getRandomValues`, which pages that are not secure have as well. */
export function drawnId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function operatorLine(): HTMLElement {
  const words = messages().capture;
  const line = h("p", { class: "operator" });
  const draw = () => {
    const operator = rememberedOperator();
    line.replaceChildren(
      icon("person"),
      h("span", { class: "faint" }, words.operator),
      h("span", { class: "operator-name" }, operator ? operatorName(operator.name) : words.nobody),
      h(
        "button",
        {
          type: "button",
          class: "button small",
          onclick: () => askOperator(rememberedOperator(), draw),
        },
        operator ? messages().deposit.change : words.sayWho,
      ),
    );
  };
  draw();
  return line;
}

function operatorName(name: string): HTMLElement {
  const [family = "", given = ""] = name.split("^");
  return h("span", {}, h("b", {}, family), " ", given);
}

function sessionList(sessions: SessionSummary[]): HTMLElement {
  const words = messages().capture;
  if (sessions.length === 0) return h("p", { class: "faint" }, words.none);
  return h("ul", { class: "session-list" }, ...sessions.map(sessionCard));
}

function sessionCard(session: SessionSummary): HTMLElement {
  const words = messages().capture;
  return h(
    "li",
    {},
    h(
      "a",
      { class: "session-card", href: capturePath(session.id), "data-state": session.state },
      h("span", { class: "session-whose" }, nameOf(session.patient), traits(session.patient)),
      h(
        "span",
        { class: "session-facts" },
        h("span", { class: "session-state" }, words.state[session.state]),
        h("span", { class: "faint" }, words.photos(session.count)),
        h("span", { class: "faint" }, momentText(session.created_at, locale())),
      ),
    ),
  );
}
