/** What the chosen pictures are given together: their view, their site, their lesion. */

import type { Place } from "../body/map";
import { h, icon } from "../dom";
import { messages } from "../i18n";
import { attempt } from "./attempt";
import { askDermoscope, dermoscopeText, viewedAs } from "./dermoscope";
import { inCommon } from "./judging";
import { askLesion } from "./lesion";
import type { Live } from "./live";
import { type Dermoscopy, isLocating, type Stated, type View } from "./model";
import { named, redraw } from "./redraw";
import { askSite } from "./site";
import { lesionText, siteText } from "./words";

const SIGNS = { site: "place", lesion: "lesion", dermoscope: "light" } as const;
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
      h(
        "div",
        { class: "give-where" },
        this.site(common),
        this.lesion(common),
        common.view === "dermoscopy" && this.dermoscope(common.dermoscopy),
      ),
    );
  }

  /** What is asked is of the pictures that were chosen when it was asked. */
  private give(names: ReadonlySet<string>, stated: Partial<Stated>): void {
    this.live.happen({ what: "given", names, stated });
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
            onclick: () => this.give(this.live.session.chosen, viewedAs(view)),
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
    return this.field("site", words.site, text, words.noSite, (names) => {
      const now = inCommon(this.live.chosen());
      const chosenSide = now.side === "U" ? null : (now.side ?? null);
      void attempt(() =>
        askSite({
          chosen: now.site ? { site: now.site, side: chosenSide, position: null } : null,
          lesions: this.live.lesions,
          onPlace: (place) => this.placed(names, place),
          onLesion: (lesion) => this.lesionIs(names, lesion),
        }),
      );
    });
  }

  private placed(names: ReadonlySet<string>, place: Place): void {
    this.live.point(place);
    this.give(names, { site: place.site, side: place.side });
  }

  private lesionIs(names: ReadonlySet<string>, id: string | null): void {
    const lesion = this.live.lesion(id);
    const where = lesion ? { site: lesion.site.code, side: lesion.side } : {};
    this.give(names, { lesion: lesion?.id ?? null, ...where });
  }

  private lesion({ view, lesion }: ReturnType<typeof inCommon>): HTMLElement {
    const words = messages().capture;
    if (view && isLocating(view)) return h("p", { class: "give-note" }, words.lesionOnlyClose);
    const known = this.live.lesion(lesion ?? null);
    const text = known ? lesionText(known) : lesion === undefined ? words.several : null;
    return this.field("lesion", words.lesion, text, words.noLesion, (names) => {
      const now = inCommon(this.live.chosen());
      askLesion(this.live, {
        now: now.lesion ?? null,
        site: now.site ?? null,
        side: now.side ?? null,
        onLesion: (id) => this.lesionIs(names, id),
      });
    });
  }

  private dermoscope(common: Dermoscopy | null | undefined): HTMLElement {
    const words = messages().capture;
    const text = common === undefined ? words.several : dermoscopeText(common);
    return this.field("dermoscope", words.dermoscope.title, text, words.dermoscope.ask, (names) =>
      askDermoscope(common ?? null, (dermoscopy) => this.give(names, { dermoscopy })),
    );
  }

  private field(
    name: keyof typeof SIGNS,
    label: string,
    text: string | null,
    question: string,
    act: (names: ReadonlySet<string>) => void,
  ): HTMLElement {
    return h(
      "button",
      {
        ...named(name),
        type: "button",
        class: text === null ? "give-field open" : "give-field",
        onclick: () => act(this.live.session.chosen),
      },
      icon(SIGNS[name]),
      h(
        "span",
        { class: "two" },
        h("span", { class: "faint" }, label),
        h("b", {}, text ?? question),
      ),
    );
  }
}
