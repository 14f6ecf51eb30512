/** A diameter marked in a photograph by its two ends, in millimetres where a scale is known. */

import OpenSeadragon from "openseadragon";
import { type ImageDetail, mayContribute } from "../api";
import { h, iconButton } from "../dom";
import { numberText } from "../format";
import { locale, messages } from "../i18n";
import { getRuler, keepMeasure, type Ruler } from "../lesions/calls";
import { type Ends, lengthOf, markingPx } from "../lesions/length";
import { notify } from "../notice";
import { told } from "../told";
import type { Stage } from "./stage";

type Point = [number, number];

const SVG = "http://www.w3.org/2000/svg";
const ARROWS: Record<string, Point> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** The tool's button, to be put among the others, and what it shows over the image. */
export function createMeasure(
  stage: Stage,
  image: ImageDetail,
  signal: AbortSignal,
): { button: HTMLElement; layer: HTMLElement } {
  const measure = new Measuring(stage, image, signal);
  return { button: measure.button, layer: measure.layer };
}

class Measuring {
  readonly button: HTMLButtonElement;
  readonly layer = h("div", { class: "measure", hidden: true });
  private readonly stage: Stage;
  private readonly image: ImageDetail;
  private readonly signal: AbortSignal;
  private readonly line = document.createElementNS(SVG, "line");
  private readonly ends = h("div", { class: "measure-ends" });
  private readonly told = h("p", { class: "measure-told", role: "status" });
  private readonly value = h("p", { class: "measure-value", role: "status" });
  private readonly small = h("small", {});
  private readonly buttons = h("div", { class: "measure-buttons" });
  private points: Point[] = [];
  private marking = 0;
  private ruler: Ruler | null = null;

  constructor(stage: Stage, image: ImageDetail, signal: AbortSignal) {
    this.stage = stage;
    this.image = image;
    this.signal = signal;
    const words = messages().lesions;
    this.button = iconButton("ruler", words.measure.tool, () => this.toggle(), {
      "aria-pressed": "false",
      "data-toggle": "measure",
    });
    const lines = document.createElementNS(SVG, "svg");
    lines.setAttribute("class", "measure-lines");
    lines.setAttribute("aria-hidden", "true");
    lines.append(this.line);
    this.layer.append(
      lines,
      h("div", { class: "measure-cross", "aria-hidden": "true" }),
      this.ends,
      h(
        "section",
        { class: "measure-panel", "aria-label": words.measure.title },
        h("b", {}, words.measure.title),
        this.value,
        this.told,
        this.small,
        this.buttons,
      ),
    );
    stage.on("view", () => this.draw());
    this.listen();
  }

  private listen(): void {
    const { osd } = this.stage;
    osd.addHandler("canvas-click", (event) => {
      if (this.layer.hidden || !event.quick || this.points.length > 1) return;
      event.preventDefaultAction = true;
      this.add(this.imagePoint(event.position));
    });
    osd.addHandler("canvas-double-click", (event) => {
      if (!this.layer.hidden) event.preventDefaultAction = true;
    });
    document.addEventListener(
      "keydown",
      (event) => {
        const { target } = event;
        const busy = target instanceof HTMLElement && target.matches("input, textarea, select");
        if (busy || event.ctrlKey || event.metaKey || event.altKey) return;
        if (event.key === "m") this.toggle();
        if (event.key === "Escape" && !this.layer.hidden) this.toggle();
        const onButton = target instanceof HTMLElement && target.matches("button, a");
        if (event.key === "Enter" && !this.layer.hidden && !onButton && this.points.length < 2) {
          const { x, y } = this.stage.view();
          this.add([x, y]);
        }
      },
      { signal: this.signal },
    );
  }

  private imagePoint(position: OpenSeadragon.Point): Point {
    const item = this.stage.osd.world.getItemAt(0);
    const { x, y } = item.viewerElementToImageCoordinates(position);
    return [x, y];
  }

  private toggle(): void {
    this.layer.hidden = !this.layer.hidden;
    this.button.setAttribute("aria-pressed", String(!this.layer.hidden));
    if (this.layer.hidden) return;
    if (!this.ruler) void this.ask();
    this.draw();
    this.tell();
    this.stage.osd.canvas.focus();
  }

  private async ask(): Promise<void> {
    const words = messages().lesions.measure;
    this.told.textContent = words.waiting;
    try {
      this.ruler = await getRuler(this.image.id, this.signal);
    } catch (error) {
      if (this.signal.aborted) return;
      this.told.textContent = told(error, words.failed);
      return;
    }
    if (!this.signal.aborted) this.tell();
  }

  private add(point: Point): void {
    const within = (value: number, most: number) => Math.min(Math.max(value, 0), most);
    this.points.push([within(point[0], this.image.width), within(point[1], this.image.height)]);
    this.marking = Math.max(this.marking, markingPx(this.stage.view().zoom));
    this.ends.append(this.handle(this.points.length - 1));
    this.draw();
    this.tell();
  }

