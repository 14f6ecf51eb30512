/** One case: specimen, block, slide; expected and scanned; what waits; and the photographs. */

import type { ImageSummary } from "../api";
import { type Child, h, icon } from "../dom";
import { momentText } from "../format";
import { locale, messages } from "../i18n";
import { getPatient } from "../lesions/calls";
import { stateBadge } from "../pages/card";
import { framed } from "../pages/framed";
import { nameOf, thumbnail, traits } from "../patient";
import { type Report, reportsOfCase } from "../reports/calls";
import { reportList } from "../reports/list";
import { albumPath, casesPath, type Page, timelinePath, viewInCasePath, viewPath } from "../router";
import { readingBar } from "../worklist/bar";
import {
  type Block,
  type Case,
  type Foreign,
  type Glass,
  getCase,
  getWaiting,
  glassesOf,
  placeText,
  type Specimen,
  type Waiting,
} from "./calls";
import { waitingItem } from "./link";
import { priorityBadge } from "./list";
import { getPriors, priorsMissing, priorsPart } from "./priors";

const REFRESH_MS = 2000;
const PHOTOGRAPHS = 12;

export function casePage(id: string): Page {
  const shown = framed(async (again, signal) => {
    document.title = `${messages().timeline.toCase} · ${messages().product}`;
    const [found, waiting, reports, priors] = await Promise.all([
      getCase(id),
      getWaiting(),
      reportsOfCase(id),
      // Slides are read whatever else cannot be had; that it could not is said in its place.
      getPriors(id).catch(() => null),
    ]);
    const key = found.patient_key;
    const photographs = key ? photographsOf((await getPatient(key)).exams) : [];
    follow(found, again, signal);
    const bar = found.exam ? readingBar(found.exam, signal) : null;
    const top = caseTop(
      found,
      reports,
      bar,
      priors ? priorsPart(priors, key) : priorsMissing(again),
    );
    return caseBody(found, top, others(found, waiting), photographs, reports, again);
  });
  return (outlet, signal) => {
    document.addEventListener("keydown", (event) => step(outlet, event), { signal });
    return shown(outlet, signal);
  };
}

/** Looks again while slides are on their way, and draws anew once something is otherwise. */
function follow(found: Case, again: () => void, signal: AbortSignal): void {
  if (!isChanging(found)) return;
  const look = async () => {
    if (signal.aborted) return;
    // Where it cannot be had, the page itself says why.
    const now = await getCase(found.id).catch(() => null);
    if (signal.aborted) return;
    if (JSON.stringify(now) === JSON.stringify(found)) setTimeout(look, REFRESH_MS);
    else again();
  };
  setTimeout(look, REFRESH_MS);
}

function isChanging(one: Case): boolean {
  return glassesOf(one).some(({ scans }) =>
    scans.some(({ moving, image }) => moving || !["published", "refused"].includes(image.state)),
  );
}

function others(one: Case, waiting: Waiting[]): Waiting[] {
  const own = new Set(one.waiting.map(({ image }) => image.id));
  return waiting.filter(({ image }) => !own.has(image.id));
}

function photographsOf(exams: { images: ImageSummary[] }[]): ImageSummary[] {
  return exams
    .flatMap(({ images }) => images)
    .filter(({ kind, state }) => kind === "photo" && state === "published");
}

/** Arrows, or j and k, go from slide to slide. */
function step(outlet: HTMLElement, event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target instanceof HTMLElement && event.target.matches("select, input")) return;
  const by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (!by) return;
  const links = [...outlet.querySelectorAll<HTMLElement>("a.glass-link")];
  const at = links.indexOf(document.activeElement as HTMLElement);
  const next = at < 0 ? links[by > 0 ? 0 : links.length - 1] : links[at + by];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

/** Whose case it is and how far it has come, and beside that what was done already. */
function caseTop(
  one: Case,
  reports: Report[],
  bar: HTMLElement | null,
  priors: HTMLElement | null,
): HTMLElement {
  const words = messages().cases;
  const glasses = glassesOf(one);
  const scanned = glasses.filter(({ scans }) => scans.length > 0).length;
  const expected = glasses.filter((glass) => glass.expected).length;
  return h(
    "div",
    { class: "case-top" },
    h(
      "div",
      {},
      head(one),
      h(
        "dl",
        { class: "exam-facts" },
        fact(messages().accession, h("span", { class: "code" }, one.accession_number)),
        fact(words.issuer, one.issuer),
        fact(words.slidesOf, words.progress(scanned, expected)),
        fact(words.orders, one.orders.map(({ number }) => number).join(", ")),
        fact(messages().reports.title, newestReport(reports)),
      ),
      bar,
    ),
    priors,
  );
}

/** How far the newest report has come, and the way to it, which is below the slides. */
function newestReport(reports: Report[]): Child {
  const newest = reports.find(({ is_newest }) => is_newest);
  if (!newest) return null;
  const { status, version } = messages().reports;
  const go = () => document.querySelector<HTMLElement>(".case-reports summary")?.focus();
  return h(
    "button",
    { type: "button", class: "text-button", onclick: go },
    `${status[newest.status]}, ${version(newest.version).toLocaleLowerCase()}`,
  );
}

