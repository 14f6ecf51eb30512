/** Lesions as the server tells them, and asking about them. */

import { ask, type Cover, type Exam, type ImageState, type Patient } from "../api";
import type { Position } from "../body/place";
import type { Site } from "../body/sites";

export type EventKind = "first-seen" | "followed" | "excised" | "healed";

export interface LesionEvent {
  kind: EventKind;
  /** A day, YYYY-MM-DD. */
  on: string;
  by: string;
}

export interface Lesion {
  id: string;
  patient: string;
  number: number;
  site: Site;
  side: "R" | "L" | "U";
  label: string;
  position: Position | null;
  status: EventKind;
  history: LesionEvent[];
  biopsies: string[];
  photographs: number;
  latest: { image: string; taken_at: string; thumbnail: string; covered?: Cover | null } | null;
}

export type PhotoView = "overview" | "close-up" | "dermoscopy" | "total-body";

export interface Measure {
  id: string;
  image: string;
  start: [number, number];
  end: [number, number];
  mm: number;
  uncertainty_mm: number;
  /** `stated`, or `ruler` and the version of what read it. */
  scale: string;
  measured_at: string;
  /** The version of the method whose proposal it is; null for what was marked by hand. */
  proposed_by: string | null;
}

export interface Photo {
  image: string;
  exam: string;
  state: ImageState;
  taken_at: string;
  view: PhotoView;
  thumbnail: string;
  covered?: Cover | null;
  measures: Measure[];
}

/** An overview that leads to a lesion; pins are in fractions of its width and height. */
export interface Overview {
  image: string;
  taken_at: string;
  thumbnail: string;
  covered?: Cover | null;
  pins: { lesion: string; number: number; x: number; y: number }[];
}

export interface Pictures {
  photographs: Photo[];
  overviews: Overview[];
}

export interface Whose {
  key: string;
  patient: Patient | null;
  exams: Exam[];
}

export interface Comparison {
  state: "waiting" | "done";
  aligned: boolean;
  matrix: [[number, number, number], [number, number, number], [number, number, number]] | null;
  reason: string | null;
  version: string | null;
}

export interface Ruler {
  state: "waiting" | "done";
  mm_per_pixel: number | null;
  row_mm_per_pixel: number | null;
  uncertainty_mm: number | null;
  reason: string | null;
  scale: string | null;
  version: string | null;
}

const named = (id: string) => encodeURIComponent(id);

export const getPatient = (key: string) => ask<Whose>("GET", `/api/patients/${named(key)}`);

export async function getLesions(patient: string): Promise<Lesion[]> {
  const path = `/api/patients/${named(patient)}/lesions`;
  return (await ask<{ lesions: Lesion[] }>("GET", path)).lesions;
}

export const getLesion = (lesion: string) => ask<Lesion>("GET", `/api/lesions/${named(lesion)}`);

export const getPictures = (lesion: string) =>
  ask<Pictures>("GET", `/api/lesions/${named(lesion)}/photographs`);

export const getPhotos = async (lesion: string) => (await getPictures(lesion)).photographs;

export interface NewLesion {
  patient: string;
  site: string;
  side: "R" | "L" | null;
  label: string;
  position: Position | null;
  first_seen: string;
  by: string;
}

export const makeLesion = (said: NewLesion) => ask<Lesion>("POST", "/api/lesions", said);

export const addEvent = (lesion: string, event: LesionEvent) =>
  ask<Lesion>("POST", `/api/lesions/${named(lesion)}/history`, event);

export const linkBiopsy = (lesion: string, exam: string) =>
  ask<Lesion>("POST", `/api/lesions/${named(lesion)}/biopsies`, { exam });

export const unlinkBiopsy = (lesion: string, exam: string) =>
  ask<Lesion>("DELETE", `/api/lesions/${named(lesion)}/biopsies/${named(exam)}`);

const ASK_AGAIN_MS = 1000;

/** Asks until a worker has answered, or the page is left. */
export async function answered<T extends { state: "waiting" | "done" }>(
  asking: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  let answer = await asking();
  while (answer.state === "waiting" && !signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    if (!signal.aborted) answer = await asking();
  }
  return answer;
}

export function getComparison(
  lesion: string,
  first: string,
  second: string,
  signal: AbortSignal,
): Promise<Comparison> {
  const query = new URLSearchParams({ first, second });
  const path = `/api/lesions/${named(lesion)}/comparison?${query}`;
  return answered(() => ask<Comparison>("GET", path), signal);
}

export const getRuler = (image: string, signal: AbortSignal) =>
  answered(() => ask<Ruler>("GET", `/api/images/${named(image)}/ruler`), signal);

export interface Proposal {
  state: "waiting" | "done";
  start: [number, number] | null;
  end: [number, number] | null;
  marking_px: number | null;
  reason: string | null;
  version: string | null;
}

export const getProposal = (image: string, signal: AbortSignal) =>
  answered(() => ask<Proposal>("GET", `/api/images/${named(image)}/diameter`), signal);

export interface Marked {
  start: [number, number];
  end: [number, number];
  marking_px: number;
}

export const keepMeasure = (image: string, said: Marked) =>
  ask<Measure>("POST", `/api/images/${named(image)}/measures`, said);

export const forgetMeasure = (image: string, measure: string) =>
  ask<void>("DELETE", `/api/images/${named(image)}/measures/${named(measure)}`);
