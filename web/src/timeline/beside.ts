/** Two of a patient's images side by side: today's and an earlier one. */

import "../styles/compare.css";
import "../styles/timeline.css";
import { getImage, type ImageSummary } from "../api";
import { Pair } from "../compare/pair";
import { h, icon, iconButton } from "../dom";
import { languageButton } from "../header";
import { messages } from "../i18n";
import { momentDay } from "../lesions/words";
import { openedOnPurpose } from "../pages/covered";
import { paired } from "../pages/paired";
import { showProblem } from "../pages/problem";
import { imageName, nameOf, traits } from "../patient";
import { besidePath, navigate, type Page, refresh, timelinePath } from "../router";
import { getTimeline, type Line, type Timeline } from "./calls";

interface Choice {
  image: ImageSummary;
  line: Line;
}

export function besidePage(patient: string): Page {
  return paired(async (outlet, signal) => {
    const found = await getTimeline(patient);
    const choices = choicesOf(found);
    const chosen = chosenOf(choices);
    if (!chosen) return false;
    document.title = `${messages().timeline.besideTitle} · ${messages().product}`;
    for (const { image } of chosen)
      if (image.covered && !signal.aborted)
        await openedOnPurpose(outlet, image.id, image.covered, signal);
    if (!signal.aborted) await show(outlet, found, choices, chosen, signal);
    return true;
  });
}

function choicesOf({ lines }: Timeline): Choice[] {
  return lines.flatMap((line) =>
    line.images.filter(({ viewable }) => viewable).map((image) => ({ image, line })),
  );
}

function chosenOf(choices: readonly Choice[]): [Choice, Choice] | null {
  const query = new URLSearchParams(location.search);
  const named = (name: string) => choices.find(({ image }) => image.id === query.get(name));
  const [first, second] = [named("first"), named("second")];
  return first && second && first !== second ? [first, second] : null;
}

async function show(
  outlet: HTMLElement,
  found: Timeline,
  choices: readonly Choice[],
  chosen: [Choice, Choice],
  signal: AbortSignal,
): Promise<void> {
  const words = messages().timeline;
  const images = await Promise.all([
    getImage(chosen[0].image.id, signal),
    getImage(chosen[1].image.id, signal),
  ]);
  if (signal.aborted) return;
  const pane = () => h("div", { class: "compare-pane" });
  const panes: [HTMLElement, HTMLElement] = [pane(), pane()];
  const together = h("input", { type: "checkbox" });
  let pair: Pair | null = null;
  outlet.replaceChildren(
    header(found),
    h(
      "main",
      { id: "main", tabindex: -1, class: "compare beside", "aria-label": words.besideTitle },
      h(
        "div",
        { class: "compare-stages", "data-mode": "side" },
        ...panes.map((one, index) =>
          h(
            "section",
            { class: "compare-half" },
            caption(found.key, choices, chosen, index as 0 | 1),
            one,
          ),
        ),
      ),
      h(
        "div",
        { class: "compare-bar" },
        h("label", { class: "beside-together" }, together, words.together),
        h(
          "div",
          { class: "compare-tools", role: "toolbar", "aria-label": messages().tools },
          iconButton("plus", messages().zoomIn, () => pair?.zoomBy(1.6)),
          iconButton("minus", messages().zoomOut, () => pair?.zoomBy(1 / 1.6)),
          iconButton("fit", messages().fit, () => pair?.fitBoth()),
        ),
      ),
    ),
  );
  const shown = new Pair(panes, images);
  pair = shown;
  shown.together = false;
  together.addEventListener("change", () => {
    shown.together = together.checked;
  });
  window.sansverreCompare = shown;
  signal.addEventListener("abort", () => {
    shown.destroy();
    delete window.sansverreCompare;
  });
  for (const stage of shown.stages)
    stage.on("failed", () => {
      if (!signal.aborted) showProblem(outlet, "image", refresh, signal);
    });
  await shown.ready();
  if (signal.aborted) return;
  const judge = () => {
    const ready = shown.stages.every(({ settled }) => settled);
    document.documentElement.dataset.viewer = ready ? "ready" : "loading";
  };
  for (const [index, stage] of shown.stages.entries()) {
    stage.osd.canvas.setAttribute("role", "application");
    stage.osd.canvas.setAttribute(
      "aria-label",
      messages().lesions.compare.stage(index ? words.second : words.first),
    );
    stage.on("state", judge);
  }
  judge();
}

function header(found: Timeline): HTMLElement {
  const words = messages().timeline;
  return h(
    "header",
    { class: "viewer-header" },
    h(
      "a",
      {
        class: "icon-button back",
        href: timelinePath(found.key),
        title: words.back,
        "aria-label": words.back,
      },
      icon("back"),
    ),
    h(
      "div",
      { class: "banner-patient", role: "group", "aria-label": messages().patient },
      h("h1", {}, nameOf(found.patient)),
      traits(found.patient),
    ),
    h("div", { class: "header-tools" }, languageButton()),
  );
}

function caption(
  patient: string,
  choices: readonly Choice[],
  chosen: [Choice, Choice],
  index: 0 | 1,
): HTMLElement {
  const words = messages().timeline;
  const which = index === 0 ? words.first : words.second;
  const lines = [...new Set(choices.map(({ line }) => line))];
  const option = ({ image, line }: Choice) => {
    const element = h(
      "option",
      { value: image.id },
      `${momentDay(line.on)} · ${imageName(image, line.images)}`,
    );
    element.selected = image.id === chosen[index].image.id;
    element.disabled = image.id === chosen[1 - index]?.image.id;
    return element;
  };
  const select = h(
    "select",
    { "aria-label": which },
    ...lines.map((line) =>
      h(
        "optgroup",
        { label: [momentDay(line.on), line.stains.join(", ")].filter(Boolean).join(" · ") },
        ...choices.filter((one) => one.line === line).map(option),
      ),
    ),
  );
  select.addEventListener("change", () => {
    const ids = chosen.map(({ image }) => image.id);
    ids[index] = select.value;
    navigate(besidePath(patient, ids[0] ?? "", ids[1] ?? ""));
  });
  return h("div", { class: "compare-caption" }, h("b", {}, which), select);
}
