/**
 * The lines of a long list as they stand on the page, under the heading of their year.
 *
 * Lines are put in a slice at a time, so that the first are there at once and keys are answered
 * between; and what stands already as it should is not touched, whatever comes above or below it.
 */

import { h } from "../dom";
import { keepOpen } from "../pages/framed";

/** How many lines are put in before the browser is given its turn: more than a screen shows. */
export const SLICE = 60;

/** A line that is to be there; `said` changes when another thing is to be said of it. */
export interface Wanted {
  id: string;
  said: string;
  heading: string;
  draw: () => HTMLElement;
}

interface Section {
  element: HTMLElement;
  rows: HTMLElement;
}

export class Drawn {
  readonly element: HTMLElement;
  private readonly rows = new Map<string, { said: string; element: HTMLElement }>();
  private readonly sections = new Map<string, Section>();
  private wanted: readonly Wanted[] = [];
  private next: number | undefined;

  constructor(element: HTMLElement) {
    this.element = element;
  }

  /** Each with an id of its own, in the order in which they are to stand. */
  show(wanted: readonly Wanted[]): void {
    this.wanted = wanted;
    const ids = new Set(wanted.map(({ id }) => id));
    for (const [id, { element }] of this.rows) if (!ids.has(id)) element.remove();
    const headings = new Set(wanted.map(({ heading }) => heading));
    for (const [heading, { element }] of this.sections)
      if (!headings.has(heading)) element.remove();
    this.slice();
  }

  private slice(): void {
    clearTimeout(this.next);
    let left = SLICE;
    const sections: HTMLElement[] = [];
    for (const [heading, wanted] of byHeading(this.wanted)) {
      const { element, rows } = this.section(heading);
      const standing: HTMLElement[] = [];
      for (const one of wanted) {
        const there = this.there(one, rows);
        const isDue = !there || this.rows.get(one.id)?.said !== one.said;
        const row = isDue && left-- > 0 ? this.drawn(one) : there;
        if (row) standing.push(row);
      }
      arrange(rows, standing);
      if (standing.length > 0) sections.push(element);
    }
    arrange(this.element, sections);
    if (left < 0) this.next = setTimeout(() => this.slice());
  }

  /** The line as it stands in its place, though it may say what was true before. */
  private there({ id }: Wanted, rows: HTMLElement): HTMLElement | null {
    const element = this.rows.get(id)?.element;
    return element?.parentElement === rows ? element : null;
  }

  private drawn({ id, said, draw }: Wanted): HTMLElement {
    const before = this.rows.get(id);
    if (before?.said === said) return before.element;
    const element = draw();
    if (before) keepOpen(before.element, element);
    before?.element.remove();
    this.rows.set(id, { said, element });
    return element;
  }

  private section(heading: string): Section {
    const known = this.sections.get(heading);
    if (known) return known;
    const rows = h("ul", { class: "timeline-rows" });
    const title = h("h2", { class: "timeline-year" }, heading);
    const made = { element: h("section", { "aria-label": heading }, title, rows), rows };
    this.sections.set(heading, made);
    return made;
  }
}

function byHeading(wanted: readonly Wanted[]): Map<string, Wanted[]> {
  const found = new Map<string, Wanted[]>();
  for (const one of wanted) {
    const together = found.get(one.heading) ?? [];
    together.push(one);
    found.set(one.heading, together);
  }
  return found;
}

/** Brings children into this order; those that stand in it already are not moved. */
function arrange(parent: HTMLElement, children: readonly HTMLElement[]): void {
  let at = parent.firstElementChild;
  for (const child of children) {
    if (at === child) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  }
}
