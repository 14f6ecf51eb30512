/** Taking pictures: what the camera sees, the picture of before beside the shutter, and the shutter. */

import { myself } from "../api";
import { h, icon, iconButton } from "../dom";
import { dateText, parseDate } from "../format";
import { language, messages } from "../i18n";
import { attempt } from "./attempt";
import { Camera, isThere, type Trouble, troubleOf } from "./camera";
import type { Live } from "./live";
import type { Part, Step } from "./page";
import { nextPose } from "./poses";
import { named, redraw } from "./redraw";
import { askTarget, type Close, FREE, statedBy, type Target, targetText } from "./target";

const FLASH_MS = 160;
const CLOSE: readonly Close[] = ["close-up", "dermoscopy"];

export class Shoot implements Part {
  readonly element: HTMLElement;
  private readonly live: Live;
  private readonly go: (step: Step) => void;
  private readonly video = h("video", { playsinline: true, muted: true, autoplay: true });
  private readonly ghost = h("img", { class: "ghost", alt: "", hidden: true });
  private readonly finder = h("div", { class: "finder-box" });
  private readonly trouble = h("div", { class: "camera-trouble", role: "status" });
  private readonly target = h("div", { class: "shoot-target" });
  private readonly tools = h("div", { class: "camera-tools" });
  private readonly last = h("div", { class: "shoot-last" });
  private readonly prior = h("div", { class: "shoot-prior" });
  private readonly news = h("p", { class: "visually-hidden", role: "status" });
  private readonly shutter: HTMLButtonElement;
  private camera: Camera | null = null;
  private lens: string | null = null;
  private aim: Target = FREE;
  private isShown = false;
  private isLit = false;
  private isTaking = false;
  private strength = 0.4;
  private isGhost = false;

  constructor(live: Live, go: (step: Step) => void, signal: AbortSignal) {
    const words = messages().capture;
    this.live = live;
    this.go = go;
    this.video.setAttribute("aria-label", words.finder);
    this.video.muted = true;
    this.shutter = h("button", {
      type: "button",
      class: "shutter",
      "aria-label": words.shutter,
      title: words.shutter,
      onclick: () => void this.take(),
    });
    this.finder.append(this.video, this.ghost, this.trouble);
    this.element = h(
      "section",
      { class: "shoot", "aria-label": words.step.shoot },
      h("div", { class: "shoot-top" }, this.target, this.tools),
      this.finder,
      h("div", { class: "shoot-row" }, this.last, this.shutter, this.prior),
      h("div", { class: "shoot-other" }, ...this.inputs()),
      this.news,
    );
    // A camera that nobody looks through is let go of: its lamp says that somebody does.
    const seen = () => {
      if (document.visibilityState === "hidden") this.close();
      else if (this.isShown) void this.open(this.lens);
    };
    document.addEventListener("visibilitychange", seen, { signal });
  }

  shown(): void {
    this.isShown = true;
    this.drawTarget();
    void this.open(this.lens);
  }

  hidden(): void {
    this.isShown = false;
    this.close();
  }

  update(): void {
    this.drawLast();
  }

  /** The phone's own camera, and pictures that are there already. */
  private inputs(): HTMLElement[] {
    const words = messages().capture;
    const way = (sign: "photo" | "file", text: string, capture: boolean) => {
      const input = h("input", {
        type: "file",
        accept: "image/*",
        multiple: !capture,
        capture: capture && "environment",
        class: "visually-hidden",
        tabindex: -1,
        "aria-hidden": "true",
        "data-brings": capture ? "camera" : "files",
      });
      input.addEventListener("change", () => {
        void this.bring([...(input.files ?? [])]);
        input.value = "";
      });
      const button = h(
        "button",
        { type: "button", class: "button quiet", onclick: () => input.click() },
        icon(sign),
        text,
      );
      return h("span", { class: capture ? "own-camera" : "" }, button, input);
    };
    const card = h(
      "button",
      { type: "button", class: "button quiet", onclick: () => this.go("card"), hidden: true },
      icon("folder"),
      words.card.title,
    );
    // A paired phone hands nothing over to other sessions.
    void myself().then(
      ({ phone }) => {
        card.hidden = phone !== null;
      },
      () => undefined, // The page itself says what is wrong.
    );
    return [way("photo", words.ownCamera, true), way("file", words.files, false), card];
  }

  private async open(lens: string | null): Promise<void> {
    const words = messages().capture;
    this.close();
    if (!isThere()) return this.showTrouble("absent");
    this.trouble.replaceChildren(h("p", {}, words.opening));
    this.shutter.disabled = true;
    try {
      const camera = await Camera.open(this.video, lens);
      if (!this.isShown) return camera.close();
      this.camera = camera;
      this.lens = camera.lens;
    } catch (error) {
      return this.showTrouble(troubleOf(error));
    }
    this.trouble.replaceChildren();
    this.element.dataset.camera = "open";
    this.shutter.disabled = false;
    await this.drawTools();
  }

  private close(): void {
    this.camera?.close();
    this.camera = null;
    this.isLit = false;
    delete this.element.dataset.camera;
    this.tools.replaceChildren();
  }

  private showTrouble(trouble: Trouble): void {
    const words = messages().capture;
    const { title, text } = words.trouble[trouble];
    this.element.dataset.camera = trouble;
    this.shutter.disabled = true;
    this.trouble.replaceChildren(
      icon("photo"),
      h("h2", {}, title),
      h("p", {}, text),
      h(
        "button",
        { type: "button", class: "button", onclick: () => void this.open(null) },
        words.again,
      ),
    );
  }

