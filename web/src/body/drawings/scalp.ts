/** The scalp from above, the nose ahead: its right side is on the right. */

import type { Line, Point } from "../geometry";
import { across, both, type Drawing, paired, type Region, whole } from "./drawing";

const MIDDLE = 190;

const from = (...points: [number, number][]): Point[] => points.map(([x, y]) => [MIDDLE + x, y]);

const HEAD = whole(
  [
    from(
      [0, 62],
      [48, 68],
      [92, 96],
      [118, 150],
      [130, 220],
      [132, 280],
      [120, 346],
      [88, 400],
      [44, 428],
      [0, 434],
    ),
  ],
  MIDDLE,
);
const NOSE: Line[] = [
  from([-16, 72], [-10, 46], [0, 38], [10, 46], [16, 72]),
  from([16, 72], [0, 78], [-16, 72]),
];
const EAR: Line[] = [
  from([129, 226], [144, 220], [154, 232], [156, 256], [148, 282], [136, 286], [130, 274]),
  from([130, 274], [128, 250], [129, 226]),
];
const [RIGHT_EAR, LEFT_EAR] = both(EAR, MIDDLE) as [Line[], Line[]];

const DETAILS: Line[][] = [
  [from([-98, 118], [-62, 108], [-30, 116], [0, 112], [30, 116], [62, 108], [98, 118])],
  // The whorl of the hair, and how it lies around it.
  [from([0, 300], [9, 292], [6, 279], [-9, 277], [-20, 291], [-13, 311], [10, 316], [30, 303])],
  ...both([from([26, 268], [40, 228], [36, 186], [24, 150])], MIDDLE),
  ...both([from([52, 280], [76, 238], [78, 190], [62, 146])], MIDDLE),
  ...both([from([58, 310], [96, 284], [108, 236], [100, 184])], MIDDLE),
  ...both([from([46, 338], [84, 336], [106, 316])], MIDDLE),
  ...both([from([22, 346], [44, 376], [66, 386])], MIDDLE),
  [from([0, 344], [2, 374], [0, 404])],
];

function regions(): Region[] {
  const of = (site: string, area: Line) => paired(site, area, MIDDLE, "R");
  const middle = (site: string, half: Line) => across(site, half, MIDDLE);
  return [
    ...of("1902009", from([129, 214], [164, 214], [164, 292], [129, 292])),
    middle("113179006", from([0, 30], [18, 36], [18, 66], [0, 66])),
    middle(
      "68698007",
      from([0, 56], [70, 56], [110, 104], [98, 118], [62, 108], [30, 116], [0, 112]),
    ),
    middle("61719002", from([0, 224], [34, 236], [48, 282], [34, 318], [0, 330])),
    ...of("16621002", from([98, 118], [140, 140], [140, 300], [104, 300], [98, 200])),
    middle("79951008", from([0, 346], [60, 346], [140, 310], [140, 450], [0, 450])),
    ...of("21672008", from([14, 196], [100, 196], [106, 300], [120, 316], [60, 348], [14, 348])),
    middle("43067004", from([0, 100], [140, 100], [140, 240], [0, 240])),
  ];
}

export const SCALP: Drawing = {
  width: 380,
  height: 470,
  outlines: [NOSE, RIGHT_EAR, LEFT_EAR, HEAD],
  details: DETAILS,
  regions: regions(),
  captions: [
    { words: "L", x: 20, y: 340 },
    { words: "R", x: 360, y: 340 },
  ],
};
