/** A place on the skin: a site, its side, and a point of a drawing; found from one another. */

import { DRAWINGS, type MapView, VIEWS } from "./drawings";
import type { Region, Side } from "./drawings/drawing";
import { centre, distance, inside, type Line, type Point, traced } from "./geometry";

/** A point of a drawing, in fractions of its width and height. */
export interface Position {
  view: MapView;
  x: number;
  y: number;
}

/**
 * Where something is, as the server takes it: `side` is null where the body has one of the site, or
 * nobody has said yet; `position` where a site was chosen without a point.
 */
export interface Place {
  site: string;
  side: Side | "B" | null;
  position: Position | null;
}

/** How far beside the skin a finger may land, in a drawing's units. */
const BESIDE = 14;

const skin = new Map(
  VIEWS.map((view) => [view, DRAWINGS[view].outlines.map((lines) => traced(...lines))]),
);

/** What a point shows: the site and its side; null beside the body. */
export function placeAt({ view, x, y }: Position): Place | null {
  const { width, height, regions } = DRAWINGS[view];
  const point: Point = [x * width, y * height];
  if (!(skin.get(view) ?? []).some((outline) => isNear(outline, point))) return null;
  const found = regions.find(({ area }) => inside(area, point)) ?? nearest(regions, point);
  return found ? { site: found.site, side: found.side, position: { view, x, y } } : null;
}

function isNear(outline: Line, point: Point): boolean {
  return inside(outline, point) || distance(outline, point) <= BESIDE;
}

function nearest(regions: readonly Region[], point: Point): Region | undefined {
  const reached = regions
    .map((region) => ({ region, away: distance(region.area, point) }))
    .filter(({ away }) => away <= 2 * BESIDE);
  return reached.sort((one, other) => one.away - other.away)[0]?.region;
}

/** Sites too small for a drawing, or within the mouth, and the drawn one that they are shown in. */
const WITHIN: Record<string, string> = {
  "362916000": "41310005",
  "130322": "41310005",
  "130311": "40069000",
  "130306": "27887005",
  "85803001": "41310005",
  "28726007": "41310005",
  "18619003": "41310005",
  "41296002": "41310005",
  "5665001": "41310005",
  "130312": "68598004",
  "110488009": "16251004",
  "88089004": "16251004",
  "113277000": "312647",
  "18444004": "312647",
  "46353006": "312651",
  "130305": "79313003",
  "130319": "79313003",
  "130315": "79313003",
  "130307": "79313003",
  "57726007": "79313003",
  "130318": "1902009",
  "130321": "1902009",
  "130310": "1902009",
  "51098001": "1902009",
  "38407007": "79502000",
  "45591000": "79502000",
  "130316": "1902009",
  "130320": "1902009",
  "130308": "1902009",
  "86409001": "1902009",
  "24483006": "1902009",
  "70762009": "43067004",
  "386045008": "43067004",
  "43081002": "11584001",
  "130300": "4658004",
  "182329002": "11584001",
  "5713008": "11584001",
  "54440003": "244106003",
  "181491009": "244106003",
  "54468004": "72005009",
  "61426": "72005009",
  "61439": "72005009",
  "61427": "72005009",
  "61423": "72005009",
  "75093004": "699935000",
  "49943": "130323",
  "66643007": "130323",
  "244111001": "130323",
  "280387007": "39687006",
  "48014002": "60944009",
  "35900000": "60944009",
  "244117002": "60944009",
  "244118007": "60944009",
  "7991003": "60944009",
  "279478000": "60944009",
  "81992007": "60944009",
  "73058008": "60944009",
  "128252004": "60944009",
  "128253009": "60944009",
  "4019005": "60944009",
  "279867004": "60944009",
  "29353003": "60944009",
  "76723005": "60944009",
  "23213005": "60944009",
  "279479008": "60944009",
  "18857001": "60944009",
  "371311000": "45981001",
  "33712006": "281642007",
  "770809003": "244169007",
  "371304004": "61248009",
  "52034004": "60496002",
  "770805009": "60496002",
};

const drawn = (site: string) =>
  VIEWS.some((view) => DRAWINGS[view].regions.some((region) => region.site === site));

/** The areas of a drawing that show a site, those of its side alone where it is known. */
export function regionsOf(view: MapView, { site, side }: Pick<Place, "site" | "side">): Region[] {
  const shown = drawn(site) ? site : WITHIN[site];
  return DRAWINGS[view].regions.filter(
    (region) =>
      region.site === shown &&
      (side === null || side === "B" || region.side === null || region.side === side),
  );
}

/** The drawing that shows a site best, where it is larger than on others; null for none. */
export function viewOf(place: Pick<Place, "site" | "side">): MapView | null {
  const ranked = VIEWS.map((view) => {
    const { width } = DRAWINGS[view];
    const sizes = regionsOf(view, place).map(({ area }) => Math.max(...extent(area)) / width);
    return { view, size: Math.max(0, ...sizes) };
  });
  const best = ranked.sort((one, other) => other.size - one.size)[0];
  return best && best.size > 0 ? best.view : null;
}

function extent(area: readonly Point[]): [number, number] {
  const [x, y] = centre(area);
  return [
    2 * Math.max(...area.map((point) => Math.abs(point[0] - x))),
    2 * Math.max(...area.map((point) => Math.abs(point[1] - y))),
  ];
}

/** Where a pin stands: its own point, else the middle of its site where a drawing shows it. */
export function pointOf(place: Place): Position | null {
  if (place.position) return place.position;
  const view = viewOf(place);
  const region = view && regionsOf(view, place)[0];
  if (!view || !region) return null;
  const [x, y] = centre(region.area);
  return { view, x: x / DRAWINGS[view].width, y: y / DRAWINGS[view].height };
}

/** The one of the marks that is nearest a point of the same drawing, within so many units. */
export function markNear<T extends { position: Position }>(
  marks: readonly T[],
  point: Position,
  within: number,
): T | null {
  const { width, height } = DRAWINGS[point.view];
  const reached = marks
    .filter(({ position }) => position.view === point.view)
    .map((mark) => ({
      mark,
      away: Math.hypot((mark.position.x - point.x) * width, (mark.position.y - point.y) * height),
    }))
    .filter(({ away }) => away <= within);
  return reached.sort((one, other) => one.away - other.away)[0]?.mark ?? null;
}
