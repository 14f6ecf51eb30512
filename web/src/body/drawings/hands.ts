/** Both hands, their backs above and their palms below; the right hand is on the left. */

import { type Line, mirrored, type Point } from "../geometry";
import type { Drawing, Region, Side } from "./drawing";

const WIDTH = 190;
const HEIGHT = 286;

const at = (...points: [number, number][]): Point[] => points;

/** A hand with its fingers up and its thumb on the left. */
const OUTLINE: Line[] = [
  at(
    [68, 284],
    [67, 262],
    [62, 240],
    [48, 216],
    [34, 192],
    [21, 168],
    [11, 148],
    [10, 137],
    [17, 132],
    [26, 138],
    [39, 156],
    [51, 170],
    [58, 170],
    [59, 158],
    [57, 128],
    [53, 98],
    [50, 68],
    [51, 53],
    [59, 47],
    [67, 53],
    [71, 70],
    [76, 100],
    [80, 124],
  ),
  at([80, 124], [81, 92], [81, 56], [83, 38], [91, 31], [99, 38], [102, 56], [103, 94], [104, 124]),
  at(
    [104, 124],
    [108, 96],
    [112, 64],
    [115, 48],
    [123, 43],
    [130, 50],
    [131, 68],
    [128, 100],
    [127, 130],
  ),
  at(
    [127, 130],
    [133, 112],
    [140, 90],
    [146, 79],
    [153, 76],
    [159, 83],
    [158, 98],
    [152, 124],
    [147, 154],
    [145, 184],
    [140, 216],
    [131, 242],
    [128, 262],
    [127, 284],
  ),
];
const CUT: Line = at([127, 284], [68, 284]);

interface Finger {
  base: Point;
  tip: Point;
  reach: number;
  /** Codes of its palmar part, its dorsal part and its nail. */
  palm: string;
  back: string;
  nail: string;
}

const FINGERS: Finger[] = [
  { base: [44, 186], tip: [14, 138], reach: 15, palm: "38341", back: "38321", nail: "770810008" },
  { base: [69, 134], tip: [59, 50], reach: 13, palm: "38344", back: "38324", nail: "770815003" },
  { base: [92, 126], tip: [91, 34], reach: 12, palm: "38347", back: "38327", nail: "770816002" },
  { base: [115, 130], tip: [123, 46], reach: 12, palm: "38354", back: "38330", nail: "770817006" },
  { base: [136, 146], tip: [154, 79], reach: 13, palm: "38357", back: "38333", nail: "770818001" },
];

/** A point of a finger: so far from its base to its tip, so far beside its axis. */
function on({ base, tip }: Finger, part: number, beside: number): Point {
  const [dx, dy] = [tip[0] - base[0], tip[1] - base[1]];
  const length = Math.hypot(dx, dy);
  return [
    base[0] + dx * part - (dy / length) * beside,
    base[1] + dy * part + (dx / length) * beside,
  ];
}

const box = (finger: Finger, start: number, end: number, reach: number): Line => [
  on(finger, start, -reach),
  on(finger, end, -reach),
  on(finger, end, reach),
  on(finger, start, reach),
];

/** The creases of a finger's two joints. */
const creases = (finger: Finger): Line[][] =>
  (finger.palm === "38341" ? [0.55] : [0.36, 0.68]).map((part) => [
    [on(finger, part, -5), on(finger, part + 0.015, 0), on(finger, part, 5)],
  ]);

const nail = (finger: Finger): Line[] => [
  [
    on(finger, 0.98, -4),
    on(finger, 0.88, -4.5),
    on(finger, 0.82, 0),
    on(finger, 0.88, 4.5),
    on(finger, 0.98, 4),
  ],
];

const PALM_DETAILS: Line[][] = [
  [at([62, 172], [76, 190], [82, 216], [76, 250])],
  [at([58, 166], [86, 176], [112, 190], [126, 204])],
  [at([144, 166], [120, 160], [100, 152], [92, 140])],
  ...FINGERS.flatMap(creases),
  [at([72, 262], [98, 266], [126, 261])],
];
const BACK_DETAILS: Line[][] = [
  ...FINGERS.map(nail),
  ...FINGERS.slice(1).flatMap(creases),
  [at([70, 150], [76, 184])],
  [at([93, 146], [95, 184])],
  [at([116, 148], [113, 184])],
  [at([136, 164], [130, 192])],
];

type Half = (side: Side) => Region[];
const region = (site: string, side: Side, area: Line): Region => ({ site, side, area });

const palm: Half = (side) => [
  ...FINGERS.map((finger) => region(finger.palm, side, box(finger, 0, 1.15, finger.reach))),
  region("26795005", side, at([30, 168], [62, 168], [78, 192], [84, 220], [78, 250], [56, 250])),
  region("89784008", side, at([112, 192], [160, 180], [150, 252], [104, 252])),
  region("70887009", side, at([40, 110], [170, 110], [160, 252], [50, 252])),
  region("24527008", side, at([50, 250], [150, 250], [150, 290], [50, 290])),
];
const backOf: Half = (side) => [
  ...FINGERS.map((finger) => region(finger.nail, side, box(finger, 0.8, 1.15, 8))),
  ...FINGERS.map((finger) => region(finger.back, side, box(finger, 0, 1.15, finger.reach))),
  region("281642007", side, at([20, 110], [170, 110], [160, 252], [50, 252])),
  region("52876008", side, at([50, 250], [150, 250], [150, 290], [50, 290])),
];

const GAP = 24;
const LOWER = HEIGHT + 2 * GAP;

/** A hand put in its place; those with the thumb on the right are mirrored. */
function placed(line: Line, column: 0 | 1, row: 0 | 1): Line {
  const turned = (column + row) % 2 === 0 ? line : mirrored(line, WIDTH / 2);
  return turned.map(([x, y]) => [x + column * WIDTH, y + (row === 0 ? 0 : LOWER - GAP)]);
}

const PLACES = [
  { column: 0, row: 0, side: "R", details: BACK_DETAILS, regions: backOf },
  { column: 1, row: 0, side: "L", details: BACK_DETAILS, regions: backOf },
  { column: 0, row: 1, side: "R", details: PALM_DETAILS, regions: palm },
  { column: 1, row: 1, side: "L", details: PALM_DETAILS, regions: palm },
] as const;

export const HANDS: Drawing = {
  width: 2 * WIDTH,
  height: LOWER - GAP + HEIGHT,
  outlines: PLACES.map(({ column, row }) =>
    [...OUTLINE, CUT].map((line) => placed(line, column, row)),
  ),
  details: PLACES.flatMap(({ column, row, details }) =>
    details.map((lines) => lines.map((line) => placed(line, column, row))),
  ),
  regions: PLACES.flatMap(({ column, row, side, regions }) =>
    regions(side).map((one) => ({ ...one, area: placed(one.area, column, row) })),
  ),
  captions: [
    { words: "R", x: 20, y: 30 },
    { words: "L", x: 360, y: 30 },
    { words: "back", x: 190, y: 20 },
    { words: "palm", x: 190, y: LOWER - 4 },
  ],
};
