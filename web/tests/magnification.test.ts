import { describe, expect, it } from "vitest";
import {
  gridZoom,
  isDigital,
  magnificationAt,
  meanSpacing,
  onGrid,
  steps,
  umPerPixel,
  zoomFor,
} from "../src/viewer/magnification";

describe("magnification", () => {
  it.each([
    [40, 0.25],
    [20, 0.5],
    [10, 1],
    [5, 2],
  ])("×%d shows %d µm per CSS pixel", (magnification, um) => {
    expect(umPerPixel(magnification)).toBe(um);
    expect(magnificationAt(1, [um, um])).toBeCloseTo(magnification, 12);
  });

  it("is undone by its zoom, for any spacing", () => {
    for (const mpp of [
      [0.2527, 0.2527],
      [0.499, 0.503],
    ] as const)
      expect(magnificationAt(zoomFor(7.3, mpp), mpp)).toBeCloseTo(7.3, 12);
  });

  it("takes the geometric mean of spacings that differ", () => {
    expect(meanSpacing([0.25, 1])).toBeCloseTo(0.5, 12);
  });

  it("calls digital what exceeds the scan's own pixels", () => {
    expect(isDigital(zoomFor(20, [0.499, 0.499]))).toBe(false);
    expect(isDigital(zoomFor(20, [0.5034, 0.5034]))).toBe(false);
    expect(isDigital(zoomFor(40, [0.499, 0.499]))).toBe(true);
    expect(isDigital(zoomFor(40, [0.2527, 0.2527]))).toBe(false);
  });

  it("draws on the pixel grid where that is near, and only there", () => {
    expect(onGrid(0.998, 1)).toBe(1);
    expect(onGrid(0.2495, 1)).toBe(0.25);
    expect(onGrid(0.9, 1)).toBe(0.9);
    expect(onGrid(0.998, 1.5)).toBe(0.998);
    expect(onGrid(0.499, 2)).toBe(0.5);
    expect(gridZoom(0.3, 1)).toBe(0.25);
  });

  it("offers ×5 to ×40, and smaller ones only where they are larger than the whole image", () => {
    const offered = (fit: number) => steps([0.5, 0.5], fit, 1).map((step) => step.magnification);
    expect(offered(0.01)).toEqual([1.25, 2.5, 5, 10, 20, 40]);
    expect(offered(0.09)).toEqual([2.5, 5, 10, 20, 40]);
    expect(offered(3)).toEqual([5, 10, 20, 40]);
  });

  it("marks only the magnifications beyond the scan", () => {
    const digital = steps([0.5, 0.5], 0.1, 1)
      .filter((step) => step.digital)
      .map((step) => step.magnification);
    expect(digital).toEqual([40]);
  });
});
