/** Asking which lesion a picture shows: one that is known, or a new one where the picture is of. */

import { h, icon } from "../dom";
import { messages } from "../i18n";
import { thumbnail } from "../patient";
import { attempt } from "./attempt";
import type { Live } from "./live";
import type { Lesion, Side } from "./model";
import { choice, openSheet } from "./sheet";
import { askSite } from "./site";
import { lesionText, siteText } from "./words";

export interface AskedLesion {
  now: string | null;
  /** Where the pictures are of, as far as that is known. */
  site: string | null;
  side: Side | null;
  /** Told the lesion, null where there is none; absent, none is no answer. */
  onLesion: (lesion: string | null) => void;
  must?: boolean;
}

export function askLesion(live: Live, asked: AskedLesion): void {
  const words = messages().capture;
  const take = (lesion: string | null) => {
    sheet.close();
    asked.onLesion(lesion);
  };
  const site = asked.site ? live.sites.get(asked.site) : undefined;
  const isWhere = site !== undefined && (!site.paired || asked.side === "R" || asked.side === "L");
  const add = () => {
    sheet.close();
    if (isWhere) void addAt(live, site.code, asked.side, asked.onLesion);
    else askWhere(live, asked.onLesion);
  };
  const text = isWhere ? words.lesionNewAt(siteText(site, asked.side)) : words.lesionNew;
  const sheet = openSheet(words.lesionTitle, [
    h(
      "ul",
      { class: "choices" },
      choice([icon("plus"), h("b", {}, text)], add),
      ...nearFirst(live.lesions, asked.site).map((lesion) =>
        choice(
          [picture(live, lesion), h("span", {}, lesionText(lesion))],
          () => take(lesion.id),
          asked.now === lesion.id,
        ),
      ),
      ...(asked.must ? [] : [choice([icon("close"), words.noLesionGiven], () => take(null))]),
    ),
  ]);
}

/** Lesions of the same site first: they are the likely ones. */
function nearFirst(lesions: readonly Lesion[], site: string | null): Lesion[] {
  const here = lesions.filter((lesion) => lesion.site.code === site);
  return [...here, ...lesions.filter((lesion) => !here.includes(lesion))];
}

function picture(live: Live, lesion: Lesion): HTMLElement {
  const place = h("span", { class: "choice-picture" });
  const { shots } = live.session;
  const here = shots.find(({ said }) => said.stated.lesion === lesion.id);
  const address = here && live.address(here);
  if (address) place.append(h("img", { src: address, alt: "" }));
  else
    void live.before(lesion.id).then(
      (before) => before && place.replaceChildren(thumbnail({ ...before, kind: "photo" })),
      () => undefined, // The name is enough to choose by.
    );
  return place;
}

function askWhere(live: Live, told: (lesion: string) => void): void {
  void attempt(() =>
    askSite({
      chosen: null,
      lesions: live.lesions,
      onPlace: ({ site, side, position }) =>
        void attempt(async () => told((await live.addLesion({ site, side, position })).id)),
      onLesion: told,
    }),
  );
}

async function addAt(
  live: Live,
  site: string,
  side: Side | null,
  told: (lesion: string) => void,
): Promise<void> {
  await attempt(async () => told((await live.addLesion({ site, side, position: null })).id));
}
