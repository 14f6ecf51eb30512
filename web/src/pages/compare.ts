/** Two visits of one lesion, side by side or laid over each other where they can be. */

import "../styles/compare.css";
import { getImage } from "../api";
import { type Mode, Pair } from "../compare/pair";
import { h, icon, iconButton } from "../dom";
import { languageButton } from "../header";
import { messages } from "../i18n";
import {
  type Comparison,
  getComparison,
  getLesion,
  getPatient,
  getPhotos,
  type Lesion,
  type Photo,
  type Whose,
} from "../lesions/calls";
import { pairOf } from "../lesions/model";
import { momentDay, whereText } from "../lesions/words";
import { nameOf, traits } from "../patient";
import { comparePath, lesionPath, navigate, type Page, refresh } from "../router";
import { openedOnPurpose } from "./covered";
import { paired } from "./paired";
import { showProblem } from "./problem";

declare global {
  interface Window {
    /** For tests: both pictures and what lies over the second. */
    sansverreCompare?: Pair;
  }
}

const MODES: Mode[] = ["side", "overlay", "blink"];

export function comparePage(id: string): Page {
  return paired(async (outlet, signal) => {
    const [lesion, all] = await Promise.all([getLesion(id), getPhotos(id)]);
    const photos = all.filter(({ state }) => state === "published");
    const chosen = chosenOf(photos);
    if (!chosen) return false;
    const whose = await getPatient(lesion.patient);
    await opened(outlet, chosen, signal);
    if (!signal.aborted) await new Comparing(lesion, photos, chosen, whose, signal).show(outlet);
    return true;
  });
}

/** Until those that are covered have been opened on purpose. */
async function opened(outlet: HTMLElement, photos: Photo[], signal: AbortSignal): Promise<void> {
  for (const { image, covered } of photos)
    if (covered && !signal.aborted) await openedOnPurpose(outlet, image, covered, signal);
}

/** The pair that the address names, else the one that a reader wants first. */
function chosenOf(photos: Photo[]): [Photo, Photo] | null {
  const query = new URLSearchParams(location.search);
  const named = (name: string) => photos.find(({ image }) => image === query.get(name));
  const [first, second] = [named("first"), named("second")];
  return first && second && first !== second ? [first, second] : pairOf(photos);
}

class Comparing {
  private readonly lesion: Lesion;
  private readonly photos: Photo[];
  private readonly chosen: [Photo, Photo];
  private readonly whose: Whose;
  private readonly signal: AbortSignal;
  private readonly stages = h("div", { class: "compare-stages", "data-mode": "side" });
  private readonly told = h("div", { class: "compare-told", role: "status" });
  private readonly modes = h("div", { class: "compare-modes", role: "radiogroup" });
  private readonly slider = h("div", { class: "compare-slider", hidden: true });
  private pair: Pair | null = null;
  private mode: Mode = "side";

  constructor(
    lesion: Lesion,
    photos: Photo[],
    chosen: [Photo, Photo],
    whose: Whose,
    signal: AbortSignal,
  ) {
    this.lesion = lesion;
    this.photos = photos;
    this.chosen = chosen;
    this.whose = whose;
    this.signal = signal;
  }

  async show(outlet: HTMLElement): Promise<void> {
    const words = messages().lesions.compare;
    const [first, second] = this.chosen;
    const images = await Promise.all([
      getImage(first.image, this.signal),
      getImage(second.image, this.signal),
    ]);
    if (this.signal.aborted) return;
    const pane = () => h("div", { class: "compare-pane" });
    const panes: [HTMLElement, HTMLElement] = [pane(), pane()];
    this.stages.replaceChildren(
      ...panes.map((pane, index) =>
        h("section", { class: "compare-half" }, this.caption(index as 0 | 1), pane),
      ),
    );
    this.modes.setAttribute("aria-label", words.mode);
    outlet.replaceChildren(
      this.header(),
      h(
        "main",
        { id: "main", tabindex: -1, class: "compare", "aria-label": words.title },
        this.stages,
        h("div", { class: "compare-bar" }, this.modes, this.slider, this.told, this.tools()),
      ),
    );
    const pair = new Pair(panes, images);
    this.pair = pair;
    for (const stage of pair.stages)
      stage.on("failed", () => {
        if (!this.signal.aborted) showProblem(outlet, "image", refresh, this.signal);
      });
    window.sansverreCompare = pair;
    this.signal.addEventListener("abort", () => {
      pair.destroy();
      delete window.sansverreCompare;
    });
    this.showModes(false);
    this.tell(words.waiting);
    await pair.ready();
    if (this.signal.aborted) return;
    for (const [index, stage] of pair.stages.entries()) {
      stage.osd.canvas.setAttribute("role", "application");
      stage.osd.canvas.setAttribute("aria-label", words.stage(index ? words.second : words.first));
      stage.on("state", () => this.judge());
    }
    this.judge();
    this.keys();
    await this.compare();
  }

  private judge(): void {
    const ready = this.pair?.stages.every(({ settled }) => settled) ?? false;
    document.documentElement.dataset.viewer = ready ? "ready" : "loading";
  }

