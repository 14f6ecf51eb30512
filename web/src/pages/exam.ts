/** One exam: whose it is, and its images large enough to choose from. */

import { type Exam, getExam, type ImageSummary, mayContribute } from "../api";
import { type Child, h, icon } from "../dom";
import { momentText, numberText } from "../format";
import { pageFooter, pageHeader } from "../header";
import { locale, messages } from "../i18n";
import { countsText, imageName, nameOf, thumbnail, traits } from "../patient";
import {
  albumPath,
  lesionsPath,
  moveExamPath,
  movePath,
  type Page,
  timelinePath,
  viewPath,
} from "../router";
import { stateBadge } from "./card";
import { problemOf, showProblem } from "./problem";

const REFRESH_MS = 4000;

export function examPage(id: string): Page {
  return async (outlet, signal) => {
    const again = () => void examPage(id)(outlet, signal);
    const loading = h(
      "main",
      { id: "main", class: "page", "aria-busy": "true" },
      h("p", { role: "status" }, messages().loading),
    );
    outlet.replaceChildren(pageHeader(), loading, pageFooter());
    try {
      let exam = await getExam(id, signal);
      outlet.replaceChildren(pageHeader(), examBody(exam), pageFooter());
      void offerToRead(exam.id, signal);
      while (exam.images.some(isOnItsWay)) {
        await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
        if (signal.aborted) return;
        const before = JSON.stringify(exam);
        exam = await getExam(id, signal);
        if (JSON.stringify(exam) !== before) redraw(exam);
      }
    } catch (error) {
      if (signal.aborted) return;
      showProblem(outlet, problemOf(error), again, signal);
      outlet.prepend(pageHeader());
      outlet.append(pageFooter());
    }
  };
}

/** The page as it is now, with the bar that stands in it. */
function redraw(exam: Exam): void {
  const bar = document.querySelector(".reading-bar");
  const body = examBody(exam);
  document.getElementById("main")?.replaceWith(body);
  if (bar) body.querySelector(".exam-facts")?.after(bar);
}

/** Loaded apart, as it is for those who read. */
async function offerToRead(exam: string, signal: AbortSignal): Promise<void> {
  const { readingBar } = await import("../worklist/bar");
  if (!signal.aborted) document.querySelector(".exam-facts")?.after(readingBar(exam, signal));
}

function isOnItsWay({ state }: ImageSummary): boolean {
  return state !== "published" && state !== "refused";
}

function examBody(exam: Exam): HTMLElement {
  const words = messages();
  const images = exam.images.map((image) => imageTile(image, exam));
  const acts = h(
    "div",
    { class: "choose-acts" },
    exam.patient_key &&
      h("a", { class: "button", href: albumPath(exam.patient_key) }, words.out.album),
  );
  void offerToChoose(acts, exam, images);
  return h(
    "main",
    { id: "main", tabindex: -1, class: "page" },
    h("a", { class: "back-link", href: "/" }, icon("back"), words.exams),
    h(
      "div",
      { class: "lesions-head" },
      h("div", { class: "exam-head" }, h("h1", {}, nameOf(exam.patient)), traits(exam.patient)),
      exam.patient_key &&
        h(
          "div",
          { class: "lesions-buttons" },
          h("a", { class: "button", href: timelinePath(exam.patient_key) }, words.timeline.link),
          h(
            "a",
            { class: "button", href: lesionsPath(exam.patient_key), title: words.lesions.linkOf },
            icon("person"),
            words.lesions.link,
          ),
        ),
    ),
    h(
      "dl",
      { class: "exam-facts" },
      fact(
        words.accession,
        exam.accession_number &&
          h(
            "span",
            {},
            h("span", { class: "code" }, exam.accession_number),
            exam.is_provisional &&
              h(
                "span",
                { class: "badge no-order", title: words.capture.provisionalHint },
                words.capture.provisional,
              ),
          ),
      ),
      fact(words.received, momentText(exam.created_at, locale())),
      fact(words.establishment, exam.establishment),
      fact(words.imagesStrip, countsText(exam.images)),
    ),
    acts,
    images.length > 0
      ? h("ul", { class: "gallery" }, ...images)
      : h("p", { class: "no-match" }, words.noImages),
    images.length > 0 &&
      h(
        "p",
        { class: "exam-acts" },
        h("a", { class: "button", href: moveExamPath(exam.id) }, icon("person"), words.move.open),
      ),
  );
}

/** What can be done with images that are chosen is loaded apart: most who come only look. */
async function offerToChoose(acts: HTMLElement, exam: Exam, tiles: HTMLElement[]): Promise<void> {
  const choices = exam.images.flatMap((image, number) => {
    const item = tiles[number];
    if (image.state !== "published" || !item) return [];
    return [{ id: image.id, name: imageName(image, exam.images), item }];
  });
  if (choices.length === 0 || !(await mayContribute())) return;
  const { chooser } = await import("../out/choosing");
  acts.append(chooser(choices));
}

function fact(term: string, value: Child): HTMLElement | null {
  return value ? h("div", {}, h("dt", {}, term), h("dd", {}, value)) : null;
}

function imageTile(image: ImageSummary, exam: Exam): HTMLElement {
  const size =
    image.width && image.height
      ? `${numberText(image.width, locale())} × ${numberText(image.height, locale())} px`
      : null;
  return h(
    "li",
    {},
    h(
      "a",
      { href: viewPath(image.id) },
      thumbnail(image),
      h(
        "span",
        { class: "tile-words" },
        h("span", { class: "tile-name" }, icon(image.kind), imageName(image, exam.images)),
        stateBadge(image),
        h("span", { class: "faint" }, size),
      ),
    ),
    exam.images.length > 1 &&
      image.state === "published" &&
      h(
        "a",
        {
          class: "tile-move",
          href: movePath(image.id),
          "aria-label": messages().move.openOne(imageName(image, exam.images)),
        },
        messages().move.open,
      ),
  );
}
