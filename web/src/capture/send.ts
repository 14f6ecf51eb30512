/** The last look before sending: what is missing, the patient's consent, and who the patient is. */

import { h, icon } from "../dom";
import { messages } from "../i18n";
import { nameOf, traits } from "../patient";
import { attempt } from "./attempt";
import { consentSection } from "./consent";
import { hindrances, maySend, phototypeOf } from "./judging";
import type { Live } from "./live";
import { isOf } from "./model";
import type { Part, Step } from "./page";
import { phototypeSection } from "./phototype";
import { openPicture } from "./picture";
import { named, redraw } from "./redraw";
import { openSheet } from "./sheet";

const isOnItsWay = (state: string) => state === "waiting" || state === "uploading";

export class Send implements Part {
  readonly element: HTMLElement;
  private readonly live: Live;
  private readonly go: (step: Step) => void;
  private readonly body = h("div", { class: "send-body" });
  private readonly error = h("p", { class: "form-error", role: "alert" });
  private isConfirmed = false;
  private isSending = false;

  constructor(live: Live, go: (step: Step) => void) {
    this.live = live;
    this.go = go;
    this.element = h("section", { class: "send", "aria-label": messages().capture.step.send });
    this.element.append(this.body);
  }

  shown(): void {
    this.error.textContent = "";
  }

  /** Who was confirmed is confirmed anew after each look elsewhere. */
  hidden(): void {
    this.isConfirmed = false;
  }

  update(): void {
    const words = messages().capture;
    const { session } = this.live;
    if (session.shots.length === 0) {
      redraw(
        this.body,
        h(
          "div",
          { class: "nothing" },
          icon("upload"),
          h("h2", {}, words.sendNothing),
          this.button("shoot", words.goShoot, () => this.go("shoot")),
        ),
      );
      return;
    }
    redraw(
      this.body,
      h(
        "section",
        { class: "send-part" },
        h("h2", {}, words.sendTitle),
        h("ul", { class: "send-state" }, ...this.hindrances()),
      ),
      phototypeSection(this.live),
      consentSection(this.live, () => this.update()),
      this.identity(),
    );
  }

  private hindrances(): HTMLElement[] {
    const words = messages().capture;
    const found = hindrances(this.live.session, this.live.sites);
    const look = (name: string | undefined) => name && openPicture(this.live, name, this.go);
    const elsewhere = this.elsewhere();
    const isOnlyLookedAt = elsewhere.length + found.arriving.length === 0;
    const { arriving } = this.live.about;
    const rows = [
      ...elsewhere,
      isOnlyLookedAt && arriving > 0 && this.row(words.elsewhereText(arriving), "wait"),
      found.arriving.length > 0 && this.row(words.arrivingText(found.arriving.length), "wait"),
      found.unsorted.length > 0 &&
        this.row(
          words.unsortedText(found.unsorted.length),
          "warning",
          this.button("sort", words.sortNow, () => this.go("sort")),
        ),
      found.refused.length > 0 &&
        this.row(
          words.refusedText(found.refused.length),
          "warning",
          this.button("refused", words.lookNow, () => look(found.refused[0])),
        ),
      found.doubtful.length > 0 &&
        this.row(
          words.doubtfulText(found.doubtful.length),
          "warning",
          this.button("doubtful", words.lookNow, () => look(found.doubtful[0])),
        ),
      found.checking.length > 0 && this.row(words.checking, "wait"),
    ].filter((row) => row !== false);
    return rows.length > 0 ? rows : [this.row(words.allGood, "check")];
  }

  /** What another device has begun to send, and may never end: nobody has to wait for it. */
  private elsewhere(): HTMLElement[] {
    const words = messages().capture;
    const own = new Set(this.live.session.shots.map(({ name }) => name));
    return this.live.about.arrivals
      .filter(({ state, path }) => isOnItsWay(state) && !own.has(path))
      .map(({ upload, received_bytes, size_bytes }) => {
        const percent = Math.floor((100 * received_bytes) / Math.max(1, size_bytes));
        const abandon = () => this.askToAbandon(upload);
        return this.row(
          words.elsewhereOne(percent),
          "wait",
          this.button(`abandon-${upload}`, words.abandon, abandon),
        );
      });
  }

  private askToAbandon(upload: string): void {
    const words = messages().capture;
    const abandon = async () => {
      sheet.close();
      await attempt(() => this.live.abandon(upload));
    };
    const sheet = openSheet(words.abandonTitle, [
      h("p", {}, words.abandonText),
      h(
        "footer",
        {},
        h(
          "button",
          { type: "button", class: "button primary", onclick: () => void abandon() },
          words.abandon,
        ),
      ),
    ]);
  }

  private row(
    text: string,
    sign: "wait" | "warning" | "check",
    action: HTMLElement | null = null,
  ): HTMLElement {
    return h("li", { "data-sign": sign }, icon(sign), h("span", {}, text), action);
  }

  private button(name: string, text: string, act: () => void): HTMLElement {
    return h(
      "button",
      { ...named(name), type: "button", class: "button small", onclick: act },
      text,
    );
  }

  private identity(): HTMLElement {
    const words = messages().capture;
    const { about, session, sites } = this.live;
    const confirm = h("input", { ...named("confirm"), id: "confirm", type: "checkbox" });
    confirm.checked = this.isConfirmed;
    confirm.addEventListener("change", () => {
      this.isConfirmed = confirm.checked;
      this.error.textContent = "";
    });
    const send = h(
      "button",
      {
        ...named("send"),
        type: "button",
        class: "button primary send-button",
        onclick: () => void this.send(),
      },
      icon("upload"),
      this.isSending ? words.sending : words.send(session.shots.filter(isOf).length),
    );
    send.disabled = this.isSending || !maySend(session, sites);
    return h(
      "section",
      { class: "send-part identity" },
      h("h2", {}, words.identity),
      h("p", { class: "faint" }, words.identityText),
      h("p", { class: "identity-whose" }, nameOf(about.patient), traits(about.patient)),
      h(
        "label",
        { class: "confirm", for: "confirm" },
        confirm,
        h("span", {}, words.identityConfirm),
      ),
      this.error,
      send,
    );
  }

  /** It is the patient's: pictures that came from elsewhere since have it too. */
  private spreadPhototype(): void {
    const { session } = this.live;
    const phototype = phototypeOf(session);
    if (phototype === null) return;
    const names = session.shots.filter(isOf).map(({ name }) => name);
    this.live.happen({ what: "given", names, stated: { phototype } });
  }

  private async send(): Promise<void> {
    const words = messages().capture;
    if (!this.isConfirmed) {
      this.error.textContent = words.needIdentity;
      this.body.querySelector<HTMLElement>("#confirm")?.focus();
      return;
    }
    this.isSending = true;
    this.update();
    this.spreadPhototype();
    await attempt(() => this.live.send());
    this.isSending = false;
    if (this.live.isOpen) this.update();
  }
}
