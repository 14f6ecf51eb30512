/** A session: whose it is, in sight all along, and its three steps where the thumb is. */

import { h, type IconName, icon } from "../dom";
import { languageButton } from "../header";
import { messages } from "../i18n";
import { nameOf, traits } from "../patient";
import { capturePath, pairingPath } from "../router";
import { attempt } from "./attempt";
import { isSorted } from "./judging";
import type { Live } from "./live";
import { hasArrived } from "./model";
import { orderButton } from "./order";
import { Outcome } from "./outcome";
import { Send } from "./send";
import { Shoot } from "./shoot";
import { Sort } from "./sort";
import { Split } from "./split";

/** The three steps of every session, and the pictures of a camera’s card. */
export type Step = Main | "card";
type Main = "shoot" | "sort" | "send";

const STEPS: readonly [Main, IconName][] = [
  ["shoot", "photo"],
  ["sort", "sort"],
  ["send", "upload"],
];

/** A part of the session that takes the page's middle while it is shown. */
export interface Part {
  readonly element: HTMLElement;
  shown(): void;
  hidden(): void;
  update(): void;
}

export class SessionPage {
  readonly element: HTMLElement;
  private readonly live: Live;
  private readonly parts: Record<Step, Part>;
  private readonly outcome: Outcome;
  private readonly top: HTMLElement;
  private readonly whose = h("div", { class: "traits-line" });
  private readonly middle = h("main", { id: "main", tabindex: -1, class: "capture-middle" });
  private readonly steps = h("nav", { class: "capture-steps" });
  private readonly waiting = h("p", { class: "capture-waiting", role: "status" });
  private step: Step;
  private now: Part | null = null;

  constructor(live: Live, signal: AbortSignal) {
    const words = messages().capture;
    const go = (step: Step) => this.go(step);
    this.live = live;
    this.parts = {
      shoot: new Shoot(live, go, signal),
      sort: new Sort(live, go),
      send: new Send(live, go),
      card: new Split(live, go),
    };
    this.outcome = new Outcome(live);
    this.top = this.head();
    this.step = live.session.shots.length > 0 ? "sort" : "shoot";
    this.steps.setAttribute("aria-label", words.steps);
    this.element = h("div", { class: "capture" }, this.top, this.waiting, this.middle, this.steps);
    live.onChange(() => this.update(), signal);
    this.measureHead(signal);
    signal.addEventListener("abort", () => this.now?.hidden());
    this.update();
  }

  private head(): HTMLElement {
    const words = messages().capture;
    const { patient } = this.live.about;
    return h(
      "header",
      { class: "capture-head" },
      h(
        "a",
        { class: "icon-button", href: capturePath(), "aria-label": words.back, title: words.back },
        icon("back"),
      ),
      h("div", { class: "capture-whose" }, h("h1", {}, nameOf(patient)), this.whose),
      this.pairLink(),
      languageButton(),
    );
  }

  /** Who the patient is, and that there is no order as long as there is none. */
  private drawWhose(): void {
    const { patient, is_provisional } = this.live.about;
    const whose = traits(patient);
    // What is drawn already keeps the keyboard's place.
    if (this.whose.childElementCount > 0 && this.whose.dataset.provisional === `${is_provisional}`)
      return;
    this.whose.dataset.provisional = `${is_provisional}`;
    if (is_provisional) whose.append(orderButton(this.live));
    this.whose.replaceChildren(whose);
  }

  /** On a desk: a code by which a phone photographs for this session alone. */
  private pairLink(): HTMLElement {
    const words = messages().phones;
    return h(
      "a",
      {
        class: "icon-button capture-pair",
        href: pairingPath(this.live.about.id),
        "aria-label": words.pairFor,
        title: words.pairFor,
      },
      icon("phone"),
    );
  }

  /** Sheets leave the head free: whose the session is stays in sight. */
  private measureHead(signal: AbortSignal): void {
    const root = document.documentElement.style;
    const measured = new ResizeObserver(([head]) => {
      const height = head?.borderBoxSize[0]?.blockSize ?? 0;
      root.setProperty("--capture-head", `${Math.ceil(height)}px`);
    });
    measured.observe(this.top);
    signal.addEventListener("abort", () => {
      measured.disconnect();
      root.removeProperty("--capture-head");
    });
  }

  private go(step: Step): void {
    this.step = step;
    this.update();
    this.middle.focus({ preventScroll: true });
    this.middle.scrollTo(0, 0);
  }

  private update(): void {
    const part = this.live.isOpen ? this.parts[this.step] : this.outcome;
    if (part !== this.now) {
      const before = this.now;
      this.now = part;
      before?.hidden();
      this.element.dataset.step = this.live.isOpen ? this.step : "outcome";
      this.middle.replaceChildren(part.element);
      part.shown();
      // The keyboard was on a button that is gone.
      if (part === this.outcome && before) this.middle.focus({ preventScroll: true });
    }
    part.update();
    this.drawWhose();
    this.drawSteps();
    this.drawWaiting();
  }

  private drawSteps(): void {
    const words = messages().capture;
    this.steps.hidden = !this.live.isOpen;
    const { shots } = this.live.session;
    const unsorted = shots.filter((shot) => !isSorted(shot, this.live.sites)).length;
    // The buttons stay, so that the keyboard keeps its place.
    if (this.steps.childElementCount === 0)
      this.steps.append(...STEPS.map(([step, sign]) => this.stepButton(step, sign)));
    for (const button of this.steps.querySelectorAll("button")) {
      const step = button.dataset.step as Main;
      if (step === this.step) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
      const count = { shoot: shots.length, sort: unsorted, send: 0 }[step];
      const mark = button.querySelector<HTMLElement>(".step-count");
      if (!mark) continue;
      mark.hidden = count === 0;
      mark.textContent = String(count);
      mark.setAttribute("aria-label", step === "sort" ? words.toSort(count) : words.photos(count));
    }
  }

  private stepButton(step: Main, sign: IconName): HTMLButtonElement {
    return h(
      "button",
      { type: "button", "data-step": step, onclick: () => this.go(step) },
      icon(sign),
      h("span", {}, messages().capture.step[step]),
      h("span", { class: "step-count", role: "img" }),
    );
  }

  /** What waits for the network is told once somebody might wonder. */
  private drawWaiting(): void {
    const words = messages().capture;
    const { shots } = this.live.session;
    const stopped = shots.filter(({ way }) => way === "stopped").length;
    const waiting = shots.filter((shot) => !hasArrived(shot) && shot.way === "waiting").length;
    const offline = document.body.dataset.offline !== undefined;
    this.waiting.hidden = stopped === 0 && !(offline && waiting > 0);
    if (this.waiting.hidden) return;
    this.waiting.replaceChildren(
      icon("cloudOff"),
      h("span", {}, stopped > 0 ? words.stoppedHere(stopped) : words.waitingHere(waiting)),
      ...(stopped > 0
        ? [
            h(
              "button",
              {
                type: "button",
                class: "button small",
                onclick: () => void attempt(() => this.live.tryAgain(), words.failed),
              },
              words.again,
            ),
          ]
        : []),
    );
  }
}
