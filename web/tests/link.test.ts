import { describe, expect, it } from "vitest";
import { keyOf } from "../src/link";
import { pathOf } from "../src/phones/code";
import { phoneName } from "../src/phones/pair";
import { viewOf } from "../src/viewer/frame";

describe("links to one image", () => {
  it("carry their key where no browser sends it", () => {
    expect(keyOf("#key=a_b-C")).toBe("a_b-C");
    expect(keyOf("")).toBeNull();
    expect(keyOf("#other")).toBeNull();
  });
});

describe("a phone that is let in", () => {
  it.each([
    [
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Safari/604.1",
      "iPhone, Safari",
    ],
    ["Mozilla/5.0 (Linux; Android 15) Chrome/137.0 Mobile Safari/537.36", "Android, Chrome"],
    ["Mozilla/5.0 (Android 15; Mobile; rv:139.0) Gecko/139.0 Firefox/139.0", "Android, Firefox"],
    ["something else", "Téléphone"],
  ])("is called by what it is: %s", (userAgent, name) => expect(phoneName(userAgent)).toBe(name));

  it("reads a code whose dark modules are drawn, four from the edge", () => {
    expect(pathOf(["011", "100"])).toBe("M5 4h2v1h-2zM4 5h1v1h-1z");
  });
});

describe("a page around the viewer", () => {
  const view = { x: 10, y: 20, zoom: 0.5, rotation: 90 };

  it("may say where to look", () => {
    expect(viewOf({ type: "sansverre.show", view })).toEqual(view);
    expect(viewOf({ type: "sansverre.show", view: { x: 1, y: 2, zoom: 1 } })?.rotation).toBe(0);
  });

  it.each([
    null,
    "sansverre.show",
    { type: "other", view },
    { type: "sansverre.show" },
    { type: "sansverre.show", view: { ...view, x: "10" } },
    { type: "sansverre.show", view: { ...view, y: Number.NaN } },
    { type: "sansverre.show", view: { ...view, zoom: 0 } },
    { type: "sansverre.show", view: { x: 1 } },
  ])("is not heard when it says anything else: %j", (message) =>
    expect(viewOf(message)).toBeNull(),
  );
});
