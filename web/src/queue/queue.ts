/**
 * The pictures that wait on this phone until the server has them.
 *
 * A picture is sealed and on the disk before `enqueue` resolves. It is sent by tus, in parts that
 * carry their checksum, under a name drawn here: however often it is sent again, the server has one
 * of it. It is erased once the server has said that it holds it, with the SHA-256 that it had here.
 * Of several tabs one sends; what they have in common is the store.
 */

import { ApiError, isReachable } from "../api";
import { onNetwork, type Stop } from "../deposit/stop";
import { stateCapture } from "./calls";
import { askLock, type Lock, lockOf } from "./lock";
import type { Queued, Sent, Step, Waiting } from "./model";
import { type Keeping, keeping } from "./room";
import { type Entry, Store } from "./store";
import { carry, type End, handOver, takeBack } from "./way";

/** A picture is sealed in one piece, which takes as much memory three times. */
export const MOST_BYTES = 128 * 1024 * 1024;
const AT_ONCE = 2;
const FIRST_DELAY_MS = 150;
const LONGEST_DELAY_MS = 15_000;
/** So often a part is sent again at once when the server answers all the same. */
const AT_ONCE_AGAIN = 3;

interface Item {
  entry: Entry;
  step: Step;
  sent: number;
  attempts: number;
  stop: (() => void) | null;
}

/** The pictures of this phone are not for whoever is signed in, or nobody is. */
export class Locked extends Error {}

export class Queue {
  private readonly items = new Map<string, Item>();
  private readonly gone = new Map<string, Sent>();
  private readonly watching = new Set<(queued: Queued) => void>();
  private readonly told = new Set<(sent: Sent) => void>();
  private readonly channel = new BroadcastChannel("sansverre.queue");
  private readonly store: Store;
  private held: Lock | null = null;
  private others = 0;
  private kept: Keeping = "unknown";
  private sends = false;
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(store: Store) {
    this.store = store;
    this.channel.addEventListener("message", () => void this.changedElsewhere());
  }

  /** Opens the queue for whoever is signed in; without a network for whoever was last. */
  static async open(): Promise<Queue> {
    const queue = new Queue(await Store.open());
    await queue.unlock();
    await queue.reload();
    void keeping(false).then((kept) => queue.keptAs(kept));
    // Given to another tab when this one is closed.
    void navigator.locks.request("sansverre.queue", () => {
      queue.sends = true;
      void queue.reload();
      return new Promise(() => undefined);
    });
    return queue;
  }

  async enqueue(picture: Blob, session: string, capture: unknown): Promise<string> {
    const lock = this.held ?? (await this.unlock());
    if (!lock) throw new Locked();
    if (picture.size > MOST_BYTES) throw new RangeError("the picture is too large");
    void keeping(true).then((kept) => this.keptAs(kept));
    const id = crypto.randomUUID();
    const bytes = await picture.arrayBuffer();
    const sha256 = hexadecimal(await crypto.subtle.digest("SHA-256", bytes));
    await this.store.add(
      lock,
      id,
      bytes,
      { session, type: picture.type, sha256, capture },
      Date.now(),
    );
    await this.changed();
    return id;
  }

  async describe(id: string, capture: unknown): Promise<void> {
    const item = this.items.get(id);
    const lock = this.held;
    if (item && lock && (await this.store.describe(lock, item.entry, capture))) {
      item.entry.capture = capture;
      return this.changed();
    }
    const sent = this.gone.get(id);
    if (sent) await stateCapture(sent.session, sent.image, capture);
  }

  async picture(id: string): Promise<Blob | null> {
    const item = this.items.get(id);
    if (!item || !this.held) return null;
    return this.store.picture(this.held, id, item.entry.type);
  }

  async retry(id: string): Promise<void> {
    const item = this.items.get(id);
    if (item) item.attempts = 0;
    await this.store.progress(id, { failed: null });
    await this.changed();
  }