  private async drawTools(): Promise<void> {
    const { camera } = this;
    if (!camera) return;
    const words = messages().capture;
    const lenses = await camera.lenses();
    const tools: HTMLElement[] = [];
    if (camera.hasTorch) {
      const light = iconButton("light", words.lightOn, () => {
        this.isLit = !this.isLit;
        light.setAttribute("aria-pressed", String(this.isLit));
        light.setAttribute("aria-label", this.isLit ? words.lightOff : words.lightOn);
        void attempt(() => camera.light(this.isLit), words.notTaken);
      });
      light.setAttribute("aria-pressed", "false");
      tools.push(light);
    }
    if (lenses.length > 1) {
      const select = h(
        "select",
        { class: "lens", "aria-label": words.lens },
        ...lenses.map(({ deviceId, label }, at) =>
          h("option", { value: deviceId }, label || words.lensNumber(at + 1)),
        ),
      );
      select.value = camera.lens ?? "";
      select.addEventListener("change", () => void this.open(select.value));
      tools.push(select);
    }
    this.tools.replaceChildren(...tools);
  }

  private async take(): Promise<void> {
    const { camera } = this;
    if (!camera || this.isTaking) return;
    const words = messages().capture;
    this.isTaking = true;
    this.finder.classList.add("flash");
    setTimeout(() => this.finder.classList.remove("flash"), FLASH_MS);
    await attempt(async () => {
      const picture = await camera.take();
      navigator.vibrate?.(20);
      await this.keep([picture]);
      this.news.textContent = words.taken(this.live.session.shots.length);
    }, words.notTaken);
    this.isTaking = false;
  }

  private async bring(files: File[]): Promise<void> {
    if (files.length === 0) return;
    await attempt(() => this.keep(files));
    this.news.textContent = messages().capture.added(files.length);
  }

  private async keep(pictures: Blob[]): Promise<void> {
    const { aim } = this;
    await this.live.take(pictures, statedBy(aim));
    if (aim.what !== "pose") return;
    const next = nextPose(this.live.session, aim.pose);
    this.setTarget(next ? { what: "pose", pose: next } : FREE);
  }

  private setTarget(target: Target): void {
    this.aim = target;
    this.isGhost = false;
    this.drawTarget();
  }

  private drawTarget(): void {
    const { aim } = this;
    const words = messages().capture;
    const { name, more } = targetText(aim);
    redraw(
      this.target,
      h(
        "button",
        {
          ...named("target"),
          type: "button",
          class: "target",
          onclick: () => askTarget(this.live, aim, (target) => this.setTarget(target)),
        },
        h("em", { class: "visually-hidden" }, `${words.target} : `),
        h("b", {}, name),
        " ",
        h("span", {}, more),
        icon("more"),
      ),
      aim.what === "lesion" && this.viewSwitch(aim),
    );
    void this.drawPrior();
  }

  private viewSwitch(aim: Target & { what: "lesion" }): HTMLElement {
    const words = messages().capture;
    return h(
      "div",
      { class: "segments", role: "group", "aria-label": words.view },
      ...CLOSE.map((view) =>
        h(
          "button",
          {
            ...named(view),
            type: "button",
            "aria-pressed": String(aim.view === view),
            onclick: () => {
              this.aim = { ...aim, view };
              this.drawTarget();
            },
          },
          words.viewName[view],
        ),
      ),
    );
  }

  /** The picture of before stands where the other hand's thumb would be; a touch lays it over. */
  private async drawPrior(): Promise<void> {
    const { aim } = this;
    this.prior.replaceChildren();
    this.ghost.hidden = true;
    if (aim.what !== "lesion") return;
    // Without an answer the place stays empty: the picture of before is a help, no condition.
    const before = await this.live.before(aim.lesion.id, aim.view).catch(() => null);
    if (!before || this.aim !== aim) return;
    const words = messages().capture;
    const date = parseDate(before.taken_at);
    const button = h(
      "button",
      { type: "button", class: "prior", "aria-pressed": "false", title: words.ghost },
      h("img", { src: before.thumbnail, alt: words.ghost }),
      h("span", {}, date ? dateText(date, language()) : words.before),
    );
    const strength = h("input", {
      type: "range",
      class: "ghost-strength",
      min: 10,
      max: 90,
      step: 5,
      value: Math.round(100 * this.strength),
      "aria-label": words.ghostStrength,
      hidden: true,
    });
    const draw = () => {
      button.setAttribute("aria-pressed", String(this.isGhost));
      this.ghost.hidden = !this.isGhost;
      strength.hidden = !this.isGhost;
      this.ghost.style.opacity = String(this.strength);
    };
    button.addEventListener("click", () => {
      this.isGhost = !this.isGhost;
      draw();
    });
    strength.addEventListener("input", () => {
      this.strength = Number(strength.value) / 100;
      draw();
    });
    this.ghost.src = `/iiif/3/${encodeURIComponent(before.image)}/full/!1600,1600/0/default.jpg`;
    this.prior.replaceChildren(button, strength);
    draw();
  }

  private drawLast(): void {
    const words = messages().capture;
    const { shots } = this.live.session;
    const last = shots.at(-1);
    if (!last) {
      this.last.replaceChildren();
      return;
    }
    const address = this.live.address(last);
    redraw(
      this.last,
      h(
        "button",
        {
          ...named("last"),
          type: "button",
          class: "last",
          "aria-label": words.last(shots.length),
          onclick: () => this.go("sort"),
        },
        address && h("img", { src: address, alt: "" }),
        h("span", { class: "last-count" }, shots.length),
      ),
    );
  }
}