  private handle(index: number): HTMLElement {
    const end = h("button", {
      type: "button",
      class: "measure-end",
      "aria-label": messages().lesions.measure.end(index + 1),
    });
    const moved = (event: PointerEvent) => {
      const { left, top } = this.stage.osd.element.getBoundingClientRect();
      const position = new OpenSeadragon.Point(event.clientX - left, event.clientY - top);
      this.points[index] = this.imagePoint(position);
      this.changed();
    };
    end.addEventListener("pointerdown", (event) => {
      end.setPointerCapture(event.pointerId);
      end.addEventListener("pointermove", moved);
    });
    for (const name of ["pointerup", "pointercancel"] as const)
      end.addEventListener(name, () => end.removeEventListener("pointermove", moved));
    end.addEventListener("keydown", (event) => {
      const step = ARROWS[event.key];
      const point = this.points[index];
      if (!step || !point) return;
      event.preventDefault();
      event.stopPropagation();
      const far = (event.shiftKey ? 10 : 1) / this.stage.view().zoom;
      this.points[index] = [point[0] + step[0] * far, point[1] + step[1] * far];
      this.changed();
    });
    return end;
  }

  private changed(): void {
    this.marking = Math.max(this.marking, markingPx(this.stage.view().zoom));
    this.draw();
    this.tell();
  }

  private restart(): void {
    this.points = [];
    this.marking = 0;
    this.ends.replaceChildren();
    this.draw();
    this.tell();
    this.stage.osd.canvas.focus();
  }

  private draw(): void {
    if (this.layer.hidden || this.stage.osd.world.getItemCount() === 0) return;
    this.layer.classList.toggle("marked", this.points.length > 1);
    const item = this.stage.osd.world.getItemAt(0);
    const shown = this.points.map(([x, y]) =>
      this.stage.osd.viewport.pixelFromPoint(item.imageToViewportCoordinates(x, y), true),
    );
    for (const [index, { x, y }] of shown.entries()) {
      const end = this.ends.children[index] as HTMLElement;
      end.style.left = `${x}px`;
      end.style.top = `${y}px`;
      this.line.setAttribute(`x${index + 1}`, String(x));
      this.line.setAttribute(`y${index + 1}`, String(y));
    }
    this.line.classList.toggle("drawn", shown.length > 1);
  }

  private tell(): void {
    const words = messages().lesions;
    const { ruler } = this;
    const [start, end] = this.points;
    const ends: Ends | null = start && end ? [start, end] : null;
    const length = ends && ruler && lengthOf(ends, this.marking, ruler);
    const number = (value: number) => numberText(value, locale(), 1);
    this.value.textContent = length
      ? words.measure.value(number(length.mm), number(length.uncertainty_mm))
      : "";
    const asked = start ? words.measure.second : words.measure.first;
    const scale = ruler ? this.scaleText(ruler) : words.measure.waiting;
    this.told.textContent = ends || !ruler?.mm_per_pixel ? scale : `${scale} ${asked}`;
    const version = ruler?.version;
    const method = version ? ` · ${words.version(words.measure.method, version)}` : "";
    this.small.textContent = `${words.aid}${method}`;
    this.showButtons(ends, length !== null);
  }

  private scaleText(ruler: Ruler): string {
    const words = messages().lesions.measure;
    if (ruler.mm_per_pixel === null) {
      const why: Record<string, string> = words.why;
      return `${why[ruler.reason ?? ""] ?? ""} ${words.none}`.trim();
    }
    const pixels = numberText(1 / ruler.mm_per_pixel, locale(), 1);
    if (ruler.uncertainty_mm === null) return words.stated(pixels);
    const percent = (100 * ruler.uncertainty_mm) / ruler.mm_per_pixel;
    return words.ruler(pixels, numberText(percent, locale(), 1));
  }

  private showButtons(ends: Ends | null, hasLength: boolean): void {
    const words = messages().lesions.measure;
    const keep = h(
      "button",
      { type: "button", class: "button primary", hidden: true, onclick: () => void this.keep() },
      words.keep,
    );
    const again = h(
      "button",
      { type: "button", class: "button", onclick: () => this.restart() },
      words.again,
    );
    this.buttons.replaceChildren(...(ends && hasLength ? [keep] : []), ...(ends ? [again] : []));
    void mayContribute().then((may) => {
      keep.hidden = !may;
    });
  }

  private async keep(): Promise<void> {
    const [start, end] = this.points;
    if (!start || !end) return;
    const words = messages().lesions;
    try {
      await keepMeasure(this.image.id, { start, end, marking_px: this.marking });
      notify([words.measure.kept]);
      this.restart();
    } catch (error) {
      notify([told(error, words.failed)]);
    }
  }
}
