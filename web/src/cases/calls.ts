/** Cases as the server tells of them, and the one thing that is asked of it: to link a slide. */

import { ask, type ImageSummary, type Patient } from "../api";

export type Priority = "routine" | "urgent" | "frozen";

/** Where a slide stands in its case. */
export interface Place {
  specimen: string;
  block: string;
  slide: string;
}

export interface Foreign {
  number: string;
  issuer: string | null;
}

export interface Scan {
  image: ImageSummary;
  scanned_at: string;
  moving: boolean;
}

/** The first scan counts; the others are older. */
export interface Glass extends Place {
  stain: string;
  recut: string;
  foreign: Foreign | null;
  expected: boolean;
  scans: Scan[];
}

export interface Block {
  name: string;
  description: string;
  foreign: Foreign | null;
  slides: Glass[];
}

export interface Specimen {
  name: string;
  description: string;
  blocks: Block[];
}

export type Why =
  | "linked"
  | "unreadable"
  | "unknown"
  | "ambiguous"
  | "conflict"
  | "doubtful"
  | "other-patient"
  | "other-order"
  | "moved"
  | "unexpected";

/** A slide that is linked to nothing, and the place that its label means. */
export interface Waiting extends Place {
  image: ImageSummary;
  why: Why;
  texts: string[];
  accession_number: string | null;
  case: string | null;
  patient: Patient | null;
}

interface Named {
  id: string;
  accession_number: string;
  issuer: string | null;
  priority: Priority;
  patients: Patient[];
}

export interface Case extends Named {
  patient_key: string | null;
  /** The exam that holds its slides, by which reading is kept. */
  exam: string | null;
  orders: { number: string; priority: Priority; cancelled: boolean; consult: boolean }[];
  specimens: Specimen[];
  waiting: Waiting[];
}

export interface CaseSummary extends Named {
  cancelled: boolean;
  said_at: string;
  expected: number;
  scanned: number;
}

const pathOf = (id: string) => `/api/cases/${encodeURIComponent(id)}`;

export const getCase = (id: string) => ask<Case>("GET", pathOf(id));

/** As many as one answer holds, after the first ones. */
export const getCases = (offset: number) =>
  ask<{ cases: CaseSummary[]; more: boolean }>("GET", `/api/cases?offset=${offset}`);

export const getWaiting = async () =>
  (await ask<{ slides: Waiting[] }>("GET", "/api/cases/waiting")).slides;

export const linkSlide = (image: string, to: string, { specimen, block, slide }: Place) =>
  ask<Case>("POST", `/api/images/${encodeURIComponent(image)}/link`, {
    case: to,
    specimen,
    block,
    slide,
  });

/** All slides of a case, in the order of its page. */
export const glassesOf = (one: Pick<Case, "specimens">): Glass[] =>
  one.specimens.flatMap(({ blocks }) => blocks.flatMap(({ slides }) => slides));

/** "A1-2", as laboratories write it. */
export function placeText({ specimen, block, slide }: Place): string {
  return [`${specimen}${block}`, slide].filter(Boolean).join("-");
}
