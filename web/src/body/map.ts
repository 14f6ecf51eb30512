/**
 * The body map: a drawing to touch, and a list that says the same.
 *
 * `bodyMap` is all that pages need. A touch gives a point and suggests the site and side under it;
 * a site chosen in the list is lit on the drawing that shows it best.
 */

import { h } from "../dom";
import { messages } from "../i18n";
import { type Drawn, draw } from "./draw";
import { DRAWINGS, type MapView, VIEWS } from "./drawings";
import { distance } from "./geometry";
import { siteList } from "./list";
import { markNear, type Place, type Position, placeAt, pointOf, regionsOf, viewOf } from "./place";
import { bodySites, type Site } from "./sites";
import { isWhole, placeText } from "./words";

export type { MapView } from "./drawings";
export type { Place, Position } from "./place";

/** What is known already: shown by its number where it lies. */
export interface Pin {
  id: string;
  number: number;
  /** What a screen reader says of it. */
  words: string;
  place: Place;
  /** What is healed or gone is drawn paler. */
  past?: boolean;
}

export interface BodyMapOptions {
  pins?: readonly Pin[];
  chosen?: Place | null;
  /** The sides that may be stated of a site that the body has two of; left and right unless told. */
  sides?: readonly ("R" | "L" | "B")[];
  /** Told each time a place is chosen, moved or given its side; without it nothing can be chosen. */
  onChoose?: (place: Place) => void;
  /** Told when a pin is touched. */
  onPin?: (id: string) => void;
}

export interface BodyMap {
  element: HTMLElement;
  /** Shows another place as chosen, without telling anybody; null for none. */
  choose: (place: Place | null) => void;
  /** Shows other pins. */
  pin: (pins: readonly Pin[]) => void;
}

/** A small drawing that shows one place and nothing else. */
export function bodySpot(place: Place, number: number): HTMLElement | null {
  const position = pointOf(place);
  if (!position) return null;
  const { width, height } = DRAWINGS[position.view];
  const { svg, light } = draw(position.view);
  svg.setAttribute("aria-label", messages().body.views[position.view]);
  light("chosen", place.position ? [] : regionsOf(position.view, place));
  const mark = h("span", { class: "body-pin", "aria-hidden": "true" }, number);
  put(mark, position);
  const stage = h("div", { class: "body-stage small" });
  stage.style.setProperty("--ratio", String(width / height));
  stage.append(svg, mark);
  return stage;
}

const FINGER_PX = 22;
/** How far from a site, in a drawing's units, a point may lie and still be of it. */
const STILL_OF = 60;
const STEP = 0.004;

let made = 0;

export function bodyMap(options: BodyMapOptions): BodyMap {
  return new Shown(options);
}

class Shown implements BodyMap {
  readonly element: HTMLElement;
  private readonly options: BodyMapOptions;
  private pins: readonly Pin[];
  private chosen: Place | null;
  private view: MapView;
  private drawn: Drawn;
  private sites: Site[] = [];
  private mark: (code: string | null) => void = () => undefined;
  private readonly name: string;
  private readonly stage = h("div", { class: "body-stage" });
  private readonly views = h("div", { class: "body-views", role: "radiogroup" });
  private readonly told = h("p", { class: "body-told", role: "status" });
  private readonly sides = h("div", { class: "body-sides" });
  private readonly list = h("div", {});

  constructor(options: BodyMapOptions) {
    made += 1;
    this.name = `body-${made}`;
    this.options = options;
    this.pins = options.pins ?? [];
    this.chosen = options.chosen ?? null;
    this.view = this.firstView();
    this.drawn = draw(this.view);
    this.views.setAttribute("aria-label", messages().body.view);
    this.element = h(
      "div",
      { class: `body-map${options.onChoose ? "" : " shown-only"}` },
      h("div", { class: "body-side" }, this.views, this.stage),
      h("div", { class: "body-words" }, this.told, this.sides, this.list),
    );
    this.showView(this.view);
    if (options.onChoose) void this.addList();
  }

  choose(place: Place | null): void {
    this.chosen = place;
    const at = place && pointOf(place);
    if (at && at.view !== this.view) this.showView(at.view);
    else this.update();
  }

  pin(pins: readonly Pin[]): void {
    this.pins = pins;
    this.showView(this.view);
  }

