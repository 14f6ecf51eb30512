/** The reading worklist: searched as one types, worked through by keyboard. */

import "../styles/worklist.css";
import { ApiError, ask, type ImageKind } from "../api";
import { priorityBadge } from "../cases/list";
import { h, icon } from "../dom";
import { momentText } from "../format";
import { pageFooter, pageHeader } from "../header";
import { locale, messages } from "../i18n";
import { notify } from "../notice";
import { problemOf, showProblem } from "../pages/problem";
import { nameOf, traits } from "../patient";
import { advicesPath, casesPath, dayPath, type Page } from "../router";
import {
  getList,
  type Item,
  type List,
  markRead,
  markUnread,
  readPath,
  release,
  take,
  type Wanted,
  type Which,
} from "./calls";
import { newsOf, takenOf } from "./words";

const SORTS: Which[] = ["unread", "urgent", "mine", "all"];
const TYPING_MS = 200;

/** As it was left, for whoever comes back; what was searched for is in no address. */
const wanted: Wanted = { which: "unread", kind: null, q: "" };

export const worklistPage: Page = async (outlet, signal) => {
  document.title = `${messages().worklist.title} · ${messages().product}`;
  const loading = h(
    "main",
    { id: "main", tabindex: -1, class: "page", "aria-busy": "true" },
    h("p", { role: "status" }, messages().loading),
  );
  outlet.replaceChildren(pageHeader(), loading, pageFooter());
  try {
    const list = await getList(wanted);
    if (signal.aborted) return;
    const page = new WorklistPage(list, signal);
    outlet.replaceChildren(pageHeader(), page.element, pageFooter());
  } catch (error) {
    if (signal.aborted) return;
    showProblem(outlet, problemOf(error), () => void worklistPage(outlet, signal), signal);
    outlet.prepend(pageHeader());
    outlet.append(pageFooter());
  }
};

class WorklistPage {
  readonly element: HTMLElement;
  private readonly list = h("ul", { class: "worklist" });
  private readonly status = h("p", { class: "count", role: "status" });
  private readonly sorts = h("div", { class: "worklist-sorts", role: "group" });
  private readonly none = h("div", { class: "no-match" });
  private readonly more: HTMLButtonElement;
  private readonly search: HTMLInputElement;
  private items: Item[] = [];
  private asked = 0;
  private typing = 0;

  constructor(list: List, signal: AbortSignal) {
    const words = messages().worklist;
    this.sorts.setAttribute("aria-label", words.whichLabel);
    this.search = h("input", {
      type: "search",
      id: "worklist-search",
      autocomplete: "off",
      spellcheck: "false",
      placeholder: words.searchHint,
      value: wanted.q,
      oninput: () => this.typed(),
    });
    this.more = h(
      "button",
      { type: "button", class: "button", onclick: () => void this.load(this.items.length) },
      words.more,
    );
    this.element = h(
      "main",
      { id: "main", tabindex: -1, class: "page worklist-page" },
      h(
        "div",
        { class: "page-title" },
        h("h1", {}, words.title),
        this.status,
        h(
          "div",
          { class: "search" },
          h("label", { for: "worklist-search", class: "visually-hidden" }, words.search),
          icon("search"),
          this.search,
        ),
      ),
      h(
        "div",
        { class: "worklist-bar" },
        this.sorts,
        kindChoice(() => void this.load()),
        ways(),
      ),
      this.list,
      this.none,
      h("div", { class: "more" }, this.more),
      h("p", { class: "faint keys" }, words.keys),
    );
    this.show(list, 0);
    document.addEventListener("keydown", (event) => this.key(event), { signal });
    signal.addEventListener("abort", () => clearTimeout(this.typing));
  }

  private typed(): void {
    wanted.q = this.search.value.trim();
    clearTimeout(this.typing);
    this.typing = setTimeout(() => void this.load(), TYPING_MS);
  }

  /** Asks anew, or for what follows; an answer that is overtaken by another is dropped. */
  private async load(offset = 0): Promise<void> {
    this.asked += 1;
    const turn = this.asked;
    this.list.ariaBusy = "true";
    try {
      const list = await getList(wanted, offset);
      if (turn === this.asked) this.show(list, offset);
    } catch {
      if (turn === this.asked) notify([messages().worklist.failed]);
    }
    if (turn === this.asked) this.list.ariaBusy = null;
  }

  private show(list: List, offset: number): void {
    const words = messages().worklist;
    const focused = this.focusedExam();
    const place = this.items.findIndex(({ exam }) => exam === focused);
    this.items = [...this.items.slice(0, offset), ...list.items];
    this.list.replaceChildren(...this.items.map((one) => this.card(one)));
    this.list.hidden = this.items.length === 0;
    this.more.hidden = !list.more;
    this.status.textContent = words.count(list.counts.unread);
    this.showSorts(list.counts);
    this.none.replaceChildren(
      h("p", {}, h("b", {}, wanted.q ? words.noneFound : words.none)),
      h("p", {}, wanted.q ? "" : words.noneText),
    );
    this.none.hidden = this.items.length > 0;
    // What was read leaves the list: keys go on from what takes its place.
    if (focused && !this.linkOf(focused)) this.focus(Math.min(place, this.items.length - 1));
    else if (focused) this.linkOf(focused)?.focus();
  }

