import { describe, expect, it } from "vitest";
import table from "../../archive/body_sites.tsv?raw";
import { DRAWINGS, VIEWS } from "../src/body/drawings";
import { curve, distance, inside, mirrored, traced } from "../src/body/geometry";
import { markNear, type Position, placeAt, pointOf, regionsOf, viewOf } from "../src/body/place";
import { folded, nameOfSite, type Site, searchSites } from "../src/body/sites";

const [, ...lines] = table.trimEnd().split("\n");
const SITES: Site[] = lines.map((line) => {
  const [scheme = "", code = "", region = "", sides, fr = "", en = "", also = ""] =
    line.split("\t");
  return { scheme, code, region, paired: sides === "paired", fr, en, also: also.split("; ") };
});
const named = new Map(SITES.map((site) => [site.code, site]));

const at = (view: Position["view"], x: number, y: number) =>
  placeAt({ view, x: x / DRAWINGS[view].width, y: y / DRAWINGS[view].height });

describe("curves", () => {
  it("go through all their points", () => {
    const points = [
      [0, 0],
      [10, 5],
      [20, 0],
      [30, 40],
    ] as const;
    const line = traced([...points]);
    for (const [x, y] of points)
      expect(Math.min(...line.map((one) => Math.hypot(one[0] - x, one[1] - y)))).toBeCloseTo(0);
    expect(curve([...points])).toMatch(/^M0 0C.*30 40$/);
  });

  it("bound areas", () => {
    const square = [
      [0, 0],
      [10, 0],
      [10, 10],
      [0, 10],
    ] as const;
    expect(inside([...square], [5, 5])).toBe(true);
    expect(inside([...square], [11, 5])).toBe(false);
    expect(distance([...square], [5, 5])).toBe(0);
    expect(distance([...square], [13, 14])).toBeCloseTo(5);
    expect(mirrored([...square], 5)).toEqual([
      [10, 0],
      [0, 0],
      [0, 10],
      [10, 10],
    ]);
  });
});

describe("the drawings", () => {
  it("name sites of the list, with a side exactly where the body has two", () => {
    for (const view of VIEWS)
      for (const { site, side } of DRAWINGS[view].regions) {
        expect(named.has(site), `${view}: ${site}`).toBe(true);
        expect(side !== null, `${view}: ${named.get(site)?.en}`).toBe(named.get(site)?.paired);
      }
  });

  it("leave no piece of skin without a site", () => {
    const bare: string[] = [];
    for (const view of VIEWS) {
      const { width, height, outlines } = DRAWINGS[view];
      const skin = outlines.map((one) => traced(...one));
      for (let x = 1; x < width; x += 12)
        for (let y = 1; y < height; y += 12)
          if (skin.some((outline) => inside(outline, [x, y])) && !at(view, x, y))
            bare.push(`${view} ${x},${y}`);
    }
    expect(bare).toEqual([]);
  });

  it("can be hit wherever a site is drawn", () => {
    for (const view of VIEWS)
      for (const { site, side, area } of DRAWINGS[view].regions) {
        const [xs, ys] = [area.map(([x]) => x), area.map(([, y]) => y)];
        const [left, top] = [Math.min(...xs), Math.min(...ys)];
        const [wide, tall] = [Math.max(...xs) - left, Math.max(...ys) - top];
        const isHit = (one: number) => {
          const place = at(view, left + wide * ((one % 13) / 13), top + (tall * one) / 169);
          return place?.site === site && place.side === side;
        };
        const words = `${view}: ${named.get(site)?.en} ${side}`;
        expect(
          [...Array(169).keys()].some((one) => isHit(one)),
          words,
        ).toBe(true);
      }
  });

  it("show every site of the list but those within the mouth", () => {
    const unseen = SITES.filter(({ code }) => viewOf({ site: code, side: null }) === null);
    expect(unseen.map(({ region }) => region).filter((one) => one !== "mouth")).toEqual(["skin"]);
  });
});

describe("a touch", () => {
  it("gives the patient's side, whichever way they face", () => {
    expect(at("front", 60, 350)).toMatchObject({ site: "70559009", side: "R" });
    expect(at("front", 320, 350)).toMatchObject({ site: "70559009", side: "L" });
    expect(at("back", 60, 350)).toMatchObject({ site: "41550009", side: "L" });
    expect(at("back", 320, 350)).toMatchObject({ site: "41550009", side: "R" });
    expect(at("face", 110, 260)).toMatchObject({ site: "36141000", side: "R" });
    expect(at("scalp", 290, 260)).toMatchObject({ side: "R" });
  });

  it("keeps its point", () => {
    const position = { view: "front", x: 0.5, y: 0.4 } as const;
    expect(placeAt(position)?.position).toEqual(position);
  });

  it("beside the body is none, and just beside it is the skin there", () => {
    expect(at("front", 5, 30)).toBeNull();
    expect(at("front", 20, 425)).toMatchObject({ side: "R" });
  });

  it("reaches the nearest of pins that lie close", () => {
    const pins = [0.5, 0.52].map((x) => ({ x, position: { view: "back" as const, x, y: 0.3 } }));
    const touch = { view: "back" as const, x: 0.515, y: 0.3 };
    expect(markNear(pins, touch, 20)).toBe(pins[1]);
    expect(markNear(pins, { ...touch, y: 0.5 }, 20)).toBeNull();
    expect(markNear(pins, { ...touch, view: "front" }, 20)).toBeNull();
  });
});

describe("a site of the list", () => {
  it("is lit on the drawing that shows it largest, on its side", () => {
    expect(viewOf({ site: "36141000", side: "L" })).toBe("face");
    expect(viewOf({ site: "770816002", side: null })).toBe("hands");
    expect(regionsOf("front", { site: "70559009", side: "L" })).toHaveLength(1);
    expect(regionsOf("front", { site: "70559009", side: null })).toHaveLength(2);
    expect(regionsOf("front", { site: "70559009", side: "B" })).toHaveLength(2);
  });

  it("has a pin in the middle of it until a point is chosen", () => {
    const place = { site: "315003", side: null, position: null };
    const pin = pointOf(place);
    expect(pin?.view).toBe("front");
    expect(pin && placeAt(pin)?.site).toBe("315003");
    expect(pointOf({ site: "8001006", side: null, position: null })).toBeNull();
  });
});

describe("looking for a site", () => {
  const first = (query: string) => searchSites(SITES, query)[0]?.fr;

  it("knows both languages, other words, and no accents", () => {
    expect(first("nombril")).toBe("Ombilic");
    expect(first("navel")).toBe("Ombilic");
    expect(first("EPIGASTRE")).toBe("Région épigastrique");
    expect(searchSites(SITES, "oeil").map(({ fr }) => fr)).toContain("Région oculaire");
    expect(first("cheek")).toBe("Joue");
    expect(first("joue")).toBe("Joue");
    expect(folded("L’Œil gauche")).toBe("l oeil gauche");
  });

  it("finds by the beginnings of words, and nothing where one is missing", () => {
    expect(first("ant avant bra")).toBe("Face antérieure de l’avant-bras");
    expect(searchSites(SITES, "joue zzz")).toEqual([]);
    expect(searchSites(SITES, "  ")).toHaveLength(207);
  });

  it("names sites without saying each time that they are skin", () => {
    const forearm = named.get("70559009") as Site;
    expect(nameOfSite(forearm, "fr")).toBe("Face antérieure de l’avant-bras");
    expect(nameOfSite(forearm, "en")).toBe("Anterior surface of forearm");
  });
});
