/** One line for one exam, wherever it is held; and which lines are looked at. */

import { folded } from "../body/sites";
import type { Answer, Line, Study } from "./calls";

export type Kind = "slide" | "photo" | "radiology" | "report";
export const KINDS: readonly Kind[] = ["slide", "photo", "radiology", "report"];

/** A study, and the archive that tells of it. */
export interface Held {
  archive: string;
  establishment: string;
  study: Study;
}

/** One exam: as it is known here, where else it is shown, and in the archives that hold it. */
export interface Item {
  /** The first of its keys, which stays the same while answers come in. */
  id: string;
  keys: string[];
  /** One's own where there is one. */
  line: Line | null;
  also: Line[];
  held: Held[];
}

const PHOTOGRAPHS = new Set(["XC", "DMS", "GM", "OP", "ES"]);
const DOCUMENTS = new Set(["DOC", "SR", "KO", "PR", "OT"]);

export function merged(lines: readonly Line[], answers: readonly Answer[]): Item[] {
  const found = new Merging();
  for (const line of [...lines].sort((one, other) => Number(other.own) - Number(one.own)))
    found.put({ id: line.keys[0] ?? line.exam, keys: [...line.keys], line, also: [], held: [] });
  for (const { archive, establishment, studies } of answers)
    for (const study of studies)
      found.put({
        id: study.keys[0] ?? study.study_instance_uid,
        keys: [...study.keys],
        line: null,
        also: [],
        held: [{ archive, establishment, study }],
      });
  return found.items
    .map((item) => ({ item, moment: momentOf(item) }))
    .sort((one, other) => (one.moment < other.moment ? 1 : one.moment > other.moment ? -1 : 0))
    .map(({ item }) => item);
}

/** The lines so far, found by their keys: a patient may have thousands. */
class Merging {
  /** Each with its turn, in which they came. */
  private readonly turns = new Map<Item, number>();
  private readonly byKey = new Map<string, Item[]>();
  private came = 0;

  get items(): Item[] {
    return [...this.turns.keys()];
  }

  put(found: Item): void {
    const same = [...new Set(found.keys.flatMap((key) => this.byKey.get(key) ?? []))];
    same.sort((one, other) => this.turnOf(one) - this.turnOf(other));
    // The very study before another of its order.
    const first = same.find(({ keys }) => keys.includes(found.id)) ?? same[0];
    // Two exams of one order that stand here are two: each has images of its own.
    if (!first || (found.line?.own && first.line?.own)) {
      this.turns.set(found, this.came++);
      this.index(found, found.keys);
      return;
    }
    // What comes may be what shows that two lines are one.
    for (const one of [...same.filter((item) => item !== first && !item.line?.own), found]) {
      this.index(first, one.keys);
      first.keys = [...new Set([...first.keys, ...one.keys])];
      first.also.push(...linesOf(one));
      first.held.push(...one.held);
      if (this.turns.delete(one)) this.forget(one);
    }
    if (!first.line) first.line = first.also.shift() ?? null;
  }

  private turnOf(item: Item): number {
    return this.turns.get(item) ?? 0;
  }

  private index(item: Item, keys: readonly string[]): void {
    for (const key of keys) {
      const there = this.byKey.get(key) ?? [];
      if (!there.includes(item)) this.byKey.set(key, [...there, item]);
    }
  }

  private forget(item: Item): void {
    for (const key of item.keys)
      this.byKey.set(
        key,
        (this.byKey.get(key) ?? []).filter((one) => one !== item),
      );
  }
}

const linesOf = ({ line, also }: Item) => (line ? [line, ...also] : also);

/** The day, YYYY-MM-DD, where somebody says one. */
export function dayOfItem(item: Item): string | null {
  return momentOf(item).slice(0, 10) || null;
}

/** What lines are sorted by: by the clock of where they are looked at. */
function momentOf({ line, held }: Item): string {
  if (line) return localMoment(line.on);
  const study = held[0]?.study;
  return study?.on ? `${study.on}T${study.at ?? ""}` : "";
}

function localMoment(moment: string): string {
  const at = new Date(moment);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

export function kindsOf(item: Item): Kind[] {
  const found = new Set<Kind>();
  for (const one of linesOf(item)) {
    if (one.slides) found.add("slide");
    if (one.photographs) found.add("photo");
    if (one.reports.length) found.add("report");
  }
  for (const { study } of item.held) for (const kind of kindsOfStudy(study)) found.add(kind);
  return KINDS.filter((kind) => found.has(kind));
}

function kindsOfStudy({ modalities }: Study): Kind[] {
  const kinds = modalities
    .filter((one) => !DOCUMENTS.has(one))
    .map((one): Kind => (one === "SM" ? "slide" : PHOTOGRAPHS.has(one) ? "photo" : "radiology"));
  return kinds.length > 0 ? kinds : [modalities.includes("DOC") ? "report" : "radiology"];
}

/** Where it is known, the place of its line first. */
export function establishmentsOf(item: Item): string[] {
  const places = [...linesOf(item), ...item.held];
  return [...new Set(places.map(({ establishment }) => establishment))];
}

export interface Wanted {
  /** None means all. */
  kinds: ReadonlySet<Kind>;
  establishment: string | null;
  /** The first day, YYYY-MM-DD. */
  since: string | null;
  query: string;
}

/** Whether a line is looked at; `text` is all that it shows in words. */
export function isWanted(item: Item, text: string, wanted: Wanted): boolean {
  const { kinds, establishment, since, query } = wanted;
  if (kinds.size > 0 && !kindsOf(item).some((kind) => kinds.has(kind))) return false;
  if (establishment && !establishmentsOf(item).includes(establishment)) return false;
  const day = dayOfItem(item);
  // What has no day is not hidden by one.
  if (since && day && day < since) return false;
  const said = folded(text);
  return folded(query)
    .split(" ")
    .every((word) => said.includes(word));
}

/** So many years before a day, YYYY-MM-DD. */
export function yearsBefore(years: number, now: Date): string {
  const at = new Date(now);
  at.setFullYear(at.getFullYear() - years);
  return localMoment(at.toISOString()).slice(0, 10);
}
