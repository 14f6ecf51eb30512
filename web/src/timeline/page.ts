/**
 * The patient's page: drawn at once from what is known here, while each archive's answer flows in.
 *
 * An archive that does not answer is said not to, beside its name; its silence is never an empty list.
 */

import "../styles/timeline.css";
import "../styles/lesions/list.css";
import { ApiError, mayContribute, myself } from "../api";
import { bodySites, type Site } from "../body/sites";
import { photograph } from "../capture/start";
import { h, icon } from "../dom";
import { messages } from "../i18n";
import { notify } from "../notice";
import { framed } from "../pages/framed";
import { nameOf, traits } from "../patient";
import { albumPath, besidePath, historyPath, lesionsPath, type Page } from "../router";
import {
  type Answer,
  askArchive,
  getTimeline,
  openAcross,
  stateObjection,
  type Timeline,
} from "./calls";
import { Drawn, type Wanted } from "./drawn";
import { dayOfItem, establishmentsOf, type Item, isWanted, KINDS, kindsOf, merged } from "./model";
import { type Acts, comparable, row, textOf } from "./row";
import { type Choice, Tools } from "./tools";

export function timelinePage(patient: string): Page {
  return framed(async (again, signal) => {
    document.title = `${messages().timeline.link} · ${messages().product}`;
    const [found, sites] = await Promise.all([getTimeline(patient), bodySites()]);
    return new Showing(found, sites, again, signal).element;
  });
}

class Showing {
  readonly element: HTMLElement;
  private readonly answers = new Map<string, Answer>();
  private readonly asking = new Set<string>();
  private readonly chosen: Item[] = [];
  private readonly list = h("div", { class: "timeline-list" });
  private readonly drawn = new Drawn(this.list);
  private readonly none = h("div", { class: "no-match", hidden: true });
  private readonly states = h("ul", { class: "timeline-archives", "aria-live": "polite" });
  private readonly bar = h("div", { class: "timeline-choice", role: "status", hidden: true });
  private readonly tools: Tools;
  private readonly found: Timeline;
  private readonly sites: readonly Site[];
  private readonly signal: AbortSignal;

  constructor(found: Timeline, sites: readonly Site[], again: () => void, signal: AbortSignal) {
    this.found = found;
    this.sites = sites;
    this.signal = signal;
    this.tools = new Tools(() => this.show());
    this.element = h(
      "main",
      { id: "main", tabindex: -1, class: "page timeline" },
      h("a", { class: "back-link", href: "/" }, icon("back"), messages().exams),
      this.head(again),
      found.archives.length > 0 || found.objects ? this.archives() : null,
      this.tools.element,
      this.bar,
      this.list,
      this.none,
      h("p", { class: "faint keys" }, messages().timeline.keys),
    );
    document.addEventListener("keydown", (event) => this.onKey(event), { signal });
    this.show();
    for (const { name } of found.archives) void this.ask(name);
  }

  private head(again: () => void): HTMLElement {
    const words = messages();
    const { key, patient } = this.found;
    const acts = h(
      "div",
      { class: "lesions-buttons" },
      h("a", { class: "button", href: lesionsPath(key) }, words.lesions.link),
      h("a", { class: "button", href: albumPath(key) }, words.out.album),
    );
    void mayContribute().then((may) => {
      if (!may || this.signal.aborted) return;
      if (patient)
        acts.prepend(
          h(
            "button",
            {
              type: "button",
              class: "button",
              onclick: () => void photograph(patient).catch(() => notify([words.lesions.failed])),
            },
            icon("photo"),
            words.lesions.photograph,
          ),
        );
      acts.append(
        h("a", { class: "button quiet", href: historyPath(key) }, words.identities.history),
      );
      void this.objection(acts, again);
    });
    return h(
      "div",
      { class: "lesions-head" },
      h("div", { class: "exam-head" }, h("h1", {}, nameOf(patient)), traits(patient)),
      acts,
    );
  }