  private firstView(): MapView {
    if (this.chosen) return pointOf(this.chosen)?.view ?? "front";
    const counts = VIEWS.map((view) => ({ view, count: this.pinsOn(view).length }));
    const most = counts.reduce((one, other) => (other.count > one.count ? other : one));
    return most.view;
  }

  private pinsOn(view: MapView): { pin: Pin; position: Position }[] {
    return this.pins.flatMap((pin) => {
      const position = pointOf(pin.place);
      return position?.view === view ? [{ pin, position }] : [];
    });
  }

  private async addList(): Promise<void> {
    try {
      this.sites = await bodySites();
    } catch {
      this.list.replaceChildren(h("p", { role: "alert" }, messages().body.failed));
      return;
    }
    const { element, mark } = siteList(this.sites, (site) => this.chooseSite(site));
    element.open = matchMedia("(min-width: 901px)").matches;
    this.mark = mark;
    this.list.replaceChildren(element);
    this.update();
  }

  private showView(view: MapView): void {
    const words = messages().body;
    this.view = view;
    this.drawn = draw(view);
    const { width, height } = DRAWINGS[view];
    this.stage.style.setProperty("--ratio", String(width / height));
    this.stage.dataset.view = view;
    this.views.replaceChildren(
      ...VIEWS.map((one) => {
        const count = this.pinsOn(one).length;
        const input = h("input", {
          type: "radio",
          name: this.name,
          value: one,
          class: "visually-hidden",
          onchange: () => {
            this.showView(one);
            this.views.querySelector<HTMLElement>("input:checked")?.focus();
          },
        });
        input.checked = one === view;
        return h(
          "label",
          { class: "body-view" },
          input,
          h("span", {}, words.views[one]),
          count > 0 &&
            h("span", { class: "body-count-mark", "aria-label": words.pinsOn(count) }, count),
        );
      }),
    );
    this.listen(this.drawn.svg);
    this.update();
  }