  async discard(id: string): Promise<void> {
    const item = this.items.get(id);
    item?.stop?.();
    this.items.delete(id);
    await this.store.remove(id);
    await this.changed();
    if (item?.entry.upload && !item.entry.image)
      await takeBack(item.entry.upload, item.entry.session);
  }

  watch(callback: (queued: Queued) => void, signal: AbortSignal): void {
    this.watching.add(callback);
    signal.addEventListener("abort", () => this.watching.delete(callback));
    callback(this.queued());
  }

  onSent(callback: (sent: Sent) => void, signal: AbortSignal): void {
    this.told.add(callback);
    signal.addEventListener("abort", () => this.told.delete(callback));
  }

  /** Forgets the key: until the user signs in again nothing that waits here can be opened. */
  async lock(): Promise<void> {
    for (const item of this.items.values()) item.stop?.();
    this.items.clear();
    this.held = null;
    await this.store.forgetLock();
    await this.changed();
  }

  queued(): Queued {
    const waiting = [...this.items.values()].map(
      ({ entry, step, sent }): Waiting => ({
        id: entry.id,
        session: entry.session,
        capture: entry.capture,
        taken_ms: entry.taken_ms,
        size: entry.size,
        sent,
        step,
        reason: entry.failed,
        image: entry.image,
      }),
    );
    return { open: this.held !== null, waiting, others: this.others, keeping: this.kept };
  }

  /** The lock of whoever is signed in now, who may have changed. */
  private async unlock(): Promise<Lock | null> {
    try {
      this.held = await lockOf(await askLock());
      await this.store.keepLock(this.held);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // No answer: whoever was signed in last goes on.
      if (error.status === 0 || error.status >= 500) this.held = await this.store.lock(Date.now());
      else await this.forget();
    }
    return this.held;
  }

  private async forget(): Promise<void> {
    this.held = null;
    await this.store.forgetLock();
  }

  private async changed(): Promise<void> {
    this.channel.postMessage(null);
    await this.reload();
  }

  /** Another tab may have signed somebody else in, or out. */
  private async changedElsewhere(): Promise<void> {
    await this.inTurn(async () => {
      this.held = await this.store.lock(Date.now());
    });
    await this.reload();
  }

  private keptAs(kept: Keeping): void {
    this.kept = kept;
    this.show();
  }

  private show(): void {
    const queued = this.queued();
    for (const callback of this.watching) callback(queued);
  }

