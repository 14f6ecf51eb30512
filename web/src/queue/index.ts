/**
 * The queue of pictures that wait on this phone, for the pages.
 *
 *     const id = await enqueue(picture, { session });    // sealed and on the disk
 *     await describe(id, { view: "close-up", … });       // goes with it, as PUT …/photographs takes it
 *     watch(({ waiting, others, keeping }) => …, signal);
 *     onSent(({ id, image }) => …, signal);               // the server has it; it is here no more
 *
 * Plain HTTP beyond this machine has no such queue, as it has no keys: `isPossible` says so.
 */

import type { Queued, Sent } from "./model";
import type { Queue } from "./queue";

export type { Queued, Sent, Step, Waiting } from "./model";
export type { Keeping } from "./room";

const WAITING = "sansverre.waiting";
const FOREVER = new AbortController().signal;

let opening: Promise<Queue> | null = null;

/** Whether this page may keep pictures at all; where not, `pages/insecure` says what to do. */
export function isPossible(): boolean {
  return isSecureContext && "indexedDB" in globalThis && "locks" in navigator;
}

/** Whether something waited when this was last asked here: a word for each browser, no more. */
export function mayWait(): boolean {
  try {
    return localStorage.getItem(WAITING) !== null;
  } catch {
    return false; // storage may be forbidden by the browser's settings
  }
}

function opened(): Promise<Queue> {
  // Loaded when it is wanted: most who come only look.
  opening ??= import("./queue").then(async ({ Queue }) => {
    const queue = await Queue.open();
    queue.watch(({ waiting, others }) => remember(waiting.length + others > 0), FOREVER);
    return queue;
  });
  opening.catch(() => {
    opening = null;
  });
  return opening;
}

function remember(waits: boolean): void {
  if (waits === mayWait()) return;
  if (waits) localStorage.setItem(WAITING, "1");
  else localStorage.removeItem(WAITING);
}

/** Keeps a picture until the server has it; gives its name on its way. Rejects where it cannot. */
export async function enqueue(
  picture: Blob,
  { session, capture = null }: { session: string; capture?: unknown },
): Promise<string> {
  return (await opened()).enqueue(picture, session, capture);
}

/** States what a picture shows: it goes with the picture, or at once where that has gone. */
export async function describe(id: string, capture: unknown): Promise<void> {
  await (await opened()).describe(id, capture);
}

/** A picture that waits, to be shown; null once the server has it. */
export async function picture(id: string): Promise<Blob | null> {
  return (await opened()).picture(id);
}

/** Calls back now and whenever something changes. */
export function watch(callback: (queued: Queued) => void, signal: AbortSignal): void {
  if (!isPossible()) return;
  void opened().then((queue) => {
    if (!signal.aborted) queue.watch(callback, signal);
  });
}

/** Calls back for each picture that the server has confirmed. */
export function onSent(callback: (sent: Sent) => void, signal: AbortSignal): void {
  if (!isPossible()) return;
  void opened().then((queue) => {
    if (!signal.aborted) queue.onSent(callback, signal);
  });
}

/** Tries again what has failed. */
export async function retry(id: string): Promise<void> {
  await (await opened()).retry(id);
}

/** Erases a picture that waits, and takes back what of it was sent. */
export async function discard(id: string): Promise<void> {
  await (await opened()).discard(id);
}

/** Forgets the key to what waits: it can be opened when the same user has signed in again. */
export async function lockQueue(): Promise<void> {
  if (isPossible()) await (await opened()).lock();
}
