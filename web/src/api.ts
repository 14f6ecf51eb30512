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
  thumbnail: string;
}

export interface Exam {
  id: string;
  patient: Patient | null;
  accession_number: string | null;
  study_instance_uid: string | null;
  created_at: string;
  establishment: string | null;
  images: ImageSummary[];
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
  patient: Patient | null;
  accession_number: string | null;
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

  constructor(status: number) {
    super(`HTTP ${status}`);
    this.name = "ApiError";
    this.status = status;
  }
}

async function get<T>(path: string, signal: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { signal, headers: { Accept: "application/json" } });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError(0);
  }
  if (!response.ok) throw new ApiError(response.status);
  return (await response.json()) as T;
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
