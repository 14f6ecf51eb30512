/** Who is expected on a day, as the hospital announces it. */

import "../styles/day.css";
import "../styles/worklist.css";
import { ask, mayContribute, type Patient } from "../api";
import { beginFor, drawnId } from "../capture/start";
import { type Child, h, icon } from "../dom";
import { plain } from "../filter";
import { momentText } from "../format";
import { locale, messages } from "../i18n";
import { notify } from "../notice";
import { nameOf, traits } from "../patient";
import { albumPath, capturePath, navigate, type Page, worklistPath } from "../router";
import { told } from "../told";
import { framed } from "./framed";

interface Expected {
  patient: Patient | null;
  patient_key: string | null;
  starts_at: string;
  what: string;
  cancelled: boolean;
  accession_number: string | null;
}

interface Source {
  name: string;
  answered_at: string | null;
  answers: boolean;
}

interface Day {
  expected: Expected[];
  sources?: Source[];
}

const HOURS = 24;

export const dayPage: Page = framed(async (_again, signal) => {
  document.title = `${messages().day.title} · ${messages().product}`;
  const today = new Date();
  today.setHours(0, 0, 0, 0);
  const shown = new DayPage(today, signal);
  await shown.load(true);
  return shown.element;
});

class DayPage {
  readonly element: HTMLElement;
  private readonly list = h("ul", { class: "day-list" });
  private readonly sources = h("div", { class: "day-sources" });
  private readonly count = h("p", { class: "count", role: "status" });
  private readonly none = h("div", { class: "no-match" });
  /** The day in words: the field alone is as the browser writes dates. */
  private readonly name = h("p", { class: "day-name" });
  private readonly date = h("input", { type: "date", "aria-label": messages().day.date });
  private readonly search = h("input", {
    type: "search",
    id: "day-search",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: messages().day.searchHint,
  });
  private expected: Expected[] = [];
  private day: Date;

  constructor(day: Date, signal: AbortSignal) {
    const words = messages().day;
    this.day = day;
    this.search.addEventListener("input", () => this.show());
    this.date.addEventListener("change", () => {
      const [year, month, date] = this.date.value.split("-").map(Number);
      if (year && month && date) this.go(new Date(year, month - 1, date), signal);
    });
    const step = (by: number) => {
      const there = new Date(this.day);
      there.setDate(there.getDate() + by);
      this.go(there, signal);
    };
    this.element = h(
      "main",
      { id: "main", tabindex: -1, class: "page day" },
      h("a", { class: "back-link", href: worklistPath }, icon("back"), messages().worklist.title),
      h(
        "div",
        { class: "page-title" },
        h("h1", {}, words.title),
        this.count,
        h(
          "div",
          { class: "search" },
          h("label", { for: "day-search", class: "visually-hidden" }, words.search),
          icon("search"),
          this.search,
        ),
      ),
      h(
        "div",
        { class: "day-choice" },
        button(words.before, () => step(-1)),
        this.date,
        button(words.after, () => step(1)),
        this.name,
      ),
      this.sources,
      this.list,
      this.none,
    );
  }

  private go(day: Date, signal: AbortSignal): void {
    this.day = day;
    void this.load().catch(() => {
      if (!signal.aborted && day === this.day) this.failed(() => this.go(day, signal));
    });
  }

  /** Nobody of another day stands under this one. */
  private failed(again: () => void): void {
    this.expected = [];
    this.sources.replaceChildren();
    this.show();
    this.count.textContent = "";
    this.none.replaceChildren(
      h("p", { role: "alert" }, messages().day.failed),
      button(messages().retry, again),
    );
  }

  async load(isFirst = false): Promise<void> {
    const asked = this.day;
    const two = (n: number) => String(n).padStart(2, "0");
    this.date.value = `${asked.getFullYear()}-${two(asked.getMonth() + 1)}-${two(asked.getDate())}`;
    this.name.textContent = asked.toLocaleDateString(locale(), { dateStyle: "full" });
    this.list.inert = true;
    const query = new URLSearchParams({ start: asked.toISOString(), hours: String(HOURS) });
    const day = await ask<Day>("GET", `/api/day?${query}`);
    if (!isFirst && asked !== this.day) return;
    this.expected = day.expected;
    this.sources.replaceChildren(...(day.sources ?? []).map(sourceNote));
    this.show();
  }

  private show(): void {
    const words = messages().day;
    const asked = plain(this.search.value).split(/\s+/).filter(Boolean);
    const found = this.expected.filter((one) => {
      const text = plain(
        [one.patient?.name, one.patient?.patient_id, one.what].join(" ").replaceAll("^", " "),
      );
      return asked.every((word) => text.includes(word));
    });
    this.count.textContent = words.count(found.filter(({ cancelled }) => !cancelled).length);
    this.list.inert = false;
    this.list.replaceChildren(...found.map(row));
    this.list.hidden = found.length === 0;
    this.none.hidden = found.length > 0;
    this.none.replaceChildren(
      h("p", {}, h("b", {}, asked.length > 0 ? words.noneFound : words.none)),
      h("p", {}, asked.length > 0 ? "" : words.noneText),
    );
  }
}

function row(one: Expected): HTMLElement {
  const words = messages().day;
  const time = new Date(one.starts_at).toLocaleTimeString(locale(), {
    hour: "2-digit",
    minute: "2-digit",
  });
  return h(
    "li",
    { class: one.cancelled ? "day-item cancelled" : "day-item" },
    h("time", { class: "day-time", datetime: one.starts_at }, time),
    h("div", { class: "case-who" }, nameOf(one.patient), traits(one.patient)),
    h(
      "div",
      { class: "case-what" },
      one.what && h("span", {}, one.what),
      one.cancelled && h("span", { class: "badge refused" }, words.cancelled),
    ),
    h(
      "div",
      { class: "worklist-acts" },
      one.patient_key &&
        h("a", { class: "button", href: albumPath(one.patient_key) }, words.images),
      photograph(one),
    ),
  );
}

/** Begins a visit with the order that the worklist names, once, for those who may. */
function photograph({ patient, accession_number, cancelled }: Expected): HTMLElement {
  const words = messages().day;
  const id = drawnId();
  const begin = h("button", { type: "button", class: "button", hidden: true }, words.photograph);
  begin.addEventListener("click", async () => {
    try {
      await beginFor(id, patient, accession_number, null);
      navigate(capturePath(id));
    } catch (error) {
      notify([told(error, words.notBegun)]);
    }
  });
  void mayContribute().then((may) => {
    begin.hidden = !may || cancelled || !patient;
  });
  return begin;
}

function sourceNote({ name, answered_at, answers }: Source): Child & HTMLElement {
  const words = messages().day;
  const moment = answered_at && (momentText(answered_at, locale()) ?? "");
  if (answers && moment) return h("p", { class: "faint" }, words.answered(name, moment));
  return h(
    "p",
    { class: "day-silent", role: "alert" },
    icon("warning"),
    moment ? words.silent(name, moment) : words.never(name),
  );
}

function button(label: string, act: () => void): HTMLElement {
  return h("button", { type: "button", class: "button", onclick: act }, label);
}
