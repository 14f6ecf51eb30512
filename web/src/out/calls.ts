/** Pictures taken out and colleagues asked, as the server has them. */

import { ApiError, ask, authorization, detailOf, type ImageKind, type Patient } from "../api";

export interface Site {
  code: string;
  fr: string;
  en: string;
}

/** A picture with what is stated of it; `lesion` is "L1", or null for none in particular. */
export interface Shown {
  id: string;
  exam: string | null;
  kind: ImageKind;
  taken_at: string;
  view: "overview" | "close-up" | "dermoscopy" | "total-body" | null;
  site: Site | null;
  side: "L" | "R" | "B" | "U" | null;
  lesion: string | null;
  thumbnail: string;
}

export interface Album {
  patient: Patient | null;
  images: Shown[];
}

export type Purpose = "care" | "teaching" | "research";

/** A part of an image, in pixels of its full size. */
export interface Region {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Wanted {
  form: "jpeg" | "pdf";
  purpose: Purpose;
  images: { image: string; region?: Region }[];
  colours?: "srgb" | "stored";
  named?: "patient" | "pseudonym" | "nobody";
  pseudonym?: string;
  per_page?: 1 | 2;
  language?: string;
}

export interface Colleague {
  id: string;
  name: string;
  title: string;
}

export interface Card extends Colleague {
  code: string;
}

export interface AdviceSummary {
  id: string;
  other: Colleague;
  mine: boolean;
  question: string;
  asked_at: string;
  latest: string;
  closed: boolean;
  new: boolean;
  images: number;
}

export interface Advice extends AdviceSummary {
  elsewhere: boolean;
  closed_at: string | null;
  closed_by_me: boolean;
  words: { by: string; mine: boolean; text: string; at: string }[];
  pictures: Shown[];
}

export interface MyAdvice {
  of_me: AdviceSummary[];
  by_me: AdviceSummary[];
  unread: number;
}

/** Pictures that stay: why, and which ones. */
export class Kept extends ApiError {
  readonly reason: string;
  readonly images: string[];

  constructor(status: number, text: string) {
    super(status, detailOf(text));
    const { reason, images } = problemOf(text);
    this.reason = reason;
    this.images = images;
  }
}

function problemOf(text: string): { reason: string; images: string[] } {
  try {
    const { reason, images } = JSON.parse(text) as { reason?: unknown; images?: unknown };
    return {
      reason: typeof reason === "string" ? reason : "",
      images: Array.isArray(images) ? images.map(String) : [],
    };
  } catch {
    return { reason: "", images: [] };
  }
}

async function posted(path: string, body: unknown): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...authorization() },
      body: JSON.stringify(body),
    });
  } catch {
    throw new ApiError(0);
  }
  if (!response.ok) throw new Kept(response.status, await response.text());
  return response;
}

/** The file and its name. */
export async function takeOut(wanted: Wanted): Promise<{ file: Blob; name: string }> {
  const response = await posted("/api/exports", wanted);
  const named = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "");
  return { file: await response.blob(), name: named?.[1] ?? "sans-verre" };
}

export async function askColleague(
  question: string,
  images: string[],
  to: { to: string } | { code: string },
): Promise<Advice> {
  const response = await posted("/api/advice", { question, images, ...to });
  return (await response.json()) as Advice;
}

const one = (advice: string) => `/api/advice/${encodeURIComponent(advice)}`;

export const getAlbum = (patient: string) =>
  ask<Album>("GET", `/api/patients/${encodeURIComponent(patient)}/images`);
export const myCard = () => ask<Card | null>("GET", "/api/me/card");
export const writeCard = (name: string, title: string) =>
  ask<Card>("PUT", "/api/me/card", { name, title });
export const renewCode = () => ask<Card>("POST", "/api/me/card/code");
export const colleagues = async () =>
  (await ask<{ colleagues: Colleague[] }>("GET", "/api/colleagues")).colleagues;
export const colleagueNamed = (code: string) =>
  ask<Colleague>("POST", "/api/colleagues/named", { code });
export const myAdvice = () => ask<MyAdvice>("GET", "/api/me/advice");
export const getAdvice = (advice: string) => ask<Advice>("GET", one(advice));
export const seen = (advice: string) => ask<void>("POST", `${one(advice)}/seen`);
export const say = (advice: string, text: string) =>
  ask<Advice>("POST", `${one(advice)}/words`, { text });
export const closeAdvice = (advice: string) => ask<Advice>("POST", `${one(advice)}/close`);
