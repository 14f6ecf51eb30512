/** One lesion: its photographs visit by visit, its history, and the slide of its biopsy. */

import { type Exam, mayContribute } from "../api";
import { bodySpot } from "../body/map";
import { rememberedOperator } from "../capture/operator";
import { type Child, h, icon, iconButton } from "../dom";
import { numberText } from "../format";
import { locale, messages } from "../i18n";
import {
  addEvent,
  type EventKind,
  forgetMeasure,
  getLesion,
  getPatient,
  getPictures,
  type Lesion,
  linkBiopsy,
  type Photo,
  unlinkBiopsy,
} from "../lesions/calls";
import { dayOf, pairOf, placeOf, type Visit, visitsOf } from "../lesions/model";
import { overviewPanel } from "../lesions/overview";
import { dayText, momentDay, numberMark, statusChip, whereText } from "../lesions/words";
import { notify } from "../notice";
import { nameOf, thumbnail, traits } from "../patient";
import { comparePath, lesionsPath, type Page, viewPath } from "../router";
import { told } from "../told";
import { framed } from "./framed";

export function lesionPage(id: string): Page {
  return framed(async (again) => {
    const [lesion, pictures] = await Promise.all([getLesion(id), getPictures(id)]);
    const photos = pictures.photographs;
    const [whose, may] = await Promise.all([getPatient(lesion.patient), mayContribute()]);
    const words = messages().lesions;
    return h(
      "main",
      { id: "main", tabindex: -1, class: "page lesion" },
      h("a", { class: "back-link", href: lesionsPath(lesion.patient) }, icon("back"), words.back),
      h(
        "div",
        { class: "lesion-head" },
        h(
          "div",
          {},
          h("p", { class: "lesion-whose" }, nameOf(whose.patient), " ", traits(whose.patient)),
          h(
            "h1",
            {},
            numberMark(lesion),
            h("span", { class: "visually-hidden" }, words.name(lesion.number), " "),
            whereText(lesion),
          ),
          h("p", { class: "lesion-about" }, statusChip(lesion), lesion.label),
        ),
        compareLink(lesion, photos),
      ),
      h(
        "div",
        { class: "lesion-columns" },
        timeline(photos, may, again),
        h(
          "div",
          { class: "lesion-side" },
          bodySpot(placeOf(lesion), lesion.number),
          overviewPanel(lesion.id, pictures.overviews),
          history(lesion, may, again),
          biopsy(lesion, whose.exams, may, again),
        ),
      ),
    );
  });
}

function compareLink(lesion: Lesion, photos: Photo[]): HTMLElement {
  const words = messages().lesions;
  const pair = pairOf(photos);
  if (!pair) return h("p", { class: "faint" }, words.compareOne);
  const [first, second] = pair;
  return h(
    "a",
    {
      class: "button primary",
      href: comparePath(lesion.id, first.image, second.image),
      title: words.compareHint,
    },
    icon("compare"),
    words.compareLast,
  );
}

function timeline(photos: Photo[], may: boolean, again: () => void): HTMLElement {
  const words = messages().lesions;
  return h(
    "section",
    { class: "timeline", "aria-labelledby": "timeline" },
    h("h2", { id: "timeline" }, words.timeline),
    photos.length > 0
      ? h("ol", {}, ...visitsOf(photos).map((one) => visit(one, may, again)))
      : h("p", { class: "no-match" }, words.noPhotos),
  );
}

function visit({ day, photos }: Visit, may: boolean, again: () => void): HTMLElement {
  const words = messages().lesions;
  return h(
    "li",
    { class: "visit" },
    h("h3", {}, h("time", { datetime: day }, dayText(day))),
    h(
      "ul",
      {},
      ...photos.map((photo) =>
        h(
          "li",
          {},
          h(
            "a",
            { href: viewPath(photo.image) },
            thumbnail({ kind: "photo", ...photo }),
            h("span", { class: "visit-words" }, words.views[photo.view]),
          ),
          measured(photo, may, again),
        ),
      ),
    ),
  );
}

