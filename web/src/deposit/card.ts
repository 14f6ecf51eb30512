/** One deposit: whose it is, how far it has come as a whole, and its things. */

import { type Child, h, icon } from "../dom";
import { bytesText, percentOf, roundedTime, speedText } from "../format";
import { locale, messages } from "../i18n";
import { nameOf, traits } from "../patient";
import { arrivals } from "./arrivals";
import type { Order } from "./calls";
import { type Deposit, type Fate, fateOfAll, filesOf, totals } from "./model";
import { Row } from "./row";
import { things } from "./things";
import { askWhose } from "./whose";

/** Patient and order in a line, or that they are not known. */
export function whoseWords(order: Order | null): Child[] {
  const words = messages().deposit;
  if (!order) return [h("span", { class: "no-patient" }, words.nobody)];
  return [
    order.patient && nameOf(order.patient),
    order.patient && traits(order.patient),
    order.accession_number &&
      h(
        "span",
        { class: "order-number" },
        h("span", { class: "faint" }, `${messages().accessionShort} `),
        h("span", { class: "code" }, order.accession_number),
      ),
  ];
}

export class Card {
  readonly element: HTMLElement;
  private readonly deposit: Deposit;
  private readonly bringAgain: () => void;
  private readonly whose = h("h3", { class: "whose" });
  private readonly tools = h("div", { class: "card-tools" });
  private readonly bar = h("progress", { max: 100 });
  private readonly line = h("p", { class: "card-line" });
  private readonly note = h("div", { class: "card-note" });
  private readonly list = h("ul", { class: "arrivings" });
  private readonly rows = new Map<string, Row>();
  private drawn = "";
  private told = "";

  constructor(deposit: Deposit, bringAgain: () => void) {
    this.deposit = deposit;
    this.bringAgain = bringAgain;
    this.bar.setAttribute("aria-label", messages().deposit.progressOf(messages().deposit.recent));
    this.element = h(
      "li",
      { class: "card", "data-deposit": deposit.key },
      h("div", { class: "card-head" }, this.whose, this.tools),
      this.bar,
      this.line,
      this.note,
      this.list,
    );
  }

  update(): void {
    const shown = things([...this.deposit.files.keys()]);
    const fates = shown.map((thing) => fateOfAll(filesOf(this.deposit, thing)));
    this.drawHead(fates);
    this.drawLine(fates);
    this.drawRows(shown);
  }

  private drawRows(shown: ReturnType<typeof things>): void {
    const mains = new Set(shown.map(({ main, parts }) => `${main}\n${parts.length > 0}`));
    for (const [key, row] of this.rows) {
      if (mains.has(key)) continue;
      row.element.remove();
      this.rows.delete(key);
    }
    for (const thing of shown) {
      const key = `${thing.main}\n${thing.parts.length > 0}`;
      let row = this.rows.get(key);
      if (!row) {
        row = new Row(this.deposit, thing);
        this.rows.set(key, row);
        this.list.append(row.element);
      }
      row.update(thing);
    }
  }

  private drawLine(fates: Fate[]): void {
    const words = messages().deposit;
    const sum = totals(this.deposit.files.values());
    const percent = percentOf(sum.sent, sum.bytes);
    const moving = sum.left > 0;
    this.bar.hidden = !moving;
    this.bar.value = percent;
    const count = (fate: Fate) => fates.filter((one) => one === fate).length;
    const parts = moving
      ? this.movingWords(sum.bytes, sum.sent, percent)
      : fates.every((one) => ["ready", "refused", "companion"].includes(one))
        ? [words.done(count("ready"), count("refused"))]
        : [this.deposit.closed ? words.allSent : words.fateSent, bytesText(sum.bytes, locale())];
    const text = parts.join(" · ");
    if (this.line.textContent !== text) this.line.textContent = text;
  }

