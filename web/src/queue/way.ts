/** The way of one picture to the server, from its announcement until the server has taken it. */

import { ApiError } from "../api";
import { announce, deleteUpload } from "../deposit/calls";
import { sendFile } from "../deposit/sending";
import { meaning, type Stop } from "../deposit/stop";
import { arrival, type Fate, stateCapture, takeBackPicture } from "./calls";
import type { Entry } from "./store";

/** On networks that break often a part is small; what a cut costs at most. */
const PART_BYTES = 512 * 1024;
const LOOK_AGAIN_MS = 1000;

/** How a way ended; `left` where nobody wants the picture there any more. */
export type End =
  | { what: "taken"; image: string }
  | { what: "stopped"; stop: Stop }
  | { what: "failed"; code: string; detail: string | null }
  | { what: "left" };

/** What a way tells, and asks, of whoever set the picture going. */
export interface Traveller {
  onUpload(upload: string): Promise<void>;
  onProgress(bytes: number): void;
  /** All has gone; it is being looked at. */
  onWhole(): void;
  /** To be called for the way to end, without a word. */
  onStoppable(stop: () => void): void;
  isWanted(): boolean;
}

/** Sends what the server has not got of a picture, and waits until it has taken it. */
export async function carry(entry: Entry, file: File, traveller: Traveller): Promise<End> {
  try {
    const { session, sha256, id } = entry;
    const metadata = { session, path: id, sha256 };
    const upload = entry.upload ?? (await announced(metadata, file.size, traveller));
    if (typeof upload !== "string") return upload;
    const stop = await sent(file, metadata, upload, traveller);
    if (stop) return stop;
    traveller.onWhole();
    return await taken(upload, traveller);
  } catch (error) {
    return endOf(error);
  }
}

/** States what a picture shows that the server has. Null once that is settled. */
export async function handOver(entry: Entry, image: string): Promise<End | null> {
  try {
    await stateCapture(entry.session, image, entry.capture);
  } catch (error) {
    // The picture is safe: what the session refuses to be told of it is said anew on its page.
    const isRefused = error instanceof ApiError && [403, 404, 409, 422].includes(error.status);
    return isRefused ? null : endOf(error);
  }
  return null;
}

/** Gives up what was sent of a picture; one that is being looked at, once the server has taken it. */
export async function takeBack(upload: string, session: string): Promise<void> {
  try {
    await deleteUpload(upload);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 409) await takeBackTaken(upload, session);
  }
}

async function takeBackTaken(upload: string, session: string): Promise<void> {
  for (;;) {
    const { state, image } = await arrival(upload);
    if (state === "taken" && image) return takeBackPicture(session, image);
    if (state !== "checking") return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

async function announced(
  metadata: Record<string, string>,
  size: number,
  traveller: Traveller,
): Promise<string | End> {
  try {
    const upload = await announce(metadata, size);
    await traveller.onUpload(upload);
    return upload;
  } catch (error) {
    // The session takes no more pictures: trying again would change nothing.
    if (error instanceof ApiError && error.status === 409)
      return { what: "failed", code: "409", detail: error.detail };
    throw error;
  }
}

function sent(
  file: File,
  metadata: Record<string, string>,
  upload: string,
  traveller: Traveller,
): Promise<End | null> {
  if (!traveller.isWanted()) return Promise.resolve({ what: "left" });
  return new Promise((resolve) => {
    const where = { metadata, upload, part_bytes: PART_BYTES };
    const stop = sendFile(file, where, {
      onUpload: (now) => void traveller.onUpload(now),
      onProgress: (bytes) => traveller.onProgress(bytes),
      onDone: () => resolve(null),
      onStop: (why) => resolve({ what: "stopped", stop: why }),
    });
    traveller.onStoppable(() => {
      stop();
      resolve({ what: "left" });
    });
  });
}

async function taken(upload: string, traveller: Traveller): Promise<End> {
  for (;;) {
    const fate = await arrival(upload);
    if (!traveller.isWanted()) return { what: "left" };
    // It is to hinder no sending of the others: whoever settles whose it is sends it again.
    if (fate.state === "unassigned") await deleteUpload(upload);
    const end = endOfFate(fate);
    if (end) return end;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** How a way ends by what became of the picture at the server; null while that looks at it. */
export function endOfFate({ state, image, reason }: Fate): End | null {
  if (state === "taken" && image) return { what: "taken", image };
  // Nobody's, as the archive has it under another patient.
  if (state === "refused" || state === "unassigned")
    return { what: "failed", code: reason ?? "other", detail: null };
  // A part of it was lost with the server's disk.
  if (state === "waiting" || state === "uploading")
    return { what: "stopped", stop: { why: "busy" } };
  return null;
}

function endOf(error: unknown): End {
  if (!(error instanceof ApiError)) return { what: "failed", code: "unreadable", detail: null };
  return { what: "stopped", stop: meaning(error.status, error.detail) };
}
