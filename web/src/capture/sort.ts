/** Sorting what was taken: pictures are chosen by a touch, and given together what they have. */

import { h, icon, iconButton } from "../dom";
import { language, messages } from "../i18n";
import { Give } from "./give";
import { concerns, isSorted } from "./judging";
import type { Live } from "./live";
import { hasArrived, type Shot } from "./model";
import type { Part, Step } from "./page";
import { openPicture } from "./picture";
import { named, redraw } from "./redraw";
import { concernText, photoName, siteText } from "./words";

export class Sort implements Part {
  readonly element: HTMLElement;
  private readonly live: Live;
  private readonly go: (step: Step) => void;
  private readonly bar = h("div", { class: "sort-bar" });
  private readonly grid = h("ul", { class: "shots" });
  private readonly give: Give;
  private readonly tiles = new Map<string, { tile: HTMLElement; drawn: string }>();

  constructor(live: Live, go: (step: Step) => void) {
    const words = messages().capture;
    this.live = live;
    this.go = go;
    this.give = new Give(live);
    this.grid.setAttribute("aria-label", words.pictures);
    this.element = h(
      "section",
      { class: "sort", "aria-label": words.step.sort },
      h("div", { class: "sort-pictures" }, this.bar, this.grid),
      this.give.element,
    );
  }

  shown(): void {
    // What has to be sorted is what the first touch is for.
    const unsorted = this.unsorted();
    if (this.live.session.chosen.size === 0 && unsorted.length === 1) this.choose(unsorted);
  }

  hidden(): void {
    this.choose([]);
  }

  update(): void {
    const words = messages().capture;
    const { shots } = this.live.session;
    if (shots.length === 0) {
      redraw(
        this.bar,
        h(
          "div",
          { class: "nothing" },
          icon("photo"),
          h("h2", {}, words.empty),
          h("p", {}, words.emptyText),
          this.button(words.goShoot, "shoot", () => this.go("shoot")),
        ),
      );
    } else this.drawBar();
    this.drawTiles(shots);
    this.give.update();
  }

  private unsorted(): string[] {
    const { session, sites } = this.live;
    return session.shots.filter((shot) => !isSorted(shot, sites)).map(({ name }) => name);
  }

  private choose(names: string[]): void {
    this.live.happen({ what: "chosen", names });
  }

  private button(text: string, name: string, act: () => void): HTMLElement {
    const attributes = { type: "button", class: "button small", onclick: act };
    const label = name === "shoot" ? null : `${messages().capture.choose} : ${text}`;
    return h("button", { ...named(name), ...attributes, "aria-label": label }, text);
  }

  private drawBar(): void {
    const words = messages().capture;
    const { shots, chosen } = this.live.session;
    const unsorted = this.unsorted();
    const all = shots.map(({ name }) => name);
    redraw(
      this.bar,
      h(
        "p",
        { role: "status" },
        chosen.size > 0
          ? words.chosen(chosen.size)
          : unsorted.length > 0
            ? words.toSort(unsorted.length)
            : words.allGood,
      ),
      unsorted.length > 0 &&
        unsorted.length < all.length &&
        this.button(words.chooseUnsorted, "unsorted", () => this.choose(unsorted)),
      chosen.size < all.length
        ? this.button(words.chooseAll, "all", () => this.choose(all))
        : this.button(words.chooseNone, "all", () => this.choose([])),
    );
  }

  private drawTiles(shots: readonly Shot[]): void {
    const names = new Set(shots.map(({ name }) => name));
    for (const [name, { tile }] of this.tiles) {
      if (names.has(name)) continue;
      tile.remove();
      this.tiles.delete(name);
    }
    for (const [at, shot] of shots.entries()) {
      const known = this.tiles.get(shot.name);
      const tile = known?.tile ?? h("li", { class: "shot" });
      const drawn = this.signature(shot);
      if (known?.drawn !== drawn) {
        redraw(tile, ...this.tileParts(shot));
        this.tiles.set(shot.name, { tile, drawn });
      }
      if (this.grid.children[at] !== tile)
        this.grid.insertBefore(tile, this.grid.children[at] ?? null);
    }
  }

  /** All that a tile shows: it is drawn anew where something of it changed. */
  private signature(shot: Shot): string {
    const { session } = this.live;
    const lesion = this.live.lesion(shot.said.stated.lesion)?.tracking_id;
    const parts = [shot, session.chosen.has(shot.name), this.live.address(shot), lesion];
    return JSON.stringify([...parts, session.shots.indexOf(shot), language()]);
  }

  private tileParts(shot: Shot): HTMLElement[] {
    const words = messages().capture;
    const { live } = this;
    const isChosen = live.session.chosen.has(shot.name);
    const name = photoName(shot, live.session);
    const facts = this.facts(shot);
    const badges = this.badges(shot);
    const told = badges.map(({ textContent }) => textContent);
    return [
      h(
        "button",
        {
          ...named("choose"),
          type: "button",
          class: "shot-choose",
          "aria-pressed": String(isChosen),
          "aria-label": [name, ...facts, ...told].join(", "),
          onclick: () => live.happen({ what: "toggled", name: shot.name }),
        },
        shotPicture(live, shot),
        h("span", { class: "shot-mark" }, icon("check")),
        ...badges,
      ),
      iconButton("enlarge", words.look(name), () => openPicture(live, shot.name, this.go), {
        ...named("look"),
        class: "icon-button shot-look",
      }),
      h(
        "p",
        { class: "shot-facts", "aria-hidden": "true" },
        ...facts.map((fact) => h("span", {}, fact)),
      ),
    ];
  }

  private badges(shot: Shot): HTMLElement[] {
    const words = messages().capture;
    const badges = concerns(shot, this.live.sites).map((kind) => concernText(kind).short);
    if (shot.way === "refused" || shot.way === "stopped" || shot.way === "known")
      badges.push(words.way[shot.way]);
    const [first] = badges;
    if (first) return [h("span", { class: "shot-badge" }, icon("warning"), first)];
    if (hasArrived(shot)) return [];
    return [h("span", { class: "shot-way" }, words.way[shot.way])];
  }

  private facts(shot: Shot): string[] {
    const words = messages().capture;
    const { stated, pins } = shot.said;
    const site = stated.site ? this.live.sites.get(stated.site) : undefined;
    const lesion = this.live.lesion(stated.lesion);
    const pinned = pins.flatMap((pin) => this.live.lesion(pin.lesion)?.tracking_id ?? []);
    const facts = [
      [stated.view && words.viewName[stated.view], lesion?.tracking_id, ...pinned]
        .filter(Boolean)
        .join(" · "),
      site ? siteText(site, stated.side) : "",
    ].filter(Boolean);
    return isSorted(shot, this.live.sites) ? facts : [...facts, words.unsorted];
  }
}

/** A picture of the session, or a word where this browser cannot show it yet. */
export function shotPicture(live: Live, shot: Shot): HTMLElement {
  const address = live.address(shot);
  const frame = h("span", { class: "shot-picture" });
  if (!address) return frame;
  const picture = h("img", { src: address, alt: "", decoding: "async", draggable: "false" });
  picture.addEventListener("error", () => {
    frame.classList.add("missing");
    const words = hasArrived(shot) ? messages().thumbnailMissing : messages().capture.notShown;
    frame.replaceChildren(icon("photo"), h("span", {}, words));
  });
  frame.append(picture);
  return frame;
}