  private listen(svg: SVGSVGElement): void {
    svg.addEventListener("click", (event) => this.touched(this.positionOf(event)));
    if (!this.options.onChoose) return;
    svg.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse") return;
      const place = placeAt(this.positionOf(event));
      this.drawn.light("pointed", place ? regionsOf(this.view, place) : []);
      this.tell(place);
    });
    svg.addEventListener("pointerleave", () => {
      this.drawn.light("pointed", []);
      this.tell(null);
    });
  }

  private positionOf({ clientX, clientY }: MouseEvent): Position {
    const { left, top, width, height } = this.stage.getBoundingClientRect();
    const within = (value: number) => Math.min(1, Math.max(0, value));
    return {
      view: this.view,
      x: within((clientX - left) / width),
      y: within((clientY - top) / height),
    };
  }

  private touched(position: Position): void {
    const { onPin, onChoose } = this.options;
    const marks = this.pinsOn(this.view);
    const unitsPerPx = DRAWINGS[this.view].width / this.stage.getBoundingClientRect().width;
    const near = onPin && markNear(marks, position, FINGER_PX * unitsPerPx);
    if (near) onPin(near.pin.id);
    else if (onChoose) this.choosePoint(position);
  }

  private choosePoint(position: Position): void {
    const place = placeAt(position);
    if (place) this.chosenBy(place);
    else this.told.textContent = messages().body.beside;
  }

  private chooseSite(site: Site): void {
    const before = this.chosen;
    const side = site.paired ? (before?.side ?? null) : null;
    const place: Place = { site: site.code, side, position: null };
    const position = before?.position;
    if (position && isOf(place, position)) place.position = position;
    const view = place.position?.view ?? viewOf(place);
    this.chosen = place;
    if (view && view !== this.view) this.showView(view);
    this.chosenBy(place);
  }

  private chosenBy(place: Place): void {
    this.chosen = place;
    this.update();
    this.options.onChoose?.(place);
  }

  private update(): void {
    const place = this.chosen;
    this.drawn.light("chosen", place ? regionsOf(this.view, place) : []);
    this.mark(place?.site ?? null);
    const spot = place?.position;
    this.stage.replaceChildren(
      this.drawn.svg,
      ...this.pinsOn(this.view).map(({ pin, position }) => this.pinButton(pin, position)),
      ...(spot && spot.view === this.view ? [this.spot(spot)] : []),
    );
    this.showSides();
    this.tell(null);
  }

  private pinButton(pin: Pin, position: Position): HTMLElement {
    const button = h(
      "button",
      {
        type: "button",
        class: `body-pin${pin.past ? " past" : ""}`,
        "aria-label": pin.words,
        "data-pin": pin.number,
        onclick: () => this.options.onPin?.(pin.id),
      },
      pin.number,
    );
    button.disabled = !this.options.onPin;
    put(button, position);
    return button;
  }

  /** The chosen point: drawn under a loupe while a finger moves it, by arrow keys as well. */
  private spot(position: Position): HTMLElement {
    const spot = h("button", {
      type: "button",
      class: "body-spot",
      "aria-label": messages().body.point,
    });
    put(spot, position);
    let loupe: Element | null = null;
    const moved = (event: PointerEvent) => {
      const to = this.positionOf(event);
      put(spot, to);
      loupe?.remove();
      const glass = h("div", { class: "body-glass" });
      glass.append(this.drawn.loupe(to.x, to.y));
      put(glass, to);
      this.stage.append(glass);
      loupe = glass;
      this.tell(placeAt(to));
    };
    spot.addEventListener("pointerdown", (event) => {
      spot.setPointerCapture(event.pointerId);
      spot.addEventListener("pointermove", moved);
    });
    const done = (event: PointerEvent) => {
      spot.removeEventListener("pointermove", moved);
      if (!loupe) return;
      loupe.remove();
      loupe = null;
      this.choosePoint(this.positionOf(event));
      put(spot, this.chosen?.position ?? position);
    };
    spot.addEventListener("pointerup", done);
    spot.addEventListener("pointercancel", done);
    spot.addEventListener("keydown", (event) => this.nudge(event, position));
    return spot;
  }

  private nudge(event: KeyboardEvent, { view, x, y }: Position): void {
    const steps: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const { width, height } = DRAWINGS[view];
    const far = event.shiftKey ? 5 * STEP : STEP;
    const to = { view, x: x + step[0] * far, y: y + (step[1] * far * width) / height };
    if (!placeAt(to)) return;
    this.choosePoint(to);
    this.stage.querySelector<HTMLElement>(".body-spot")?.focus();
  }

  private showSides(): void {
    const words = messages().body;
    const place = this.chosen;
    const site = this.sites.find(({ code }) => code === place?.site);
    this.sides.hidden = !place || !site?.paired || !this.options.onChoose;
    if (!place || this.sides.hidden) return;
    this.sides.replaceChildren(
      h(
        "fieldset",
        {},
        h("legend", {}, words.side),
        ...(this.options.sides ?? (["R", "L"] as const)).map((side) => {
          const input = h("input", {
            type: "radio",
            name: `${this.name}-side`,
            value: side,
            class: "visually-hidden",
            onchange: () => this.chooseSide(side),
          });
          input.checked = place.side === side;
          return h("label", { class: "body-view" }, input, h("span", {}, words.sides[side]));
        }),
      ),
    );
  }

  private chooseSide(side: "R" | "L" | "B"): void {
    if (!this.chosen) return;
    const { site, position } = this.chosen;
    const place: Place = { site, side, position: null };
    if (position && isOf(place, position)) place.position = position;
    this.chosenBy(place);
    this.sides.querySelector<HTMLElement>("input:checked")?.focus();
  }

  /** Names what is pointed at, else what is chosen. */
  private tell(pointed: Place | null): void {
    const words = messages().body;
    if (!this.options.onChoose) return;
    const place = pointed ?? this.chosen;
    if (!place) this.told.textContent = words.touch;
    else this.told.textContent = placeText(place, this.sites);
    const wants = !pointed && place?.side === null && !isWhole(place, this.sites);
    if (wants && this.sites.length > 0) this.told.append(` · ${words.whichSide}`);
    this.told.classList.toggle("chosen", !pointed && place !== null);
  }
}

/** Whether a point may be of that site, as far as the drawing tells. */
function isOf(place: Place, { view, x, y }: Position): boolean {
  const { width, height } = DRAWINGS[view];
  return regionsOf(view, place).some(
    ({ area }) => distance(area, [x * width, y * height]) <= STILL_OF,
  );
}

function put(element: HTMLElement, { x, y }: Position): void {
  element.style.left = `${100 * x}%`;
  element.style.top = `${100 * y}%`;
}