function caseBody(
  one: Case,
  top: HTMLElement,
  unlinked: Waiting[],
  photographs: ImageSummary[],
  reports: Report[],
  again: () => void,
): HTMLElement {
  const words = messages().cases;
  return h(
    "main",
    { id: "main", tabindex: -1, class: "page case" },
    h("a", { class: "back-link", href: casesPath }, icon("back"), words.back),
    top,
    one.waiting.length > 0 &&
      h(
        "section",
        { class: "case-waiting", "aria-labelledby": "case-waiting" },
        h("h2", { id: "case-waiting" }, words.waiting),
        h("ul", {}, ...one.waiting.map((item) => waitingItem(item, one, again))),
      ),
    ...one.specimens.map((specimen) => specimenPart(specimen, one)),
    glassesOf(one).length === 0
      ? h("p", { class: "no-match" }, words.empty)
      : h("p", { class: "faint keys" }, words.keys),
    reports.length > 0 &&
      h(
        "section",
        { class: "case-reports", "aria-labelledby": "case-reports" },
        h("h2", { id: "case-reports" }, messages().reports.title),
        reportList(reports, { open: false }),
      ),
    unlinked.length > 0 &&
      h(
        "details",
        { class: "case-others", "data-keep": "others" },
        h("summary", {}, words.others(unlinked.length)),
        h("ul", {}, ...unlinked.map((item) => waitingItem(item, one, again))),
      ),
    photographsPart(one, photographs),
  );
}

function head(one: Case): HTMLElement {
  const words = messages().cases;
  const [patient, ...more] = one.patients;
  const badges = h(
    "span",
    { class: "case-badges" },
    priorityBadge(one.priority),
    one.orders.every(({ cancelled }) => cancelled) &&
      h("span", { class: "badge refused" }, words.cancelled),
    one.orders.some(({ consult }) => consult) && h("span", { class: "badge" }, words.consult),
  );
  if (more.length === 0)
    return h(
      "div",
      { class: "exam-head" },
      h("h1", {}, nameOf(patient ?? null), " ", badges),
      traits(patient ?? null),
      one.patient_key &&
        h(
          "a",
          { class: "lesions-link", href: timelinePath(one.patient_key) },
          messages().timeline.link,
        ),
    );
  return h(
    "div",
    { class: "exam-head" },
    h("h1", {}, words.conflict, " ", badges),
    h(
      "div",
      { class: "case-conflict", role: "alert" },
      h("p", {}, icon("warning"), words.conflictText),
      h("ul", {}, ...one.patients.map((who) => h("li", {}, h("b", {}, nameOf(who)), traits(who)))),
    ),
  );
}

function fact(term: string, value: Child): HTMLElement | null {
  return value ? h("div", {}, h("dt", {}, term), h("dd", {}, value)) : null;
}

function specimenPart(specimen: Specimen, one: Case): HTMLElement {
  const words = messages().cases;
  const title = specimen.name ? words.specimen(specimen.name) : words.noSpecimen;
  return h(
    "section",
    { class: "specimen" },
    h("h2", {}, title, said(specimen.description)),
    ...specimen.blocks.map((block) => blockPart(specimen, block, one)),
  );
}

function blockPart(specimen: Specimen, block: Block, one: Case): HTMLElement {
  const words = messages().cases;
  const title = block.name ? words.block(`${specimen.name}${block.name}`) : words.noBlock;
  return h(
    "div",
    { class: "block" },
    h("h3", {}, title, said(block.description), foreign(block.foreign)),
    h("ul", { class: "glasses" }, ...block.slides.map((glass) => glassItem(glass, one))),
  );
}

const said = (description: string): Child =>
  description && h("span", { class: "faint" }, ` · ${description}`);

const foreign = (id: Foreign | null): Child =>
  id && h("span", { class: "faint code" }, ` ${messages().cases.foreign(id.number, id.issuer)}`);

function glassItem(glass: Glass, one: Case): HTMLElement {
  const words = messages().cases;
  const [latest, ...older] = glass.scans;
  const about = h(
    "span",
    { class: "glass-words" },
    h("span", { class: "glass-name" }, words.slide(placeText(glass))),
    glass.stain && h("span", { class: "stain" }, glass.stain),
    glass.recut && h("span", { class: "badge" }, words.recut(glass.recut)),
    !glass.expected && h("span", { class: "badge" }, words.unexpected),
    foreign(glass.foreign),
    latest?.moving && h("span", { class: "badge", role: "status" }, words.moving),
    latest && stateBadge(latest.image),
    latest
      ? h("span", { class: "faint" }, when(latest.scanned_at))
      : h("span", { class: "badge expected" }, words.expected),
  );
  if (!latest)
    return h(
      "li",
      { class: "glass missing" },
      h("span", { class: "thumbnail slide" }, icon("slide")),
      about,
    );
  return h(
    "li",
    { class: "glass" },
    h(
      "a",
      { class: "glass-link", href: viewInCasePath(latest.image.id, one.id) },
      thumbnail(latest.image),
      about,
    ),
    older.length > 0 &&
      h(
        "details",
        { class: "older", "data-keep": latest.image.id },
        h("summary", {}, words.older(older.length)),
        h(
          "ul",
          {},
          ...older.map(({ image, scanned_at }) =>
            h("li", {}, h("a", { href: viewPath(image.id) }, when(scanned_at)), stateBadge(image)),
          ),
        ),
      ),
  );
}

function when(moment: string): string {
  return messages().cases.scannedAt(momentText(moment, locale()) ?? "");
}

function photographsPart(one: Case, photographs: ImageSummary[]): Child {
  if (photographs.length === 0 || !one.patient_key) return null;
  const words = messages();
  return h(
    "section",
    { class: "case-photographs", "aria-labelledby": "case-photographs" },
    h("h2", { id: "case-photographs" }, words.cases.photographs),
    h(
      "ul",
      {},
      ...photographs.slice(0, PHOTOGRAPHS).map((image, index) =>
        h(
          "li",
          {},
          h(
            "a",
            {
              href: viewPath(image.id),
              "aria-label": words.openImage(words.kindNumber.photo(index + 1)),
            },
            thumbnail(image),
          ),
        ),
      ),
    ),
    h("a", { href: albumPath(one.patient_key) }, words.out.album),
  );
}
