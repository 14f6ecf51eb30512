import { describe, expect, it } from "vitest";
import { deepzoomOf } from "../src/api";
import { examPath, parseRoute, viewPath } from "../src/router";
import { formatView, normalised, parseView } from "../src/viewer/deeplink";

describe("the description of an image", () => {
  it.each(["received", "opened", "built"] as const)("has another address while %s", (state) =>
    expect(deepzoomOf({ deepzoom: "/deepzoom/a.dzi", state })).toBe("/deepzoom/a.dzi?early"),
  );

  it("has its own once it is published", () =>
    expect(deepzoomOf({ deepzoom: "/deepzoom/a.dzi", state: "published" })).toBe(
      "/deepzoom/a.dzi",
    ));
});

describe("deep links", () => {
  it("come back as they went", () => {
    const view = { x: 12345.67, y: 890.12, zoom: 0.123456789, rotation: 33.25 };
    expect(parseView(formatView(view))).toEqual(view);
  });

  it("keep rotation within a turn", () => {
    expect(normalised(-90)).toBe(270);
    expect(normalised(720)).toBe(0);
    expect(normalised(-1e-12)).toBe(0);
    expect(parseView("?x=1&y=2&zoom=1&rotation=-90")?.rotation).toBe(270);
  });

  it("are upright when they do not say", () => {
    expect(parseView("?x=1&y=2&zoom=0.5")).toEqual({ x: 1, y: 2, zoom: 0.5, rotation: 0 });
  });

  it.each([
    "",
    "?x=1&y=2",
    "?x=1&y=2&zoom=0",
    "?x=1&y=2&zoom=-1",
    "?x=a&y=2&zoom=1",
    "?x=&y=2&zoom=1",
    "?x=1&y=Infinity&zoom=1",
  ])("are ignored when they make no view: %s", (search) => expect(parseView(search)).toBeNull());
});

describe("routes", () => {
  it("are what the addresses say", () => {
    expect(parseRoute("/")).toEqual({ page: "list" });
    expect(parseRoute("/exam/a%20b")).toEqual({ page: "exam", exam: "a b" });
    expect(parseRoute("/view/1f")).toEqual({ page: "view", image: "1f" });
    expect(parseRoute("/deposit")).toEqual({ page: "deposit" });
    expect(parseRoute("/deposit/1")).toEqual({ page: "unknown" });
    expect(parseRoute("/view")).toEqual({ page: "unknown" });
    expect(parseRoute("/view/1/2")).toEqual({ page: "unknown" });
    expect(parseRoute("/else/1")).toEqual({ page: "unknown" });
    expect(parseRoute("/view/%E0%A4%A")).toEqual({ page: "view", image: "%E0%A4%A" });
  });

  it("are made as they are read", () => {
    expect(parseRoute(examPath("a/b"))).toEqual({ page: "exam", exam: "a/b" });
    expect(parseRoute(viewPath("é?"))).toEqual({ page: "view", image: "é?" });
  });
});
