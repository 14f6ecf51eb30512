import { describe, expect, it } from "vitest";
import { horizontalUmPerPixel, scaleBar } from "../src/viewer/scale";

describe("micrometres per screen pixel", () => {
  it("follows the zoom", () => {
    expect(horizontalUmPerPixel([0.25, 0.25], 0.5, 0)).toBeCloseTo(0.5, 12);
  });

  it("does not depend on rotation for square pixels", () => {
    for (const rotation of [0, 17, 45, 90, 271])
      expect(horizontalUmPerPixel([0.5, 0.5], 1, rotation)).toBeCloseTo(0.5, 12);
  });

  it("goes from one spacing to the other as the image turns", () => {
    expect(horizontalUmPerPixel([0.5, 1], 1, 0)).toBeCloseTo(0.5, 12);
    expect(horizontalUmPerPixel([0.5, 1], 1, 90)).toBeCloseTo(1, 12);
    expect(horizontalUmPerPixel([3, 4], 1, 45)).toBeCloseTo(Math.sqrt(12.5), 12);
  });
});

describe("scale bar", () => {
  it.each([
    [1, 150, 100],
    [1, 200, 200],
    [1, 499, 200],
    [1, 500, 500],
    [0.01, 100, 1],
    [0.005, 100, 0.5],
    [40, 150, 5000],
  ])("at %d µm per pixel within %d px is %d µm", (um, px, length_um) => {
    expect(scaleBar(um, px)?.length_um).toBeCloseTo(length_um, 9);
  });

  it("is never wider than its room, never shorter than two fifths of it", () => {
    for (let um = 0.001; um < 1000; um *= 1.07) {
      const bar = scaleBar(um, 160);
      expect(bar).not.toBeNull();
      expect(bar?.width_px).toBeLessThanOrEqual(160 * (1 + 1e-9));
      expect(bar?.width_px).toBeGreaterThanOrEqual(160 * 0.4 - 1e-6);
    }
  });

  it("is absent for what cannot be measured", () => {
    expect(scaleBar(Number.NaN, 160)).toBeNull();
    expect(scaleBar(0, 160)).toBeNull();
    expect(scaleBar(1, 0)).toBeNull();
  });
});