  private movingWords(bytes: number, sent: number, percent: number): string[] {
    const words = messages().deposit;
    const { pace, paused, files } = this.deposit;
    const sizes = words.sentOf(bytesText(sent, locale()), bytesText(bytes, locale()));
    const said = [`${percent}\u00a0%`, sizes];
    if (paused) return [...said, words.fate.paused];
    if (![...files.values()].some(({ step }) => step === "sending")) return said;
    const now = performance.now();
    const [speed, left] = [pace.speed(now), pace.left_s(bytes - sent, now)];
    if (speed === null || left === null) return [...said, words.estimating];
    const { hours, minutes } = roundedTime(left);
    return [...said, speedText(speed, locale()), words.left(hours, minutes)];
  }

  private drawHead(fates: Fate[]): void {
    const { order, paused, closed } = this.deposit;
    const moving = fates.some((one) => ["queued", "sending", "interrupted"].includes(one));
    const note = this.noteFor(fates);
    const settled = fates.some((one) => one === "ready" || one === "preparing");
    const sign = JSON.stringify([order, paused, closed, moving, note, settled]);
    if (sign === this.drawn) return;
    this.drawn = sign;
    this.element.dataset.closed = String(closed);
    this.whose.replaceChildren(...(whoseWords(order).filter(Boolean) as Node[]));
    const focused = this.tools.contains(document.activeElement);
    this.tools.replaceChildren(...this.buttons(moving, settled));
    if (focused) this.tools.querySelector<HTMLElement>("button")?.focus();
    if (note !== this.told) this.note.replaceChildren(...this.noteWords(note));
    this.told = note;
  }

  /** What only a person can do for this deposit to go on. */
  private noteFor(fates: Fate[]): "wanted" | "unfinished" | "unassigned" | "" {
    const { order, closed, ours } = this.deposit;
    if (fates.includes("wanted")) return "wanted";
    if (!closed && !ours && fates.every((one) => one === "checking")) return "unfinished";
    return fates.includes("unassigned") && !order ? "unassigned" : "";
  }

  private buttons(moving: boolean, settled: boolean): HTMLElement[] {
    const words = messages().deposit;
    const { deposit } = this;
    const button = (name: Parameters<typeof icon>[0], text: string, act: () => void) =>
      h(
        "button",
        { type: "button", class: "button small", onclick: act },
        icon(name),
        h("span", {}, text),
      );
    const state = () => this.state();
    const made: HTMLElement[] = [];
    if (!settled) made.push(button("person", deposit.order ? words.change : words.choose, state));
    if (moving)
      made.push(
        deposit.paused
          ? button("play", words.resumeAll, () => arrivals.resume(deposit))
          : button("pause", words.pauseAll, () => arrivals.pause(deposit)),
      );
    if (!deposit.closed) made.push(button("close", words.cancelAll, () => this.askCancel()));
    return made;
  }

  private state(): void {
    askWhose(this.deposit.order, (order) => arrivals.assign(this.deposit, order));
  }

  private noteWords(note: string): HTMLElement[] {
    const words = messages().deposit;
    const act = (text: string, go: () => void) =>
      h("button", { type: "button", class: "button primary", onclick: go }, text);
    if (note === "wanted")
      return [h("p", {}, words.bringAgainText), act(words.bringAgain, this.bringAgain)];
    if (note === "unfinished")
      return [
        h("p", {}, words.unfinishedText),
        act(words.finish, () => arrivals.finish(this.deposit)),
      ];
    if (note === "unassigned")
      return [h("p", {}, words.unassignedText), act(words.choose, () => this.state())];
    return [];
  }

  private askCancel(): void {
    const words = messages().deposit;
    const close = () => dialog.close();
    const yes = () => {
      close();
      void arrivals.cancel(this.deposit);
    };
    const dialog = h(
      "dialog",
      { class: "whose-dialog sure", "aria-label": words.cancelAll },
      h("p", {}, words.cancelSure),
      h(
        "footer",
        {},
        h("button", { type: "button", class: "button", onclick: close }, words.cancelNo),
        h("button", { type: "button", class: "button danger", onclick: yes }, words.cancelYes),
      ),
    );
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }
}