  /** Whether the patient objects is said to all; writing it down is for who may bring images. */
  private async objection(acts: HTMLElement, again: () => void): Promise<void> {
    const words = messages().timeline;
    const { objects, key } = this.found;
    const { role } = await myself();
    if (objects && role === "contributor") return;
    const say = async () => {
      try {
        await stateObjection(key, !objects);
        again();
      } catch {
        notify([words.objectFailed]);
      }
    };
    const button = h(
      "button",
      { type: "button", class: "button quiet", title: words.objectHint },
      objects ? words.objectEnd : words.object,
    );
    // A slip of the hand would hide a file from others.
    const confirm = () => {
      button.textContent = objects ? words.objectEndConfirm : words.objectConfirm;
      button.addEventListener("click", () => void say(), { once: true });
    };
    button.addEventListener("click", confirm, { once: true });
    acts.append(button);
  }

  private archives(): HTMLElement {
    const words = messages().timeline;
    this.states.replaceChildren(
      ...this.found.archives.map(({ name }) => h("li", { "data-archive": name })),
    );
    if (this.found.objects)
      this.states.append(h("li", { class: "archive-state objects" }, words.objects));
    return h("section", { class: "timeline-asked", "aria-label": words.archives }, this.states);
  }

  private async ask(archive: string): Promise<void> {
    this.asking.add(archive);
    this.showState(archive);
    let answer: Answer;
    try {
      answer = await askArchive(this.found.key, archive);
    } catch {
      // That we ourselves could not be asked leaves as little known.
      const establishment = "";
      const none = { studies: [], to_be_looked_into: 0, of_others: 0 };
      answer = { archive, establishment, state: "silent", ...none };
    }
    if (this.signal.aborted) return;
    this.asking.delete(archive);
    this.answers.set(archive, answer);
    this.showState(archive);
    this.show();
  }

  /** What one archive says; of the others nothing is drawn anew, nor told again. */
  private showState(name: string): void {
    const words = messages().timeline;
    const answer = this.asking.has(name) ? undefined : this.answers.get(name);
    const state = answer?.state ?? "asking";
    const place = this.states.querySelector<HTMLElement>(`[data-archive="${CSS.escape(name)}"]`);
    if (!place) return;
    const said = answer ? answerText(answer) : words.asking;
    const hadFocus = place.contains(document.activeElement);
    place.className = `archive-state ${state}`;
    place.replaceChildren(
      ...(state === "silent" ? [icon("warning")] : []),
      h("b", {}, name),
      h("span", {}, said),
    );
    if (state !== "silent" && !hadFocus) return;
    const again = h(
      "button",
      {
        type: "button",
        class: "button small",
        "aria-label": words.retryOne(name),
        "aria-disabled": state === "silent" ? null : "true",
        onclick: () => !this.asking.has(name) && void this.ask(name),
      },
      words.retry,
    );
    place.append(again);
    if (hadFocus) again.focus();
  }

  private show(): void {
    const words = messages().timeline;
    const items = merged(this.found.lines, [...this.answers.values()]);
    this.tools.offer(items.flatMap(establishmentsOf));
    const wanted = this.tools.wanted();
    const shown = items.filter((item) =>
      isWanted(item, wanted.query ? textOf(item, this.sites) : "", wanted),
    );
    this.tools.count(words.count(shown.length, items.length), countKinds(items));
    const focused = document.activeElement?.closest<HTMLElement>(".timeline-row");
    this.drawn.show(shown.map((item) => this.lineOf(item)));
    this.none.hidden = shown.length > 0;
    if (shown.length === 0) this.showNothing(items.length > 0);
    const key = focused?.dataset.key;
    if (key && !focused.contains(document.activeElement)) this.linkOf(key)?.focus();
  }

  private lineOf(item: Item): Wanted {
    const acts: Acts = {
      openAcross: (exam) => void this.openAcross(exam),
      choose: (one) => this.choose(one),
      isChosen: (one) => this.chosen.some(({ id }) => id === one.id),
    };
    return {
      id: item.id,
      said: JSON.stringify([item.keys, item.held, acts.isChosen(item)]),
      heading: dayOfItem(item)?.slice(0, 4) ?? messages().timeline.noDay,
      draw: () => row(item, this.sites, acts),
    };
  }

