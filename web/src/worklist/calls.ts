/** What is to be read, as the server tells it; taking an exam, and having read it. */

import { ask, type ImageKind, type Patient } from "../api";
import type { Priority } from "../cases/calls";
import { casePath, examPath } from "../router";

export type Which = "unread" | "urgent" | "mine" | "all";
export type News = "first" | "slide" | "rescan" | "photograph" | "report";

export interface By {
  name: string | null;
  me: boolean;
}

export interface Item {
  exam: string;
  case: string | null;
  establishment: string;
  patient: Patient | null;
  accession_number: string | null;
  priority: Priority;
  consult: boolean;
  slides: number;
  photographs: number;
  reports: number;
  arrived_at: string;
  /** Why it is unread; empty for what is read. */
  news: News[];
  taken: By | null;
  mine: boolean;
  read: { by: By; at: string; version: string } | null;
  version: string;
}

export interface List {
  items: Item[];
  counts: Record<Which, number>;
  more: boolean;
}

export interface Wanted {
  which: Which;
  kind: ImageKind | null;
  q: string;
}

export const PAGE_SIZE = 50;

/** Asked by a body: what is searched for is somebody's name, and stays out of addresses. */
export const getList = (wanted: Wanted, offset = 0, limit = PAGE_SIZE) =>
  ask<List>("POST", "/api/worklist/search", { ...wanted, offset, limit });

const pathOf = (exam: string) => `/api/worklist/${encodeURIComponent(exam)}`;

export const getItem = (exam: string) => ask<Item>("GET", pathOf(exam));
export const take = (exam: string, over = false) =>
  ask<Item>("POST", `${pathOf(exam)}/take`, { over });
export const release = (exam: string) => ask<Item>("POST", `${pathOf(exam)}/release`);
export const markRead = ({ exam, version }: Item) =>
  ask<Item>("POST", `${pathOf(exam)}/read`, { version });
export const markUnread = (exam: string) => ask<Item>("POST", `${pathOf(exam)}/unread`);

/** Where an exam is read: in its case, where it has one. */
export const readPath = (one: Item): string => (one.case ? casePath(one.case) : examPath(one.exam));
