import { describe, expect, it } from "vitest";
import { detailOf } from "../src/api";
import type { DepositOut } from "../src/deposit/calls";
import {
  adopt,
  brought,
  type Deposit,
  fate,
  fateOfAll,
  follow,
  isWhole,
  nextToSend,
  totals,
} from "../src/deposit/model";
import { Pace } from "../src/deposit/pace";
import type { Brought } from "../src/deposit/paths";
import { meaning } from "../src/deposit/stop";
import { orderOf, sameOrder, typedOf } from "../src/deposit/whose";

function file(path: string, size: number): Brought {
  return { path, file: new File([new Uint8Array(size)], path.split("/").pop() ?? "") };
}

function deposit(files: Brought[], id: string | null = "d"): Deposit {
  return {
    id,
    key: 0,
    order: null,
    closed: false,
    paused: false,
    ours: true,
    files: new Map(files.map((one) => [one.path, { ...brought(one), upload: id }])),
    pace: new Pace(),
  };
}

function told(...files: Partial<DepositOut["files"][0]>[]): DepositOut {
  const whole = { path: "a", size_bytes: 10, received_bytes: 0, upload: null };
  return {
    id: "d",
    order: null,
    state: "open",
    files: files.map((one) => ({ ...whole, state: "waiting", ...one })),
  };
}

function only(of: Deposit) {
  const [first] = of.files.values();
  if (!first) throw new Error("no file");
  return first;
}

describe("the queue", () => {
  it("sends some files at once, in the order they came", () => {
    const one = deposit([file("a", 1), file("b", 1), file("c", 1)]);
    for (const expected of ["a", "b"]) {
      const next = nextToSend([one], 2);
      expect(next?.[1].path).toBe(expected);
      if (next) next[1].step = "sending";
    }
    expect(nextToSend([one], 2)).toBeNull();
  });

  it("passes over deposits that pause, or that the server does not know yet", () => {
    const [paused, unknown, ready] = [
      { ...deposit([file("a", 1)]), paused: true },
      deposit([file("b", 1)], null),
      deposit([file("c", 1)]),
    ];
    expect(nextToSend([paused, unknown, ready], 3)?.[1].path).toBe("c");
  });

  it("passes over what failed and what the server has", () => {
    const one = deposit([file("a", 10), file("b", 10), file("c", 10)]);
    follow(one, told({ path: "a", state: "checking", received_bytes: 10 }));
    const b = one.files.get("b");
    if (b) b.step = "failed";
    expect(nextToSend([one], 3)?.[1].path).toBe("c");
  });
});

describe("a deposit found again", () => {
  const again = () => {
    const one = { ...deposit([]), ours: false };
    follow(
      one,
      told(
        { path: "case/a.svs", size_bytes: 10, received_bytes: 4, upload: "u", state: "uploading" },
        { path: "case/b.svs", size_bytes: 5, received_bytes: 5, upload: "v", state: "checking" },
      ),
    );
    return one;
  };

  it("waits for the file that had not wholly come", () => {
    const one = again();
    expect([...one.files.values()].map((each) => fate(each))).toEqual(["wanted", "checking"]);
    expect(nextToSend([one], 3)).toBeNull();
    expect(isWhole(one)).toBe(false);
    expect(totals(one.files.values())).toEqual({ bytes: 15, sent: 9, files: 2, left: 1 });
  });

  it("goes on where it was with the same file, dropped alone or in its folder", () => {
    for (const path of ["case/a.svs", "a.svs", "elsewhere/case/a.svs"]) {
      const one = again();
      expect(adopt(one, [file(path, 10)])).toEqual([]);
      const next = nextToSend([one], 3);
      expect(next?.[1].upload).toBe("u");
      expect(next?.[1].sent).toBe(4);
    }
  });

  it("is not closed by a page that sent nothing of it", () => {
    const one = again();
    const all = { path: "case/a.svs", received_bytes: 10, state: "checking" as const };
    follow(one, told(all));
    expect(isWhole(one)).toBe(false);
    one.ours = true;
    expect(isWhole(one)).toBe(true);
  });

  it("is being sent by another page where it grows", () => {
    const one = again();
    const more = { path: "case/a.svs", received_bytes: 8, state: "uploading" as const };
    follow(one, told(more));
    const a = one.files.get("case/a.svs");
    if (!a) throw new Error("no file");
    expect(fate(a)).toBe("elsewhere");
    expect(fate(a, performance.now() + 120_000)).toBe("wanted");
  });

  it("does not take another file for it", () => {
    const one = again();
    const others = [file("case/a.svs", 11), file("case/aa.svs", 10), file("b.svs", 5)];
    expect(adopt(one, others)).toEqual(others);
  });

  it("takes each of two files of one name once", () => {
    const one = deposit([]);
    const half = { size_bytes: 10, received_bytes: 4, state: "uploading" as const };
    follow(one, told({ path: "x/a", ...half }, { path: "y/a", ...half }));
    expect(adopt(one, [file("y/a", 10), file("x/a", 10)])).toEqual([]);
    expect([...one.files.values()].every((each) => each.file)).toBe(true);
  });
});

