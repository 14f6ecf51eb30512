/** One exam as a row of the list. */

import type { Exam, ImageSummary } from "../api";
import { type Child, h } from "../dom";
import { momentText } from "../format";
import { locale, messages } from "../i18n";
import { countsText, imageName, nameOf, thumbnail, traits } from "../patient";
import { examPath, lesionsPath, timelinePath, viewPath } from "../router";

const SHOWN = 3;

/** What the row shows and counts: a slide that was scanned again by its latest scan. */
const currentOf = ({ images }: Exam) => images.filter(({ older }) => !older);

function preview(exam: Exam): HTMLElement {
  const words = messages();
  const current = currentOf(exam);
  const tiles: Child[] = current.slice(0, SHOWN).map((image) =>
    h(
      "a",
      {
        class: "preview",
        href: viewPath(image.id),
        "aria-label": words.openImage(imageName(image, exam.images)),
      },
      thumbnail(image),
    ),
  );
  const rest = current.length - SHOWN;
  if (rest > 0) tiles.push(h("span", { class: "preview rest", "aria-hidden": "true" }, `+${rest}`));
  return h("div", { class: "previews" }, ...tiles);
}

/** A single image that can be seen is what the reader wants; several deserve the choice. */
function destination(exam: Exam): string {
  const [first, ...more] = currentOf(exam);
  const only = more.length === 0 ? first : undefined;
  return only?.viewable ? viewPath(only.id) : examPath(exam.id);
}

/** The states worth a word in the list: those of images that are not finished. */
export function stateBadge(image: Pick<ImageSummary, "state">): Child {
  if (image.state === "published") return null;
  return h("span", { class: `badge ${image.state}` }, messages().state[image.state]);
}

export function examCard(exam: Exam): HTMLElement {
  const words = messages();
  const pending = exam.images.find(({ state }) => state !== "published");
  return h(
    "li",
    { class: "exam" },
    preview(exam),
    h(
      "div",
      { class: "exam-patient" },
      h("a", { class: "exam-link", href: destination(exam) }, nameOf(exam.patient)),
      traits(exam.patient),
      exam.patient_key &&
        h(
          "span",
          { class: "exam-links" },
          h(
            "a",
            { class: "lesions-link", href: timelinePath(exam.patient_key) },
            words.timeline.link,
          ),
          exam.images.some(({ kind }) => kind === "photo") &&
            h(
              "a",
              { class: "lesions-link", href: lesionsPath(exam.patient_key) },
              words.lesions.linkOf,
            ),
        ),
    ),
    h(
      "div",
      { class: "exam-order" },
      h("span", { class: "visually-hidden" }, `${words.accession} `),
      exam.accession_number
        ? h("span", { class: "code" }, exam.accession_number)
        : h("span", { class: "faint" }, words.noAccession),
      exam.establishment && h("span", { class: "faint" }, exam.establishment),
    ),
    h(
      "div",
      { class: "exam-when" },
      h("span", {}, countsText(exam.images) || words.images(0), pending && stateBadge(pending)),
      h(
        "time",
        { class: "faint", datetime: exam.created_at },
        momentText(exam.created_at, locale()),
      ),
    ),
  );
}
