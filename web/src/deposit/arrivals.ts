/**
 * All deposits of this visit. They live beside the pages, so that files go on their way while
 * somebody looks at a slide; the page only shows them.
 */

import { ApiError } from "../api";
import { Asking } from "./asking";
import {
  announce,
  closeDeposit,
  createDeposit,
  deleteDeposit,
  deleteUpload,
  listDeposits,
  type Order,
  setOrder,
} from "./calls";
import {
  type Arriving,
  adopt,
  brought,
  type Deposit,
  follow,
  isWhole,
  nextToSend,
  toSend,
} from "./model";
import { Pace } from "./pace";
import type { Brought } from "./paths";
import type { Listener } from "./sending";
import { later, meaning, onNetwork, type Stop } from "./stop";

/** So many small files at once that the way to and fro costs little, and a large one is not slowed. */
const AT_ONCE = 3;
const MOST_ATTEMPTS = 6;
const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 15_000;

/** What is worth saying aloud. */
export type News =
  | { what: "added"; files: number }
  | { what: "resumed"; files: number }
  | { what: "sent"; deposit: Deposit }
  | { what: "ready" | "refused" | "failed"; file: Arriving };

export class Arrivals {
  readonly deposits: Deposit[] = [];
  private readonly changed = new Set<() => void>();
  private readonly told = new Set<(news: News) => void>();
  private readonly stops = new Map<Arriving, () => void>();
  private keys = 0;
  private readonly asking = new Asking(this.deposits, {
    onChange: () => this.change(),
    onFate: (file, what) => this.tell({ what, file }),
  });

  onChange(callback: () => void, signal: AbortSignal): void {
    this.changed.add(callback);
    signal.addEventListener("abort", () => this.changed.delete(callback));
  }

  onNews(callback: (news: News) => void, signal: AbortSignal): void {
    this.told.add(callback);
    signal.addEventListener("abort", () => this.told.delete(callback));
  }

  /** Whether leaving the page would cut something off. */
  get isSending(): boolean {
    return this.deposits.some(({ files }) =>
      [...files.values()].some(({ step }) => step === "sending" || step === "interrupted"),
    );
  }

  /** Asks the server which deposits there are; those of before a closed tab come back so. */
  async load(): Promise<void> {
    const { deposits } = await listDeposits();
    for (const told of [...deposits].reverse()) {
      let deposit = this.deposits.find(({ id }) => id === told.id);
      if (!deposit) {
        deposit = this.made(told.order ?? null, told.id);
        this.deposits.unshift(deposit);
      }
      follow(deposit, told);
    }
    this.asking.soon(0);
    this.pump();
  }

  /** Takes files: those that a deposit waits for go on there, the rest are a new one or join it. */
  bring(files: Brought[], order: Order | null, join: Deposit | null): Deposit | null {
    let rest = files;
    for (const deposit of this.deposits) rest = adopt(deposit, rest);
    if (rest.length < files.length)
      this.tell({ what: "resumed", files: files.length - rest.length });
    let deposit = join && !join.closed && !this.closing.has(join) ? join : null;
    if (rest.length > 0) {
      if (!deposit) {
        deposit = this.made(order, null);
        this.deposits.unshift(deposit);
      }
      for (const one of rest)
        if (!deposit.files.has(one.path)) deposit.files.set(one.path, brought(one));
      this.tell({ what: "added", files: rest.length });
    }
    this.pump();
    return deposit;
  }

  async assign(deposit: Deposit, order: Order): Promise<void> {
    if (deposit.id) await setOrder(deposit.id, order);
    deposit.order = order;
    await this.asking.learn(deposit);
    this.asking.soon();
    this.change();
  }

  pause(deposit: Deposit): void {
    deposit.paused = true;
    deposit.pace.rest();
    for (const file of deposit.files.values()) {
      if (file.step !== "sending" && file.step !== "interrupted") continue;
      this.stop(file);
      file.step = "idle";
    }
    this.pump();
  }

  resume(deposit: Deposit): void {
    deposit.paused = false;
    this.pump();
  }

  retry(deposit: Deposit, file: Arriving): void {
    file.step = "idle";
    file.reason = null;
    file.attempts = 0;
    deposit.paused = false;
    this.pump();
  }

  /** Takes a file back. */
  async remove(deposit: Deposit, files: Arriving[]): Promise<void> {
    for (const file of files) {
      this.stop(file);
      deposit.files.delete(file.path);
    }
    this.change();
    for (const { upload } of files) if (upload) await this.gone(deleteUpload(upload));
    if (deposit.files.size === 0) return this.cancel(deposit);
    this.pump();
  }

  /** Says that a deposit found again is all there, though this page sent nothing of it. */
  finish(deposit: Deposit): void {
    deposit.ours = true;
    this.pump();
  }

  /** Takes a whole deposit back. */
  async cancel(deposit: Deposit): Promise<void> {
    for (const file of deposit.files.values()) this.stop(file);
    this.deposits.splice(this.deposits.indexOf(deposit), 1);
    this.change();
    if (deposit.id) await this.gone(deleteDeposit(deposit.id));
  }

  /** What is gone already need not be taken away; what cannot be now is shown again. */
  private async gone(asked: Promise<unknown>): Promise<void> {
    try {
      await asked;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (![404, 410].includes(error.status)) await this.load();
    }
  }

