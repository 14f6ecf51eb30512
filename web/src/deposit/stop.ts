/** Why a file stopped on its way, and who has to do something about it. */

import { ApiError } from "../api";
import { connectionLost, onNextRecovery } from "../connection";

const AGAIN_MS = 10_000;
const FOREVER = new AbortController().signal;

/**
 * Why sending stopped. What is `lost` or `busy` goes on by itself, the one when the network is back,
 * the other a little later; the rest is for the person to settle.
 */
export type Stop =
  | { why: "lost" | "busy" | "session" | "unreadable" }
  | { why: "refused"; status: number; detail: string | null };

/** What an answer's status means for the one who sends; 0 is no answer at all. */
export function meaning(status: number, detail: string | null = null): Stop {
  if (status === 0) return { why: "lost" };
  if (status === 401) return { why: "session" };
  // Another request still holds the upload, stands elsewhere in it, or a part came damaged.
  if ([408, 409, 423, 425, 429, 460].includes(status)) return { why: "busy" };
  if (status >= 500 && status !== 507) return { why: "busy" };
  return { why: "refused", status, detail };
}

/** Calls back when the network is there again, which it may have to wait for. */
export function onNetwork(again: () => void): void {
  connectionLost();
  onNextRecovery(again, FOREVER);
}

/** Tries again what the server did not answer, or did not answer well. */
export function later(error: unknown, again: () => void): void {
  if (error instanceof ApiError && error.status === 0) onNetwork(again);
  else setTimeout(again, AGAIN_MS);
}
