/** The page where images are brought: dropped or chosen, followed, and found again. */

import "../styles/deposit/page.css";
import "../styles/deposit/drop.css";
import "../styles/deposit/card.css";
import "../styles/deposit/row.css";
import "../styles/deposit/whose.css";
import { arrivals } from "../deposit/arrivals";
import type { Order } from "../deposit/calls";
import { Card, whoseWords } from "../deposit/card";
import { hasFiles, takeDropped } from "../deposit/everywhere";
import type { Deposit } from "../deposit/model";
import { type Brought, fromChoice, fromDrop, inOrder } from "../deposit/paths";
import { askWhose, sameOrder } from "../deposit/whose";
import { h, icon } from "../dom";
import { pageFooter, pageHeader } from "../header";
import { messages } from "../i18n";
import { notify } from "../notice";
import { problemOf, showProblem } from "./problem";

const DRAWN_MS = 200;

/**
 * Whose the next files are. It is forgotten when what it was stated for is there, so that nobody's
 * images go to the patient before.
 */
let stated: Order | null = null;
let joined: Deposit | null = null;

export async function depositPage(outlet: HTMLElement, signal: AbortSignal): Promise<void> {
  const again = () => void depositPage(outlet, signal);
  const page = new DepositPage(signal);
  outlet.replaceChildren(pageHeader(), page.element, pageFooter());
  try {
    await arrivals.load();
    page.show();
    const waiting = takeDropped();
    if (waiting) page.bring(await waiting);
  } catch (error) {
    if (signal.aborted) return;
    showProblem(outlet, problemOf(error), again, signal);
    outlet.prepend(pageHeader());
    outlet.append(pageFooter());
  }
}

class DepositPage {
  readonly element: HTMLElement;
  private readonly files = this.input(false);
  private readonly folder = this.input(true);
  private readonly zone = h("section", { class: "drop" });
  private readonly for = h("div", { class: "drop-for" });
  private readonly list = h("ul", { class: "cards" });
  private readonly recent: HTMLElement;
  private readonly cards = new Map<Deposit, Card>();
  private timer = 0;

  constructor(signal: AbortSignal) {
    const words = messages().deposit;
    this.zone.append(...this.zoneParts());
    this.zone.setAttribute("aria-label", words.bring);
    this.recent = h("section", { hidden: true }, h("h2", {}, words.recent), this.list);
    this.element = h(
      "main",
      { id: "main", tabindex: -1, class: "page deposit", "aria-busy": "true" },
      h("a", { class: "back-link", href: "/" }, icon("back"), messages().exams),
      h("div", { class: "page-title" }, h("h1", {}, words.title)),
      h("p", { class: "intro" }, words.intro),
      this.zone,
      this.recent,
      h("p", { class: "visually-hidden", role: "status", "data-deposit-news": true }),
    );
    this.drawFor();
    this.draw();
    arrivals.onChange(() => this.drawSoon(), signal);
    arrivals.onNews((news) => {
      if (news.what === "sent" && news.deposit === joined) this.state(null);
    }, signal);
    this.watchDrag(signal);
  }

  /** Draws what the server has: from now on nothing moves by itself under a finger. */
  show(): void {
    this.draw();
    this.element.removeAttribute("aria-busy");
  }

  bring(files: Brought[]): void {
    if (files.length === 0) {
      notify([messages().deposit.nothing]);
      return;
    }
    const join = joined && sameOrder(joined.order, stated) ? joined : null;
    joined = arrivals.bring(inOrder(files), stated, join) ?? joined;
    this.draw();
  }

  private input(folder: boolean): HTMLInputElement {
    const input = h("input", {
      type: "file",
      multiple: true,
      webkitdirectory: folder,
      class: "visually-hidden",
      tabindex: -1,
      "aria-hidden": "true",
      "data-brings": folder ? "folder" : "files",
    });
    input.addEventListener("change", () => {
      this.bring(fromChoice(input.files ?? []));
      input.value = "";
    });
    return input;
  }

  private zoneParts(): HTMLElement[] {
    const words = messages().deposit;
    const choose = (input: HTMLInputElement) => () => input.click();
    const hasFolders = "webkitdirectory" in HTMLInputElement.prototype;
    return [
      h("div", { class: "drop-icon" }, icon("upload")),
      h(
        "p",
        { class: "drop-title" },
        h("span", { class: "wide-only drop-still" }, words.drop),
        h("span", { class: "wide-only drop-over" }, words.dropOver),
        h("span", { class: "narrow-only" }, words.bring),
      ),
      h(
        "div",
        { class: "drop-buttons" },
        h(
          "button",
          { type: "button", class: "button primary", onclick: choose(this.files) },
          icon("file"),
          words.files,
        ),
        hasFolders &&
          h(
            "button",
            { type: "button", class: "button", onclick: choose(this.folder) },
            icon("folder"),
            words.folder,
          ),
      ),
      h("p", { class: "drop-kinds wide-only" }, words.kinds),
      h("p", { class: "drop-kinds narrow-only" }, words.kindsPhone),
      this.for,
      this.files,
      this.folder,
    ];
  }

  private state(order: Order | null): void {
    stated = order;
    joined = null;
    this.drawFor();
  }

  private drawFor(): void {
    const words = messages().deposit;
    const ask = () => askWhose(stated, (order) => this.state(order));
    const button = (text: string, act: () => void) =>
      h("button", { type: "button", class: "button small", onclick: act }, text);
    this.for.replaceChildren(
      icon("person"),
      h("span", { class: "drop-for-label" }, words.for),
      h(
        "span",
        { class: "drop-whose" },
        ...whoseWords(stated),
        !stated && h("span", { class: "faint" }, words.nobodyHint),
      ),
      h(
        "span",
        { class: "drop-for-tools" },
        button(stated ? words.change : words.choose, ask),
        ...(stated ? [button(words.forget, () => this.state(null))] : []),
      ),
    );
  }

  private drawSoon(): void {
    if (this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.draw();
    }, DRAWN_MS);
  }

  private draw(): void {
    const { deposits } = arrivals;
    for (const [deposit, card] of this.cards) {
      if (deposits.includes(deposit)) continue;
      card.element.remove();
      this.cards.delete(deposit);
    }
    for (const [index, deposit] of deposits.entries()) {
      let card = this.cards.get(deposit);
      if (!card) {
        card = new Card(deposit, () => this.files.click());
        this.cards.set(deposit, card);
        this.list.insertBefore(card.element, this.list.children[index] ?? null);
      }
      card.update();
    }
    this.recent.hidden = deposits.length === 0;
    this.zone.classList.toggle("compact", deposits.length > 0);
  }

  /** The whole window takes a drop; the zone shows it. */
  private watchDrag(signal: AbortSignal): void {
    let depth = 0;
    const over = (on: boolean) => this.zone.classList.toggle("over", on);
    const listen = (name: "dragenter" | "dragleave" | "drop", act: (event: DragEvent) => void) =>
      addEventListener(name, (event) => hasFiles(event) && act(event), { signal });
    listen("dragenter", () => over(++depth > 0));
    listen("dragleave", () => over(--depth > 0));
    // Before the listener of every page, which would bring the files here anew.
    document.addEventListener(
      "drop",
      (event) => {
        if (!hasFiles(event) || !event.dataTransfer) return;
        event.preventDefault();
        depth = 0;
        over(false);
        fromDrop(event.dataTransfer).then(
          (files) => this.bring(files),
          () => notify([messages().deposit.unreadableDrop]),
        );
      },
      { signal },
    );
  }
}
