/** The page of advice: what is asked of me, what I ask, and the card by which I am found. */

import "../styles/out/choosing.css";
import "../styles/out/advice.css";
import { type Child, h, icon } from "../dom";
import { momentText } from "../format";
import { pageFooter, pageHeader } from "../header";
import { locale, messages } from "../i18n";
import { notify } from "../notice";
import { problemOf, showProblem } from "../pages/problem";
import { advicePath, type Page } from "../router";
import { type AdviceSummary, type Card, myAdvice, myCard, renewCode, writeCard } from "./calls";
import { field } from "./form";

export const advicesPage: Page = async (outlet, signal) => {
  const words = messages().out;
  try {
    const [mine, card] = await Promise.all([myAdvice(), myCard()]);
    if (signal.aborted) return;
    outlet.replaceChildren(
      pageHeader(),
      h(
        "main",
        { id: "main", tabindex: -1, class: "page advice-page" },
        h("a", { class: "back-link", href: "/" }, icon("back"), messages().exams),
        h("div", { class: "page-title" }, h("h1", {}, words.advice)),
        h(
          "div",
          { class: "advice-columns" },
          h(
            "div",
            {},
            section(words.ofMe, mine.of_me, words.noneOfMe),
            section(words.byMe, mine.by_me, words.noneByMe),
          ),
          new CardBox(card).element,
        ),
      ),
      pageFooter(),
    );
  } catch (error) {
    if (signal.aborted) return;
    showProblem(outlet, problemOf(error), () => void advicesPage(outlet, signal), signal);
    outlet.prepend(pageHeader());
    outlet.append(pageFooter());
  }
};

function section(title: string, requests: AdviceSummary[], none: string): HTMLElement {
  return h(
    "section",
    { class: "advice-list" },
    h("h2", {}, title),
    requests.length > 0 ? h("ul", {}, ...requests.map(row)) : h("p", { class: "faint" }, none),
  );
}

function row(one: AdviceSummary): HTMLLIElement {
  const words = messages().out;
  return h(
    "li",
    { class: one.new ? "advice-row new" : "advice-row" },
    h(
      "a",
      { href: advicePath(one.id) },
      h(
        "span",
        { class: "advice-who" },
        h("b", {}, one.other.name),
        one.other.title && h("span", { class: "faint" }, one.other.title),
        one.new && h("span", { class: "mark" }, words.isNew),
        one.closed && h("span", { class: "mark quiet" }, words.closed),
      ),
      h("span", { class: "advice-question" }, one.question),
      h(
        "span",
        { class: "faint" },
        `${words.pictures(one.images)} · `,
        h("time", { datetime: one.latest }, momentText(one.latest, locale())),
      ),
    ),
  );
}

class CardBox {
  readonly element = h("section", { class: "advice-card" });
  private card: Card | null;

  constructor(card: Card | null) {
    this.card = card;
    if (card) this.show(card);
    else this.edit();
  }

  private show(card: Card): void {
    const words = messages().out;
    const renew = () =>
      this.change(renewCode, words.renewed).then(() => {
        this.element.querySelector("button")?.focus();
      });
    this.draw(
      h("p", {}, h("b", {}, card.name), card.title && h("span", { class: "faint" }, card.title)),
      h("h3", {}, words.myCode),
      h("p", { class: "code card-code" }, grouped(card.code)),
      h("p", { class: "faint" }, words.myCodeHint),
      h(
        "p",
        { class: "actions" },
        h("button", { type: "button", class: "button", onclick: () => this.edit() }, words.edit),
        h("button", { type: "button", class: "button", onclick: () => void renew() }, words.renew),
      ),
    );
  }

  private edit(): void {
    const words = messages().out;
    const name = h("input", { type: "text", maxlength: 100, required: true, autocomplete: "name" });
    const title = h("input", { type: "text", maxlength: 100, autocomplete: "off" });
    name.value = this.card?.name ?? "";
    title.value = this.card?.title ?? "";
    const save = () => this.change(() => writeCard(name.value, title.value), words.saved);
    this.draw(
      h("p", { class: "faint" }, words.cardHint),
      h(
        "form",
        {
          class: "out-form",
          onsubmit: (event: SubmitEvent) => {
            event.preventDefault();
            void save();
          },
        },
        field(words.name, name),
        field(words.title, title, words.titleHint),
        h("button", { type: "submit", class: "button primary" }, words.save),
      ),
    );
  }

  private draw(...body: Child[]): void {
    this.element.replaceChildren(h("h2", {}, messages().out.card), ...(body as Node[]));
  }

  private async change(make: () => Promise<Card>, done: string): Promise<void> {
    try {
      this.card = await make();
      this.show(this.card);
      notify([done]);
    } catch {
      notify([messages().out.failed]);
    }
  }
}

/** Read aloud and written by hand in three groups. */
function grouped(code: string): string {
  return code.replace(/(.{4})(?=.)/g, "$1 ");
}
