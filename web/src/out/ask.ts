/** The sheet that asks a colleague about pictures. */

import { openSheet } from "../capture/sheet";
import { h } from "../dom";
import { messages } from "../i18n";
import { advicePath, navigate } from "../router";
import {
  askColleague,
  type Card,
  type Colleague,
  colleagueNamed,
  colleagues,
  myCard,
  writeCard,
} from "./calls";
import { field, radios, wrong } from "./form";

/** Asks; `names` are those of the pictures, in their order. */
export async function openAsk(names: Map<string, string>): Promise<void> {
  const words = messages().out;
  const [card, known] = await Promise.all([myCard(), colleagues()]);
  const sheet = openSheet(`${words.askFor} · ${words.pictures(names.size)}`, [
    new Asking(names, card, known, (advice) => {
      sheet.close();
      navigate(advicePath(advice));
    }).element,
  ]);
}

class Asking {
  readonly element: HTMLFormElement;
  private readonly words = messages().out;
  private readonly names: Map<string, string>;
  private readonly sent: (advice: string) => void;
  private readonly card: Card | null;
  private readonly name = h("input", { type: "text", maxlength: 100, autocomplete: "name" });
  private readonly title = h("input", { type: "text", maxlength: 100, autocomplete: "off" });
  private readonly question = h("textarea", { rows: 5, maxlength: 8000, required: true });
  private readonly code = h("input", {
    type: "text",
    maxlength: 40,
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
    class: "code",
  });
  private readonly status = h("div", { class: "form-status", role: "status" });
  private readonly submit = h("button", { type: "submit", class: "button primary" });
  private to: Colleague | null = null;
  /** Whose code it is, once that was asked. */
  private named: { code: string; colleague: Colleague } | null = null;

  constructor(
    names: Map<string, string>,
    card: Card | null,
    known: Colleague[],
    sent: (advice: string) => void,
  ) {
    const { words } = this;
    this.names = names;
    this.card = card;
    this.sent = sent;
    this.name.required = card === null;
    this.code.addEventListener("input", () => this.show());
    const list = known.map((one) => ({
      value: one.id,
      words: [h("b", {}, one.name), one.title && h("small", {}, one.title)],
    }));
    const choose = (id: string) => {
      this.to = known.find((one) => one.id === id) ?? null;
      this.code.value = "";
      this.show();
    };
    this.element = h(
      "form",
      {
        class: "out-form",
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault();
          void this.go();
        },
      },
      card === null &&
        h(
          "div",
          { class: "fields" },
          field(`${words.card} · ${words.name}`, this.name, words.cardHint),
          field(words.title, this.title, words.titleHint),
        ),
      field(words.question, this.question, words.questionHint),
      list.length > 0
        ? radios(words.colleague, list, "", choose)
        : h("p", { class: "faint" }, words.noColleagues),
      field(words.code, this.code, words.codeHint),
      this.status,
      h("footer", {}, this.submit),
    );
    this.show();
  }

  /** What is to be done next, on the button: check whose code it is, or send to whom. */
  private show(): void {
    const { words } = this;
    const code = this.code.value.trim();
    if (code) {
      this.to = null;
      for (const one of this.element?.querySelectorAll<HTMLInputElement>("input[type=radio]") ?? [])
        one.checked = false;
    }
    const whose = this.named?.code === code ? this.named.colleague : this.to;
    this.status.replaceChildren();
    if (whose && code) this.status.append(h("p", {}, words.codeIs(whose.name)));
    this.submit.textContent = whose ? words.sendTo(whose.name) : code ? words.check : words.send;
  }

  private async go(): Promise<void> {
    const { words } = this;
    const code = this.code.value.trim();
    if (!code && !this.to) {
      this.tell(words.whom);
      return;
    }
    this.submit.disabled = true;
    try {
      if (code && this.named?.code !== code) {
        const colleague = await colleagueNamed(code).catch(() => null);
        if (colleague) this.named = { code, colleague };
        this.show();
        if (!colleague) this.tell(words.codeWrong);
        return;
      }
      if (this.card === null) await writeCard(this.name.value, this.title.value);
      const to = this.to ? { to: this.to.id } : { code };
      const advice = await askColleague(this.question.value, [...this.names.keys()], to);
      this.sent(advice.id);
    } catch (error) {
      this.status.replaceChildren(h("div", { class: "form-wrong" }, ...wrong(error, this.names)));
    } finally {
      this.submit.disabled = false;
    }
  }

  private tell(text: string): void {
    this.status.replaceChildren(h("p", { class: "form-wrong" }, text));
  }
}
