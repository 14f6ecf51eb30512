/** Versions of reports, the newest first; each opens in its place. What they say is text alone. */

import { type Child, h, icon } from "../dom";
import { momentText } from "../format";
import { locale, messages } from "../i18n";
import {
  before,
  contentAddress,
  getSeen,
  pageAddress,
  type Report,
  readBy,
  type Seen,
} from "./calls";

/** The list; with `open` the newest version is open from the start. */
export function reportList(reports: Report[], { open }: { open: boolean }): HTMLElement {
  if (reports.length === 0) return h("p", { class: "faint" }, messages().reports.none);
  const items = reports.map((one, index) => version(one, reports, open && index === 0));
  return h("ul", { class: "report-list" }, ...items);
}

function nameOf(one: Report, all: Report[]): string {
  const words = messages().reports;
  const parts = all.filter(
    ({ number, exam, version }) =>
      number === one.number && exam === one.exam && version === one.version,
  );
  const part = parts.length > 1 ? `, ${words.part(one.part + 1)}` : "";
  return `${words.version(one.version)}${part}`;
}

function version(one: Report, all: Report[], open: boolean): HTMLElement {
  const words = messages().reports;
  const earlier = before(one, all);
  const status = words.status[one.status];
  const moment = momentText(one.said_at, locale()) ?? "";
  const shown = inPlace(
    one,
    all,
    h("span", { class: "report-title" }, one.title),
    h("span", { class: `badge report-${one.status}` }, status),
    one.is_addendum && h("span", { class: "badge" }, words.addendum),
    h(
      "span",
      { class: "faint" },
      `${nameOf(one, all)} ${words.said(moment)}`,
      one.is_newest && all.length > 1 ? ` · ${words.newest}` : "",
    ),
    earlier &&
      earlier.status !== one.status &&
      h("span", { class: "faint" }, words.changed(words.status[earlier.status], status)),
  );
  if (open) shown.open = true;
  return h("li", {}, shown);
}

/** A report, one of `all`, that opens where it stands, under `summary`; it is asked for then. */
export function inPlace(one: Report, all: Report[], ...summary: Child[]): HTMLDetailsElement {
  const body = h("div", { class: "report-body" });
  const shown = h(
    "details",
    { class: `report ${one.status}`, "data-keep": one.id },
    h("summary", {}, ...summary, icon("more")),
    body,
  );
  shown.addEventListener("toggle", () => {
    if (shown.open && !body.hasChildNodes()) void fill(body, one, all);
  });
  return shown;
}

async function fill(body: HTMLElement, one: Report, all: Report[]): Promise<void> {
  const words = messages().reports;
  body.replaceChildren(h("p", { class: "faint", role: "status" }, words.reading));
  const warned = warnings(one);
  const read = readBy(one, all);
  const [first] = read;
  if (first === undefined) {
    body.replaceChildren(...warned, h("p", {}, words.noDocument));
    return;
  }
  if (first !== one) warned.push(h("p", { class: "faint" }, words.statusAlone(first.version)));
  const saves = read.map((part) => save(part, nameOf(part, all)));
  try {
    const seen = await Promise.all(read.map((part) => getSeen(part.id)));
    const shown = read.map((part, index) => document_(part, seen[index] as Seen));
    body.replaceChildren(...warned, ...shown, ...saves);
  } catch {
    const again = () => void fill(body, one, all);
    body.replaceChildren(
      ...warned,
      h("p", { role: "alert" }, words.failed),
      h("button", { type: "button", class: "button quiet", onclick: again }, words.retry),
      ...saves,
    );
  }
}

function save(one: Report, name: string): HTMLElement {
  const words = messages().reports;
  return h(
    "a",
    {
      class: "button quiet",
      href: contentAddress(one.id),
      download: "",
      "aria-label": words.saveOne(`${one.title}, ${name}`),
    },
    icon("download"),
    words.save,
  );
}

function warnings(one: Report): HTMLElement[] {
  const words = messages().reports;
  const said = one.status === "withdrawn" ? words.withdrawn : !one.is_newest && words.superseded;
  return said ? [h("p", { class: "report-warning" }, icon("warning"), said)] : [];
}

function document_(one: Report, seen: Seen): HTMLElement {
  const words = messages().reports;
  if (seen.pages.length === 0)
    return h("div", { class: "report-text" }, ...seen.blocks.map((block) => line(block)));
  const pages = seen.pages.map((text, index): Child => {
    const number = index + 1;
    return h(
      "figure",
      {},
      h("img", {
        src: pageAddress(one.id, number),
        loading: "lazy",
        alt: words.page(number, seen.pages.length),
      }),
      text && h("p", { class: "visually-hidden", "aria-label": words.pageText(number) }, text),
    );
  });
  const left =
    seen.page_count > pages.length &&
    h(
      "p",
      { class: "report-warning" },
      icon("warning"),
      `${words.firstPages(pages.length, seen.page_count)} `,
      h("a", { href: contentAddress(one.id), download: "" }, words.saveWhole),
    );
  return h("div", { class: "report-pages" }, left, ...pages);
}

function line(block: Seen["blocks"][number]): HTMLElement {
  if (block.kind === "attachment")
    return h(
      "p",
      { class: "report-warning" },
      icon("warning"),
      messages().reports.attachment(block.text),
    );
  if (block.kind !== "heading") return h("p", { class: `report-${block.kind}` }, block.text);
  return h("h4", {}, block.text);
}
