/** Photograph sessions as the server has them. */

import { ask, type Patient } from "../api";
import type { Position } from "../body/place";
import type { FileState, Reason } from "../deposit/calls";
import { language, messages } from "../i18n";
import {
  type Checks,
  type Dermoscopy,
  type Lesion,
  NOTHING,
  type Pin,
  type Said,
  type Side,
  type Stated,
  type ToldShot,
  type View,
  type Way,
} from "./model";

export type SessionState = "open" | "sent" | "signed";
export type Purpose = "care" | "teaching" | "research";
export type Answer = "given" | "refused" | "unable" | "withdrawn";
export type By = "patient" | "parents" | "guardian";

export interface Consent {
  purpose: Purpose;
  answer: Answer;
  by: By;
}

export interface Operator {
  name: string;
  rpps: string | null;
}

export interface PhotographOut {
  image: string;
  state: "received" | "opened" | "built" | "published" | "refused";
  reason: string | null;
  view: View | null;
  site: string | null;
  side: Side | null;
  lesion: string | null;
  dermoscopy: Dermoscopy | null;
  phototype: number | null;
  mm_per_pixel: Stated["mm_per_pixel"];
  /** What was said so far, until it is sorted. */
  partial: Stated | null;
  pins: Pin[];
  checks: Checks;
  kept_despite: boolean;
}

/** A file sent to the session that is no picture of it; of another visit where it has an image. */
export interface ArrivalOut {
  upload: string;
  size_bytes: number;
  received_bytes: number;
  /** The name that it waited under. */
  path: string;
  state: FileState;
  reason: Reason | null;
  image: string | null;
}

export interface SessionSummary {
  id: string;
  state: SessionState;
  patient: Patient & { key: string };
  exam: string;
  /** Whether it began without an order. */
  is_provisional: boolean;
  operator: Operator | null;
  created_at: string;
  /** Its photographs, and the files that are on their way. */
  count: number;
  arriving: number;
}

export interface SessionOut extends SessionSummary {
  photographs: PhotographOut[];
  arrivals: ArrivalOut[];
  /** The last answer for each purpose. */
  consents: Consent[];
}

/** Whose the session is, as the patient's papers or an exam say it. */
export interface Begun {
  /** Drawn here, so that asking twice begins one session. */
  id: string;
  /** Null where the order tells it. */
  patient: Patient | null;
  accession: string | null;
  accession_issuer: string | null;
  operator: Operator | null;
}

const at = (session: string) => `/api/sessions/${encodeURIComponent(session)}`;
const photograph = (session: string, image: string) =>
  `${at(session)}/photographs/${encodeURIComponent(image)}`;

export async function listSessions(day: string): Promise<SessionSummary[]> {
  const query = new URLSearchParams({ day });
  return (await ask<{ sessions: SessionSummary[] }>("GET", `/api/sessions?${query}`)).sessions;
}

export function getSession(session: string): Promise<SessionOut> {
  return ask("GET", at(session));
}

export function beginSession(begun: Begun): Promise<SessionOut> {
  return ask("POST", "/api/sessions", begun);
}

/** What is said of a picture as its routes take it: whole, or so far. */
export function bodyOf({ stated, keptDespite }: Said, isWhole: boolean) {
  return { ...stated, kept_despite: keptDespite, is_partial: !isWhole };
}

/** The queue says it in the same way of pictures that wait. */
export { stateCapture as state } from "../queue/calls";

export function pin(session: string, image: string, pins: Pin[]): Promise<unknown> {
  return ask("PUT", `${photograph(session, image)}/pins`, pins);
}

export function takeBack(session: string, image: string): Promise<unknown> {
  return ask("DELETE", photograph(session, image));
}

export function consent(session: string, said: Consent): Promise<unknown> {
  return ask("POST", `${at(session)}/consents`, said);
}

/** Pictures of a card that may belong together, by the codes among them. */
export interface GroupOut {
  code_image: string | null;
  /** The next pictures with the same code: the same label, or what lies beside it. */
  again: string[];
  codes: string[];
  is_patient: boolean;
  lesion: string | null;
  photographs: string[];
}

export async function proposeSplit(session: string): Promise<GroupOut[]> {
  return (await ask<{ groups: GroupOut[] }>("GET", `${at(session)}/split`)).groups;
}

/** Makes pictures those of another open session. */
export function handOver(session: string, images: readonly string[], to: string): Promise<unknown> {
  return ask("POST", `${at(session)}/hand-over`, { to, images });
}

/** Gives the order of a visit that began without one. */
export function reconcile(
  session: string,
  accession: string,
  accession_issuer: string | null,
): Promise<unknown> {
  return ask("PUT", `${at(session)}/encounter`, { accession, accession_issuer });
}

/** The identity as it was read out and confirmed: the server holds it against its own. */
export function send(session: string, { name, birth_date, sex }: Patient): Promise<unknown> {
  return ask("POST", `${at(session)}/send`, { name: name ?? "", birth_date, sex });
}

export function sign(session: string, by: Operator): Promise<unknown> {
  return ask("POST", `${at(session)}/sign`, by);
}

export async function listLesions(patient: string): Promise<Lesion[]> {
  const path = `/api/patients/${encodeURIComponent(patient)}/lesions`;
  return (await ask<{ lesions: Lesion[] }>("GET", path)).lesions;
}

export interface NewLesion {
  patient: string;
  site: string;
  side: Side | null;
  first_seen: string;
  position: Position | null;
}

export function createLesion(lesion: NewLesion): Promise<Lesion> {
  return ask("POST", "/api/lesions", lesion);
}

/** A picture of a lesion, of this visit or another. */
export interface Picture {
  image: string;
  exam: string;
  taken_at: string;
  view: View;
  thumbnail: string;
}

export async function listPictures(lesion: string): Promise<Picture[]> {
  const path = `/api/lesions/${encodeURIComponent(lesion)}/photographs`;
  return (await ask<{ photographs: Picture[] }>("GET", path)).photographs;
}

const WAYS: Record<PhotographOut["state"], Way> = {
  received: "arrived",
  opened: "arrived",
  built: "preparing",
  published: "ready",
  refused: "refused",
};

/** A picture as the model has it; once it is sent, what was received is being prepared. */
export function toldOf(out: PhotographOut, isSent: boolean): ToldShot {
  const way = WAYS[out.state];
  return {
    image: out.image,
    way: isSent && way === "arrived" ? "preparing" : way,
    reason: out.reason && refusal(out.reason),
    said: {
      stated: statedIn(out.partial ?? out),
      keptDespite: out.kept_despite,
      pins: out.pins,
    },
    checks: out.checks,
  };
}

/** The reader's own words are English: in French they are told as what to do. */
function refusal(reason: string): string {
  return language() === "en" ? reason : messages().capture.refusedWhy;
}

function statedIn(said: Stated): Stated {
  const { view, site, side, lesion, dermoscopy, phototype, mm_per_pixel } = said;
  const paired = side === "U" ? null : side;
  return { view, site, side: paired, lesion, dermoscopy, phototype, mm_per_pixel };
}

/** What came for this session and was in the archive before, with another visit. */
export function knownOf(arrivals: readonly ArrivalOut[]): ToldShot[] {
  return arrivals.flatMap(({ image }): ToldShot[] => {
    if (image === null) return [];
    const said = { stated: NOTHING, keptDespite: false, pins: [] };
    const checks: Checks = { state: "missed", found: [] };
    return [{ image, way: "known", reason: null, said, checks }];
  });
}
