import { describe, expect, it } from "vitest";
import type { Answer, Line, Study } from "../src/timeline/calls";
import {
  dayOfItem,
  establishmentsOf,
  type Item,
  isWanted,
  kindsOf,
  merged,
  yearsBefore,
} from "../src/timeline/model";
import { titleOf } from "../src/timeline/row";

const line = (more: Partial<Line>): Line => ({
  exam: "e",
  own: true,
  establishment: "A",
  on: "2026-03-02T10:00:00Z",
  keys: ["study 1"],
  accession_number: null,
  is_provisional: false,
  case: null,
  slides: 0,
  photographs: 0,
  images: [],
  stains: [],
  lesions: [],
  places: [],
  reports: [],
  ...more,
});

const study = (keys: string[], more: Partial<Study> = {}): Study => ({
  study_instance_uid: keys[0] ?? "",
  keys,
  on: "2025-01-01",
  at: "10:15:00",
  description: "",
  modalities: ["CT"],
  body_part: "",
  accession_number: "",
  institution: "",
  series: 1,
  instances: 1,
  address: null,
  ...more,
});

const answer = (archive: string, studies: Study[]): Answer => ({
  archive,
  establishment: "A",
  state: "answered",
  studies,
  to_be_looked_into: 0,
  of_others: 0,
});

describe("what a line is called", () => {
  it("has the number of what it shows", () => {
    const [one, several] = [line({ slides: 1, photographs: 1 }), line({ slides: 2 })].map(
      (each) => merged([each], [])[0] as Item,
    );
    expect(titleOf(one as Item, [])).toBe("Lame, Photographie");
    expect(titleOf(several as Item, [])).toBe("Lames");
  });
});

describe("one exam held several times", () => {
  it("is one line that says where it is held", () => {
    const answers = [
      answer("pacs", [study(["study 1", "order A"]), study(["study 2", "order B"])]),
      answer("old", [study(["study 2"]), study(["study 9", "order B"])]),
    ];
    const items = merged([line({ slides: 2 })], answers);
    expect(items.map(({ held }) => held.map(({ archive }) => archive))).toEqual([
      ["pacs"],
      ["pacs", "old", "old"],
    ]);
    expect(items[0]?.line?.exam).toBe("e");
  });

  it("is one's own first, and opens also where another establishment shows it", () => {
    const theirs = line({
      exam: "t",
      own: false,
      establishment: "B",
      on: "2026-03-03T10:00:00Z",
      slides: 1,
    });
    const [item, ...more] = merged([theirs, line({ photographs: 1 })], []);
    expect(more).toEqual([]);
    expect([item?.line?.exam, item?.also.map(({ exam }) => exam)]).toEqual(["e", ["t"]]);
    expect(item && [kindsOf(item), establishmentsOf(item)]).toEqual([
      ["slide", "photo"],
      ["A", "B"],
    ]);
  });

  it("is not another exam of its order that stands here, whose images would be lost", () => {
    const two = ["1", "2"].map((n) => line({ exam: n, keys: [`study ${n}`, "order X"] }));
    const items = merged(two, [
      answer("pacs", [study(["study 2", "order X"]), study(["study 9"])]),
    ]);
    const told = items.map((one) => [one.line?.exam, one.held.map(({ study }) => study.keys[0])]);
    expect(told).toEqual([
      ["1", []],
      ["2", ["study 2"]],
      [undefined, ["study 9"]],
    ]);
  });

  it("is found to be one by what comes last", () => {
    const answers = [
      answer("a", [study(["study 1"])]),
      answer("b", [study(["study 2"])]),
      answer("c", [study(["study 1", "study 2"])]),
    ];
    expect(merged([], answers)).toHaveLength(1);
  });

  it("is the same in whatever order answers come", () => {
    const answers = [
      answer("a", [study(["study 1", "order X"])]),
      answer("b", [study(["study 2", "order X"])]),
      answer("c", [study(["study 3"])]),
    ];
    const told = (some: Answer[]) =>
      merged([line({ keys: ["study 3"] })], some)
        .map(({ held }) => held.map(({ archive }) => archive).sort())
        .sort();
    expect(told([...answers].reverse())).toEqual(told(answers));
  });
});

describe("what is looked at", () => {
  const items = merged(
    [line({ slides: 1, keys: ["study 1"] }), line({ photographs: 1, keys: ["study 2"] })],
    [answer("pacs", [study(["study 3"]), study(["study 4"], { on: null, modalities: ["SM"] })])],
  );
  const all = { kinds: new Set<never>(), establishment: null, since: null, query: "" };

  it("is by kind, day and words without accents", () => {
    const kinds = items.map(kindsOf);
    expect(kinds).toEqual([["slide"], ["photo"], ["radiology"], ["slide"]]);
    expect(items.map(dayOfItem)).toEqual(["2026-03-02", "2026-03-02", "2025-01-01", null]);
    const [first, , scan, undated] = items;
    if (!first || !scan || !undated) throw new Error("four lines");
    expect(isWanted(first, "Lames", { ...all, kinds: new Set(["photo"] as const) })).toBe(false);
    expect(isWanted(scan, "Scanner cérébral", { ...all, query: "cerebral scan" })).toBe(true);
    expect(isWanted(scan, "", { ...all, since: "2025-06-01" })).toBe(false);
    expect(isWanted(undated, "", { ...all, since: "2025-06-01" })).toBe(true);
    expect(isWanted(scan, "", { ...all, establishment: "B" })).toBe(false);
  });

  it("is of so many years", () => {
    expect(yearsBefore(5, new Date("2026-03-02T12:00:00Z"))).toBe("2021-03-02");
  });
});
