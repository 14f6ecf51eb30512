/** The viewer's page: from an image's address to the viewer, or to what stands in its way. */

import { type Exam, getExam, getImage, type ImageDetail } from "../api";
import { caseOf, withCase } from "../cases/reading";
import { h } from "../dom";
import { messages } from "../i18n";
import { isLinked, linkOpened } from "../link";
import { imageName } from "../patient";
import type { Page } from "../router";
import { openViewer } from "../viewer/viewer";
import { openedOnPurpose } from "./covered";
import { type Problem, problemOf, showProblem } from "./problem";
import { waitUntilViewable } from "./waiting";

export function viewPage(id: string): Page {
  return async (outlet, signal) => {
    const again = () => void viewPage(id)(outlet, signal);
    const fail = (problem: Problem) => showProblem(outlet, problem, again, signal);
    document.documentElement.dataset.viewer = "loading";
    document.body.dataset.surface = "viewer";
    outlet.replaceChildren(skeleton());
    try {
      await linkOpened();
      const image = await settled(outlet, await getImage(id, signal), signal);
      if (image.state === "refused") return fail("refused");
      const exam = isLinked() || image.lent ? alone(image) : await examOf(image, signal);
      // A title stays in the browser's history: it names the image, never the patient.
      document.title = `${imageName(image, exam.images)} · ${messages().product}`;
      if (image.covered) {
        await openedOnPurpose(outlet, image.id, image.covered, signal);
        document.documentElement.dataset.viewer = "loading";
        outlet.replaceChildren(skeleton());
      }
      await openViewer(outlet, image, exam, fail, signal);
    } catch (error) {
      if (!signal.aborted) fail(problemOf(error));
    }
  };
}

/** Its exam, or the case that the address asks to read on in. */
async function examOf(image: ImageDetail, signal: AbortSignal): Promise<Exam> {
  const exam = await getExam(image.exam, signal);
  const within = caseOf(location.search);
  return within ? withCase(exam, image.id, within) : exam;
}

/** The exam as whoever has a link sees it: this image, and those that the link opens beside it. */
function alone(image: ImageDetail): Exam {
  const { id, kind, width, height, state, viewable, files, patient, accession_number } = image;
  const { thumbnail } = files;
  const own = { id, kind, width, height, state, viewable, older: false, thumbnail };
  const beside = (image.siblings ?? []).map((one) => ({
    ...own,
    width: null,
    height: null,
    ...one,
  }));
  const images = [own, ...beside].sort((one, other) => one.id.localeCompare(other.id));
  const unknown = { study_instance_uid: null, created_at: "", establishment: "" };
  return { id: image.exam, patient, accession_number, images, ...unknown };
}

async function settled(
  outlet: HTMLElement,
  image: ImageDetail,
  signal: AbortSignal,
): Promise<ImageDetail> {
  if (image.viewable || image.state === "refused") return image;
  const viewable = await waitUntilViewable(outlet, image, signal);
  outlet.replaceChildren(skeleton());
  return viewable;
}

function skeleton(): HTMLElement {
  return h(
    "main",
    { id: "main", class: "viewer-loading", "aria-busy": "true" },
    h("span", { class: "spinner" }),
    h("p", {}, messages().loading),
  );
}
