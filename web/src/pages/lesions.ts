/** A patient's lesions: the body with its pins, and the list that says the same. */

import { type Exam, mayContribute } from "../api";
import { bodyMap, type Pin } from "../body/map";
import { photograph } from "../capture/start";
import { h, icon } from "../dom";
import { messages } from "../i18n";
import { askLesion } from "../lesions/add";
import { getLesions, getPatient, type Lesion } from "../lesions/calls";
import { isPast, newSince, placeOf, visitBefore } from "../lesions/model";
import { dayText, momentDay, numberMark, statusChip, whereText } from "../lesions/words";
import { notify } from "../notice";
import { countsText, nameOf, thumbnail, traits } from "../patient";
import { examPath, lesionPath, navigate, type Page } from "../router";
import { framed } from "./framed";

export function lesionsPage(key: string): Page {
  return framed(async (again) => {
    const [whose, lesions] = await Promise.all([getPatient(key), getLesions(key)]);
    const words = messages().lesions;
    const add = h(
      "button",
      {
        type: "button",
        class: "button primary",
        hidden: true,
        onclick: () => askLesion(key, lesions.map(pinOf), again),
      },
      icon("plus"),
      words.add,
    );
    const { patient } = whose;
    const shoot = h(
      "button",
      {
        type: "button",
        class: "button",
        hidden: true,
        onclick: () => {
          if (patient) photograph(patient).catch(() => notify([words.failed]));
        },
      },
      icon("photo"),
      words.photograph,
    );
    void mayContribute().then((may) => {
      add.hidden = !may;
      shoot.hidden = !may || !patient;
    });
    return h(
      "main",
      { id: "main", tabindex: -1, class: "page lesions" },
      h("a", { class: "back-link", href: "/" }, icon("back"), messages().exams),
      h(
        "div",
        { class: "lesions-head" },
        h("div", { class: "exam-head" }, h("h1", {}, nameOf(whose.patient)), traits(whose.patient)),
        h("div", { class: "lesions-buttons" }, shoot, add),
      ),
      lesions.length > 0 ? shown(lesions) : empty(),
      visits(whose.exams),
    );
  });
}

function pinOf(lesion: Lesion): Pin {
  const words = messages().lesions;
  return {
    id: lesion.id,
    number: lesion.number,
    words: words.pin(lesion.number, whereText(lesion), words.status[lesion.status]),
    place: placeOf(lesion),
    past: isPast(lesion),
  };
}

function empty(): HTMLElement {
  const words = messages().lesions;
  return h(
    "div",
    { class: "no-match" },
    h("p", {}, h("b", {}, words.none)),
    h("p", {}, words.noneText),
  );
}

function shown(lesions: Lesion[]): HTMLElement {
  const words = messages().lesions;
  const map = bodyMap({
    pins: lesions.map(pinOf),
    onPin: (id) => navigate(lesionPath(id)),
  });
  const list = h("ul", { class: "lesion-list" });
  const count = h("h2", {});
  const show = (some: Lesion[]) => {
    list.replaceChildren(...some.map(card));
    count.textContent = words.count(some.length);
    map.pin(some.map(pinOf));
  };
  show(lesions);
  return h(
    "div",
    { class: "lesions-body" },
    map.element,
    h(
      "section",
      { "aria-labelledby": "lesion-count" },
      h("div", { class: "lesions-tools" }, named(count, "lesion-count"), sinceChip(lesions, show)),
      list,
    ),
  );
}

function named<T extends HTMLElement>(element: T, id: string): T {
  element.id = id;
  return element;
}

/** One tap shows what is new since the visit before the last, another all again. */
function sinceChip(lesions: Lesion[], show: (some: Lesion[]) => void): HTMLElement | null {
  const day = visitBefore(lesions);
  if (day === null) return null;
  const fresh = newSince(lesions, day);
  const chip = h(
    "button",
    { type: "button", class: "toggle", "aria-pressed": "false" },
    messages().lesions.since(dayText(day), fresh.length),
  );
  chip.addEventListener("click", () => {
    const pressed = chip.getAttribute("aria-pressed") !== "true";
    chip.setAttribute("aria-pressed", String(pressed));
    show(pressed ? fresh : lesions);
  });
  return chip;
}

function card(lesion: Lesion): HTMLElement {
  const words = messages().lesions;
  const { latest } = lesion;
  return h(
    "li",
    {},
    h(
      "a",
      { class: "lesion-card", href: lesionPath(lesion.id) },
      numberMark(lesion),
      h("span", { class: "visually-hidden" }, words.name(lesion.number)),
      h(
        "span",
        { class: "lesion-words" },
        h("b", {}, whereText(lesion)),
        lesion.label && h("span", {}, lesion.label),
        h(
          "span",
          { class: "lesion-line" },
          statusChip(lesion),
          h(
            "span",
            { class: "faint" },
            latest
              ? `${words.photos(lesion.photographs)} · ${momentDay(latest.taken_at)}`
              : words.noPhotos,
          ),
        ),
      ),
      latest && thumbnail({ kind: "photo", ...latest }),
    ),
  );
}

function visits(exams: Exam[]): HTMLElement | null {
  if (exams.length === 0) return null;
  const words = messages().lesions;
  return h(
    "section",
    { class: "patient-exams" },
    h("h2", {}, words.visits),
    h(
      "ul",
      {},
      ...exams.map((exam) =>
        h(
          "li",
          {},
          h(
            "a",
            { href: examPath(exam.id) },
            ...exam.images.slice(0, 1).map((image) => thumbnail(image)),
            h("b", {}, momentDay(exam.created_at)),
            h("span", { class: "faint" }, countsText(exam.images)),
            exam.accession_number && h("span", { class: "code faint" }, exam.accession_number),
          ),
        ),
      ),
    ),
  );
}
