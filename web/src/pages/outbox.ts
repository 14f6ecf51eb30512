/** What each archive was told, what waits for it, and what a person has to see to. */

import "../styles/outbox.css";
import { ask } from "../api";
import { type Child, h, icon } from "../dom";
import { language, locale, messages } from "../i18n";
import { notify } from "../notice";
import { examPath, type Page, viewPath } from "../router";
import { told } from "../told";
import { framed } from "./framed";

type State = "waiting" | "answered" | "committed" | "read-back" | "task" | "superseded";
const GOOD: State[] = ["answered", "committed", "read-back"];
/** What is still to be done, each in a table of its own: much that waits hides no task. */
const OPEN = ["task", "waiting"] as const;

interface Archive {
  name: string;
  establishment: string;
  by: "dicomweb" | "dimse";
  takes: ("photographs" | "thumbnails" | "manifests" | "slides")[];
  corrections: "hl7" | "again" | "reincarnation";
  grade: State;
  counts: Record<State, number>;
  lacking: number;
  dropped: number;
}

/** An archive that the table names no more. */
interface Removed {
  name: string;
  establishment: string;
  collecting: boolean;
  counts: Record<State, number>;
}

interface Row {
  id: number;
  image: string;
  exam: string;
  accession_number: string | null;
  what: "object" | "rejection";
  form: "as-it-is" | "photograph" | "thumbnail" | "manifest";
  part: { number: number; of: number } | null;
  state: State;
  why: { fr: string; en: string } | null;
  changed: string[];
  attempt: number;
  since: string;
}

interface Rows {
  rows: Row[];
  more: boolean;
}

export const outboxPage: Page = framed(async (again) => {
  const words = messages().outbox;
  const { archives, removed } = await ask<{ archives: Archive[]; removed: Removed[] }>(
    "GET",
    "/api/archives",
  );
  // What somebody has to see to comes first.
  const sorted = [...archives].sort((one, other) => other.counts.task - one.counts.task);
  const shown = await Promise.all(
    sorted.map((one) => (isUntold(one) ? untold(one) : section(one, again))),
  );
  document.title = `${words.title} · ${messages().product}`;
  return h(
    "main",
    { id: "main", tabindex: -1, class: "page outbox" },
    h("a", { class: "back-link", href: "/" }, icon("back"), messages().exams),
    h("h1", {}, words.title),
    h("p", { class: "faint" }, archives.length > 0 ? words.lead : words.none),
    ...removed.map(gone),
    ...shown,
  );
});

function gone({ name, establishment, collecting, counts }: Removed): HTMLElement {
  const words = messages().outbox;
  return h(
    "section",
    { class: "outbox-archive", "aria-label": name },
    h("h2", {}, name),
    h("p", { class: "faint" }, establishment, " · ", words.removed),
    h("p", {}, words.keptFor(counts.waiting), collecting && ` ${words.collecting}`),
  );
}

const isUntold = ({ takes, counts }: Archive) =>
  takes.length === 0 && Object.values(counts).every((one) => one === 0);

const untold = (archive: Archive) => titled(archive, h("p", {}, messages().outbox.untold));

async function section(archive: Archive, again: () => void): Promise<HTMLElement> {
  const words = messages().outbox;
  const open = OPEN.filter((state) => archive.counts[state] > 0);
  const tables = await Promise.all(
    open.map((state) => table(words.captions[state], rowsIn(archive, state), again)),
  );
  const sent = h(
    "button",
    { type: "button", class: "button", onclick: () => void showSent(archive, sent, again) },
    words.showSent,
  );
  sent.hidden = GOOD.every((one) => archive.counts[one] === 0);
  return titled(
    archive,
    counts(archive),
    rule(archive),
    open.length === 0 && h("p", {}, words.nothing),
    ...tables,
    sent,
  );
}

function titled(archive: Archive, ...parts: Child[]): HTMLElement {
  return h(
    "section",
    { class: "outbox-archive", "aria-label": archive.name },
    h("h2", {}, archive.name),
    h("p", { class: "faint" }, archive.establishment, " · ", messages().outbox.by[archive.by]),
    ...parts,
  );
}

async function showSent(archive: Archive, button: HTMLElement, again: () => void): Promise<void> {
  const words = messages().outbox;
  try {
    const sent = await table(words.captions.sent, sentOf(archive), again);
    button.replaceWith(sent);
    sent.tabIndex = -1;
    sent.focus();
  } catch (error) {
    notify([told(error, words.failed)]);
  }
}

/** Asks for some rows: the first ones, or those that follow a row. */
type Source = (last: Row | undefined) => Promise<Rows>;

