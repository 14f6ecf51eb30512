/** One thing on its way, as a row: its name, how far it has come, what became of it. */

import { type Child, h, icon, iconButton } from "../dom";
import { bytesText, percentOf } from "../format";
import { language, locale, messages } from "../i18n";
import { thumbnail } from "../patient";
import { movePath, viewPath } from "../router";
import { arrivals } from "./arrivals";
import { type Arriving, type Deposit, type Fate, fate, fateOfAll, filesOf, totals } from "./model";
import { type Thing, thingName } from "./things";

const MOVING: Fate[] = ["queued", "sending", "elsewhere", "paused", "interrupted", "wanted"];

/** In the reader's language what the cause is; then what the file's reader said, in its own. */
function reasonWords({ reason }: Arriving): Child[] {
  if (!reason) return [];
  const words = messages().deposit;
  const cause =
    reason[language()] ?? words.why[reason.code as keyof typeof words.why] ?? words.why.other;
  const offer = reason.image && [
    h("span", {}, ` ${messages().move.offer} `),
    h("a", { href: movePath(reason.image) }, messages().move.offerLink),
  ];
  if (offer) return offer;
  return [cause, reason.detail && h("span", { class: "detail", lang: "en" }, reason.detail)];
}

export class Row {
  readonly element = h("li", { class: "arriving" });
  private readonly picture = h("span", { class: "arriving-picture" });
  private readonly bar = h("progress", { max: 100 });
  private readonly words = h("span", { class: "fate" });
  private readonly size = h("span", { class: "faint" });
  private readonly why = h("p", { class: "why" });
  private readonly actions = h("span", { class: "arriving-actions" });
  private readonly deposit: Deposit;
  private drawn = "";

  constructor(deposit: Deposit, thing: Thing) {
    const words = messages().deposit;
    const name = thingName(thing);
    this.deposit = deposit;
    this.bar.setAttribute("aria-label", words.progressOf(name));
    this.element.append(
      this.picture,
      h(
        "span",
        { class: "arriving-name" },
        h("b", { title: thing.main }, name),
        thing.parts.length > 0 && h("span", { class: "faint" }, words.more(thing.parts.length)),
        this.size,
      ),
      this.words,
      this.actions,
      this.bar,
      this.why,
    );
  }

  update(thing: Thing): void {
    const words = messages().deposit;
    const files = filesOf(this.deposit, thing);
    const sum = totals(files);
    const now = this.deposit.paused && fateOfAll(files) === "queued" ? "paused" : fateOfAll(files);
    const percent = percentOf(sum.sent, sum.bytes);
    this.bar.value = percent;
    this.bar.hidden = !MOVING.includes(now) || percent === 0;
    const counted = MOVING.includes(now) && percent > 0;
    const word = now === "checking" && !this.deposit.closed ? words.fateSent : words.fate[now];
    const text = counted ? `${word} · ${percent}\u00a0%` : word;
    if (this.words.textContent !== text) this.words.textContent = text;
    // All else is drawn anew only when it changes, so that whoever is on a button stays there.
    const telling = files.find((file) => fate(file) === now && file.reason) ?? files[0];
    const sign = [now, telling?.reason?.code, telling?.image, sum.bytes].join();
    if (sign === this.drawn || !telling) return;
    this.drawn = sign;
    this.element.dataset.fate = now;
    this.size.textContent = bytesText(sum.bytes, locale());
    const why = reasonWords(telling);
    this.why.hidden = why.length === 0;
    this.why.replaceChildren(h("span", {}, ...why));
    this.drawPicture(now, telling);
    this.actions.replaceChildren(...this.buttons(now, thing, files));
  }

  private drawPicture(now: Fate, { image, kind }: Arriving): void {
    if (now === "ready" && image && kind) {
      this.picture.replaceChildren(thumbnail({ kind, thumbnail: `/images/${image}/thumbnail` }));
      return;
    }
    const shown = { failed: "warning", refused: "warning", wanted: "retry" } as const;
    this.picture.replaceChildren(icon(shown[now as keyof typeof shown] ?? "file"));
  }

  private buttons(now: Fate, thing: Thing, files: Arriving[]): HTMLElement[] {
    const words = messages().deposit;
    const name = thingName(thing);
    const image = files.find((file) => file.image)?.image;
    if (image && (now === "ready" || now === "preparing"))
      return [
        h(
          "a",
          {
            class: now === "ready" ? "button primary" : "button",
            href: viewPath(image),
            "aria-label": words.openName(name),
          },
          words.open,
        ),
      ];
    const buttons: HTMLElement[] = [];
    const again = () => {
      for (const file of files) if (fate(file) === "failed") arrivals.retry(this.deposit, file);
    };
    if (now === "failed") buttons.push(iconButton("retry", words.retry(name), again));
    const remove = () => void arrivals.remove(this.deposit, files);
    if (!this.deposit.closed || now === "refused" || now === "failed")
      buttons.push(iconButton("close", words.remove(name), remove));
    return buttons;
  }
}
