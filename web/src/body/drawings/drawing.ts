/** What a drawing of the body consists of, and how halves of it become wholes. */

import { type Line, mirrored } from "../geometry";

export type Side = "R" | "L";

/** An area of skin: its site's code and, where the body has two of it, which one. */
export interface Region {
  site: string;
  side: Side | null;
  area: Line;
}

/** A mark beside the drawing: a side of the patient's, or what a part shows. */
export interface Caption {
  words: Side | "back" | "palm" | "top" | "sole";
  x: number;
  y: number;
}

/**
 * Drawn in units of its own. The skin is what its outlines enclose; what lies further ahead in
 * `regions` lies above what comes after.
 */
export interface Drawing {
  width: number;
  height: number;
  /** Each a closed line of curves that meet in corners. */
  outlines: Line[][];
  details: Line[][];
  regions: Region[];
  captions: Caption[];
}

/** A region of one half, drawn at the side with the larger x, and its twin on the other side. */
export function paired(site: string, area: Line, middle: number, larger: Side): Region[] {
  const smaller = larger === "R" ? "L" : "R";
  return [
    { site, side: larger, area },
    { site, side: smaller, area: mirrored(area, middle) },
  ];
}

/** A region across the middle, of which one half is drawn, from the middle and back to it. */
export function across(site: string, half: Line, middle: number): Region {
  return { site, side: null, area: [...half, ...mirrored(half, middle).reverse()] };
}

/** A region without a twin, of which there are two areas all the same. */
export function twice(site: string, area: Line, middle: number): Region[] {
  return [area, mirrored(area, middle)].map((one) => ({ site, side: null, area: one }));
}

/** An area between two heights and two distances from the middle. */
export function band(middle: number, near: number, far: number, top: number, bottom: number): Line {
  return [
    [middle + near, top],
    [middle + far, top],
    [middle + far, bottom],
    [middle + near, bottom],
  ];
}

/** A line and what a mirror shows of it. */
export function both(line: Line[], middle: number): Line[][] {
  return [line, line.map((one) => mirrored(one, middle))];
}

/** The outline of which one half is drawn, beginning and ending in the middle. */
export function whole(half: Line[], middle: number): Line[] {
  return [...half, ...half.map((one) => mirrored(one, middle).reverse()).reverse()];
}
