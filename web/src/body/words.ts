/** A place of the body in words, and whether all of it is said. */

import { language, messages } from "../i18n";
import type { Place } from "./place";
import { nameOfSite, type Site } from "./sites";

/** Whether everything is said that a server needs: a site of which the body has two has a side. */
export function isWhole(place: Place | null, sites: readonly Site[]): place is Place {
  if (!place) return false;
  return place.side !== null || sites.find(({ code }) => code === place.site)?.paired === false;
}

/** "Joue, à gauche", in the language of the page. */
export function placeText(place: Pick<Place, "site" | "side">, sites: readonly Site[]): string {
  const site = sites.find(({ code }) => code === place.site);
  if (!site) return "";
  const side = place.side ? `, ${messages().body.sideOf[place.side]}` : "";
  return `${nameOfSite(site, language())}${side}`;
}
