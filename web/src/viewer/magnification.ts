/**
 * Magnification as pathologists speak of it: ×40 is 0.25 µm on the slide per CSS pixel.
 *
 * A CSS pixel stands for the same visual angle on every screen, so ×20 looks the same on an
 * ordinary and on a high-density one; the latter draws it with several physical pixels.
 */

const UM_AT_TIMES_ONE = 10;

/** Around this relative distance a magnification is drawn on the pixel grid, where it is sharpest. */
const GRID_TOLERANCE = 0.02;

const OFFERED = [1.25, 2.5, 5, 10, 20, 40] as const;

export type Spacing = readonly [x_um: number, y_um: number];

/** Micrometres per image pixel as one number, for images whose pixels are not square. */
export function meanSpacing(mpp_um: Spacing): number {
  return Math.sqrt(mpp_um[0] * mpp_um[1]);
}

/** `zoom` is CSS pixels per image pixel, here and everywhere. */
export function magnificationAt(zoom: number, mpp_um: Spacing): number {
  return (UM_AT_TIMES_ONE * zoom) / meanSpacing(mpp_um);
}

export function zoomFor(magnification: number, mpp_um: Spacing): number {
  return (magnification * meanSpacing(mpp_um)) / UM_AT_TIMES_ONE;
}

/** Micrometres on the slide that one CSS pixel shows. */
export function umPerPixel(magnification: number): number {
  return UM_AT_TIMES_ONE / magnification;
}

/** The nearest zoom at which pixels of some stored level fall one to one on physical pixels. */
export function gridZoom(zoom: number, devicePixelRatio: number): number {
  return 2 ** Math.round(Math.log2(zoom * devicePixelRatio)) / devicePixelRatio;
}

/** The zoom on the pixel grid where it is so near that nobody would tell, else `zoom` itself. */
export function onGrid(zoom: number, devicePixelRatio: number): number {
  const exact = gridZoom(zoom, devicePixelRatio);
  return Math.abs(exact / zoom - 1) <= GRID_TOLERANCE ? exact : zoom;
}

/** Beyond one CSS pixel per image pixel nothing more is to be seen, only larger. */
export function isDigital(zoom: number): boolean {
  return zoom > 1 + GRID_TOLERANCE;
}

export interface Step {
  magnification: number;
  zoom: number;
  digital: boolean;
}

/** The magnifications worth a button: from the first larger than the whole image shown, to ×40. */
export function steps(mpp_um: Spacing, fitZoom: number, devicePixelRatio: number): Step[] {
  return OFFERED.map((magnification) => {
    const zoom = onGrid(zoomFor(magnification, mpp_um), devicePixelRatio);
    return { magnification, zoom, digital: isDigital(zoom) };
  }).filter(({ magnification, zoom }) => magnification >= 5 || zoom > fitZoom * 1.3);
}