  private showNothing(isFiltered: boolean): void {
    const words = messages().timeline;
    const said = isFiltered
      ? words.noneFiltered
      : this.asking.size > 0
        ? words.noneAsking
        : words.none;
    const all = () => this.tools.clear();
    this.none.replaceChildren(h("p", {}, h("b", {}, said)));
    if (isFiltered)
      this.none.append(h("button", { type: "button", class: "button", onclick: all }, words.all));
  }

  private async openAcross(exam: string): Promise<void> {
    try {
      location.assign(await openAcross(this.found.key, exam));
    } catch (error) {
      const gone = error instanceof ApiError && error.status === 404;
      notify([gone ? messages().timeline.openFailed : messages().lesions.failed]);
    }
  }

  private choose(item: Item): void {
    const at = this.chosen.findIndex(({ id }) => id === item.id);
    if (at >= 0) this.chosen.splice(at, 1);
    else this.chosen.push(item);
    if (this.chosen.length > 2) this.chosen.shift();
    this.show();
    this.showChoice();
  }

  private showChoice(): void {
    const words = messages().timeline;
    this.bar.hidden = this.chosen.length === 0;
    const [first, second] = [...this.chosen]
      .sort((one, other) => (dayOfItem(one) ?? "").localeCompare(dayOfItem(other) ?? ""))
      .map((item) => comparable(item)[0]?.id);
    const compare =
      first && second
        ? h(
            "a",
            { class: "button primary", href: besidePath(this.found.key, first, second) },
            words.besideOpen,
          )
        : "";
    const stop = () => {
      this.chosen.length = 0;
      this.show();
      this.showChoice();
    };
    this.bar.replaceChildren(
      h("span", {}, words.besideChosen(this.chosen.length)),
      compare,
      h("button", { type: "button", class: "button", onclick: stop }, words.besideStop),
    );
  }

  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target } = event;
    if (target instanceof HTMLElement && target.matches("select, input")) {
      if (event.key === "Escape") this.focusRow(0);
      return;
    }
    const kind = KINDS[Number(event.key) - 1];
    const act: (() => void) | undefined = kind
      ? () => this.tools.toggle(kind)
      : {
          ArrowDown: () => this.focusRow(1),
          j: () => this.focusRow(1),
          ArrowUp: () => this.focusRow(-1),
          k: () => this.focusRow(-1),
          "/": () => this.tools.focus(),
          c: () => this.chooseFocused(),
        }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  private links(): HTMLElement[] {
    return [...this.list.querySelectorAll<HTMLElement>(".timeline-link")];
  }

  private focusRow(by: number): void {
    const links = this.links();
    const within = document.activeElement
      ?.closest(".timeline-row")
      ?.querySelector(".timeline-link");
    const at = links.indexOf(within as HTMLElement);
    (at < 0 ? links[by < 0 ? links.length - 1 : 0] : links[at + by])?.focus();
  }

  private chooseFocused(): void {
    const here = document.activeElement?.closest(".timeline-row");
    const button = here?.querySelector<HTMLElement>(".timeline-beside");
    button?.click();
    const key = (here as HTMLElement | null)?.dataset.key;
    if (key) this.linkOf(key)?.focus();
  }

  private linkOf(key: string): HTMLElement | null {
    return this.list.querySelector(`[data-key="${CSS.escape(key)}"] .timeline-link`);
  }
}

function countKinds(items: readonly Item[]): Choice {
  const counts: Choice = { slide: 0, photo: 0, radiology: 0, report: 0 };
  for (const item of items) for (const kind of kindsOf(item)) counts[kind] += 1;
  return counts;
}

/** How many studies an archive told of, and what of them is not shown; or why nothing is known. */
function answerText(answer: Answer): string {
  const words = messages().timeline;
  const { state, studies, to_be_looked_into, of_others } = answer;
  if (state !== "answered" && state !== "partial") return words[state];
  return [
    words.found(studies.length),
    state === "partial" && words.partial,
    to_be_looked_into > 0 && words.doubtful(to_be_looked_into),
    of_others > 0 && words.others(of_others),
  ]
    .filter(Boolean)
    .join(" · ");
}
