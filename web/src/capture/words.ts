/** How pictures, sites and lesions are called on the page. */

import type { Pin, Place } from "../body/map";
import { placeText } from "../body/words";
import { messages } from "../i18n";
import type { Lesion, Session, Shot, Side, Site } from "./model";

/** « Paume de la main, à gauche ». */
export function siteText(site: Site, side: Side | null): string {
  return placeText({ site: site.code, side: side === "U" ? null : side }, [site]);
}

/** Where a lesion is, as the map of the body has it. */
export function placeOf({ site, side, position }: Lesion): Place {
  return { site: site.code, side: side === "U" ? null : side, position };
}

export function lesionPin(lesion: Lesion): Pin {
  const { id, number, label, site, side } = lesion;
  const name = `${messages().capture.lesion} ${number}`;
  const words = [name, label, siteText(site, side)].filter(Boolean).join(" · ");
  return { id, number, words, place: placeOf(lesion) };
}

/** « L2 · Dos », with what people call it where they do. */
export function lesionText(lesion: Lesion): string {
  const { tracking_id, label, site, side } = lesion;
  return [tracking_id, label, siteText(site, side)].filter(Boolean).join(" · ");
}

/** « Photo 3 »: its place among those of the session. */
export function photoName(shot: Shot, session: Session): string {
  const at = session.shots.findIndex(({ name }) => name === shot.name);
  return messages().capture.photo(at + 1);
}

export function concernText(kind: string): { short: string; long: string } {
  const { concern, concernText, otherConcern, otherConcernText } = messages().capture;
  return { short: concern[kind] ?? otherConcern, long: concernText[kind] ?? otherConcernText };
}
