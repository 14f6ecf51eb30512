/** Pins on an overview: placed by a touch, moved by a finger or by arrow keys. */

import { h, icon } from "../dom";
import { messages } from "../i18n";
import { askLesion } from "./lesion";
import type { Live } from "./live";
import type { Pin, Shot } from "./model";
import { named, redraw } from "./redraw";
import { shotPicture } from "./sort";
import { lesionText } from "./words";

const STEP = 0.01;
const FAR = 5;
const MOVES: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** The pins with this one in place of the lesion's own, of which there is one. */
export function withPin(pins: readonly Pin[], pin: Pin): Pin[] {
  const others = pins.filter(({ lesion }) => lesion !== pin.lesion);
  return others.length === pins.length
    ? [...pins, pin]
    : pins.map((one) => (one.lesion === pin.lesion ? pin : one));
}

export class Pins {
  readonly element: HTMLElement;
  private readonly live: Live;
  private readonly name: string;
  private readonly layer = h("div", { class: "pins-layer" });
  private readonly stage: HTMLElement;
  private readonly list = h("div", { class: "pins-list" });
  private readonly hint = h("p", { class: "pins-hint faint", role: "status" });
  /** The lesion that the next touch is for. */
  private next: string | null = null;

  constructor(live: Live, name: string) {
    const words = messages().capture;
    this.live = live;
    this.name = name;
    const shot = this.shot();
    this.stage = h("div", { class: "pins-stage" }, shot && shotPicture(live, shot), this.layer);
    this.layer.addEventListener("click", (event) => {
      if (event.target === this.layer) this.touched(this.pointOf(event));
    });
    this.element = h(
      "div",
      { class: "pins" },
      this.stage,
      h("section", { "aria-label": words.pins }, this.hint, this.list),
    );
    this.update();
  }

  update(): void {
    const words = messages().capture;
    const shot = this.shot();
    if (!shot) return;
    const { pins } = shot.said;
    redraw(this.layer, ...pins.flatMap((pin) => this.pinButton(pin) ?? []));
    const waiting = this.live.lesion(this.next);
    this.hint.textContent = waiting ? words.pinPlace(waiting.tracking_id) : words.pinsHint;
    const placed = new Set(pins.map(({ lesion }) => lesion));
    redraw(
      this.list,
      ...this.live.lesions.map((lesion) =>
        h(
          "button",
          {
            ...named(`of-${lesion.id}`),
            type: "button",
            class: "chip",
            "aria-pressed": String(this.next === lesion.id || placed.has(lesion.id)),
            onclick: (event: MouseEvent) => this.picked(lesion.id, event.detail === 0),
          },
          placed.has(lesion.id) && icon("check"),
          lesionText(lesion),
        ),
      ),
      h(
        "button",
        {
          ...named("new"),
          type: "button",
          class: "chip",
          onclick: (event: MouseEvent) => this.add(event.detail === 0),
        },
        icon("plus"),
        words.lesionNew,
      ),
    );
  }

  private shot(): Shot | undefined {
    return this.live.session.shots.find(({ name }) => name === this.name);
  }

  private pin(pin: Pin): void {
    const pins = this.shot()?.said.pins ?? [];
    this.next = null;
    this.live.happen({ what: "pinned", name: this.name, pins: withPin(pins, pin) });
  }

  private unpin(lesion: string): void {
    const pins = (this.shot()?.said.pins ?? []).filter((one) => one.lesion !== lesion);
    this.live.happen({ what: "pinned", name: this.name, pins });
    this.list.querySelector<HTMLElement>(`[data-named="of-${CSS.escape(lesion)}"]`)?.focus();
  }

  private pointOf({ clientX, clientY }: MouseEvent): { x: number; y: number } {
    const { left, top, width, height } = this.layer.getBoundingClientRect();
    return { x: (clientX - left) / width, y: (clientY - top) / height };
  }

  private touched(at: { x: number; y: number }): void {
    if (this.next) this.pin({ lesion: this.next, ...at });
    else this.ask((lesion) => this.pin({ lesion, ...at }));
  }

  private ask(told: (lesion: string) => void): void {
    const stated = this.shot()?.said.stated;
    askLesion(this.live, {
      now: null,
      site: stated?.site ?? null,
      side: stated?.side ?? null,
      onLesion: (lesion) => lesion && told(lesion),
      must: true,
    });
  }

  /** By keyboard a pin begins in the middle, from where arrow keys take it; by touch it waits. */
  private picked(lesion: string, byKeyboard: boolean): void {
    const known = this.shot()?.said.pins.some((pin) => pin.lesion === lesion);
    if (!known && !byKeyboard) {
      this.next = this.next === lesion ? null : lesion;
      this.update();
      return;
    }
    if (!known) this.pin({ lesion, x: 0.5, y: 0.5 });
    this.focusPin(lesion);
  }

  private add(byKeyboard: boolean): void {
    this.ask((lesion) => this.picked(lesion, byKeyboard));
  }

  private focusPin(lesion: string): void {
    this.layer.querySelector<HTMLElement>(`[data-named="pin-${CSS.escape(lesion)}"]`)?.focus();
  }

  private pinButton(pin: Pin): HTMLElement | null {
    const words = messages().capture;
    const lesion = this.live.lesion(pin.lesion);
    if (!lesion) return null;
    const percent = (share: number) => Math.round(100 * share);
    const button = h(
      "button",
      {
        ...named(`pin-${pin.lesion}`),
        type: "button",
        class: "pin",
        title: words.pinsKeys,
        "aria-label": words.pinAt(lesion.tracking_id, percent(pin.x), percent(pin.y)),
        "aria-keyshortcuts": "ArrowLeft ArrowRight ArrowUp ArrowDown Delete",
      },
      lesion.tracking_id,
    );
    put(button, pin);
    button.addEventListener("keydown", (event) => this.keyed(event, pin));
    button.addEventListener("pointerdown", (event) => this.dragged(event, button, pin));
    return button;
  }

  private keyed(event: KeyboardEvent, pin: Pin): void {
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      this.unpin(pin.lesion);
      return;
    }
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    const step = event.shiftKey ? FAR * STEP : STEP;
    this.pin({ ...pin, x: pin.x + step * move[0], y: pin.y + step * move[1] });
  }

  private dragged({ pointerId }: PointerEvent, button: HTMLElement, pin: Pin): void {
    button.setPointerCapture(pointerId);
    let at = pin;
    const move = (event: PointerEvent) => {
      at = { ...pin, ...this.pointOf(event) };
      put(button, at);
    };
    const done = () => {
      button.removeEventListener("pointermove", move);
      if (at !== pin) this.pin(at);
    };
    button.addEventListener("pointermove", move);
    button.addEventListener("pointerup", done, { once: true });
    button.addEventListener("pointercancel", done, { once: true });
  }
}

function put(element: HTMLElement, { x, y }: Pick<Pin, "x" | "y">): void {
  element.style.left = `${100 * x}%`;
  element.style.top = `${100 * y}%`;
}
