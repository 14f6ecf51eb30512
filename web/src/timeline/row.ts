/** A line of the timeline: when, what, where it is held, and how it opens. */

import type { Site } from "../body/sites";
import { placeText } from "../body/words";
import { type Child, h, type IconName, icon } from "../dom";
import { messages } from "../i18n";
import { dayText, momentDay } from "../lesions/words";
import { imageName, thumbnail } from "../patient";
import type { Report } from "../reports/calls";
import { inPlace } from "../reports/list";
import { casePath, examPath, lesionPath, viewInCasePath, viewPath } from "../router";
import type { Line } from "./calls";
import { dayOfItem, establishmentsOf, type Held, type Item, type Kind, kindsOf } from "./model";

const ICONS: Record<Kind, IconName> = {
  slide: "slide",
  photo: "photo",
  radiology: "strip",
  report: "file",
};
const THUMBNAILS = 7;

/** What a line can do beside being looked at. */
export interface Acts {
  openAcross: (exam: string) => void;
  choose: (item: Item) => void;
  isChosen: (item: Item) => boolean;
}

const isOne = ({ line }: Item, kind: Kind) =>
  (kind === "slide" && line?.slides === 1) || (kind === "photo" && line?.photographs === 1);

/** What a line is called: "Lames HES, PAS", "Scanner thoracique". */
export function titleOf(item: Item, sites: readonly Site[]): string {
  const words = messages().timeline;
  const { line, held } = item;
  const told = held.map(({ study }) => study.description).find(Boolean);
  const kinds = kindsOf(item)
    .filter((kind) => kind !== "report" || kindsOf(item).length === 1)
    .map((kind) => (isOne(item, kind) ? words.one[kind] : words.kind[kind]));
  const places = line ? placesOf(line, sites) : "";
  return [told ?? kinds.join(", "), line?.stains.join(", "), places].filter(Boolean).join(" · ");
}

/** All that a line shows in words, for who looks for one. */
export function textOf(item: Item, sites: readonly Site[]): string {
  const { line, held } = item;
  const words = messages().timeline;
  return [
    titleOf(item, sites),
    ...establishmentsOf(item),
    line?.accession_number,
    ...(line?.lesions.map(({ number }) => words.lesion(number)) ?? []),
    ...(line?.reports.map(({ title }) => title) ?? []),
    ...held.flatMap(({ archive, study }) => [
      archive,
      study.accession_number,
      study.body_part,
      study.institution,
      ...study.modalities,
    ]),
  ].join(" ");
}

const placesOf = (line: Line, sites: readonly Site[]) =>
  [
    ...new Set(
      line.places
        .map(({ site, side }) =>
          placeText({ site, side: side === "U" ? null : sideOf(side) }, sites),
        )
        .filter(Boolean),
    ),
  ].join(" ; ");

const sideOf = (side: string) => (side === "L" || side === "R" || side === "B" ? side : null);

/** The images of a line that can be looked at side by side. */
export const comparable = ({ line }: Item) =>
  line?.images.filter(({ state, kind }) => state === "published" && kind !== undefined) ?? [];

export function row(item: Item, sites: readonly Site[], acts: Acts): HTMLElement {
  const day = dayOfItem(item);
  const { line, held } = item;
  return h(
    "li",
    { class: "timeline-row", "data-key": item.id },
    h(
      "time",
      { class: "timeline-day", datetime: day },
      day ? dayText(day) : messages().timeline.noDay,
    ),
    h(
      "span",
      { class: "timeline-kinds", "aria-hidden": "true" },
      ...kindsOf(item).map((kind) => icon(ICONS[kind])),
    ),
    h(
      "div",
      { class: "timeline-what" },
      h("h3", {}, opening(item, titleOf(item, sites), acts)),
      facts(item),
      line && reportsOf(line.reports),
      line?.own ? thumbnails(line) : null,
    ),
    h(
      "div",
      { class: "timeline-side" },
      h(
        "ul",
        { class: "timeline-held", "aria-label": messages().timeline.held },
        line &&
          h(
            "li",
            { class: "badge neutral" },
            line.own ? messages().timeline.here : line.establishment,
          ),
        ...item.also.map((one) => shownAt(one, acts)),
        ...held.map((one) => heldAt(one, held.length > 1 || line !== null)),
      ),
      line?.own && comparable(item).length > 0 && chooser(item, titleOf(item, sites), acts),
    ),
  );
}

/** The one way in that a key takes: our viewer, the archive's own, or by the share. */
function opening(item: Item, title: string, acts: Acts): HTMLElement {
  const { line, held } = item;
  const first = line?.images.find(({ viewable }) => viewable);
  if (line?.own && first) {
    const href = line.case ? viewInCasePath(first.id, line.case) : viewPath(first.id);
    return h("a", { class: "timeline-link", href }, title);
  }
  if (line?.own) return h("a", { class: "timeline-link", href: examPath(line.exam) }, title);
  if (line)
    return h(
      "button",
      {
        type: "button",
        class: "timeline-link",
        title: messages().timeline.elsewhere(line.establishment),
        onclick: () => acts.openAcross(line.exam),
      },
      title,
    );
  const address = held.map(({ study }) => study.address).find(Boolean);
  if (address) return h("a", { class: "timeline-link", ...there(address) }, title);
  return h("span", { class: "timeline-link", tabindex: 0 }, title);
}

