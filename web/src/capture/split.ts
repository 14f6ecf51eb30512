/** A camera's card: pictures in groups by the labels between them, each given away by a person. */

import { h, icon, iconButton } from "../dom";
import { messages } from "../i18n";
import { capturePath } from "../router";
import { attempt } from "./attempt";
import { proposeSplit } from "./calls";
import {
  arrived,
  cut,
  decided,
  type Group,
  imagesOf,
  isOf,
  isOpen,
  isSettled,
  moveDown,
  moveUp,
  noLabel,
  type To,
  without,
} from "./groups";
import { askOther, askWhether } from "./handing";
import { isSorted } from "./judging";
import type { Live } from "./live";
import { hasArrived, type Shot, type Way } from "./model";
import type { Part, Step } from "./page";
import { named, redraw } from "./redraw";
import { choice, openSheet } from "./sheet";
import { shotPicture } from "./sort";
import { lesionText, photoName } from "./words";

export class Split implements Part {
  readonly element: HTMLElement;
  private readonly live: Live;
  private readonly go: (step: Step) => void;
  private readonly state = h("p", { class: "split-state", role: "status" });
  private readonly list = h("ol", { class: "groups" });
  private readonly end = h("div", { class: "split-end" });
  private groups: Group[] = [];
  /** The pictures that the groups were last proposed for. */
  private proposed = "";
  private isShown = false;

  constructor(live: Live, go: (step: Step) => void) {
    const words = messages().capture.card;
    this.live = live;
    this.go = go;
    this.element = h(
      "section",
      { class: "split", "aria-label": words.title },
      h("h2", {}, words.title),
      h("p", { class: "faint" }, words.text),
      this.chooser(),
      this.state,
      this.list,
      this.end,
    );
  }

  shown(): void {
    this.isShown = true;
  }

  hidden(): void {
    this.isShown = false;
  }

  update(): void {
    if (!this.isShown) return;
    const there = this.shots().flatMap(({ image }) => image ?? []);
    this.groups = without(this.groups, new Set(there));
    const grouped = new Set(imagesOf(this.groups));
    if (this.waiting() === 0 && there.some((image) => !grouped.has(image))) void this.propose();
    this.draw();
  }

  /** What is still to be sorted: whose the others are has been said. */
  private shots(): Shot[] {
    const { session, sites } = this.live;
    const ways: readonly Way[] = ["arrived", "waiting", "sending"];
    return session.shots.filter((shot) => ways.includes(shot.way) && !isSorted(shot, sites));
  }

  /** How many pictures are on their way, or have still to be looked at for codes. */
  private waiting(): number {
    return this.shots().filter((shot) => !hasArrived(shot) || shot.checks.state === "waiting")
      .length;
  }

  /** Asks how the pictures belong together, once for the same pictures. */
  private async propose(): Promise<void> {
    const asked = this.shots()
      .map(({ image }) => image)
      .sort()
      .join();
    if (asked === this.proposed) return;
    this.proposed = asked;
    await attempt(async () => {
      const proposal = await proposeSplit(this.live.about.id);
      const given = this.groups.filter((group) => !isOpen(group));
      const kept = new Set(imagesOf(given));
      const fresh = proposal.map(
        (one): Group => ({
          labels: one.code_image ? [one.code_image] : [],
          codes: one.codes,
          isPatient: one.is_patient,
          lesion: one.lesion,
          // The same code may be readable beside a lesion: only a person calls these labels.
          images: [...one.again, ...one.photographs],
          to: { what: "undecided" },
        }),
      );
      const free = new Set(imagesOf(fresh).filter((image) => !kept.has(image)));
      this.groups = [...given, ...without(fresh, free)];
      this.draw();
    });
  }