  private made(order: Order | null, id: string | null): Deposit {
    const [key, files, pace] = [this.keys++, new Map<string, Arriving>(), new Pace()];
    const ours = id === null;
    return { id, key, order, closed: false, paused: false, ours, files, pace };
  }

  private change(): void {
    for (const callback of this.changed) callback();
  }

  private tell(news: News): void {
    for (const callback of this.told) callback(news);
  }

  private stop(file: Arriving): void {
    this.stops.get(file)?.();
    this.stops.delete(file);
  }

  /** Sets going whatever may go. */
  private pump(): void {
    for (const deposit of this.deposits)
      void (deposit.id === null ? this.open(deposit) : this.announce(deposit));
    for (;;) {
      const next = nextToSend(this.deposits, AT_ONCE);
      if (!next) break;
      this.send(...next);
    }
    for (const deposit of this.deposits) if (isWhole(deposit)) void this.close(deposit);
    this.change();
  }

  private readonly opening = new Set<Deposit>();

  private async open(deposit: Deposit): Promise<void> {
    if (this.opening.has(deposit)) return;
    this.opening.add(deposit);
    try {
      const { order } = deposit;
      deposit.id = (await createDeposit(order)).id;
      if (deposit.order !== order && deposit.order) await setOrder(deposit.id, deposit.order);
    } catch (error) {
      later(error, () => this.pump());
      return;
    } finally {
      this.opening.delete(deposit);
    }
    this.pump();
  }

  private readonly announcing = new Set<Deposit>();

  /** Tells the server of every file before its turn, so that it knows what is still to come. */
  private async announce(deposit: Deposit): Promise<void> {
    if (deposit.id === null || this.announcing.has(deposit)) return;
    this.announcing.add(deposit);
    try {
      for (const file of deposit.files.values()) {
        if (file.upload || !file.file || file.step !== "idle") continue;
        if (!(await this.announceFile(deposit, deposit.id, file))) break;
        this.pump();
      }
    } finally {
      this.announcing.delete(deposit);
    }
  }

  /** Whether the server could be told. */
  private async announceFile(deposit: Deposit, id: string, file: Arriving): Promise<boolean> {
    try {
      file.upload = await announce({ deposit: id, path: file.path }, file.size);
      if (!deposit.files.has(file.path)) await this.gone(deleteUpload(file.upload));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.stopped(file, meaning(error.status, error.detail));
      return error.status !== 0;
    }
    return true;
  }

  private send(deposit: Deposit, file: Arriving): void {
    file.step = "sending";
    // Loaded when something is sent: most who come only look.
    import("./sending").then(
      ({ sendFile, fileDigest }) => {
        if (file.step !== "sending" || !file.file || deposit.id === null) return;
        file.digest ??= fileDigest(file.file);
        // Whoever waits for it is told; until then nobody is, and a browser would complain.
        file.digest.catch(() => undefined);
        const metadata = { deposit: deposit.id, path: file.path };
        const where = { metadata, upload: file.upload };
        this.stops.set(file, sendFile(file.file, where, this.listener(deposit, file)));
      },
      () => this.stopped(file, { why: "lost" }),
    );
  }

  private listener(deposit: Deposit, file: Arriving): Listener {
    return {
      onUpload: (upload) => {
        file.upload = upload;
      },
      onProgress: (bytes) => {
        if (bytes > file.sent) file.attempts = 0;
        deposit.pace.add(bytes - file.sent, performance.now());
        file.sent = bytes;
        this.change();
      },
      onDone: () => {
        file.step = "idle";
        file.sent = file.size;
        file.state = "checking";
        this.stops.delete(file);
        if (![...deposit.files.values()].some(toSend)) {
          deposit.pace.rest();
          this.tell({ what: "sent", deposit });
        }
        this.pump();
        this.asking.soon();
      },
      onStop: (why) => {
        this.stops.delete(file);
        this.stopped(file, why);
        this.pump();
      },
    };
  }

  private stopped(file: Arriving, stop: Stop): void {
    const again = () => {
      if (file.step !== "interrupted") return;
      file.step = "idle";
      this.pump();
    };
    file.step = "interrupted";
    file.attempts += 1;
    if (stop.why === "lost") {
      onNetwork(again);
    } else if (stop.why === "busy" && file.attempts < MOST_ATTEMPTS) {
      setTimeout(again, Math.min(FIRST_DELAY_MS * 2 ** file.attempts, LONGEST_DELAY_MS));
    } else {
      file.step = "failed";
      file.reason =
        stop.why === "refused"
          ? { code: String(stop.status), detail: stop.detail }
          : { code: stop.why, detail: null };
      this.tell({ what: "failed", file });
    }
  }

  private readonly closing = new Set<Deposit>();

  /** Says that all is there, with the digest of each file that this page has read. */
  private async close(deposit: Deposit): Promise<void> {
    if (deposit.id === null || this.closing.has(deposit)) return;
    this.closing.add(deposit);
    try {
      const files = await Promise.all([...deposit.files.values()].map(listed));
      if (!isWhole(deposit)) return;
      await closeDeposit(deposit.id, files);
      deposit.closed = true;
    } catch (error) {
      later(error, () => this.pump());
    } finally {
      this.closing.delete(deposit);
    }
    this.asking.soon(0);
  }
}

async function listed(file: Arriving) {
  const { path, size } = file;
  const sha256 = await file.digest?.catch(() => undefined);
  return { path, size_bytes: size, ...(sha256 ? { sha256 } : {}) };
}

export const arrivals = new Arrivals();
