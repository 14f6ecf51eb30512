/** One request for advice: its pictures, what was written, and what is to be answered. */

import "../styles/out/choosing.css";
import "../styles/capture/sheet.css";
import "../styles/out/advice.css";
import { openSheet } from "../capture/sheet";
import { h, icon } from "../dom";
import { momentText } from "../format";
import { pageFooter, pageHeader } from "../header";
import { locale, messages } from "../i18n";
import { notify } from "../notice";
import { problemOf, showProblem } from "../pages/problem";
import { advicesPath, type Page } from "../router";
import { type Advice, closeAdvice, getAdvice, say, seen } from "./calls";
import { field } from "./form";
import { shownTile } from "./shown";

const momentOf = (iso: string) => momentText(iso, locale()) ?? iso;

export function threadPage(id: string): Page {
  return async (outlet, signal) => {
    try {
      const advice = await getAdvice(id);
      if (advice.new) await seen(id);
      if (signal.aborted) return;
      outlet.replaceChildren(pageHeader(), new Thread(advice).element, pageFooter());
    } catch (error) {
      if (signal.aborted) return;
      showProblem(outlet, problemOf(error), () => void threadPage(id)(outlet, signal), signal);
      outlet.prepend(pageHeader());
      outlet.append(pageFooter());
    }
  };
}

class Thread {
  readonly element = h("main", { id: "main", tabindex: -1, class: "page advice-page" });
  private advice: Advice;

  constructor(advice: Advice) {
    this.advice = advice;
    this.draw();
  }

  private draw(): void {
    const { advice } = this;
    const words = messages().out;
    const name = advice.other.name;
    this.element.replaceChildren(
      h("a", { class: "back-link", href: advicesPath }, icon("back"), words.advice),
      h(
        "div",
        { class: "exam-head" },
        h("h1", {}, advice.mine ? words.to(name) : words.from(name)),
        h("p", { class: "faint" }, advice.other.title),
      ),
      this.pictures(),
      h("ol", { class: "advice-words" }, ...advice.words.map(said)),
      advice.closed_at === null ? this.answer() : this.closed(advice.closed_at),
    );
  }

  private pictures(): HTMLElement {
    const { advice } = this;
    const words = messages().out;
    if (advice.pictures.length === 0) return h("p", { class: "advice-note" }, words.gone);
    const lent = advice.mine ? words.lentOut(advice.other.name) : words.guest;
    return h(
      "section",
      { "aria-label": words.pictures(advice.pictures.length) },
      advice.elsewhere && !advice.closed && h("p", { class: "advice-note" }, icon("lock"), lent),
      h("ul", { class: "gallery advice-gallery" }, ...advice.pictures.map(shownTile)),
    );
  }

  private answer(): HTMLElement {
    const { advice } = this;
    const words = messages().out;
    const text = h("textarea", { rows: 4, maxlength: 8000, required: true });
    const label = advice.mine ? words.further : words.answerLabel;
    return h(
      "form",
      {
        class: "out-form advice-answer",
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault();
          void this.change(() => say(advice.id, text.value));
        },
      },
      field(label, text),
      h(
        "p",
        { class: "actions" },
        h(
          "button",
          { type: "button", class: "button", onclick: () => this.askToClose() },
          words.close,
        ),
        h(
          "button",
          { type: "submit", class: "button primary" },
          advice.mine ? words.send : words.answer,
        ),
      ),
    );
  }

  private closed(at: string): HTMLElement {
    const { advice } = this;
    const words = messages().out.closedAt(momentOf(at), advice.closed_by_me, advice.other.name);
    return h("p", { class: "advice-note" }, icon("lock"), words);
  }

  private askToClose(): void {
    const words = messages().out;
    const close = () => {
      sheet.close();
      void this.change(() => closeAdvice(this.advice.id));
    };
    const sheet = openSheet(words.closeSure, [
      h("p", {}, words.closeText),
      h(
        "footer",
        {},
        h(
          "button",
          { type: "button", class: "button", onclick: () => sheet.close() },
          words.cancel,
        ),
        h("button", { type: "button", class: "button primary", onclick: close }, words.close),
      ),
    ]);
  }

  private async change(make: () => Promise<Advice>): Promise<void> {
    try {
      this.advice = await make();
      this.draw();
      this.element.focus();
    } catch {
      notify([messages().out.failed]);
    }
  }
}

function said(one: Advice["words"][number]): HTMLLIElement {
  return h(
    "li",
    { class: one.mine ? "mine" : "" },
    h(
      "p",
      { class: "faint" },
      h("b", {}, one.mine ? messages().out.me : one.by),
      " · ",
      h("time", { datetime: one.at }, momentOf(one.at)),
    ),
    h("p", { class: "said" }, one.text),
  );
}
