/** What the chosen pictures are given together: their view, their site, their lesion. */

import type { Place } from "../body/map";
import { h, type IconName, icon } from "../dom";
import { messages } from "../i18n";
import { askLesion } from "./lesion";
import type { Live } from "./live";
import { inCommon, isLocating, type Stated, type View } from "./model";
import { named, redraw } from "./redraw";
import { askSite } from "./site";
import { lesionText, siteText } from "./words";

const VIEWS: readonly View[] = ["overview", "close-up", "dermoscopy", "total-body"];

export class Give {
  readonly element = h("div", { class: "give" });
  private readonly live: Live;

  constructor(live: Live) {
    this.live = live;
    this.element.setAttribute("role", "group");
  }

  update(): void {
    const words = messages().capture;
    const chosen = this.live.chosen();
    this.element.hidden = this.live.session.shots.length === 0;
    this.element.setAttribute("aria-label", words.chosen(chosen.length));
    this.element.classList.toggle("idle", chosen.length === 0);
    if (chosen.length === 0) {
      redraw(this.element, h("p", { class: "faint" }, words.chooseHint));
      return;
    }
    const common = inCommon(chosen);
    redraw(
      this.element,
      h("p", { class: "give-count" }, words.chosen(chosen.length)),
      this.views(common.view),
      h("div", { class: "give-where" }, this.site(common), this.lesion(common)),
    );
  }

  private state(stated: Partial<Stated>): void {
    this.live.happen({ what: "given", names: this.live.session.chosen, stated });
  }

  private views(common: View | null | undefined): HTMLElement {
    const words = messages().capture;
    return h(
      "div",
      { class: "segments views", role: "group", "aria-label": words.view },
      ...VIEWS.map((view) =>
        h(
          "button",
          {
            ...named(view),
            type: "button",
            "aria-pressed": String(common === view),
            onclick: () => this.state({ view }),
          },
          words.viewName[view],
        ),
      ),
    );
  }

  private site({ site, side }: ReturnType<typeof inCommon>): HTMLElement {
    const words = messages().capture;
    const known = site ? this.live.sites.get(site) : undefined;
    const text = known ? siteText(known, side ?? null) : site === undefined ? words.several : null;
    return this.field(
      "site",
      "place",
      words.site,
      text ?? words.noSite,
      text === null,
      () =>
        void askSite({
          chosen: site ? { site, side: side === "U" || !side ? null : side, position: null } : null,
          lesions: this.live.lesions,
          onPlace: (place) => this.placed(place),
          onLesion: (lesion) => this.lesionIs(lesion),
        }),
    );
  }

  private placed(place: Place): void {
    this.live.point(place);
    this.state({ site: place.site, side: place.side });
  }

  private lesionIs(id: string | null): void {
    const lesion = this.live.lesion(id);
    const where = lesion ? { site: lesion.site.code, side: lesion.side } : {};
    this.state({ lesion: lesion?.id ?? null, ...where });
  }

  private lesion({ view, lesion, site, side }: ReturnType<typeof inCommon>): HTMLElement {
    const words = messages().capture;
    if (view && isLocating(view)) return h("p", { class: "give-note" }, words.lesionOnlyClose);
    const known = this.live.lesion(lesion ?? null);
    const text = known ? lesionText(known) : lesion === undefined ? words.several : null;
    return this.field("lesion", "lesion", words.lesion, text ?? words.noLesion, text === null, () =>
      askLesion(this.live, {
        now: lesion ?? null,
        site: site ?? null,
        side: side ?? null,
        onLesion: (id) => this.lesionIs(id),
      }),
    );
  }

  private field(
    name: string,
    sign: IconName,
    label: string,
    text: string,
    isOpen: boolean,
    act: () => void,
  ): HTMLElement {
    return h(
      "button",
      {
        ...named(name),
        type: "button",
        class: isOpen ? "give-field open" : "give-field",
        onclick: act,
      },
      icon(sign),
      h("span", { class: "two" }, h("span", { class: "faint" }, label), h("b", {}, text)),
    );
  }
}
