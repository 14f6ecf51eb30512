/** Lesions and their photographs in the order of visits; pure, and without words. */

import type { Place } from "../body/place";
import type { Lesion, Photo } from "./calls";

/** The day of a moment where the reader is, YYYY-MM-DD. */
export function dayOf(moment: string | Date): string {
  const date = typeof moment === "string" ? new Date(moment) : moment;
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export interface Visit {
  day: string;
  photos: Photo[];
}

/** The photographs of each day, the last day first, those of a day in their order. */
export function visitsOf(photos: readonly Photo[]): Visit[] {
  const visits: Visit[] = [];
  for (const photo of [...photos].sort((a, b) => a.taken_at.localeCompare(b.taken_at))) {
    const day = dayOf(photo.taken_at);
    const last = visits[0];
    if (last?.day === day) last.photos.push(photo);
    else visits.unshift({ day, photos: [photo] });
  }
  return visits;
}

/** The days on which something was seen of a patient's lesions, in their order. */
export function daysOf(lesions: readonly Lesion[]): string[] {
  const days = lesions.flatMap(({ history, latest }) => [
    ...history.map(({ on }) => on),
    ...(latest ? [dayOf(latest.taken_at)] : []),
  ]);
  return [...new Set(days)].sort();
}

/** The day of the visit before the last; null where there was but one. */
export function visitBefore(lesions: readonly Lesion[]): string | null {
  return daysOf(lesions).at(-2) ?? null;
}

/** Lesions first seen after a day. */
export function newSince(lesions: readonly Lesion[], day: string): Lesion[] {
  return lesions.filter(({ history }) => (history[0]?.on ?? "") > day);
}

export const isPast = ({ status }: Pick<Lesion, "status">) =>
  status === "excised" || status === "healed";

export function placeOf({ site, side, position }: Lesion): Place {
  return { site: site.code, side: side === "U" ? null : side, position };
}

/**
 * The pair that a reader wants first: the last photograph, and the one before it of the same view
 * on another day, else on another day, else at all. Null for fewer than two.
 */
export function pairOf(photos: readonly Photo[]): [first: Photo, second: Photo] | null {
  const shown = photos
    .filter(({ state }) => state === "published")
    .sort((a, b) => a.taken_at.localeCompare(b.taken_at));
  const best = (second: Photo): Photo | undefined => {
    const before = shown.slice(0, shown.indexOf(second)).reverse();
    const otherDays = before.filter((one) => dayOf(one.taken_at) !== dayOf(second.taken_at));
    return otherDays.find(({ view }) => view === second.view);
  };
  // Of one visit's pictures, dermoscopy tells most, where there was some before.
  const last = shown.at(-1);
  if (!last || shown.length < 2) return null;
  const today = shown.filter((one) => dayOf(one.taken_at) === dayOf(last.taken_at));
  const seconds = [...today.filter(({ view }) => view === "dermoscopy"), ...today.reverse()];
  for (const second of seconds) {
    const first = best(second);
    if (first) return [first, second];
  }
  const first = shown.at(-2);
  return first ? [first, last] : null;
}
