/** Two pictures on screen that move as one, and the first laid over the second. */

import type { ImageDetail } from "../api";
import { h } from "../dom";
import { Stage } from "../viewer/stage";
import { covering, css, followed, fromCentres, inverse, type Matrix, type Seen } from "./matrix";

export type Mode = "side" | "overlay" | "blink";

const BLINK_MS = 700;
/** The overlay reaches beyond what is seen, so that moving shows no edge. */
const BEYOND = 0.5;
const STEP_PX = 80;

/** A hidden map: stages have one, and here is no room for it. */
const noMap = () => h("div", { class: "navigator closed" });

export class Pair {
  readonly panes: [HTMLElement, HTMLElement];
  readonly stages: [Stage, Stage];
  private readonly images: [ImageDetail, ImageDetail];
  /** From the first to the second, in pixels of each; null while they are not aligned. */
  private matrix: Matrix | null = null;
  /** Whether the one shows what the other shows. */
  together = true;
  private leader: 0 | 1 = 1;
  private over: { element: HTMLElement; stage: Stage } | null = null;
  private opacity = 0.5;
  private blinking = 0;
  private mode: Mode = "side";

  constructor(panes: [HTMLElement, HTMLElement], images: [ImageDetail, ImageDetail]) {
    this.panes = panes;
    this.images = images;
    const [first, second] = panes.map((pane, index) => {
      const canvas = h("div", { class: "stage-canvas" });
      const map = noMap();
      pane.replaceChildren(canvas, map);
      return new Stage(canvas, map, images[index as 0 | 1]);
    }) as [Stage, Stage];
    this.stages = [first, second];
    for (const index of [0, 1] as const) {
      const lead = () => {
        this.leader = index;
      };
      for (const name of ["pointerdown", "wheel", "focusin"] as const)
        panes[index].addEventListener(name, lead, { capture: true, passive: true });
      this.stages[index].on("view", () => {
        if (this.leader === index) this.follow();
        if (index === 1) this.cover();
      });
    }
    second.on("rest", () => this.recentre());
  }

  async ready(): Promise<void> {
    await Promise.all(this.stages.map(({ ready }) => ready));
    for (const stage of this.stages) stage.fit(true);
  }

  /** Aligns the pictures, pixel centres of the first to those of the second; null takes it back. */
  align(matrix: Matrix | null): void {
    this.matrix = matrix && fromCentres(matrix);
    this.leader = 1;
    this.follow();
  }

  private seen(index: 0 | 1): Seen {
    return seenOf(this.stages[index]);
  }

  /** Shows with one stage what the other shows. */
  private follow(): void {
    if (!this.together) return;
    const [here, there] = this.leader === 0 ? ([0, 1] as const) : ([1, 0] as const);
    const seen = this.seen(here);
    const way = this.matrix && (here === 0 ? this.matrix : inverse(this.matrix));
    this.stages[there].show(way ? followed(way, seen) : this.alike(here, seen), true);
  }

  /** Of pictures that are not aligned: the same part of the whole, as large in proportion. */
  private alike(here: 0 | 1, seen: Seen): Pick<Seen, "x" | "y" | "zoom" | "rotation"> {
    const there = here === 0 ? 1 : 0;
    const [one, other] = [this.images[here], this.images[there]];
    const entire = (index: 0 | 1) => this.stages[index].fitZoom(0);
    return {
      x: (seen.x / one.width) * other.width,
      y: (seen.y / one.height) * other.height,
      zoom: (seen.zoom / entire(here)) * entire(there),
      rotation: seen.rotation,
    };
  }

  async show(mode: Mode): Promise<void> {
    this.mode = mode;
    clearInterval(this.blinking);
    if (mode === "side" || !this.matrix) {
      if (this.over) this.over.element.hidden = true;
      return;
    }
    this.leader = 1;
    await this.layOver();
    if (this.mode !== mode || !this.over) return;
    this.over.element.hidden = false;
    this.recentre();
    this.fade(this.opacity);
    // Who wants no motion alternates by hand.
    if (mode === "blink" && !matchMedia("(prefers-reduced-motion: reduce)").matches)
      this.blinking = window.setInterval(() => this.swap(), BLINK_MS);
    if (mode === "blink") this.swap(true);
  }

  fade(opacity: number): void {
    this.opacity = opacity;
    if (this.over && this.mode === "overlay") this.over.element.style.opacity = String(opacity);
  }

  /** Before, after, before… */
  swap(before = this.over?.element.style.opacity === "0"): void {
    if (this.over) this.over.element.style.opacity = before ? "1" : "0";
  }

  private async layOver(): Promise<void> {
    if (this.over) return;
    const element = h("div", { class: "compare-over", "aria-hidden": "true" });
    this.panes[1].append(element);
    const map = noMap();
    element.append(map);
    const canvas = h("div", { class: "stage-canvas" });
    element.append(canvas);
    const stage = new Stage(canvas, map, this.images[0]);
    stage.osd.setMouseNavEnabled(false);
    this.over = { element, stage };
    stage.on("view", () => this.cover());
    await stage.ready;
  }

  /** Has the overlay show what lies under it, in the detail that is wanted now. */
  private recentre(): void {
    const back = this.matrix && inverse(this.matrix);
    if (!this.over || !back || this.mode === "side") return;
    this.over.stage.show({ ...followed(back, this.seen(1)), rotation: 0 }, true);
    this.cover();
  }

  /** Puts the overlay exactly over the second picture. */
  private cover(): void {
    if (!this.over || !this.matrix || this.mode === "side") return;
    const second = this.seen(1);
    const lies = covering(this.matrix, seenOf(this.over.stage), second);
    if (!lies) return;
    const [left, top] = [BEYOND * second.width, BEYOND * second.height];
    const [[a, b, c], [d, e, f], last] = lies;
    const [g, k, m] = last;
    // The overlay's own corner lies so far beyond that of what it covers.
    this.over.element.style.transform = css([
      [a + left * g, b + left * k, c + left * m],
      [d + top * g, e + top * k, f + top * m],
      last,
    ]);
  }

  panBy(dx: number, dy: number): void {
    this.stages[this.leader].panBy(dx * STEP_PX, dy * STEP_PX);
  }

  zoomBy(factor: number): void {
    this.stages[this.leader].zoomBy(factor);
  }

  fit(): void {
    this.leader = 1;
    this.stages[1].show({ ...this.stages[1].view(), rotation: 0 });
    this.stages[1].fit();
  }

  fitBoth(): void {
    for (const stage of this.stages) stage.fit();
  }

  destroy(): void {
    clearInterval(this.blinking);
    for (const stage of this.stages) stage.destroy();
    this.over?.stage.destroy();
  }
}

function seenOf(stage: Stage): Seen {
  const { x: width, y: height } = stage.osd.viewport.getContainerSize();
  return { ...stage.view(true), width, height };
}
