import { describe, expect, it } from "vitest";
import { fieldOf } from "../src/viewer/region";

const IMAGE = { width: 4000, height: 3000 };
const SCREEN = { width: 800, height: 600 };

describe("the field on screen", () => {
  it("is what lies between the edges of the screen", () => {
    const view = { x: 2000, y: 1500, zoom: 2, rotation: 0 };
    expect(fieldOf(view, SCREEN, IMAGE)).toEqual({ x: 1800, y: 1350, width: 400, height: 300 });
  });

  it("ends where the image ends", () => {
    const corner = { x: 0, y: 3000, zoom: 1, rotation: 0 };
    expect(fieldOf(corner, SCREEN, IMAGE)).toEqual({ x: 0, y: 2700, width: 400, height: 300 });
    const all = { x: 2000, y: 1500, zoom: 0.1, rotation: 0 };
    expect(fieldOf(all, SCREEN, IMAGE)).toEqual({ x: 0, y: 0, ...IMAGE });
  });

  it("of a turned view is the box around it", () => {
    const upright = { x: 2000, y: 1500, zoom: 1, rotation: 90 };
    expect(fieldOf(upright, SCREEN, IMAGE)).toEqual({ x: 1700, y: 1100, width: 600, height: 800 });
    const turned = fieldOf({ ...upright, rotation: 45 }, SCREEN, IMAGE);
    const side = Math.round((800 + 600) * Math.SQRT1_2);
    expect(turned).toEqual({ x: 1505, y: 1005, width: side, height: side });
  });

  it("is none beside the image", () => {
    expect(fieldOf({ x: -900, y: 0, zoom: 1, rotation: 0 }, SCREEN, IMAGE)).toBeNull();
  });
});
