/** Reports as the server tells of them. */

import { ask, type Patient } from "../api";

export type Status = "preliminary" | "final" | "amended" | "withdrawn";

/** One document of one version of a report. */
export interface Report {
  id: string;
  exam: string;
  number: string;
  version: number;
  is_newest: boolean;
  part: number;
  replaces: number | null;
  is_addendum: boolean;
  status: Status;
  title: string;
  media_type: string | null;
  said_at: string;
}

/**
 * What a document says: its lines, or the text of each page that is seen as a picture: of those of
 * a long document (`page_count`) the first ones.
 */
export interface Seen {
  blocks: { kind: "heading" | "text" | "row" | "attachment"; text: string; level: number }[];
  pages: string[];
  page_count: number;
}

export interface WaitingReport {
  id: string;
  title: string;
  why: "unknown" | "conflict" | "other-patient" | "doubtful";
  status: Status;
  accession_number: string;
  said_at: string;
  named: Patient | null;
  ordered: Patient[];
  case: string | null;
}

const pathOf = (id: string) => `/api/reports/${encodeURIComponent(id)}`;

const listed = async (path: string) =>
  (await ask<{ reports: Report[] }>("GET", `${path}/reports`)).reports;

export const reportsOfExam = (id: string) => listed(`/api/exams/${encodeURIComponent(id)}`);

export const reportsOfCase = (id: string) => listed(`/api/cases/${encodeURIComponent(id)}`);

export const getSeen = (id: string) => ask<Seen>("GET", `${pathOf(id)}/view`);

export const contentAddress = (id: string) => `${pathOf(id)}/content`;

export const pageAddress = (id: string, page: number) => `${pathOf(id)}/pages/${page}`;

export const getWaitingReports = async () =>
  (await ask<{ reports: WaitingReport[] }>("GET", "/api/reports/waiting")).reports;

export const fileReport = (id: string) => ask<void>("POST", `${pathOf(id)}/file`);

/**
 * The documents that a version is read by: what was said before stands where it says its status
 * alone, unless it is withdrawn.
 */
export function readBy(one: Report, all: Report[]): Report[] {
  if (one.media_type !== null) return [one];
  const earlier = one.status === "withdrawn" ? null : before(one, all);
  if (earlier === null) return [];
  const parts = all.filter(
    ({ number, exam, version }) =>
      number === one.number && exam === one.exam && version === earlier.version,
  );
  return parts.sort((a, b) => a.part - b.part).flatMap((part) => readBy(part, all));
}

/** The version before that of a document, of the same report; null for the first one. */
export function before(one: Report, all: Report[]): Report | null {
  const same = all.filter(
    ({ number, exam, version }) =>
      number === one.number && exam === one.exam && version < one.version,
  );
  return same.sort((a, b) => b.version - a.version)[0] ?? null;
}