/** The last diameter, with its uncertainty; who may mark one may take it back. */
function measured({ image, measures }: Photo, may: boolean, again: () => void): Child {
  const last = measures.at(-1);
  if (!last) return null;
  const words = messages().lesions;
  const number = (value: number) => numberText(value, locale(), 1);
  const forget = () => void forgetMeasure(image, last.id).then(again, tell);
  return h(
    "p",
    { class: "visit-measure", title: words.aid },
    icon("ruler"),
    h("b", {}, words.measure.value(number(last.mm), number(last.uncertainty_mm))),
    last.proposed_by && h("small", {}, words.measure.byProgram(last.proposed_by)),
    may && iconButton("close", words.measure.forget, forget),
  );
}

function history(lesion: Lesion, may: boolean, again: () => void): HTMLElement {
  const words = messages().lesions;
  return h(
    "section",
    { class: "panel", "aria-labelledby": "history" },
    h("h2", { id: "history" }, words.history),
    h(
      "ol",
      { class: "history" },
      ...[...lesion.history]
        .reverse()
        .map(({ kind, on }) =>
          h(
            "li",
            { class: kind },
            words.events[kind],
            " ",
            h("time", { datetime: on }, dayText(on)),
          ),
        ),
    ),
    may && eventForm(lesion, again),
  );
}

function eventForm(lesion: Lesion, again: () => void): HTMLElement {
  const words = messages().lesions;
  const happened = (["followed", "excised", "healed"] as const).filter(
    (kind) => kind !== "excised" || lesion.history.every((one) => one.kind !== "excised"),
  );
  const kind = h(
    "select",
    { "aria-label": words.recordKind },
    ...happened.map((one) => h("option", { value: one }, words.events[one])),
  );
  const today = dayOf(new Date());
  const day = h("input", { type: "date", "aria-label": words.recordOn, value: today, max: today });
  return h(
    "form",
    {
      class: "inline-form",
      onsubmit: (event: Event) => {
        event.preventDefault();
        const said = { kind: kind.value as EventKind, on: day.value, by: byWhom() };
        void addEvent(lesion.id, said).then(again, tell);
      },
    },
    kind,
    day,
    h("button", { type: "submit", class: "button" }, words.record),
  );
}

/** Who photographs from here, as far as they said so. */
const byWhom = () => rememberedOperator()?.name ?? "";

function tell(error: unknown): void {
  notify([told(error, messages().lesions.failed)]);
}

function biopsy(lesion: Lesion, exams: Exam[], may: boolean, again: () => void): HTMLElement {
  const words = messages().lesions;
  const withSlides = exams.filter(({ images }) => images.some(({ kind }) => kind === "slide"));
  const linked = withSlides.filter(({ id }) => lesion.biopsies.includes(id));
  const free = withSlides.filter(({ id }) => !lesion.biopsies.includes(id));
  return h(
    "section",
    { class: "panel", "aria-labelledby": "biopsy" },
    h("h2", { id: "biopsy" }, words.biopsy),
    linked.length > 0
      ? h("ul", { class: "biopsies" }, ...linked.map((exam) => slides(lesion, exam, may, again)))
      : h("p", { class: "faint" }, withSlides.length > 0 ? words.noBiopsy : words.noSlides),
    may && free.length > 0 && biopsyForm(lesion, free, again),
  );
}

const examText = ({ accession_number, created_at }: Exam) =>
  messages().lesions.exam(accession_number, momentDay(created_at));

function slides(lesion: Lesion, exam: Exam, may: boolean, again: () => void): HTMLElement {
  const words = messages().lesions;
  const unlink = () => void unlinkBiopsy(lesion.id, exam.id).then(again, tell);
  return h(
    "li",
    {},
    ...exam.images
      .filter(({ kind }) => kind === "slide")
      .map((image) =>
        h(
          "a",
          { href: viewPath(image.id) },
          thumbnail(image),
          h("span", {}, words.openSlide, h("span", { class: "faint" }, ` ${examText(exam)}`)),
        ),
      ),
    may && h("button", { type: "button", class: "button quiet", onclick: unlink }, words.unlink),
  );
}

function biopsyForm(lesion: Lesion, exams: Exam[], again: () => void): HTMLElement {
  const words = messages().lesions;
  const which = h(
    "select",
    { "aria-label": words.biopsyOf },
    ...exams.map((exam) => h("option", { value: exam.id }, examText(exam))),
  );
  return h(
    "form",
    {
      class: "inline-form",
      onsubmit: (event: Event) => {
        event.preventDefault();
        void linkBiopsy(lesion.id, which.value).then(again, tell);
      },
    },
    which,
    h("button", { type: "submit", class: "button" }, words.linkSlide),
  );
}
