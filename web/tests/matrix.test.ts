import { describe, expect, it } from "vitest";
import {
  covering,
  css,
  followed,
  fromCentres,
  inverse,
  laid,
  type Matrix,
  near,
  product,
  type Seen,
  shown,
} from "../src/compare/matrix";

const close = (one: readonly number[], other: readonly number[], digits = 6) => {
  expect(one.length).toBe(other.length);
  for (const [index, value] of one.entries())
    expect(value).toBeCloseTo(other[index] ?? NaN, digits);
};

const turned = (degrees: number, scale: number, x: number, y: number): Matrix => {
  const angle = (degrees * Math.PI) / 180;
  const [c, s] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  return [
    [c, -s, x],
    [s, c, y],
    [0, 0, 1],
  ];
};

const TILTED: Matrix = [
  [0.9, -0.2, 31],
  [0.25, 1.1, -14],
  [1e-5, -2e-5, 1],
];

describe("matrices", () => {
  it("lead there and back", () => {
    const back = inverse(TILTED) as Matrix;
    for (const [x, y] of [
      [0, 0],
      [700, 20],
      [311, 540],
    ] as const)
      close(laid(back, ...laid(TILTED, x, y)), [x, y]);
    close(product(TILTED, back).flat(), [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    expect(
      inverse([
        [1, 1, 0],
        [2, 2, 0],
        [0, 0, 1],
      ]),
    ).toBeNull();
  });

  it("of pixel centres become those of corners", () => {
    // Twice as large: the first pixel's middle goes to the middle of the first two.
    const twice = fromCentres([
      [2, 0, 0.5],
      [0, 2, 0.5],
      [0, 0, 1],
    ]);
    close(laid(twice, 0, 0), [0, 0]);
    close(laid(twice, 10, 4), [20, 8]);
  });

  it("say how they enlarge and turn near a point", () => {
    const { scale, turn } = near(turned(30, 1.5, 7, 8), 100, 50);
    expect(scale).toBeCloseTo(1.5);
    expect(turn).toBeCloseTo(30);
  });
});

describe("what is seen", () => {
  const seen: Seen = { x: 300, y: 200, zoom: 2, rotation: 90, width: 800, height: 600 };

  it("has its point in the middle, turned clockwise", () => {
    close(laid(shown(seen), 300, 200), [400, 300]);
    // What lies to the right of the point is seen below it.
    close(laid(shown(seen), 310, 200), [400, 320]);
  });

  it("is the same of both pictures that are aligned", () => {
    const matrix = turned(-20, 0.5, 40, 60);
    const there = { ...seen, ...followed(matrix, seen) };
    for (const [x, y] of [
      [300, 200],
      [330, 260],
      [250, 120],
    ] as const)
      close(laid(shown(there), ...laid(matrix, x, y)), laid(shown(seen), x, y));
  });

  it("is covered by the first picture wherever that shows", () => {
    const first: Seen = { x: 250, y: 180, zoom: 1.3, rotation: 0, width: 1600, height: 1200 };
    const lies = covering(TILTED, first, seen) as Matrix;
    for (const [x, y] of [
      [0, 0],
      [700, 20],
      [311, 540],
    ] as const)
      close(laid(lies, ...laid(shown(first), x, y)), laid(shown(seen), ...laid(TILTED, x, y)));
  });

  it("is told to the page by columns", () => {
    expect(
      css([
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, 2],
      ]),
    ).toBe("matrix3d(0.5,2,0,3.5,1,2.5,0,4,0,0,1,0,1.5,3,0,1)");
  });
});
