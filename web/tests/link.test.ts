import { describe, expect, it } from "vitest";
import { keyOf } from "../src/link";
import { viewOf } from "../src/viewer/frame";

describe("links to one image", () => {
  it("carry their key where no browser sends it", () => {
    expect(keyOf("#key=a_b-C")).toBe("a_b-C");
    expect(keyOf("")).toBeNull();
    expect(keyOf("#other")).toBeNull();
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