  private chooser(): HTMLElement {
    const words = messages().capture.card;
    const input = h("input", {
      type: "file",
      accept: "image/*",
      multiple: true,
      class: "visually-hidden",
      tabindex: -1,
      "aria-hidden": "true",
      "data-brings": "card",
    });
    input.addEventListener("change", () => {
      // In the order in which the camera wrote them, whatever order the system lists them in.
      const files = [...(input.files ?? [])].sort((one, other) =>
        one.name.localeCompare(other.name, "fr", { numeric: true }),
      );
      input.value = "";
      void attempt(() => this.live.take(files, {}));
    });
    const open = () => input.click();
    return h(
      "p",
      {},
      h("button", { type: "button", class: "button", onclick: open }, icon("file"), words.choose),
      input,
    );
  }

  private draw(): void {
    const words = messages().capture.card;
    const waiting = this.waiting();
    const all = this.shots().length;
    this.state.textContent = waiting > 0 ? words.waiting(all - waiting, all) : "";
    this.list.hidden = waiting > 0;
    this.end.hidden = waiting > 0 || this.groups.length === 0;
    redraw(
      this.list,
      ...this.groups.flatMap((group, at) => [this.border(at), this.group(group, at)]),
    );
    const labels = this.groups.flatMap((group) => group.labels);
    const finish = h(
      "button",
      {
        ...named("finish"),
        type: "button",
        class: "button primary",
        onclick: () => void this.finish(labels),
      },
      words.finish(labels.length),
    );
    finish.disabled = !isSettled(this.groups);
    redraw(
      this.end,
      h("p", { class: "faint" }, isSettled(this.groups) ? words.finishText : words.undecided),
      finish,
    );
  }

  private change(groups: Group[]): void {
    this.groups = groups;
    this.draw();
  }

  /** Between two groups: a touch moves the border by one picture. */
  private border(at: number): HTMLElement | false {
    const words = messages().capture.card;
    const [before, group] = [this.groups[at - 1], this.groups[at]];
    if (!before || !group || !isOpen(before) || !isOpen(group)) return false;
    const up = iconButton(
      "upright",
      words.moveUp(at + 1),
      () => this.change(moveUp(this.groups, at)),
      named(`up-${at}`),
    );
    const down = iconButton(
      "upright",
      words.moveDown(at),
      () => this.change(moveDown(this.groups, at)),
      { ...named(`down-${at}`), class: "icon-button down" },
    );
    up.disabled = group.images.length === 0;
    down.disabled = before.images.length === 0;
    return h("li", { class: "border" }, up, down);
  }

  private group(group: Group, at: number): HTMLElement {
    const words = messages().capture.card;
    return h(
      "li",
      { class: "group", "data-to": group.to.what },
      h(
        "div",
        { class: "group-head" },
        ...group.labels.flatMap((label) => this.picture(label) ?? []),
        h(
          "div",
          { class: "two" },
          h("h3", {}, words.group(at + 1)),
          ...this.label(group).map((text) => h("span", { class: "faint" }, text)),
          group.labels.length > 0 &&
            group.to.what === "undecided" &&
            h(
              "button",
              {
                ...named(`no-label-${at}`),
                type: "button",
                class: "button small quiet",
                onclick: () => this.change(noLabel(this.groups, at)),
              },
              words.noLabel,
            ),
        ),
      ),
      h(
        "ul",
        { class: "group-shots" },
        ...group.images.map((image) => h("li", {}, this.shotButton(image, at))),
      ),
      this.to(group, at),
    );
  }

  /** What the label says, and what of it is known here: for a person to judge. */
  private label({ labels, codes, isPatient, lesion, to }: Group): string[] {
    const words = messages().capture.card;
    if (to.what === "given") return [];
    if (labels.length === 0) return [words.noLabelThere];
    const known = this.live.lesion(lesion);
    const meant = isPatient ? words.isPatient : known ? lesionText(known) : words.unknown;
    return codes.length > 0 ? [codes.join(" · "), meant] : [words.unread];
  }

  private picture(image: string): HTMLElement | null {
    const shot = this.live.session.shots.find((one) => one.image === image);
    return shot ? shotPicture(this.live, shot) : null;
  }

