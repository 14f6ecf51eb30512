/** Lengths on the skin out of pixels, as the archive computes them when a measure is kept. */

import type { Ruler } from "./calls";

/** How exactly a finger or a mouse marks an end, in pixels; one standard deviation. */
export const MARKING_PX = 1.5;

export interface Length {
  mm: number;
  uncertainty_mm: number;
}

export type Ends = [start: [number, number], end: [number, number]];

/** Pixels of the picture within which an end is marked, where one of them is `zoom` wide. */
export function markingPx(zoom: number): number {
  return Math.max(MARKING_PX, MARKING_PX / zoom);
}

/** Both the ends and the scale make it uncertain; null where there is no scale. */
export function lengthOf([[x1, y1], [x2, y2]]: Ends, marking: number, ruler: Ruler): Length | null {
  const { mm_per_pixel: column, row_mm_per_pixel: row, uncertainty_mm } = ruler;
  if (column === null || row === null) return null;
  const mm = Math.hypot((x2 - x1) * column, (y2 - y1) * row);
  const share = (uncertainty_mm ?? 0) / column;
  const ends = marking * Math.SQRT2 * Math.max(row, column);
  return { mm, uncertainty_mm: Math.hypot(mm * share, ends) };
}