  private async compare(): Promise<void> {
    const words = messages().lesions;
    const [first, second] = this.chosen;
    let found: Comparison;
    try {
      found = await getComparison(this.lesion.id, first.image, second.image, this.signal);
    } catch {
      if (!this.signal.aborted) this.tell(words.compare.failed);
      return;
    }
    if (this.signal.aborted || !this.pair) return;
    this.stages.dataset.aligned = String(found.aligned);
    const made = words.version(words.compare.method, found.version ?? "");
    if (found.aligned) {
      this.pair.align(found.matrix);
      this.tell(words.compare.aligned, `${words.aid} · ${made}`);
    } else {
      const why: Record<string, string> = words.compare.why;
      this.tell(`${words.compare.cannot} ${why[found.reason ?? ""] ?? ""}`.trim(), made);
    }
    this.showModes(found.aligned);
  }

  private tell(text: string, small = ""): void {
    this.told.replaceChildren(h("span", {}, text), h("small", {}, small));
  }

  private header(): HTMLElement {
    const words = messages().lesions;
    return h(
      "header",
      { class: "viewer-header" },
      h(
        "a",
        {
          class: "icon-button back",
          href: lesionPath(this.lesion.id),
          title: words.compare.back,
          "aria-label": words.compare.back,
        },
        icon("back"),
      ),
      h(
        "div",
        { class: "banner-patient", role: "group", "aria-label": messages().patient },
        h("h1", {}, nameOf(this.whose.patient)),
        traits(this.whose.patient),
      ),
      h(
        "div",
        { class: "banner-context wide-only" },
        h("span", {}, words.name(this.lesion.number)),
        h("span", {}, whereText(this.lesion)),
      ),
      h("div", { class: "header-tools" }, languageButton()),
    );
  }

  private caption(index: 0 | 1): HTMLElement {
    const words = messages().lesions;
    const which = index === 0 ? "first" : "second";
    const select = h(
      "select",
      { "aria-label": words.compare.choose[which] },
      ...this.photos.map((photo) => {
        const text = `${momentDay(photo.taken_at)} · ${words.views[photo.view]}`;
        const option = h("option", { value: photo.image }, text);
        option.selected = photo === this.chosen[index];
        option.disabled = photo === this.chosen[1 - index];
        return option;
      }),
    );
    select.addEventListener("change", () => {
      const [first, second] = this.chosen.map(({ image }) => image) as [string, string];
      navigate(
        index === 0
          ? comparePath(this.lesion.id, select.value, second)
          : comparePath(this.lesion.id, first, select.value),
      );
    });
    return h("div", { class: "compare-caption" }, h("b", {}, words.compare[which]), select);
  }

  private showModes(aligned: boolean): void {
    const words = messages().lesions.compare;
    this.modes.replaceChildren(
      ...MODES.map((mode) => {
        const input = h("input", {
          type: "radio",
          name: "compare-mode",
          value: mode,
          class: "visually-hidden",
          onchange: () => void this.choose(mode),
        });
        input.checked = mode === this.mode;
        input.disabled = !aligned && mode !== "side";
        return h("label", { class: "body-view" }, input, h("span", {}, words.modes[mode]));
      }),
    );
    const range = h("input", {
      type: "range",
      min: 0,
      max: 100,
      value: 50,
      "aria-label": words.opacity,
    });
    range.addEventListener("input", () => this.pair?.fade(range.valueAsNumber / 100));
    this.slider.replaceChildren(
      h("span", { "aria-hidden": "true" }, words.second),
      range,
      h("span", { "aria-hidden": "true" }, words.first),
    );
  }

  private async choose(mode: Mode): Promise<void> {
    this.mode = mode;
    this.stages.dataset.mode = mode;
    this.slider.hidden = mode !== "overlay";
    await this.pair?.show(mode);
  }

  private tools(): HTMLElement {
    const words = messages();
    return h(
      "div",
      { class: "compare-tools", role: "toolbar", "aria-label": words.tools },
      iconButton("plus", words.zoomIn, () => this.pair?.zoomBy(1.6)),
      iconButton("minus", words.zoomOut, () => this.pair?.zoomBy(1 / 1.6)),
      iconButton("fit", words.fit, () => this.pair?.fit()),
    );
  }

  private keys(): void {
    const arrows: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const table: Record<string, () => void> = {
      "+": () => this.pair?.zoomBy(1.6),
      "=": () => this.pair?.zoomBy(1.6),
      "-": () => this.pair?.zoomBy(1 / 1.6),
      "0": () => this.pair?.fit(),
      " ": () => this.mode === "blink" && this.pair?.swap(),
    };
    const onKey = (event: KeyboardEvent) => {
      const { target } = event;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (target instanceof HTMLElement && target.matches("input, select, button, a")) return;
      const arrow = arrows[event.key];
      const action = arrow ? () => this.pair?.panBy(...arrow) : table[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    };
    document.addEventListener("keydown", onKey, { signal: this.signal });
  }
}