const pathOf = ({ name }: Archive) => `/api/archives/${encodeURIComponent(name)}`;

const rowsIn =
  (archive: Archive, state: State): Source =>
  (last) =>
    ask<Rows>("GET", `${pathOf(archive)}/rows?state=${state}&after=${last?.id ?? 0}`);

const sentOf =
  (archive: Archive): Source =>
  (last) =>
    ask<Rows>("GET", `${pathOf(archive)}/sent${last ? `?before=${last.id}` : ""}`);

function counts({ counts, lacking, dropped }: Archive): HTMLElement {
  const words = messages().outbox;
  const states: State[] = ["task", "waiting", "read-back", "committed", "answered"];
  return h(
    "ul",
    { class: "outbox-counts" },
    ...states.map((state) =>
      h(
        "li",
        { "data-state": counts[state] > 0 && state },
        h("b", {}, counts[state]),
        " ",
        words.counted[state](counts[state]),
      ),
    ),
    lacking > 0 && h("li", { "data-state": "lacking" }, h("b", {}, lacking), " ", words.lacking),
    dropped > 0 && h("li", { "data-state": "dropped" }, h("b", {}, dropped), " ", words.dropped),
  );
}

function rule({ takes, corrections, grade }: Archive): HTMLElement {
  const words = messages().outbox;
  const said: [string, string][] = [
    [words.takes, takes.map((one) => words.kinds[one]).join(", ")],
    [words.corrections, words.ways[corrections]],
    [words.grade, words.states[grade]],
  ];
  return h(
    "details",
    {},
    h("summary", {}, words.rule),
    h("dl", {}, ...said.flatMap(([term, text]) => [h("dt", {}, term), h("dd", {}, text)])),
  );
}

/** The first rows of a source, and the way to those that follow. */
async function table(caption: string, source: Source, again: () => void): Promise<HTMLElement> {
  const words = messages().outbox;
  const body = h("tbody", {});
  const more = h(
    "button",
    { type: "button", class: "button", "aria-label": words.moreOf(caption) },
    words.more,
  );
  let last: Row | undefined;
  const load = async () => {
    const found = await source(last);
    body.append(...found.rows.map((one) => line(one, again)));
    last = found.rows.at(-1) ?? last;
    more.hidden = !found.more;
  };
  more.addEventListener("click", async () => {
    more.disabled = true;
    try {
      await load();
    } catch (error) {
      notify([told(error, words.failed)]);
    }
    more.disabled = false;
  });
  await load();
  const heads = [words.what, words.state, words.since, words.act];
  return h(
    "div",
    { class: "outbox-rows" },
    h(
      "table",
      {},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, ...heads.map((one) => h("th", { scope: "col" }, one)))),
      body,
    ),
    more,
  );
}

function line(row: Row, again: () => void): HTMLElement {
  const words = messages().outbox;
  const sent = row.part ? words.part(row.part.number, row.part.of) : words.forms[row.form];
  const name = row.what === "rejection" ? words.rejection : sent;
  const retry = async () => {
    try {
      await ask("POST", `/api/outbox/${row.id}/again`);
      notify([words.asked]);
      again();
    } catch (error) {
      notify([told(error, words.failed)]);
    }
  };
  const day = new Date(row.since).toLocaleString(locale(), {
    dateStyle: "short",
    timeStyle: "short",
  });
  return h(
    "tr",
    { "data-state": row.state },
    h("td", {}, h("a", { href: viewPath(row.image) }, name), examOf(row)),
    h(
      "td",
      {},
      h("span", { class: "outbox-state" }, words.states[row.state]),
      row.why && h("p", {}, row.why[language()]),
      row.changed.length > 0 && h("p", { class: "faint" }, words.changed(row.changed.join(", "))),
    ),
    h("td", {}, h("time", { datetime: row.since }, day)),
    h(
      "td",
      {},
      (row.state === "task" || row.state === "waiting") &&
        h(
          "button",
          {
            type: "button",
            class: "button",
            "aria-label": [words.again, name, row.accession_number].filter(Boolean).join(", "),
            onclick: () => void retry(),
          },
          words.again,
        ),
    ),
  );
}

/** Of which exam it is, by the number that the archive has too. */
function examOf({ what, exam, accession_number }: Row): HTMLElement {
  const words = messages();
  const said = accession_number ? `${words.accession} ${accession_number}` : words.noAccession;
  // What is rejected was sent of an exam that may have no image any more.
  return h("p", {}, what === "rejection" ? said : h("a", { href: examPath(exam) }, said));
}