  /** One after the other: what the store held a moment ago is not to undo what was said since. */
  private inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.turn.then(act);
    this.turn = done.catch(() => undefined);
    return done;
  }

  /** Takes over what the store holds, whichever tab has put it there. */
  private reload(): Promise<void> {
    return this.inTurn(() => this.read());
  }

  private async read(): Promise<void> {
    const entries = this.held ? await this.store.entries(this.held) : [];
    this.others = await this.store.others(this.held);
    const there = new Set(entries.map(({ id }) => id));
    for (const [id, item] of this.items) {
      if (there.has(id)) continue;
      item.stop?.();
      this.items.delete(id);
    }
    for (const entry of entries) this.follow(entry);
    this.pump();
  }

  private follow(entry: Entry): void {
    const item = this.items.get(entry.id);
    if (!item) {
      const step = entry.failed ? "failed" : "waiting";
      this.items.set(entry.id, { entry, step, sent: 0, attempts: 0, stop: null });
      return;
    }
    const { capture, failed } = entry;
    // How far a picture has come is known best by the tab that sends it.
    item.entry = this.sends ? { ...item.entry, capture, failed } : entry;
    if (failed) item.step = "failed";
    else if (item.step === "failed") item.step = "waiting";
  }

  private pump(): void {
    if (this.sends) {
      const items = [...this.items.values()];
      const free = AT_ONCE - items.filter(({ step }) => step === "sending").length;
      for (const item of items.filter(({ step }) => step === "waiting").slice(0, free))
        void this.send(item);
    }
    this.show();
  }

  private async send(item: Item): Promise<void> {
    item.step = "sending";
    await this.ended(item, await this.way(item));
  }

  private async way(item: Item): Promise<End> {
    if (item.entry.image) return { what: "taken", image: item.entry.image };
    const { id, type } = item.entry;
    const file = (await this.isStillMine()) && (await this.picture(id).catch(() => null));
    if (!this.items.has(id)) return { what: "left" };
    if (!file) return { what: "failed", code: "unreadable", detail: null };
    return carry(item.entry, new File([file], id, { type }), {
      onUpload: (upload) => this.sentAs(item, upload),
      onProgress: (bytes) => {
        if (bytes > item.sent) item.attempts = 0;
        item.sent = bytes;
        this.show();
      },
      onWhole: () => {
        item.step = "checking";
        this.pump();
      },
      onStoppable: (stop) => {
        item.stop = stop;
      },
      isWanted: () => this.items.has(id),
    });
  }

  /** Whether who is signed in is the one whose pictures these are: tabs share the sign-in. */
  private async isStillMine(): Promise<boolean> {
    const { held } = this;
    await this.unlock();
    if (held && this.held?.user === held.user) return true;
    this.items.clear();
    void this.changed();
    return false;
  }

  private async ended(item: Item, end: End): Promise<void> {
    item.stop = null;
    if (end.what === "taken") await this.finish(item, end.image);
    else if (end.what === "stopped") await this.stopped(item, end.stop);
    else if (end.what === "failed") await this.fail(item, end.code, end.detail);
    this.pump();
  }

  private async sentAs(item: Item, upload: string | null): Promise<void> {
    if (item.entry.upload === upload) return;
    item.entry = { ...item.entry, upload };
    await this.store.progress(item.entry.id, { upload });
  }

  /** Hands over what was stated of a picture, and erases it. */
  private async finish(item: Item, image: string): Promise<void> {
    const { id, session } = item.entry;
    item.entry = { ...item.entry, image };
    await this.store.progress(id, { image });
    let stated: unknown = null;
    while (item.entry.capture !== null && item.entry.capture !== stated) {
      stated = item.entry.capture;
      const unsettled = await handOver(item.entry, image);
      if (unsettled) return this.ended(item, unsettled);
    }
    const sent = { id, session, image };
    this.gone.set(id, sent);
    this.items.delete(id);
    await this.store.remove(id);
    for (const callback of this.told) callback(sent);
    await this.changed();
  }

  private async stopped(item: Item, stop: Stop): Promise<void> {
    item.attempts += 1;
    item.step = "interrupted";
    const again = () => {
      if (item.step !== "interrupted") return;
      item.step = "waiting";
      this.pump();
    };
    if (stop.why === "lost") {
      void this.whenReached(item.attempts, again);
    } else if (stop.why === "busy") {
      setTimeout(again, Math.min(FIRST_DELAY_MS * 2 ** item.attempts, LONGEST_DELAY_MS));
    } else if (stop.why === "session") {
      await this.lock();
    } else if (stop.why === "refused" && [404, 410].includes(stop.status) && item.entry.upload) {
      // The server has forgotten what was begun: it is begun anew.
      item.sent = 0;
      await this.sentAs(item, null);
      again();
    } else if (stop.why === "refused") {
      await this.fail(item, String(stop.status), stop.detail);
    } else {
      await this.fail(item, stop.why, null);
    }
  }

  /** A network that only broke is gone on with at once; one that is gone is waited for. */
  private async whenReached(attempts: number, again: () => void): Promise<void> {
    if (attempts <= AT_ONCE_AGAIN && (await isReachable())) again();
    else onNetwork(again);
  }

  private async fail(item: Item, code: string, detail: string | null): Promise<void> {
    const failed = { code, detail };
    await this.inTurn(async () => {
      item.step = "failed";
      // What was refused is announced anew when it is tried again.
      item.entry = { ...item.entry, failed, upload: null };
      await this.store.progress(item.entry.id, { failed, upload: null });
    });
  }
}

function hexadecimal(bytes: ArrayBuffer): string {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
