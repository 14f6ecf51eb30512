import { describe, expect, it } from "vitest";
import { type Report, readBy } from "../src/reports/calls";

const report = (version: number, more: Partial<Report> = {}): Report => ({
  id: `${version}.${more.part ?? 0}`,
  exam: "e",
  number: "F1",
  version,
  is_newest: false,
  part: 0,
  replaces: version - 1 || null,
  is_addendum: false,
  status: "final",
  title: "Compte rendu",
  media_type: "application/pdf",
  said_at: "2026-03-01T08:00:00Z",
  ...more,
});
const ids = (one: Report, all: Report[]) => readBy(one, all).map(({ id }) => id);

describe("what a version is read by", () => {
  const first = report(1, { status: "preliminary" });
  const second = report(1, { status: "preliminary", part: 1 });
  const alone = report(2, { media_type: null });
  const again = report(3, { media_type: null });
  const gone = report(4, { media_type: null, status: "withdrawn" });
  const other = report(3, { number: "F2" });
  const all = [gone, other, again, alone, second, first];

  it("is its own document, or all those that stand before its status", () => {
    expect(ids(first, all)).toEqual(["1.0"]);
    expect(ids(alone, all)).toEqual(["1.0", "1.1"]);
    expect(ids(again, all)).toEqual(["1.0", "1.1"]);
  });

  it("is nothing where it is withdrawn, or nothing was said before", () => {
    expect(ids(gone, all)).toEqual([]);
    expect(ids(alone, [alone, other])).toEqual([]);
  });
});