/** Another's viewer learns nothing of where one comes from. */
const there = (href: string) => ({
  href,
  target: "_blank",
  rel: "noopener noreferrer",
  title: messages().timeline.openThere,
});

function facts({ line, held }: Item): HTMLElement {
  const words = messages().timeline;
  const study = held[0]?.study;
  const accession = line?.accession_number ?? study?.accession_number;
  const counts = line
    ? [
        line.slides > 0 && messages().slides(line.slides),
        line.photographs > 0 && messages().photos(line.photographs),
      ]
    : [
        study?.modalities.join(", "),
        study?.body_part,
        study && words.series(study.series, study.instances),
      ];
  const said: Child[] = [
    ...counts,
    accession && !line?.is_provisional && h("span", { class: "code" }, accession),
    line?.establishment ?? held[0]?.establishment,
    line?.case && h("a", { href: casePath(line.case) }, words.toCase),
    line?.own && !line.case && h("a", { href: examPath(line.exam) }, words.toExam),
    ...(line?.lesions.map(({ id, number }) =>
      h("a", { href: lesionPath(id) }, words.lesion(number)),
    ) ?? []),
    !line && !held.some(({ study: { address } }) => address) && words.noViewer,
  ];
  return h(
    "p",
    { class: "timeline-facts" },
    ...said.filter(Boolean).map((one) => h("span", {}, one)),
  );
}

/** The same exam where another establishment shows it, with images of its own. */
function shownAt({ exam, establishment }: Line, acts: Acts): HTMLElement {
  const title = messages().timeline.elsewhere(establishment);
  const open = () => acts.openAcross(exam);
  return h(
    "li",
    {},
    h("button", { type: "button", class: "badge neutral", title, onclick: open }, establishment),
  );
}

function heldAt({ archive, study }: Held, isLinked: boolean): HTMLElement {
  if (!isLinked || !study.address) return h("li", { class: "badge neutral" }, archive);
  return h("li", {}, h("a", { class: "badge neutral", ...there(study.address) }, archive));
}

function chooser(item: Item, title: string, acts: Acts): HTMLElement {
  const words = messages().timeline;
  return h(
    "button",
    {
      type: "button",
      class: "icon-button timeline-beside",
      "aria-pressed": String(acts.isChosen(item)),
      "aria-label": words.besideOne(`${title}, ${dayText(dayOfItem(item) ?? "")}`),
      title: words.beside,
      onclick: () => acts.choose(item),
    },
    icon("compare"),
  );
}

function thumbnails(line: Line): Child {
  const shown = line.images.filter(({ state }) => state !== "refused");
  if (shown.length === 0) return null;
  const left = shown.length - THUMBNAILS;
  return h(
    "ul",
    { class: "timeline-images" },
    ...shown.slice(0, THUMBNAILS).map((image) =>
      h(
        "li",
        {},
        h(
          "a",
          {
            href: line.case ? viewInCasePath(image.id, line.case) : viewPath(image.id),
            "aria-label": messages().timeline.open(
              `${imageName(image, shown)}, ${momentDay(line.on)}`,
            ),
            tabindex: -1,
          },
          thumbnail(image),
        ),
      ),
    ),
    left > 0 && h("li", { class: "faint" }, messages().timeline.more(left)),
  );
}

/** Each report by its newest version, read where it stands; those before are a step away. */
function reportsOf(reports: Report[]): Child {
  const newest = reports.filter(({ is_newest }) => is_newest);
  if (newest.length === 0) return null;
  const words = messages().timeline;
  return h(
    "ul",
    { class: "timeline-reports" },
    ...newest.map((one) => {
      const older = reports.filter(({ number, is_newest }) => number === one.number && !is_newest);
      return h(
        "li",
        {},
        reportIn(one, reports),
        one.part === 0 &&
          older.length > 0 &&
          h(
            "details",
            { class: "older", "data-keep": `before ${one.id}` },
            h("summary", {}, words.older(older.length)),
            h("ul", {}, ...older.map((before) => h("li", {}, reportIn(before, reports)))),
          ),
      );
    }),
  );
}

function reportIn(one: Report, all: Report[]): HTMLElement {
  const words = messages().timeline;
  const about = [
    words.report[one.status],
    one.is_addendum && words.addendum,
    one.version > 1 && words.version(one.version),
    words.said(momentDay(one.said_at)),
  ].filter(Boolean);
  return inPlace(
    one,
    all,
    icon("file"),
    h("span", { class: "report-title" }, one.title || words.reportName),
    h("span", { class: "faint" }, about.join(", ")),
  );
}
