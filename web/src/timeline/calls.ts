/** A patient's timeline as the server tells it, and the archives, each asked by itself. */

import { ask, type ImageSummary, type Patient } from "../api";
import type { Report } from "../reports/calls";

/** An exam that is known here; two that share one of their keys are one exam. */
export interface Line {
  exam: string;
  own: boolean;
  establishment: string;
  on: string;
  keys: string[];
  accession_number: string | null;
  is_provisional: boolean;
  case: string | null;
  slides: number;
  photographs: number;
  images: ImageSummary[];
  stains: string[];
  lesions: { id: string; number: number }[];
  places: { site: string; side: string }[];
  reports: Report[];
}

export interface Timeline {
  key: string;
  patient: Patient | null;
  establishment: string;
  objects: boolean;
  lines: Line[];
  archives: { name: string; establishment: string }[];
}

/** A study that an archive holds; `address` is where its own viewer shows it. */
export interface Study {
  study_instance_uid: string;
  keys: string[];
  on: string | null;
  at: string | null;
  description: string;
  modalities: string[];
  body_part: string;
  accession_number: string;
  institution: string;
  series: number;
  instances: number;
  address: string | null;
}

/** Only `answered` without studies means that there is nothing. */
export interface Answer {
  archive: string;
  establishment: string;
  state: "answered" | "partial" | "silent" | "lacks";
  studies: Study[];
  to_be_looked_into: number;
  of_others: number;
}

const pathOf = (patient: string) => `/api/patients/${encodeURIComponent(patient)}`;

export const getTimeline = (patient: string) => ask<Timeline>("GET", `${pathOf(patient)}/timeline`);

export const askArchive = (patient: string, archive: string) =>
  ask<Answer>("GET", `${pathOf(patient)}/archives/${encodeURIComponent(archive)}`);

/** Where another establishment's exam opens, once. */
export const openAcross = async (patient: string, exam: string) =>
  (await ask<{ link: string }>("POST", `${pathOf(patient)}/shown/${encodeURIComponent(exam)}`))
    .link;

export const stateObjection = (patient: string, objects: boolean) =>
  ask<void>("POST", `${pathOf(patient)}/objection`, { objects });
