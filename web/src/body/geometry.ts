/** Curves and areas of the drawings; pure arithmetic, in the units of each drawing. */

export type Point = readonly [x: number, y: number];
export type Line = readonly Point[];

/** Steps from a point to the next in which a curve is followed where straight lines must do. */
const STEPS = 6;

/** From a point to the next of a curve through all of them: both ends and the handles between. */
type Bend = readonly [from: Point, handle: Point, handle: Point, to: Point];

/** The smooth curve through all points (Catmull-Rom); it begins and ends as its ends lie. */
function bends(points: Line): Bend[] {
  return points.slice(1).map((to, index) => {
    const from = points[index] ?? to;
    const before = points[index - 1] ?? from;
    const after = points[index + 2] ?? to;
    return [from, towards(from, before, to), towards(to, after, from), to];
  });
}

function towards(start: Point, back: Point, ahead: Point): Point {
  return [start[0] + (ahead[0] - back[0]) / 6, start[1] + (ahead[1] - back[1]) / 6];
}

const written = (point: Point) => point.map((value) => Math.round(value * 10) / 10).join(" ");

/** The curve through all points, as the `d` of an SVG path; its corners are where lines meet. */
export function curve(...lines: Line[]): string {
  const start = lines[0]?.[0];
  if (!start) return "";
  const parts = lines
    .flatMap(bends)
    .map(([, one, other, to]) => `C${[one, other, to].map(written).join(" ")}`);
  return `M${written(start)}${parts.join("")}`;
}

/** The curve as a line of points close together. */
export function traced(...lines: Line[]): Point[] {
  const start = lines[0]?.[0];
  if (!start) return [];
  const found: Point[] = [start];
  for (const bend of lines.flatMap(bends))
    for (let step = 1; step <= STEPS; step += 1) found.push(along(bend, step / STEPS));
  return found;
}

function along([from, one, other, to]: Bend, t: number): Point {
  const u = 1 - t;
  const [a, b, c, d] = [u ** 3, 3 * u * u * t, 3 * u * t * t, t ** 3];
  return [
    a * from[0] + b * one[0] + c * other[0] + d * to[0],
    a * from[1] + b * one[1] + c * other[1] + d * to[1],
  ];
}

/** Whether a point lies in the area that a closed line bounds. */
export function inside(area: Line, [x, y]: Point): boolean {
  let within = false;
  let [x1, y1] = area[area.length - 1] ?? [0, 0];
  for (const [x2, y2] of area) {
    if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) within = !within;
    [x1, y1] = [x2, y2];
  }
  return within;
}

/** How far a point lies from an area; 0 within it. */
export function distance(area: Line, point: Point): number {
  if (inside(area, point)) return 0;
  let least = Number.POSITIVE_INFINITY;
  let from = area[area.length - 1] ?? point;
  for (const to of area) {
    least = Math.min(least, toSegment(from, to, point));
    from = to;
  }
  return least;
}

function toSegment([x1, y1]: Point, [x2, y2]: Point, [x, y]: Point): number {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const length = dx * dx + dy * dy;
  const part = length === 0 ? 0 : ((x - x1) * dx + (y - y1) * dy) / length;
  const t = Math.min(Math.max(part, 0), 1);
  return Math.hypot(x - x1 - t * dx, y - y1 - t * dy);
}

/** The line as a mirror that stands upright at `middle` shows it. */
export function mirrored(line: Line, middle: number): Point[] {
  return line.map(([x, y]) => [2 * middle - x, y]);
}

/** The middle of the box around a line. */
export function centre(line: Line): Point {
  const xs = line.map(([x]) => x);
  const ys = line.map(([, y]) => y);
  return [(Math.min(...xs) + Math.max(...xs)) / 2, (Math.min(...ys) + Math.max(...ys)) / 2];
}
