/** The first page: every exam, newest first, a filter over those loaded, more on demand. */

import { type Exam, listExams, mayContribute } from "../api";
import { h, icon } from "../dom";
import { matches } from "../filter";
import { pageFooter, pageHeader } from "../header";
import { messages } from "../i18n";
import { casesPath, depositPath, worklistPath } from "../router";
import { examCard } from "./card";
import { problemOf, showProblem } from "./problem";

/** Set aside while a page is shown, so that coming back finds the filter as it was. */
let lastQuery = "";

export async function listPage(outlet: HTMLElement, signal: AbortSignal): Promise<void> {
  const again = () => void listPage(outlet, signal);
  outlet.replaceChildren(pageHeader(), loadingList(), pageFooter());
  try {
    const first = await listExams(null, signal);
    const body =
      first.exams.length > 0
        ? new ExamList(first.exams, first.next, signal).element
        : emptyList(again);
    outlet.replaceChildren(pageHeader(), body, pageFooter());
  } catch (error) {
    if (signal.aborted) return;
    showProblem(outlet, problemOf(error), again, signal);
    outlet.prepend(pageHeader());
    outlet.append(pageFooter());
  }
}

function emptyList(refresh: () => void): HTMLElement {
  const words = messages();
  const deposit = h(
    "a",
    { class: "button primary", href: depositPath, hidden: true },
    icon("upload"),
    words.emptyDeposit,
  );
  void mayContribute().then((may) => {
    deposit.hidden = !may;
  });
  return h(
    "main",
    { id: "main", tabindex: -1, class: "problem empty" },
    h("div", { class: "problem-icon" }, icon("slide")),
    h("h1", {}, words.emptyTitle),
    h("p", {}, words.emptyText),
    deposit,
    h("p", {}, words.emptyLine),
    h("pre", { tabindex: 0, "aria-label": words.emptyLine }, h("code", {}, words.emptyCommand)),
    h("p", {}, words.emptyAfter),
    h(
      "p",
      { class: "actions" },
      h("button", { type: "button", class: "button", onclick: refresh }, words.refresh),
    ),
  );
}

function loadingList(): HTMLElement {
  const rows = Array.from({ length: 6 }, () => h("li", { class: "exam skeleton" }));
  return h(
    "main",
    { id: "main", tabindex: -1, class: "page", "aria-busy": "true" },
    h("div", { class: "page-title" }, h("h1", {}, messages().exams)),
    h("p", { class: "visually-hidden", role: "status" }, messages().loading),
    h("ul", { class: "exams", "aria-hidden": "true" }, ...rows),
  );
}

class ExamList {
  readonly element: HTMLElement;
  private readonly cards = new Map<Exam, HTMLElement>();
  private readonly list = h("ul", { class: "exams" });
  private readonly count = h("p", { class: "count", role: "status" });
  private readonly none = h("div", { class: "no-match" });
  private readonly more = h("div", { class: "more" });
  private readonly search = h("input", {
    type: "search",
    id: "filter",
    autocomplete: "off",
    spellcheck: "false",
  });
  private next: string | null;
  private loading = false;
  private readonly signal: AbortSignal;

  constructor(exams: Exam[], next: string | null, signal: AbortSignal) {
    const words = messages();
    this.next = next;
    this.signal = signal;
    this.search.placeholder = words.filterHint;
    this.search.value = lastQuery;
    this.search.addEventListener("input", () => this.filter());
    this.element = h(
      "main",
      { id: "main", tabindex: -1, class: "page" },
      h(
        "div",
        { class: "page-title" },
        h("h1", {}, words.exams),
        this.count,
        h("a", { class: "cases-small", href: worklistPath }, words.worklist.title),
        h("a", { class: "cases-small", href: casesPath }, words.cases.title),
        h(
          "div",
          { class: "search" },
          h("label", { for: "filter", class: "visually-hidden" }, words.filter),
          icon("search"),
          this.search,
        ),
      ),
      this.list,
      this.none,
      this.more,
    );
    this.add(exams);
    this.watchEnd();
  }

  private add(exams: Exam[]): void {
    for (const exam of exams) {
      const card = examCard(exam);
      this.cards.set(exam, card);
      this.list.append(card);
    }
    this.filter();
    this.showMore(false);
  }

  private filter(): void {
    const words = messages();
    lastQuery = this.search.value;
    const query = lastQuery.trim();
    let shown = 0;
    for (const [exam, card] of this.cards) {
      card.hidden = query !== "" && !matches(exam, query);
      if (!card.hidden) shown += 1;
    }
    const all = this.cards.size;
    this.count.textContent = query
      ? words.filterCount(shown, all)
      : words.examCount(all, this.next !== null);
    this.none.replaceChildren();
    this.none.hidden = shown > 0;
    this.list.hidden = shown === 0;
    this.more.hidden = query !== "" && this.next === null;
    if (shown > 0) return;
    const clear = () => {
      this.search.value = "";
      this.filter();
      this.search.focus();
    };
    this.none.append(
      h("p", {}, h("b", {}, `${words.filterNone} : « ${query} »`)),
      h("p", {}, this.next ? words.filterNoneMore : words.filterNoneAll),
      h("button", { type: "button", class: "button", onclick: clear }, words.filterClear),
    );
  }

  private showMore(failed: boolean): void {
    const words = messages();
    if (this.next === null) {
      this.more.replaceChildren(h("p", { class: "end" }, words.end));
      return;
    }
    const button = h(
      "button",
      { type: "button", class: "button", onclick: () => void this.load() },
      failed ? words.retry : words.more,
    );
    this.more.replaceChildren(
      ...(failed ? [h("p", { role: "alert" }, words.moreFailed), button] : [button]),
    );
  }

  private async load(): Promise<void> {
    if (this.loading || this.next === null) return;
    this.loading = true;
    this.more.replaceChildren(h("p", { role: "status" }, messages().moreLoading));
    try {
      const page = await listExams(this.next, this.signal);
      this.next = page.next;
      this.add(page.exams);
    } catch {
      if (!this.signal.aborted) this.showMore(true);
    } finally {
      this.loading = false;
    }
  }

  /** Loads the next exams when the end of the list comes near, except while filtering. */
  private watchEnd(): void {
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting) && !this.search.value) void this.load();
      },
      { rootMargin: "600px" },
    );
    observer.observe(this.more);
    this.signal.addEventListener("abort", () => observer.disconnect());
  }
}