  private shotButton(image: string, at: number): HTMLElement | null {
    const { session } = this.live;
    const shot = session.shots.find((one) => one.image === image);
    if (!shot) return null;
    const name = photoName(shot, session);
    const attributes = { ...named(`shot-${image}`), type: "button", "aria-label": name };
    const button = h("button", attributes, shotPicture(this.live, shot));
    button.addEventListener("click", () => this.look(name, image, at));
    return button;
  }

  /** One picture, large enough to see whether a group begins with it. */
  private look(name: string, image: string, at: number): void {
    const words = messages().capture.card;
    const act = (groups: () => Group[]) => () => {
      sheet.close();
      this.change(groups());
    };
    const group = this.groups[at];
    const sheet = openSheet(name, [
      h("div", { class: "split-look" }, this.picture(image)),
      group &&
        isOpen(group) &&
        h(
          "ul",
          { class: "choices" },
          choice(
            [icon("sort"), words.cut],
            act(() => cut(this.groups, image, false)),
          ),
          choice(
            [icon("strip"), words.isLabel],
            act(() => cut(this.groups, image, true)),
          ),
        ),
    ]);
  }

  private to(group: Group, at: number): HTMLElement {
    const words = messages().capture.card;
    const { to, images } = group;
    if (to.what === "given")
      return h(
        "p",
        { class: "group-to" },
        icon("check"),
        h("span", {}, words.given(to.count, to.whose)),
        h("a", { class: "button small", href: capturePath(to.session) }, words.openOther),
      );
    if (to.what === "going") return h("p", { class: "group-to faint" }, words.going);
    if (images.length === 0) return h("p", { class: "group-to faint" }, words.nothing);
    const button = (name: string, text: string, act: () => void, more = "") =>
      h(
        "button",
        { ...named(`${name}-${at}`), type: "button", class: `button ${more}`, onclick: act },
        text,
      );
    return h(
      "p",
      { class: "group-to" },
      to.what === "here" && h("span", { class: "group-here" }, icon("check"), words.here),
      to.what === "undecided" && button("here", words.toThis, () => this.keep(group), "primary"),
      button("other", words.toOther, () => this.give(group)),
    );
  }

  private keep({ images, lesion: coded }: Group): void {
    askWhether(this.live.about.patient, images.length, async () => {
      if (!this.holds(images)) return;
      this.change(decided(this.groups, images, { what: "here" }));
      const lesion = this.live.lesion(coded);
      if (!lesion) return;
      const of = new Set(images);
      const shots = this.live.session.shots.filter(({ image }) => image && of.has(image));
      const stated = { lesion: lesion.id, site: lesion.site.code, side: lesion.side };
      this.live.happen({ what: "given", names: shots.map(({ name }) => name), stated });
    });
  }

  private give({ images }: Group): void {
    askOther(this.live.about, images.length, async ({ id, patient }) => {
      if (!this.holds(images)) return;
      const whose = [patient.name?.replaceAll("^", " ").trim(), patient.patient_id];
      const named = whose.filter(Boolean).join(" · ");
      const going: To = { what: "going" };
      this.change(decided(this.groups, images, going));
      let to: To = { what: "undecided" };
      try {
        await this.live.handOver(images, id);
        to = { what: "given", session: id, count: images.length, whose: named };
      } finally {
        this.change(arrived(this.groups, going, to));
      }
    });
  }

  /** Whether a group is still as it was when somebody was asked whose it is. */
  private holds(images: readonly string[]): boolean {
    return this.groups.some((group) => isOpen(group) && isOf(group, images));
  }

  /** Labels may name anybody: they do not stay. */
  private async finish(labels: string[]): Promise<void> {
    const of = new Set(labels);
    const shots = this.live.session.shots.filter(({ image }) => image && of.has(image));
    const done = await attempt(async () => {
      for (const { name } of shots) await this.live.remove(name);
    });
    if (!done) return;
    this.groups = [];
    this.proposed = this.shots()
      .map(({ image }) => image)
      .sort()
      .join();
    this.go("sort");
  }
}