describe("what became of a file", () => {
  it.each([
    [{ state: "checking", received_bytes: 10 }, "checking"],
    [{ state: "unassigned", received_bytes: 10 }, "unassigned"],
    [{ state: "taken", received_bytes: 10, image: "i" }, "preparing"],
    [
      { state: "refused", received_bytes: 10, reason: { code: "unreadable", detail: null } },
      "refused",
    ],
    [{ state: "companion", received_bytes: 10 }, "companion"],
  ] as const)("%o", (said, expected) => {
    const one = deposit([file("a", 10)]);
    follow(one, told(said));
    expect(fate(only(one))).toBe(expected);
  });

  it("is ready once its image can be looked at", () => {
    const one = deposit([file("a", 10)]);
    follow(one, told({ state: "taken", received_bytes: 10, image: "i" }));
    only(one).viewable = true;
    follow(one, told({ state: "taken", received_bytes: 10, image: "i" }));
    expect(fate(only(one))).toBe("ready");
  });

  it("is not overruled by an answer that is older than what is being sent", () => {
    const one = deposit([file("a", 10)]);
    Object.assign(only(one), { step: "sending", sent: 8 });
    follow(one, told({ state: "uploading", received_bytes: 2, upload: "u" }));
    expect(only(one)).toMatchObject({ step: "sending", sent: 8, upload: "u" });
  });

  it("of many files is what hinders, then what goes on, then what was opened", () => {
    const one = deposit([file("m.mrxs", 10), file("m/1", 10), file("m/2", 10)]);
    const files = [...one.files.values()];
    const [main, first, second] = files;
    if (!main || !first || !second) throw new Error("no files");
    first.step = "sending";
    expect(fateOfAll(files)).toBe("sending");
    second.step = "failed";
    expect(fateOfAll(files)).toBe("failed");
    Object.assign(first, { step: "idle", state: "companion" });
    Object.assign(second, { step: "idle", state: "companion" });
    Object.assign(main, { state: "taken", image: "i", viewable: true });
    expect(fateOfAll(files)).toBe("ready");
  });

  it("closes the deposit when all has come, once", () => {
    const one = deposit([file("a", 10)]);
    expect(isWhole(one)).toBe(false);
    follow(one, told({ state: "checking", received_bytes: 10 }));
    expect(isWhole(one)).toBe(true);
    follow(one, { ...told({ state: "checking", received_bytes: 10 }), state: "closed" });
    expect(isWhole(one)).toBe(false);
  });

  it("sends a file of no bytes too", () => {
    expect(fate(only(deposit([file("empty", 0)])))).toBe("queued");
  });
});

describe("an answer while sending", () => {
  it.each([
    [0, "lost"],
    [401, "session"],
    [409, "busy"],
    [423, "busy"],
    [460, "busy"],
    [502, "busy"],
    [503, "busy"],
    [403, "refused"],
    [413, "refused"],
    [507, "refused"],
  ])("%d is %s", (status, why) => expect(meaning(status).why).toBe(why));

  it("is given in the server's words where it has some", () => {
    const body = JSON.stringify({ status: 507, detail: "It takes 3 GB more." });
    expect(meaning(507, detailOf(body))).toMatchObject({ detail: "It takes 3 GB more." });
    expect(meaning(507, detailOf("<html>"))).toMatchObject({ detail: null });
  });
});

describe("whose images are", () => {
  const nothing = typedOf(null);

  it("is not stated by a name alone", () => {
    expect(orderOf(nothing)).toBeNull();
    expect(orderOf({ ...nothing, family: "NOM", given: "Prénom" })).toBeNull();
    expect(orderOf({ ...nothing, family: "NOM", accession_number: "A1" })).toBeNull();
    expect(orderOf({ ...nothing, patient_id: "7", accession_issuer: "LAB" })).toBeNull();
  });

  it("is a patient, an order, or both", () => {
    expect(orderOf({ ...nothing, accession_number: " A1 " })).toEqual({
      patient: null,
      accession_number: "A1",
      issuer: null,
    });
    expect(orderOf({ ...nothing, patient_id: "7", family: "NOM", given: "Prénom" })).toEqual({
      patient: {
        patient_id: "7",
        issuer: null,
        name: "NOM^Prénom",
        birth_date: null,
        sex: null,
      },
      accession_number: null,
      issuer: null,
    });
    expect(orderOf({ ...nothing, patient_id: "7", family: "NOM" })?.patient?.name).toBe("NOM");
  });

  it("survives being shown and stated again", () => {
    const whose = { ...nothing, patient_id: "7", issuer: "X", given: "G", sex: "F" };
    const typed = { ...whose, accession_number: "A1", accession_issuer: "LAB" };
    expect(typedOf(orderOf(typed))).toEqual(typed);
    expect(sameOrder(orderOf(typed), orderOf({ ...typed, patient_id: " 7" }))).toBe(true);
    expect(sameOrder(orderOf(typed), null)).toBe(false);
  });
});
