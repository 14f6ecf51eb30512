import { describe, expect, it } from "vitest";
import type { EventKind, Lesion, Photo, PhotoView, Ruler } from "../src/lesions/calls";
import { lengthOf, markingPx } from "../src/lesions/length";
import { dayOf, daysOf, newSince, pairOf, visitBefore, visitsOf } from "../src/lesions/model";
import { comparePath, lesionPath, lesionsPath, parseRoute } from "../src/router";

const SITE = { code: "1", scheme: "SCT", region: "head", paired: true, fr: "f", en: "e", also: [] };

function lesion(number: number, ...history: [EventKind, string][]): Lesion {
  return {
    id: `l${number}`,
    patient: "p",
    number,
    site: SITE,
    side: "L",
    label: "",
    position: null,
    status: history.at(-1)?.[0] ?? "first-seen",
    history: history.map(([kind, on]) => ({ kind, on, by: "" })),
    biopsies: [],
    photographs: 0,
    latest: null,
  };
}

function photo(image: string, taken_at: string, view: PhotoView = "dermoscopy"): Photo {
  return { image, exam: "e", state: "published", taken_at, view, thumbnail: "", measures: [] };
}

describe("visits", () => {
  it("hold the photographs of a day, the last day first", () => {
    const photos = [
      photo("c", "2026-09-16T10:30:00"),
      photo("a", "2025-03-12T09:00:00"),
      photo("b", "2025-03-12T09:05:00", "close-up"),
    ];
    expect(
      visitsOf(photos).map(({ day, photos: some }) => [day, some.map((one) => one.image)]),
    ).toEqual([
      ["2026-09-16", ["c"]],
      ["2025-03-12", ["a", "b"]],
    ]);
    expect(visitsOf([])).toEqual([]);
    expect(dayOf("2026-01-02T23:59:00")).toBe("2026-01-02");
  });

  it("tell what is new since the one before the last", () => {
    const lesions = [
      lesion(1, ["first-seen", "2024-01-10"], ["followed", "2025-02-01"]),
      lesion(2, ["first-seen", "2025-02-01"]),
      lesion(3, ["first-seen", "2026-05-06"]),
    ];
    expect(daysOf(lesions)).toEqual(["2024-01-10", "2025-02-01", "2026-05-06"]);
    expect(visitBefore(lesions)).toBe("2025-02-01");
    expect(newSince(lesions, "2025-02-01").map(({ number }) => number)).toEqual([3]);
    expect(visitBefore(lesions.slice(1, 2))).toBeNull();
  });
});

describe("the pair to compare", () => {
  const first = photo("first", "2025-03-12T09:00:00");
  const near = photo("near", "2025-03-12T09:05:00", "close-up");
  const second = photo("second", "2026-09-16T10:30:00");
  const last = photo("last", "2026-09-16T10:40:00", "close-up");

  it("is of two visits and of one view, dermoscopy before all", () => {
    expect(pairOf([second, near, last, first])).toEqual([first, second]);
    expect(pairOf([near, last, first])).toEqual([near, last]);
  });

  it("is any two where no views agree, and none of one", () => {
    expect(pairOf([first, last])).toEqual([first, last]);
    expect(pairOf([first, near])).toEqual([first, near]);
    expect(pairOf([first])).toBeNull();
    expect(pairOf([{ ...first, state: "received" }, second])).toBeNull();
  });
});

describe("a diameter", () => {
  const ruler: Ruler = {
    state: "done",
    mm_per_pixel: 0.1,
    row_mm_per_pixel: 0.2,
    uncertainty_mm: 0.001,
    reason: null,
    scale: "ruler 1",
    version: "1",
  };

  it("is as uncertain as its ends and its scale, as in the archive", () => {
    const across = lengthOf(
      [
        [0, 0],
        [10, 0],
      ],
      15,
      { ...ruler, uncertainty_mm: null },
    );
    expect(across?.mm).toBeCloseTo(1);
    expect(across?.uncertainty_mm).toBeCloseTo(15 * Math.SQRT2 * 0.2);
    const down = lengthOf(
      [
        [0, 0],
        [0, 1000],
      ],
      1.5,
      ruler,
    );
    expect(down?.mm).toBeCloseTo(200);
    expect(down?.uncertainty_mm).toBeCloseTo(Math.hypot(200 * 0.01, 1.5 * Math.SQRT2 * 0.2));
  });

  it("has no millimetres without a scale", () => {
    expect(
      lengthOf(
        [
          [0, 0],
          [9, 9],
        ],
        1.5,
        { ...ruler, mm_per_pixel: null },
      ),
    ).toBeNull();
  });

  it("is marked as exactly as it is seen", () => {
    expect(markingPx(0.25)).toBe(6);
    expect(markingPx(4)).toBe(1.5);
  });
});

describe("addresses of lesions", () => {
  it("come back as they went", () => {
    expect(parseRoute(lesionsPath("k/1"))).toEqual({ page: "lesions", patient: "k/1" });
    expect(parseRoute(lesionPath("l"))).toEqual({ page: "lesion", lesion: "l" });
    const compare = new URL(comparePath("l", "a", "b"), "http://here");
    expect(parseRoute(compare.pathname)).toEqual({ page: "compare", lesion: "l" });
    expect(compare.search).toBe("?first=a&second=b");
  });

  it.each(["/patients", "/patients/k/x", "/lesions", "/lesions/l/compare/x"])(
    "are nothing else: %s",
    (path) => expect(parseRoute(path)).toEqual({ page: "unknown" }),
  );
});
