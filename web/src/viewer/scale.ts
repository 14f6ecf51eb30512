/** The length a scale bar shows, under any rotation and for pixels that are not square. */

import type { Spacing } from "./magnification";

/** Micrometres along one CSS pixel of the screen's horizontal. */
export function horizontalUmPerPixel(mpp_um: Spacing, zoom: number, rotation: number): number {
  const angle = (rotation * Math.PI) / 180;
  return Math.hypot(mpp_um[0] * Math.cos(angle), mpp_um[1] * Math.sin(angle)) / zoom;
}

export interface ScaleBar {
  length_um: number;
  width_px: number;
}

/** The longest bar of 1, 2 or 5 times a power of ten micrometres within `max_px` CSS pixels. */
export function scaleBar(um_per_px: number, max_px: number): ScaleBar | null {
  const limit_um = um_per_px * max_px;
  if (!Number.isFinite(limit_um) || limit_um <= 0) return null;
  const power = 10 ** Math.floor(Math.log10(limit_um));
  // A hair of tolerance: 10 ** -1 * 5 must not lose to 0.49999999999999994.
  const factor = [5, 2, 1].find((n) => n * power <= limit_um * (1 + 1e-9)) ?? 1;
  const length_um = factor * power;
  return { length_um, width_px: length_um / um_per_px };
}
