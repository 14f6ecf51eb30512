/** The server as the viewer sees it: types of its answers and the one way to ask. */

export interface Patient {
  name: string | null;
  patient_id: string | null;
  issuer: string | null;
  birth_date: string | null;
  sex: string | null;
}

export type ImageKind = "slide" | "photo";
export type ImageState = "received" | "opened" | "built" | "published" | "refused";

export interface ImageSummary {
  id: string;
  kind: ImageKind;
  width: number | null;
  height: number | null;
  state: ImageState;
  /** Whether it can be looked at: when published, and mostly long before. */
  viewable: boolean;
  /** A scan of a slide that was scanned again, which does not count as a slide. */
  older: boolean;
  thumbnail: string;
  covered?: Cover | null;
  /** What its case calls it, where it is read as one of it. */
  name?: string;
}

/** Why a picture has no small picture, and is opened on purpose. */
export type Cover = "intimate" | "recognizable";

export interface Exam {
  id: string;
  patient: Patient | null;
  /** What addresses name the patient by. */
  patient_key?: string | null;
  accession_number: string | null;
  /** Whether that number is our own, until the order is known. */
  is_provisional?: boolean;
  /** Who gave that number. */
  issuer?: string | null;
  study_instance_uid: string | null;
  created_at: string;
  establishment: string | null;
  images: ImageSummary[];
  /** The case that it is read in, where its images are those of the case. */
  case?: string;
}

export interface ExamPage {
  exams: Exam[];
  next: string | null;
}

/** Sizes and levels are there once the image is viewable. */
export interface ImageDetail {
  id: string;
  exam: string;
  kind: ImageKind;
  state: ImageState;
  viewable: boolean;
  width: number;
  height: number;
  tile_size: number;
  levels: { width: number; height: number }[];
  mpp_um: [number, number] | null;
  objective_power: number | null;
  format: string | null;
  scanner: { manufacturer: string | null; model: string | null } | null;
  acquired_at: string | null;
  barcodes: string[];
  icc_profile: boolean;
  files: { thumbnail: string; label: string | null; overview: string | null };
  deepzoom: string;
  source_sha256: string | null;
  /** The other images of its exam that can be looked at. */
  siblings?: Pick<ImageSummary, "id" | "kind" | "thumbnail">[];
  /** Shown by a colleague of another establishment: nothing is told of whose it is. */
  lent?: boolean;
  patient: Patient | null;
  accession_number: string | null;
  covered?: Cover | null;
}

/**
 * Where the image's description is, its tiles beside it. One on its way has another address than
 * once it is published, so that no cache takes the one for the other.
 */
export function deepzoomOf({ deepzoom, state }: Pick<ImageDetail, "deepzoom" | "state">): string {
  return state === "published" ? deepzoom : `${deepzoom}?early`;
}

/** An answer that is not the one asked for; `status` 0 means that no answer came. */
export class ApiError extends Error {
  readonly status: number;
  /** What the server says of it, for people. */
  readonly detail: string | null;

  constructor(status: number, detail: string | null = null) {
    super(`HTTP ${status}`);
    this.name = "ApiError";
    this.status = status;
    this.detail = detail;
  }
}

/** Of a page that a link has opened: held here alone, and gone with the page. */
let bearer: string | null = null;

/** What a request carries besides the cookie of somebody signed in. */
export function authorization(): Record<string, string> {
  return bearer ? { Authorization: `Bearer ${bearer}` } : {};
}

async function fetched(path: string, options: RequestInit): Promise<Response> {
  const headers = { ...options.headers, ...authorization() };
  let response: Response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0);
  }
  if (!response.ok) throw new ApiError(response.status);
  return response;
}

async function get<T>(path: string, signal: AbortSignal): Promise<T> {
  const response = await fetched(path, { signal, headers: { Accept: "application/json" } });
  return (await response.json()) as T;
}

/** Has requests carry this token from now on. */
export function carry(token: string): void {
  bearer = token;
}

/** Exchanges the key of a link, which works once, for a token that is good for its image. */
export async function openLink(key: string): Promise<void> {
  bearer = (await ask<{ token: string }>("POST", "/api/links", { key })).token;
}

/** Opens a covered picture on purpose; the server writes down who did. */
export async function uncover(image: string, signal: AbortSignal): Promise<void> {
  await fetched(`/api/images/${encodeURIComponent(image)}/uncover`, { method: "POST", signal });
}

/** Where an `img` finds a picture: at its address, or in this page where only it has the token. */
export async function pictureAddress(path: string): Promise<string> {
  if (!bearer) return path;
  return URL.createObjectURL(await (await fetched(path, {})).blob());
}

/** Asks for a change, and for the answer that may come with it. */
export async function ask<T>(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<T> {
  const json = body === undefined ? {} : { "Content-Type": "application/json" };
  const init = { method, headers: { Accept: "application/json", ...json, ...headers } };
  const response = await answered(
    path,
    body === undefined ? init : { ...init, body: JSON.stringify(body) },
  );
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

/** Asks for something to be made; gives where it is. */
export async function askWhere(
  method: string,
  path: string,
  headers: Record<string, string>,
): Promise<string> {
  const response = await answered(path, { method, headers });
  return response.headers.get("Location") ?? "";
}

async function answered(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new ApiError(0);
  }
  if (!response.ok) throw new ApiError(response.status, detailOf(await response.text()));
  return response;
}

/** The sentence of a problem document (RFC 9457), null where there is none. */
export function detailOf(text: string): string | null {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    return typeof detail === "string" ? detail : null;
  } catch {
    return null;
  }
}

const PAGE_SIZE = 50;

export function listExams(after: string | null, signal: AbortSignal): Promise<ExamPage> {
  const query = new URLSearchParams({ limit: String(PAGE_SIZE) });
  if (after) query.set("after", after);
  return get(`/api/exams?${query}`, signal);
}

export function getExam(exam: string, signal: AbortSignal): Promise<Exam> {
  return get(`/api/exams/${encodeURIComponent(exam)}`, signal);
}

export function getImage(image: string, signal: AbortSignal): Promise<ImageDetail> {
  return get(`/api/images/${encodeURIComponent(image)}`, signal);
}

export type Role = "reader" | "contributor" | "physician" | "operator";

export interface Me {
  role: Role;
  establishment: string | null;
  /** The pairing by which a phone came in, and the only session that it is good for. */
  phone: string | null;
  session: string | null;
  expires_at: string;
}

let me: Promise<Me> | null = null;

/** Who sits here; asked once. Rejects for strangers. */
export function myself(): Promise<Me> {
  me ??= ask<Me>("GET", "/api/me");
  me.catch(() => {
    me = null;
  });
  return me;
}

/** What whoever sits here may do, null for strangers. */
export function myRole(): Promise<Role | null> {
  return myself().then(
    ({ role }) => role,
    () => null,
  );
}

export async function mayContribute(): Promise<boolean> {
  const mine = await myRole();
  return mine !== null && mine !== "reader";
}

/** Whether the server answers at all, signed in or not. */
export async function isReachable(): Promise<boolean> {
  try {
    await fetch("/healthz", { cache: "no-store" });
    return true;
  } catch {
    return false;
  }
}

/** The server's version, or null where it does not say. */
export async function getVersion(): Promise<string | null> {
  try {
    const answer = (await (await fetch("/healthz")).json()) as { version?: unknown };
    return typeof answer.version === "string" ? answer.version : null;
  } catch {
    return null;
  }
}
