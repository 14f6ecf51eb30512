import "fake-indexeddb/auto";
import { openDB } from "idb";
import { describe, expect, it } from "vitest";
import { type Lock, lockOf, seal, unseal } from "../src/queue/lock";
import { erasesAfterAWeek } from "../src/queue/room";
import { Store } from "../src/queue/store";

const NOW_MS = Date.parse("2026-03-02T09:00:00Z");
const SECRET_TEXT = "session-of-one-patient";

const lock = (user: string, byte: number): Promise<Lock> =>
  lockOf({
    user,
    secret: btoa(String.fromCharCode(...new Uint8Array(32).fill(byte))),
    expires_at: "2026-03-02T12:00:00Z",
  });

const facts = { session: SECRET_TEXT, type: "image/jpeg", sha256: "ab", capture: null };
const picture = new TextEncoder().encode("what the picture shows").buffer;

let databases = 0;
const name = () => `test-${databases++}`;

/** Everything that a database holds, as text: what somebody finds who reads the disk. */
async function dumped(database: string): Promise<string> {
  const opened = await openDB(database);
  const found: string[] = [];
  const bytes = (value: unknown): unknown =>
    value instanceof ArrayBuffer || ArrayBuffer.isView(value)
      ? String.fromCharCode(...new Uint8Array(value instanceof ArrayBuffer ? value : value.buffer))
      : value;
  for (const store of opened.objectStoreNames)
    for (const row of await opened.getAll(store))
      found.push(JSON.stringify(row, (_, value) => bytes(value)));
  opened.close();
  return found.join("\n");
}

describe("what waits on a phone", () => {
  it("comes back as it was taken", async () => {
    const [store, mine] = [await Store.open(name()), await lock("a", 1)];
    await store.add(mine, "one", picture, facts, NOW_MS);
    const [entry] = await store.entries(mine);
    expect(entry).toMatchObject({ id: "one", size: picture.byteLength, ...facts });
    const back = await store.picture(mine, "one", "image/jpeg");
    expect(new Uint8Array((await back?.arrayBuffer()) ?? [])).toEqual(new Uint8Array(picture));
    store.close();
  });

  it("is nowhere to be read on the disk", async () => {
    const database = name();
    const [store, mine] = [await Store.open(database), await lock("a", 1)];
    await store.add(mine, "one", picture, facts, NOW_MS);
    await store.keepLock(mine);
    const found = await dumped(database);
    expect(found).toContain("one");
    expect(found).not.toContain(SECRET_TEXT);
    expect(found).not.toContain("what the picture");
    store.close();
  });

  it("is counted for another user, and neither listed nor opened", async () => {
    const store = await Store.open(name());
    const [mine, other] = [await lock("a", 1), await lock("b", 2)];
    await store.add(mine, "one", picture, facts, NOW_MS);
    expect(await store.entries(other)).toEqual([]);
    expect(await store.others(other)).toBe(1);
    expect(await store.others(mine)).toBe(0);
    expect(await store.others(null)).toBe(1);
    await expect(store.picture(other, "one", "")).rejects.toThrow();
    // Not even by who takes the user's name, without the key.
    await expect(store.entries({ ...other, user: "a" })).rejects.toThrow();
    store.close();
  });

  it("goes on for the same user who has signed in again, and not under another place's name", async () => {
    const store = await Store.open(name());
    await store.add(await lock("a", 1), "one", picture, facts, NOW_MS);
    const again = await lock("a", 1);
    expect(await store.entries(again)).toHaveLength(1);
    const sealed = await seal(again, "one/picture", picture);
    await expect(unseal(again, "two/picture", sealed)).rejects.toThrow();
    expect((await unseal(again, "one/picture", sealed)).byteLength).toBe(picture.byteLength);
    store.close();
  });

  it("remembers how far it has come and what was stated, unless it was taken back", async () => {
    const [store, mine] = [await Store.open(name()), await lock("a", 1)];
    await store.add(mine, "one", picture, facts, NOW_MS);
    await store.progress("one", { upload: "u1" });
    const [entry] = await store.entries(mine);
    if (!entry) throw new Error("the entry is gone");
    expect(await store.describe(mine, entry, { view: "overview" })).toBe(true);
    expect(await store.entries(mine)).toMatchObject([
      { upload: "u1", capture: { view: "overview" }, sha256: "ab" },
    ]);
    await store.remove("one");
    await store.progress("one", { upload: "u2" });
    expect(await store.describe(mine, entry, null)).toBe(false);
    expect(await store.others(null)).toBe(0);
    store.close();
  });
});

describe("the key", () => {
  it("cannot be read out, and is kept for one user until their time is over", async () => {
    const store = await Store.open(name());
    const [mine, other] = [await lock("a", 1), await lock("b", 2)];
    await expect(crypto.subtle.exportKey("raw", mine.key)).rejects.toThrow();
    await store.keepLock(mine);
    expect((await store.lock(NOW_MS))?.user).toBe("a");
    await store.keepLock(other);
    expect((await store.lock(NOW_MS))?.user).toBe("b");
    expect(await store.lock(other.until_ms)).toBeNull();
    expect(await store.lock(NOW_MS)).toBeNull();
    store.close();
  });
});

describe("a system that erases", () => {
  const PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15";
  it.each([
    [`${PHONE} Version/18.5 Mobile/15E148 Safari/604.1`, true],
    [`${PHONE} CriOS/137.0 Mobile/15E148 Safari/604.1`, true],
    ["Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/137.0 Mobile Safari/537.36", false],
    ["Mozilla/5.0 (Android 15; Mobile; rv:139.0) Gecko/139.0 Firefox/139.0", false],
  ])("is known by its name: %s", (userAgent, erases) =>
    expect(erasesAfterAWeek({ userAgent })).toBe(erases),
  );
});
