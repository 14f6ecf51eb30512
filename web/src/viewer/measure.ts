/** A diameter marked in a photograph by its two ends, in millimetres where a scale is known. */

import OpenSeadragon from "openseadragon";
import { type ImageDetail, mayContribute } from "../api";
import { h, iconButton } from "../dom";
import { numberText } from "../format";
import { locale, messages } from "../i18n";
import { getProposal, getRuler, keepMeasure, type Proposal, type Ruler } from "../lesions/calls";
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
  private proposal: Proposal | "asked" | "failed" | null = null;
  /** Whether the ends are still those that were proposed. */
  private isProposed = false;

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

  private async propose(): Promise<void> {
    this.proposal = "asked";
    this.tell();
    let found: Proposal | "failed" = "failed";
    try {
      found = await getProposal(this.image.id, this.signal);
    } catch (error) {
      if (this.signal.aborted) return;
      notify([told(error, messages().lesions.failed)]);
    }
    if (this.signal.aborted) return;
    this.proposal = found;
    // Whoever marked it by hand meanwhile keeps what they marked.
    if (this.points.length === 0) this.takeOver();
    this.tell();
  }

  private takeOver(): void {
    const { proposal } = this;
    if (proposal === null || typeof proposal === "string") return;
    if (!proposal.start || !proposal.end || proposal.marking_px === null) return;
    this.points = [proposal.start, proposal.end];
    this.marking = proposal.marking_px;
    this.isProposed = true;
    this.ends.replaceChildren(this.handle(0), this.handle(1));
    this.draw();
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
    // What somebody has moved is theirs, and known as exactly as they mark.
    if (this.isProposed) this.marking = 0;
    this.isProposed = false;
    this.marking = Math.max(this.marking, markingPx(this.stage.view().zoom));
    this.draw();
    this.tell();
  }

  private restart(): void {
    this.points = [];
    this.marking = 0;
    this.isProposed = false;
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
      : ends && this.isProposed
        ? words.measure.pixels(
            number(Math.hypot(ends[1][0] - ends[0][0], ends[1][1] - ends[0][1])),
            number(this.marking * Math.SQRT2),
          )
        : "";
    const asked = start ? words.measure.second : words.measure.first;
    const scale = ruler ? this.scaleText(ruler) : words.measure.waiting;
    const more = ends || !ruler?.mm_per_pixel ? "" : asked;
    this.told.textContent = [this.proposalText(), scale, more].filter(Boolean).join(" ");
    const methods = [words.aid];
    if (ruler?.version) methods.push(words.version(words.measure.method, ruler.version));
    const by = this.answer()?.version;
    if (by && this.isProposed) methods.push(words.version(words.measure.proposal, by));
    this.small.textContent = methods.join(" · ");
    this.showButtons(ends, length !== null);
  }

  private answer(): Proposal | null {
    return this.proposal === "asked" || this.proposal === "failed" ? null : this.proposal;
  }

  private proposalText(): string {
    const words = messages().lesions.measure;
    if (this.proposal === "asked") return words.proposing;
    if (this.isProposed) return words.proposed;
    const why: Record<string, string> = words.whyNot;
    return this.points.length ? "" : (why[this.answer()?.reason ?? ""] ?? "");
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
    const found = this.answer();
    const propose = h(
      "button",
      {
        type: "button",
        class: "button",
        disabled: this.proposal === "asked",
        onclick: () => {
          if (!found?.start) return void this.propose();
          this.takeOver();
          this.tell();
        },
      },
      words.propose,
    );
    const mayPropose = this.points.length === 0 && !found?.reason;
    this.buttons.replaceChildren(
      ...(mayPropose ? [propose] : []),
      ...(ends && hasLength ? [keep] : []),
      ...(ends ? [again] : []),
    );
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
