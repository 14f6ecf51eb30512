/** How one picture lies on another, in the plane: 3 × 3 matrices over points (x, y, 1). */

export type Row = readonly [number, number, number];
export type Matrix = readonly [Row, Row, Row];

/** What a part of the page shows of an image: `x`, `y` of it in the middle, at `zoom`, turned. */
export interface Seen {
  x: number;
  y: number;
  /** CSS pixels for a pixel of the image. */
  zoom: number;
  /** Degrees, clockwise. */
  rotation: number;
  width: number;
  height: number;
}

export function product(a: Matrix, b: Matrix): Matrix {
  const cell = (row: Row, column: 0 | 1 | 2) =>
    row[0] * b[0][column] + row[1] * b[1][column] + row[2] * b[2][column];
  const line = (row: Row): Row => [cell(row, 0), cell(row, 1), cell(row, 2)];
  return [line(a[0]), line(a[1]), line(a[2])];
}

/** The way back; null where there is none. */
export function inverse([[a, b, c], [d, e, f], [g, h, i]]: Matrix): Matrix | null {
  const size = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  if (Math.abs(size) < 1e-12) return null;
  const of = (x: number, y: number, z: number): Row => [x / size, y / size, z / size];
  return [
    of(e * i - f * h, c * h - b * i, b * f - c * e),
    of(f * g - d * i, a * i - c * g, c * d - a * f),
    of(d * h - e * g, b * g - a * h, a * e - b * d),
  ];
}

export function laid([first, second, third]: Matrix, x: number, y: number): [number, number] {
  const depth = third[0] * x + third[1] * y + third[2];
  return [
    (first[0] * x + first[1] * y + first[2]) / depth,
    (second[0] * x + second[1] * y + second[2]) / depth,
  ];
}

const moved = (x: number, y: number): Matrix => [
  [1, 0, x],
  [0, 1, y],
  [0, 0, 1],
];

/** Of pixel centres, as it was found; of the corners of pixels, as the page counts them. */
export function fromCentres(matrix: Matrix): Matrix {
  return product(moved(0.5, 0.5), product(matrix, moved(-0.5, -0.5)));
}

/** How much larger a picture becomes near a point, and by how many degrees it is turned there. */
export function near(matrix: Matrix, x: number, y: number): { scale: number; turn: number } {
  const [here, right, below] = [laid(matrix, x, y), laid(matrix, x + 1, y), laid(matrix, x, y + 1)];
  const [ax, ay] = [right[0] - here[0], right[1] - here[1]];
  const [bx, by] = [below[0] - here[0], below[1] - here[1]];
  return {
    scale: Math.sqrt(Math.abs(ax * by - ay * bx)),
    turn: (Math.atan2(ay - bx, ax + by) * 180) / Math.PI,
  };
}

/** From pixels of the image to CSS pixels of the part of the page that shows it. */
export function shown({ x, y, zoom, rotation, width, height }: Seen): Matrix {
  const angle = (rotation * Math.PI) / 180;
  const [cos, sin] = [zoom * Math.cos(angle), zoom * Math.sin(angle)];
  return product(moved(width / 2, height / 2), [
    [cos, -sin, -(cos * x - sin * y)],
    [sin, cos, -(sin * x + cos * y)],
    [0, 0, 1],
  ]);
}

/** The same place of the second picture, as large and as turned, as is seen of the first. */
export function followed(matrix: Matrix, seen: Seen): Pick<Seen, "x" | "y" | "zoom" | "rotation"> {
  const [x, y] = laid(matrix, seen.x, seen.y);
  const { scale, turn } = near(matrix, seen.x, seen.y);
  return { x, y, zoom: seen.zoom / scale, rotation: seen.rotation - turn };
}

/**
 * Where a part of the page that shows the first picture must lie, so that it covers the second:
 * from CSS pixels of the one to those of the other. Null where no matrix leads back.
 */
export function covering(matrix: Matrix, first: Seen, second: Seen): Matrix | null {
  const back = inverse(shown(first));
  return back && product(shown(second), product(matrix, back));
}

/** The same as a CSS transform, which works in space and by columns. */
export function css(matrix: Matrix): string {
  const last = matrix[2][2];
  const [[a, b, c], [d, e, f], [g, h]] = matrix.map((row) => row.map((one) => one / last)) as [
    number[],
    number[],
    number[],
  ];
  return `matrix3d(${[a, d, 0, g, b, e, 0, h, 0, 0, 1, 0, c, f, 0, 1].join(",")})`;
}
