/** A deposit as this page knows it, and what follows from it; every function is pure. */

import type { ImageKind } from "../api";
import type { DepositFile, DepositOut, FileState, Order, Reason } from "./calls";
import type { Pace } from "./pace";
import type { Brought } from "./paths";
import type { Thing } from "./things";

/** What this page is doing with a file, beside what the server says of it. */
export type Step = "idle" | "sending" | "interrupted" | "failed";

export interface Arriving {
  path: string;
  size: number;
  /** Null where only the server knows the file: it has to be brought again to go on. */
  file: File | null;
  upload: string | null;
  /** Bytes that have gone, those on their way included. */
  sent: number;
  state: FileState;
  step: Step;
  /** Why it was refused or failed. */
  reason: Reason | null;
  image: string | null;
  /** Null while it is not known. */
  kind: ImageKind | null;
  /** Whether the image can be looked at. */
  viewable: boolean;
  digest: Promise<string> | null;
  /** Attempts since bytes last went. */
  attempts: number;
  /** When the server last had more of it that this page did not send, in the browser's time. */
  grew_ms: number;
}

export interface Deposit {
  /** Null until the server knows of it. */
  id: string | null;
  /** Its place among those shown, kept when `id` comes. */
  key: number;
  order: Order | null;
  closed: boolean;
  paused: boolean;
  /** Whether this page sends its files: only then is it for this page to say that they are all. */
  ours: boolean;
  files: Map<string, Arriving>;
  pace: Pace;
}

/** What became of a file, in one word. */
export type Fate =
  | "queued"
  | "sending"
  | "paused"
  | "interrupted"
  | "elsewhere"
  | "wanted"
  | "failed"
  | "checking"
  | "unassigned"
  | "preparing"
  | "ready"
  | "refused"
  | "companion";

export function brought({ path, file }: Brought): Arriving {
  return { ...known({ path, size_bytes: file.size, received_bytes: 0 }), file };
}

/** A file as the server tells of it. */
export function known(
  told: Partial<DepositFile> & Pick<DepositFile, "path" | "size_bytes" | "received_bytes">,
): Arriving {
  return {
    path: told.path,
    size: told.size_bytes,
    file: null,
    upload: told.upload ?? null,
    sent: told.received_bytes,
    state: told.state ?? "waiting",
    step: "idle",
    reason: told.reason ?? null,
    image: told.image ?? null,
    kind: null,
    viewable: false,
    digest: null,
    attempts: 0,
    grew_ms: Number.NEGATIVE_INFINITY,
  };
}

/** Takes over what the server says, where this page does not know better. */
export function follow(deposit: Deposit, told: DepositOut): void {
  deposit.order = told.order ?? null;
  deposit.closed = told.state === "closed";
  for (const one of told.files) {
    const here = deposit.files.get(one.path);
    if (here) followFile(here, one);
    else deposit.files.set(one.path, known(one));
  }
}

function followFile(here: Arriving, told: DepositFile): void {
  here.upload = told.upload ?? here.upload;
  if (here.image !== (told.image ?? null)) here.viewable = false;
  here.image = told.image ?? null;
  if (here.step === "sending") return;
  if (!here.file && told.received_bytes > here.sent) here.grew_ms = performance.now();
  here.state = told.state;
  here.sent = told.received_bytes;
  if (!toSend(here)) here.step = "idle";
  if (here.step !== "failed") here.reason = told.reason ?? null;
}

/** Whether the server has not got all of the file; what is on its way may be lost yet. */
export function toSend({ state }: Arriving): boolean {
  return state === "waiting" || state === "uploading";
}

/** A file that grew so lately is being sent by another page. */
const ELSEWHERE_MS = 60_000;

export function fate(file: Arriving, now_ms = performance.now()): Fate {
  if (file.step === "failed") return "failed";
  if (file.state === "waiting" || file.state === "uploading") {
    if (!file.file) return now_ms - file.grew_ms < ELSEWHERE_MS ? "elsewhere" : "wanted";
    return file.step === "idle" ? "queued" : file.step;
  }
  if (file.state === "taken") return file.viewable ? "ready" : "preparing";
  return file.state;
}

/** Those of several files that say most of the whole, the most telling first. */
const TELLING: Fate[] = ["failed", "wanted", "interrupted", "sending", "elsewhere", "queued"];

/** What became of a thing of several files. */
export function fateOfAll(files: Arriving[]): Fate {
  const fates = files.map((file) => fate(file));
  const telling = TELLING.find((one) => fates.includes(one));
  if (telling) return telling;
  // Once all is there, the file that was opened speaks for the others.
  return fates.find((one) => one !== "companion" && one !== "checking") ?? fates[0] ?? "checking";
}

export function filesOf(deposit: Deposit, thing: Thing): Arriving[] {
  return [thing.main, ...thing.parts].flatMap((path) => deposit.files.get(path) ?? []);
}

export interface Totals {
  bytes: number;
  sent: number;
  files: number;
  left: number;
}

export function totals(files: Iterable<Arriving>): Totals {
  const sum = { bytes: 0, sent: 0, files: 0, left: 0 };
  for (const file of files) {
    sum.bytes += file.size;
    sum.sent += toSend(file) ? Math.min(file.sent, file.size) : file.size;
    sum.files += 1;
    if (toSend(file)) sum.left += 1;
  }
  return sum;
}

/** Which file goes next, null where none may: the deposits' order, then the files'. */
export function nextToSend(deposits: Deposit[], most: number): [Deposit, Arriving] | null {
  const all = deposits.flatMap((deposit) =>
    [...deposit.files.values()].map((file): [Deposit, Arriving] => [deposit, file]),
  );
  if (all.filter(([, { step }]) => step === "sending").length >= most) return null;
  return (
    all.find(
      ([deposit, file]) =>
        !deposit.paused && file.upload !== null && file.step === "idle" && fate(file) === "queued",
    ) ?? null
  );
}

/** Whether all that was brought has gone, so that the server may be told that it is all. */
export function isWhole({ files, closed, ours }: Deposit): boolean {
  const all = [...files.values()];
  return (
    ours &&
    !closed &&
    all.length > 0 &&
    all.every((file) => !toSend(file) && file.step !== "failed")
  );
}

/** Gives files that were brought again back to the deposit that waits for them. */
export function adopt(deposit: Deposit, again: Brought[]): Brought[] {
  const wanted = [...deposit.files.values()].filter((file) => !file.file && toSend(file));
  const taken = new Set<Arriving>();
  return again.filter(({ path, file }) => {
    const fits = (one: Arriving) => one.size === file.size && !taken.has(one);
    const found =
      wanted.find((one) => fits(one) && one.path === path) ??
      // Dropped by itself where it came in a folder, or the other way round.
      wanted.find((one) => fits(one) && (endsWith(one.path, path) || endsWith(path, one.path)));
    if (!found) return true;
    found.file = file;
    found.step = "idle";
    deposit.ours = true;
    taken.add(found);
    return false;
  });
}

function endsWith(path: string, end: string): boolean {
  return path.endsWith(`/${end}`);
}
