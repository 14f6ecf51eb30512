/** Asking where on the body a picture was taken, on the map of the body or from its list. */

import { bodyMap, type Place } from "../body/map";
import { bodySites } from "../body/sites";
import { isWhole } from "../body/words";
import { h } from "../dom";
import { messages } from "../i18n";
import type { Lesion } from "./model";
import { openSheet } from "./sheet";
import { lesionPin } from "./words";

export interface Asked {
  chosen: Place | null;
  /** Shown on the map; a touch chooses the lesion, and its place with it. */
  lesions: readonly Lesion[];
  onPlace: (place: Place) => void;
  onLesion: (lesion: string) => void;
}

export async function askSite({ chosen, lesions, onPlace, onLesion }: Asked): Promise<void> {
  const words = messages().capture;
  const sites = await bodySites();
  let place = chosen;
  const take = h(
    "button",
    {
      type: "button",
      class: "button primary",
      onclick: () => {
        if (!isWhole(place, sites)) return;
        sheet.close();
        onPlace(place);
      },
    },
    words.siteTake,
  );
  const update = () => {
    take.disabled = !isWhole(place, sites);
  };
  const map = bodyMap({
    chosen,
    sides: ["R", "L", "B"],
    pins: lesions.map(lesionPin),
    onChoose: (now) => {
      place = now;
      update();
    },
    onPin: (lesion) => {
      sheet.close();
      onLesion(lesion);
    },
  });
  update();
  const sheet = openSheet(words.siteTitle, [map.element, h("footer", {}, take)]);
}
