/** The drawings on which a lesion may be marked, in the order in which they are offered. */

import type { Drawing } from "./drawing";
import { FACE } from "./face";
import { FEET } from "./feet";
import { BACK, FRONT } from "./figure";
import { HANDS } from "./hands";
import { SCALP } from "./scalp";

export const DRAWINGS = {
  front: FRONT,
  back: BACK,
  face: FACE,
  scalp: SCALP,
  hands: HANDS,
  feet: FEET,
} as const satisfies Record<string, Drawing>;

export type MapView = keyof typeof DRAWINGS;
export const VIEWS = Object.keys(DRAWINGS) as MapView[];
