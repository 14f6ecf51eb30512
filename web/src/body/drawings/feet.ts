/** Both feet, from above and their soles below; the right foot is on the left. */

import { type Line, mirrored, type Point } from "../geometry";
import type { Drawing, Region, Side } from "./drawing";

const WIDTH = 190;
const HEIGHT = 286;

const at = (...points: [number, number][]): Point[] => points;

/** A foot with its toes up and its great toe on the right. */
const TOES_LINE: Line = at(
  [34, 128],
  [33, 108],
  [35, 96],
  [43, 91],
  [50, 97],
  [52, 104],
  [53, 84],
  [60, 76],
  [68, 81],
  [70, 92],
  [71, 70],
  [78, 60],
  [87, 65],
  [89, 80],
  [90, 56],
  [98, 45],
  [107, 50],
  [109, 68],
  [111, 50],
  [117, 34],
  [130, 28],
  [142, 36],
  [146, 56],
  [146, 76],
  [148, 96],
);
const SOLE: Line[] = [
  [
    ...at([94, 272], [70, 264], [58, 244], [56, 214], [50, 176], [40, 148]),
    ...TOES_LINE,
    ...at([144, 124], [134, 152], [130, 184], [132, 214], [130, 244], [118, 264], [94, 272]),
  ],
];
const TOP: Line[] = [
  [
    ...at([56, 284], [58, 256], [56, 230], [52, 190], [40, 152]),
    ...TOES_LINE,
    ...at([146, 126], [138, 160], [132, 196], [130, 230], [130, 256], [134, 284]),
  ],
  at([134, 284], [56, 284]),
];

interface Toe {
  middle: Point;
  reach: number;
  top: number;
  bottom: number;
  /** Codes of its dorsal part, its plantar part and its nail. */
  back: string;
  sole: string;
  nail: string;
}

const TOES: Toe[] = [
  {
    middle: [128, 34],
    reach: 19,
    top: 20,
    bottom: 84,
    back: "37873",
    sole: "38107",
    nail: "770822006",
  },
  {
    middle: [99, 50],
    reach: 10,
    top: 38,
    bottom: 88,
    back: "37876",
    sole: "38110",
    nail: "770823001",
  },
  {
    middle: [79, 65],
    reach: 10,
    top: 54,
    bottom: 96,
    back: "37879",
    sole: "38113",
    nail: "770825008",
  },
  {
    middle: [61, 80],
    reach: 9,
    top: 68,
    bottom: 104,
    back: "37882",
    sole: "38116",
    nail: "770821004",
  },
  {
    middle: [43, 95],
    reach: 10,
    top: 84,
    bottom: 114,
    back: "37885",
    sole: "38119",
    nail: "770820003",
  },
];

const box = ({ middle, reach }: Toe, top: number, bottom: number): Line =>
  at(
    [middle[0] - reach, top],
    [middle[0] + reach, top],
    [middle[0] + reach, bottom],
    [middle[0] - reach, bottom],
  );

const nail = ({ middle: [x, y], reach }: Toe): Line[] => {
  const half = reach * 0.5;
  return [
    at(
      [x - half, y],
      [x - half, y + half],
      [x, y + half * 1.6],
      [x + half, y + half],
      [x + half, y],
    ),
  ];
};

const TOP_DETAILS: Line[][] = [
  ...TOES.map(nail),
  [at([120, 96], [112, 140], [106, 176])],
  [at([98, 104], [96, 150], [96, 182])],
  [at([78, 110], [82, 152], [86, 184])],
  [at([62, 250], [70, 260], [76, 252])],
  [at([112, 248], [120, 258], [126, 248])],
];
const SOLE_DETAILS: Line[][] = [
  [at([54, 110], [74, 104], [96, 96], [114, 92], [140, 92])],
  [at([48, 150], [72, 142], [100, 140], [136, 144])],
  [at([66, 226], [92, 218], [124, 228])],
];

type Half = (side: Side) => Region[];
const region = (site: string, side: Side, area: Line): Region => ({ site, side, area });

const sole: Half = (side) => [
  ...TOES.map((toe) => region(toe.sole, side, box(toe, toe.top, toe.bottom))),
  region("699919007", side, at([94, 222], [150, 222], [150, 290], [94, 290])),
  region("699909001", side, at([30, 222], [94, 222], [94, 290], [30, 290])),
  region("52953006", side, at([112, 146], [160, 146], [160, 224], [112, 224])),
  region("35739000", side, at([20, 146], [66, 146], [72, 224], [20, 224])),
  region("130317", side, at([10, 20], [170, 20], [170, 148], [10, 148])),
  region("60496002", side, at([60, 146], [116, 146], [116, 224], [60, 224])),
];
const top: Half = (side) => [
  ...TOES.map((toe) =>
    region(
      toe.nail,
      side,
      box({ ...toe, reach: toe.reach * 0.6 }, toe.top, toe.middle[1] + toe.reach),
    ),
  ),
  ...TOES.map((toe) => region(toe.back, side, box(toe, toe.top, toe.bottom))),
  region("181563003", side, at([108, 236], [160, 236], [160, 270], [108, 270])),
  region("181564009", side, at([20, 236], [80, 236], [80, 270], [20, 270])),
  region("130313", side, at([94, 20], [170, 20], [170, 240], [94, 240])),
  region("130309", side, at([10, 20], [94, 20], [94, 240], [10, 240])),
  region("60496002", side, at([20, 236], [160, 236], [160, 290], [20, 290])),
];

const GAP = 24;
const LOWER = HEIGHT + 2 * GAP;

/** A foot put in its place: the left one mirrored, and those above with their toes down. */
function placed(line: Line, column: 0 | 1, row: 0 | 1): Line {
  const turned = column === 0 ? line : mirrored(line, WIDTH / 2);
  return turned.map(([x, y]) =>
    row === 0 ? [x + column * WIDTH, HEIGHT - y + GAP] : [x + column * WIDTH, y + LOWER],
  );
}

const PLACES = [
  { column: 0, row: 0, side: "R", outline: TOP, details: TOP_DETAILS, regions: top },
  { column: 1, row: 0, side: "L", outline: TOP, details: TOP_DETAILS, regions: top },
  { column: 0, row: 1, side: "R", outline: SOLE, details: SOLE_DETAILS, regions: sole },
  { column: 1, row: 1, side: "L", outline: SOLE, details: SOLE_DETAILS, regions: sole },
] as const;

export const FEET: Drawing = {
  width: 2 * WIDTH,
  height: LOWER + HEIGHT,
  outlines: PLACES.map(({ column, row, outline }) =>
    outline.map((line) => placed(line, column, row)),
  ),
  details: PLACES.flatMap(({ column, row, details }) =>
    details.map((lines) => lines.map((line) => placed(line, column, row))),
  ),
  regions: PLACES.flatMap(({ column, row, side, regions }) =>
    regions(side).map((one) => ({ ...one, area: placed(one.area, column, row) })),
  ),
  captions: [
    { words: "R", x: 20, y: 200 },
    { words: "L", x: 360, y: 200 },
    { words: "top", x: 190, y: 18 },
    { words: "sole", x: 190, y: LOWER + 6 },
  ],
};
