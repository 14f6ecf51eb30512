/** The list of what waits on this phone: how far each picture is, and what may be done about it. */

import "../styles/phones/waiting.css";
import { h, iconButton } from "../dom";
import { percentOf } from "../format";
import { locale, messages } from "../i18n";
import { discard, picture, type Queued, retry, type Waiting, watch } from ".";
import { whyStopped } from "./why";

/** A list that follows the queue until the signal says that its page was left. */
export function waitingList(signal: AbortSignal): HTMLElement {
  const words = messages().phones.waiting;
  const list = h("ul", { class: "waiting-list" });
  const notes = h("div", { class: "waiting-notes" });
  const rows = new Map<string, Row>();
  const element = h("section", { class: "waiting" }, h("h2", {}, words.title), notes, list);
  const draw = (queued: Queued) => {
    drawRows(queued.waiting, rows, list);
    const told = JSON.stringify([
      queued.open,
      queued.waiting.length,
      queued.others,
      queued.keeping,
    ]);
    element.dataset.keeping = queued.keeping;
    if (notes.dataset.told === told) return;
    notes.dataset.told = told;
    notes.replaceChildren(...notesOf(queued));
  };
  watch(draw, signal);
  signal.addEventListener("abort", () => {
    for (const row of rows.values()) row.remove();
  });
  return element;
}

function drawRows(waiting: Waiting[], rows: Map<string, Row>, list: HTMLElement): void {
  const all = new Set(waiting.map(({ id }) => id));
  for (const [id, row] of rows) {
    if (all.has(id)) continue;
    row.remove();
    rows.delete(id);
  }
  for (const one of waiting) {
    const row = rows.get(one.id) ?? new Row(one);
    if (!rows.has(one.id)) list.append(row.element);
    rows.set(one.id, row);
    row.update(one);
  }
}

function notesOf({ open, waiting, others, keeping }: Queued): HTMLElement[] {
  const words = messages().phones.waiting;
  const note = (line: string, warns: boolean) =>
    h("p", { role: "status", class: warns && "is-warning" }, line);
  const notes: HTMLElement[] = [];
  if (waiting.length > 0) notes.push(note(words.count(waiting.length), false));
  else notes.push(note(open ? words.none : words.closed, !open));
  if (others > 0) notes.push(note(words.others(others), true));
  if (waiting.length > 0) notes.push(note(words.keeping[keeping], keeping !== "kept"));
  return notes;
}

class Row {
  readonly element: HTMLLIElement;
  private readonly image = h("img", { alt: "", width: 56, height: 56, hidden: true });
  private readonly words = h("span", { class: "waiting-step" });
  private readonly bar: HTMLProgressElement;
  private readonly again: HTMLButtonElement;
  private address: string | null = null;

  constructor({ id, taken_ms }: Waiting) {
    const words = messages().phones.waiting;
    const time = new Date(taken_ms).toLocaleTimeString(locale(), { timeStyle: "short" });
    this.bar = h("progress", { max: 100, "aria-label": words.taken(time) });
    this.again = iconButton("retry", words.retry, () => void retry(id));
    const giveUp = () => {
      if (confirm(words.discardSure)) void discard(id);
    };
    this.element = h(
      "li",
      { class: "waiting-one", "data-waiting": id },
      this.image,
      h("span", { class: "waiting-words" }, h("b", {}, words.taken(time)), this.words, this.bar),
      this.again,
      iconButton("close", words.discardOf(time), giveUp),
    );
    void this.show(id);
  }

  update({ step, sent, size, reason }: Waiting): void {
    const words = messages().phones.waiting;
    const percent = percentOf(sent, size);
    const why = reason && whyStopped(reason);
    this.element.dataset.step = step;
    this.again.hidden = step !== "failed";
    this.bar.hidden = step === "failed";
    this.bar.value = step === "checking" ? 100 : percent;
    const told = step === "sending" ? words.sending(percent) : words[step];
    this.words.textContent = [told, why].filter(Boolean).join(" · ");
  }

  remove(): void {
    this.element.remove();
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = null;
  }

  private async show(id: string): Promise<void> {
    const kept = await picture(id);
    if (!kept || !this.element.isConnected) return;
    this.address = URL.createObjectURL(kept);
    this.image.src = this.address;
    this.image.hidden = false;
  }
}
