/** What of the timeline is looked at: kinds, place, period and words. */

import { h, type IconName, icon } from "../dom";
import { messages } from "../i18n";
import { KINDS, type Kind, type Wanted, yearsBefore } from "./model";

export type Choice = Record<Kind, number>;
const ICONS: Record<Kind, IconName> = {
  slide: "slide",
  photo: "photo",
  radiology: "strip",
  report: "file",
};
const YEARS = { all: 0, one: 1, five: 5 } as const;

export class Tools {
  readonly element: HTMLElement;
  private readonly query: HTMLInputElement;
  private readonly places: HTMLSelectElement;
  private readonly place: HTMLElement;
  private readonly period: HTMLSelectElement;
  private readonly counted = h("span", { class: "count", role: "status" });
  private readonly buttons = new Map<Kind, HTMLButtonElement>();
  private readonly changed: () => void;
  private offered: string[] = [];

  constructor(changed: () => void) {
    const words = messages().timeline;
    this.changed = changed;
    this.query = h("input", {
      type: "search",
      "aria-label": words.filter,
      placeholder: words.filterHint,
      oninput: changed,
    });
    this.places = h("select", { "aria-label": words.site, onchange: changed });
    this.place = h("span", { hidden: true }, this.places);
    this.period = h(
      "select",
      { "aria-label": words.period, onchange: changed },
      ...(Object.keys(YEARS) as (keyof typeof YEARS)[]).map((one) =>
        h("option", { value: one }, words.periods[one]),
      ),
    );
    for (const kind of KINDS)
      this.buttons.set(
        kind,
        h("button", {
          type: "button",
          class: "toggle",
          "aria-pressed": "false",
          onclick: () => this.toggle(kind),
        }),
      );
    this.element = h(
      "div",
      { class: "timeline-tools", role: "search", "aria-label": words.filter },
      h("span", { class: "timeline-query" }, icon("search"), this.query),
      h("span", { class: "timeline-toggles" }, ...this.buttons.values()),
      this.place,
      this.period,
      this.counted,
    );
  }

  wanted(now = new Date()): Wanted {
    const years = YEARS[this.period.value as keyof typeof YEARS] ?? 0;
    return {
      kinds: new Set(KINDS.filter((kind) => this.isPressed(kind))),
      establishment: this.places.value || null,
      since: years ? yearsBefore(years, now) : null,
      query: this.query.value,
    };
  }

  /** The places that there are; one alone is no choice. */
  offer(places: readonly string[]): void {
    const all = [...new Set(places)].filter(Boolean).sort((one, other) => one.localeCompare(other));
    this.place.hidden = all.length < 2;
    if (all.join("\n") === this.offered.join("\n")) return;
    this.offered = all;
    const { value } = this.places;
    this.places.replaceChildren(
      h("option", { value: "" }, messages().timeline.everywhere),
      ...all.map((one) => h("option", { value: one }, one)),
    );
    this.places.value = all.includes(value) ? value : "";
  }

  count(said: string, kinds: Choice): void {
    if (this.counted.textContent !== said) this.counted.textContent = said;
    for (const [kind, button] of this.buttons) {
      button.hidden = kinds[kind] === 0 && !this.isPressed(kind);
      button.replaceChildren(
        icon(ICONS[kind]),
        messages().timeline.kinds[kind],
        h("span", { class: "faint" }, kinds[kind]),
      );
    }
  }

  toggle(kind: Kind): void {
    const button = this.buttons.get(kind);
    if (!button || button.hidden) return;
    button.setAttribute("aria-pressed", String(!this.isPressed(kind)));
    this.changed();
  }

  focus(): void {
    this.query.focus();
    this.query.select();
  }

  clear(): void {
    this.query.value = this.places.value = "";
    this.period.value = "all";
    for (const button of this.buttons.values()) button.setAttribute("aria-pressed", "false");
    this.changed();
  }

  private isPressed(kind: Kind): boolean {
    return this.buttons.get(kind)?.getAttribute("aria-pressed") === "true";
  }
}
