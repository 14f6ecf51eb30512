/** What waits, in the browser's own database: nothing in it can be read without the user's lock. */

import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Reason } from "../deposit/calls";
import { type Lock, type Sealed, seal, unseal } from "./lock";

/** What is known of a picture that waits; of it the browser keeps all but `id` and `size` sealed. */
export interface Facts {
  session: string;
  type: string;
  sha256: string;
  /** What was stated of it, as the session's route takes it. */
  capture: unknown;
}

/** How far a picture has come, which tells nothing of what it shows. */
export interface Progress {
  /** Under which it is sent, once the server knows of it. */
  upload: string | null;
  /** Set once the server has the picture. */
  image: string | null;
  /** Why it goes no further by itself. */
  failed: Reason | null;
}

export interface Entry extends Progress, Facts {
  id: string;
  taken_ms: number;
  size: number;
}

interface EntryRow extends Progress {
  id: string;
  user: string;
  taken_ms: number;
  size: number;
  facts: Sealed;
}

interface Schema extends DBSchema {
  entry: { key: string; value: EntryRow; indexes: { user: string } };
  picture: { key: string; value: { id: string; sealed: Sealed } };
  lock: { key: string; value: Lock };
}

export class Store {
  private readonly database: IDBPDatabase<Schema>;

  private constructor(database: IDBPDatabase<Schema>) {
    this.database = database;
  }

  static async open(name = "sansverre-queue"): Promise<Store> {
    const database = await openDB<Schema>(name, 1, {
      upgrade(fresh) {
        fresh.createObjectStore("entry", { keyPath: "id" }).createIndex("user", "user");
        fresh.createObjectStore("picture", { keyPath: "id" });
        fresh.createObjectStore("lock", { keyPath: "user" });
      },
      // A newer version of this page may want to change the database.
      blocking: (_, __, event) => (event.target as IDBDatabase).close(),
    });
    return new Store(database);
  }

  close(): void {
    this.database.close();
  }

  /** The lock of whoever was signed in last, unless their time is over. */
  async lock(now_ms: number): Promise<Lock | null> {
    const [kept] = await this.database.getAll("lock");
    if (kept && kept.until_ms > now_ms) return kept;
    if (kept) await this.forgetLock();
    return null;
  }

  /** Keeps this lock and no other. */
  async keepLock(lock: Lock): Promise<void> {
    const change = this.database.transaction("lock", "readwrite");
    await Promise.all([change.store.clear(), change.store.put(lock), change.done]);
  }

  async forgetLock(): Promise<void> {
    await this.database.clear("lock");
  }

  /** Keeps a picture; it is on the disk when this resolves. */
  async add(
    lock: Lock,
    id: string,
    picture: ArrayBuffer,
    facts: Facts,
    taken_ms: number,
  ): Promise<void> {
    const sealed = await seal(lock, `${id}/picture`, picture);
    const row: EntryRow = {
      id,
      user: lock.user,
      taken_ms,
      size: picture.byteLength,
      upload: null,
      image: null,
      failed: null,
      facts: await sealedFacts(lock, id, facts),
    };
    const change = this.database.transaction(["entry", "picture"], "readwrite", {
      durability: "strict",
    });
    await Promise.all([
      change.objectStore("entry").add(row),
      change.objectStore("picture").add({ id, sealed }),
      change.done,
    ]);
  }

  /** The user's own, the oldest first. */
  async entries(lock: Lock): Promise<Entry[]> {
    const rows = await this.database.getAllFromIndex("entry", "user", lock.user);
    rows.sort((one, other) => one.taken_ms - other.taken_ms);
    return Promise.all(rows.map((row) => opened(lock, row)));
  }

  /** How many pictures wait that this lock does not open. */
  async others(lock: Lock | null): Promise<number> {
    const all = await this.database.count("entry");
    return lock ? all - (await this.database.countFromIndex("entry", "user", lock.user)) : all;
  }

  /** A picture as it was taken; null where it is there no more. */
  async picture(lock: Lock, id: string, type: string): Promise<File | null> {
    const kept = await this.database.get("picture", id);
    if (!kept) return null;
    return new File([await unseal(lock, `${id}/picture`, kept.sealed)], id, { type });
  }

  /** Records how far a picture has come; nothing where it was taken back meanwhile. */
  async progress(id: string, changed: Partial<Progress>): Promise<void> {
    await this.change(id, changed);
  }

  /** Says anew what is stated of a picture; whether it was still there. */
  async describe(lock: Lock, entry: Entry, capture: unknown): Promise<boolean> {
    const { session, type, sha256 } = entry;
    const facts = await sealedFacts(lock, entry.id, { session, type, sha256, capture });
    return this.change(entry.id, { facts });
  }

  async remove(id: string): Promise<void> {
    const change = this.database.transaction(["entry", "picture"], "readwrite");
    await Promise.all([
      change.objectStore("entry").delete(id),
      change.objectStore("picture").delete(id),
      change.done,
    ]);
  }

  private async change(id: string, changed: Partial<EntryRow>): Promise<boolean> {
    const change = this.database.transaction("entry", "readwrite");
    const row = await change.store.get(id);
    if (row) await change.store.put({ ...row, ...changed });
    await change.done;
    return row !== undefined;
  }
}

function sealedFacts(lock: Lock, id: string, facts: Facts): Promise<Sealed> {
  return seal(lock, `${id}/facts`, new TextEncoder().encode(JSON.stringify(facts)));
}

async function opened(lock: Lock, { user: _, facts, ...row }: EntryRow): Promise<Entry> {
  const plain = await unseal(lock, `${row.id}/facts`, facts);
  return { ...row, ...(JSON.parse(new TextDecoder().decode(plain)) as Facts) };
}
