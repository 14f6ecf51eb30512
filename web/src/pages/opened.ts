/**
 * What another system has asked to be shown. The address holds what was asked, sealed, or a key
 * that opens once; both are taken out of it at once and stay in this page alone.
 */

import "../styles/opened.css";
import { ask, type Exam, type ImageKind, type Patient } from "../api";
import { type Child, h, icon } from "../dom";
import { momentText } from "../format";
import { languageButton } from "../header";
import { locale, messages } from "../i18n";
import { linkedWith } from "../link";
import { nameOf, traits } from "../patient";
import {
  albumPath,
  examPath,
  openedPath,
  type Page,
  refresh,
  viewInCasePath,
  viewPath,
} from "../router";
import { examCard } from "./card";
import { framed } from "./framed";
import { problemOf, showProblem } from "./problem";

interface Invoked {
  exams: Exam[];
  patient: Patient | null;
  patient_key: string | null;
  image: string | null;
  case: string | null;
  missing: number;
  key_images: boolean;
}

interface Shown {
  patient: Patient | null;
  exams: {
    accession_number: string | null;
    created_at: string;
    images: { image: string; kind: ImageKind; token: string }[];
  }[];
  missing: number;
  kept: number;
  key_images: boolean;
}

/** What this page was opened with, until something else is asked for. */
let asked: string | null = null;
let shown: Promise<Shown> | null = null;

function takeAddress(): void {
  const said = new URLSearchParams(location.hash.slice(1));
  if (!said.has("key") && !said.has("asked")) return;
  history.replaceState(null, "", openedPath);
  asked = said.get("asked");
  const key = said.get("key");
  shown = key === null ? null : ask<Shown>("POST", "/api/invoked", { key });
}

export const openedPage: Page = (outlet, signal) => {
  takeAddress();
  document.title = `${messages().opened.title} · ${messages().product}`;
  return shown ? shownTo(outlet, shown, signal) : askedPage(outlet, signal);
};

/** Whoever has no account here is offered no way to anything else. */
async function shownTo(
  outlet: HTMLElement,
  found: Promise<Shown>,
  signal: AbortSignal,
): Promise<void> {
  try {
    const body = shownBody(await found);
    if (!signal.aborted) outlet.replaceChildren(body);
  } catch (error) {
    if (signal.aborted) return;
    const isSpent = problemOf(error) === "session";
    showProblem(outlet, isSpent ? "link" : problemOf(error), () => location.reload(), signal);
  }
}

const askedPage = framed(async () => {
  if (asked === null) return emptyBody();
  const found = await ask<Invoked>("POST", "/api/invocations", { asked });
  const only = whereTo(found);
  if (only === null) return invokedBody(found);
  // In the place of this page, to which there is nothing to come back.
  history.replaceState(null, "", only);
  queueMicrotask(refresh);
  return h("main", { id: "main", class: "page" }, messages().loading);
});

/** Where one slide, or one exam, is: the choice is for several. */
function whereTo({ image, case: within, exams, missing, key_images }: Invoked): string | null {
  if (image) return within ? viewInCasePath(image, within) : viewPath(image);
  const [exam, ...more] = exams;
  if (!exam || more.length > 0 || missing > 0 || key_images) return null;
  return examPath(exam.id);
}

function emptyBody(): HTMLElement {
  const words = messages().opened;
  return h(
    "main",
    { id: "main", tabindex: -1, class: "problem" },
    h("div", { class: "problem-icon" }, icon("slide")),
    h("h1", {}, words.empty),
    h("p", {}, words.emptyText),
  );
}

function head(patient: Patient | null, ...notes: Child[]): HTMLElement {
  const words = messages().opened;
  return h(
    "div",
    { class: "exam-head" },
    h("h1", {}, nameOf(patient)),
    traits(patient),
    h("p", { class: "faint" }, words.lead),
    ...notes.map((one) => one && h("p", { class: "opened-note", role: "note" }, icon("info"), one)),
  );
}

function invokedBody(found: Invoked): HTMLElement {
  const words = messages().opened;
  return h(
    "main",
    { id: "main", tabindex: -1, class: "page opened" },
    head(
      found.patient,
      found.missing > 0 && words.missing(found.missing),
      found.key_images && words.keyImages,
    ),
    h("ul", { class: "exams" }, ...found.exams.map(examCard)),
    found.patient_key &&
      h(
        "p",
        { class: "exam-acts" },
        h("a", { class: "button", href: albumPath(found.patient_key) }, words.patientImages),
      ),
  );
}

function shownBody(found: Shown): HTMLElement {
  const words = messages();
  return h(
    "main",
    { id: "main", tabindex: -1, class: "page opened" },
    languageButton(),
    head(
      found.patient,
      found.missing > 0 && words.opened.missing(found.missing),
      found.kept > 0 && words.opened.kept(found.kept),
      found.key_images && words.opened.keyImages,
    ),
    h("ul", { class: "exams opened-exams" }, ...found.exams.map(shownExam)),
  );
}

function shownExam({ accession_number, created_at, images }: Shown["exams"][number]): HTMLElement {
  const words = messages();
  const numbers = { slide: 0, photo: 0 };
  return h(
    "li",
    { class: "opened-exam" },
    h(
      "div",
      {},
      h("time", { datetime: created_at }, momentText(created_at, locale())),
      " ",
      h("span", { class: "code" }, accession_number ?? words.noAccession),
    ),
    h(
      "div",
      { class: "opened-images" },
      ...images.map(({ image, kind, token }) => {
        numbers[kind] += 1;
        return h(
          "a",
          { class: "button", href: viewPath(image), onclick: () => linkedWith(token) },
          icon(kind),
          words.kindNumber[kind](numbers[kind]),
        );
      }),
    ),
  );
}
