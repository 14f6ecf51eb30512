/** What became of a session that was sent: each picture, and the doctor's sign-off. */

import { myRole } from "../api";
import { h, icon } from "../dom";
import { messages } from "../i18n";
import { capturePath, examPath, viewPath } from "../router";
import { attempt } from "./attempt";
import type { Operator } from "./calls";
import { dermoscopeText } from "./dermoscope";
import { phototypeOf } from "./judging";
import type { Live } from "./live";
import type { Shot } from "./model";
import { isOf } from "./model";
import { askOperator, rememberedOperator } from "./operator";
import { askOrder } from "./order";
import type { Part } from "./page";
import { phototypeText } from "./phototype";
import { named, redraw } from "./redraw";
import { shotPicture } from "./sort";
import { photoName, siteText } from "./words";

export class Outcome implements Part {
  readonly element = h("section", { class: "outcome" });
  private readonly live: Live;
  private maySign = false;

  constructor(live: Live) {
    this.live = live;
    void myRole().then((role) => {
      this.maySign = role === "physician" || role === "operator";
      this.update();
    });
  }

  shown(): void {
    this.update();
  }

  hidden(): void {
    // Nothing goes on here that would have to end.
  }

  update(): void {
    const words = messages().capture;
    const { about } = this.live;
    const shots = this.live.session.shots.filter(isOf);
    if (about.state === "open") return;
    const ready = shots.filter(({ way }) => way === "ready").length;
    const phototype = phototypeText(phototypeOf(this.live.session));
    const isSigned = about.state === "signed";
    redraw(
      this.element,
      h(
        "div",
        { class: "outcome-head" },
        h("span", { class: "outcome-sign" }, icon("check")),
        h("h2", {}, isSigned ? words.signedTitle : words.sentTitle),
        h("p", { role: "status" }, words.outcome(ready, shots.length)),
      ),
      phototype && h("p", { class: "faint" }, `${words.phototype.title} : ${phototype}`),
      h("ul", { class: "outcome-list" }, ...shots.map((shot) => this.row(shot))),
      !isSigned && this.maySign && this.sign(),
      about.is_provisional && this.order(),
      h(
        "p",
        { class: "outcome-ways" },
        about.exam && h("a", { class: "button", href: examPath(about.exam) }, words.openExam),
        h("a", { class: "button primary", href: capturePath() }, words.another),
      ),
    );
  }

  private row(shot: Shot): HTMLElement {
    const words = messages().capture;
    const name = photoName(shot, this.live.session);
    const parts = [
      shotPicture(this.live, shot),
      h(
        "span",
        { class: "two" },
        h("b", {}, name),
        h("span", {}, words.way[shot.way]),
        ...this.facts(shot).map((fact) => h("span", { class: "faint" }, fact)),
      ),
      shot.reason && h("span", { class: "faint" }, shot.reason),
    ];
    if (shot.way !== "ready" || !shot.image) return h("li", { "data-way": shot.way }, ...parts);
    const link = h("a", { href: viewPath(shot.image) }, ...parts, icon("forth"));
    return h("li", { "data-way": shot.way }, link);
  }

  /** What was said of a picture, as it went into the record. */
  private facts({ said: { stated } }: Shot): string[] {
    const words = messages().capture;
    const site = stated.site ? this.live.sites.get(stated.site) : undefined;
    const shown = [
      stated.view && words.viewName[stated.view],
      this.live.lesion(stated.lesion)?.tracking_id,
      site && siteText(site, stated.side),
    ];
    const used = dermoscopeText(stated.dermoscopy);
    return [shown.filter(Boolean).join(" · "), used ?? ""].filter(Boolean);
  }

  /** Who signs is named: they are asked where this device does not know them. */
  private signAs(by: Operator | null): void {
    if (by) void attempt(() => this.live.sign(by));
    else askOperator(null, () => rememberedOperator() && this.signAs(rememberedOperator()));
  }

  private order(): HTMLElement {
    const words = messages().capture;
    return h(
      "div",
      { class: "outcome-signing" },
      h("p", {}, words.provisionalHint),
      h(
        "button",
        {
          ...named("order"),
          type: "button",
          class: "button",
          onclick: () => askOrder(this.live),
        },
        icon("link"),
        words.order.title,
      ),
    );
  }

  private sign(): HTMLElement {
    const words = messages().capture;
    return h(
      "div",
      { class: "outcome-signing" },
      h("p", {}, words.signText),
      h(
        "button",
        {
          ...named("sign"),
          type: "button",
          class: "button",
          onclick: () => this.signAs(rememberedOperator()),
        },
        icon("check"),
        words.sign,
      ),
    );
  }
}