  /** What is chosen is so at once, however long its answer takes. */
  private showSorts(counts: List["counts"]): void {
    const at = [...this.sorts.children].indexOf(document.activeElement as HTMLElement);
    const words = messages().worklist;
    this.sorts.replaceChildren(
      ...SORTS.map((which) =>
        h(
          "button",
          {
            type: "button",
            class: "button sort",
            "aria-pressed": String(which === wanted.which),
            onclick: () => {
              wanted.which = which;
              this.showSorts(counts);
              void this.load();
            },
          },
          `${words.which[which]} `,
          h("span", { class: "sort-count" }, counts[which]),
        ),
      ),
    );
    if (at >= 0) (this.sorts.children[at] as HTMLElement).focus();
  }

  private card(one: Item): HTMLElement {
    const words = messages().worklist;
    const what = words.examOf(one.accession_number ?? one.exam.slice(0, 8));
    return h(
      "li",
      { class: `worklist-item ${one.priority}`, "data-exam": one.exam },
      h(
        "div",
        { class: "case-who" },
        h(
          "a",
          {
            class: one.news.length > 0 ? "worklist-link unread" : "worklist-link",
            href: readPath(one),
          },
          nameOf(one.patient),
        ),
        traits(one.patient),
      ),
      h(
        "div",
        { class: "case-what" },
        one.accession_number && h("span", { class: "code" }, one.accession_number),
        priorityBadge(one.priority),
        one.consult && h("span", { class: "badge" }, messages().cases.consult),
        ...newsOf(one),
        takenOf(one),
      ),
      h(
        "div",
        { class: "case-when" },
        h("span", {}, contents(one)),
        h(
          "time",
          { class: "faint", datetime: one.arrived_at },
          momentText(one.arrived_at, locale()),
        ),
      ),
      h("div", { class: "worklist-acts" }, ...this.acts(one, what)),
    );
  }

  private acts(one: Item, what: string): HTMLElement[] {
    const words = messages().worklist;
    const act = (label: string, name: string, does: () => Promise<Item>) =>
      h(
        "button",
        { type: "button", class: "button small", "aria-label": name, onclick: () => this.do(does) },
        label,
      );
    const acts: HTMLElement[] = [];
    if (one.taken?.me)
      acts.push(act(words.release, words.releaseOne(what), () => release(one.exam)));
    else if (!one.taken) acts.push(act(words.take, words.takeOne(what), () => take(one.exam)));
    if (one.news.length > 0) acts.push(act(words.read, words.readOne(what), () => markRead(one)));
    else acts.push(act(words.unread, words.unreadOne(what), () => markUnread(one.exam)));
    return acts;
  }

  private async do(act: () => Promise<Item>): Promise<void> {
    const words = messages().worklist;
    try {
      await act();
    } catch (error) {
      const isTold = error instanceof ApiError && error.status === 409;
      notify([isTold ? words.conflict : words.failed]);
    }
    await this.load();
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof HTMLElement && event.target.matches("select, input")) return;
    const at = this.items.findIndex(({ exam }) => exam === this.focusedExam());
    const one = this.items[at];
    const keys: Record<string, () => void> = {
      ArrowDown: () => this.focus(at + 1),
      j: () => this.focus(at + 1),
      ArrowUp: () => this.focus(at < 0 ? this.items.length - 1 : at - 1),
      k: () => this.focus(at < 0 ? this.items.length - 1 : at - 1),
      n: () => this.focus(this.items.findIndex(({ news }, place) => place > at && news.length > 0)),
      t: () => one && void this.do(() => take(one.exam)),
      r: () => one && one.news.length > 0 && void this.do(() => markRead(one)),
      "/": () => this.search.focus(),
    };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  private focus(place: number): void {
    const one = this.items[place];
    if (one) this.linkOf(one.exam)?.focus();
  }

  private focusedExam(): string | null {
    const card = document.activeElement?.closest<HTMLElement>("li.worklist-item");
    return card?.dataset.exam ?? null;
  }

  private linkOf(exam: string): HTMLElement | null {
    return this.list.querySelector(`li[data-exam="${CSS.escape(exam)}"] a`);
  }
}

function contents(one: Item): string {
  const words = messages();
  return [
    one.slides > 0 && words.slides(one.slides),
    one.photographs > 0 && words.photos(one.photographs),
    one.reports > 0 && words.worklist.reports(one.reports),
  ]
    .filter(Boolean)
    .join(", ");
}

function kindChoice(changed: () => void): HTMLElement {
  const words = messages().worklist;
  const choice = h(
    "select",
    { "aria-label": words.kindLabel },
    ...(["all", "slide", "photo"] as const).map((kind) =>
      h("option", { value: kind, selected: (wanted.kind ?? "all") === kind }, words.kind[kind]),
    ),
  );
  choice.addEventListener("change", () => {
    wanted.kind = choice.value === "all" ? null : (choice.value as ImageKind);
    changed();
  });
  return choice;
}

/** What is asked of the reader by colleagues, who is expected, and what the laboratory has. */
function ways(): HTMLElement {
  const words = messages();
  const advice = h("a", { class: "button", href: advicesPath }, words.worklist.advice(0));
  void ask<{ unread: number }>("GET", "/api/me/advice").then(
    ({ unread }) => {
      advice.textContent = words.worklist.advice(unread);
    },
    () => undefined, // that page itself says what is wrong
  );
  return h(
    "nav",
    { class: "worklist-ways", "aria-label": words.worklist.title },
    advice,
    h("a", { class: "button cases-small", href: casesPath }, words.cases.title),
    h("a", { class: "button", href: dayPath }, words.worklist.day),
  );
}
