/** The page of phones: those that are in, a code for another, and what waits on this one. */

import "../styles/phones/page.css";
import { type Me, myself } from "../api";
import { h, icon } from "../dom";
import { momentText } from "../format";
import { pageFooter, pageHeader } from "../header";
import { locale, messages } from "../i18n";
import { notify } from "../notice";
import { problemOf, showProblem } from "../pages/problem";
import { isPossible, lockQueue, mayWait } from "../queue";
import { waitingList } from "../queue/panel";
import { capturePath, type Page } from "../router";
import { endPhone, listPhones, type Offered, offerPhone, type Phone } from "./calls";
import { qrCode } from "./code";

const LOOK_MS = 2000;

export const phonesPage: Page = async (outlet, signal) => {
  const words = messages().phones;
  try {
    const me = await myself();
    if (signal.aborted) return;
    const sections = me.phone
      ? [hereSection(me, me.phone)]
      : [new Pairing(sessionAsked(), signal).element];
    // A computer where nothing was ever taken has nothing that waits.
    const waits = isPossible() && (me.phone || mayWait()) ? [waitingList(signal)] : [];
    outlet.replaceChildren(
      pageHeader(),
      h(
        "main",
        { id: "main", tabindex: -1, class: "page phones" },
        h("a", { class: "back-link", href: "/" }, icon("back"), messages().exams),
        h("div", { class: "page-title" }, h("h1", {}, words.title)),
        h("p", { class: "intro" }, words.intro),
        ...sections,
        ...waits,
      ),
      pageFooter(),
    );
  } catch (error) {
    if (signal.aborted) return;
    showProblem(outlet, problemOf(error), () => void phonesPage(outlet, signal), signal);
    outlet.prepend(pageHeader());
    outlet.append(pageFooter());
  }
};

const momentOf = (iso: string) => momentText(iso, locale()) ?? iso;

/** The session that a code is to be good for alone, where the page was opened for one. */
function sessionAsked(): string | null {
  return new URLSearchParams(location.search).get("session");
}

function hereSection(me: Me, phone: string): HTMLElement {
  const words = messages().phones;
  const end = async () => {
    try {
      await endPhone(phone);
      await lockQueue();
      location.replace("/");
    } catch {
      notify([words.failed]);
    }
  };
  return h(
    "section",
    { class: "phone-here" },
    h("h2", {}, words.here),
    h("p", {}, words.hereUntil(momentOf(me.expires_at))),
    h(
      "p",
      { class: "actions" },
      h(
        "a",
        { class: "button primary", href: capturePath(me.session ?? undefined) },
        words.photograph,
      ),
      h("button", { type: "button", class: "button", onclick: () => void end() }, words.endHere),
    ),
  );
}

class Pairing {
  readonly element: HTMLElement;
  private readonly place = h("div", { class: "pairing" });
  private readonly list = h("ul", { class: "phone-list" });
  private readonly session: string | null;
  private readonly signal: AbortSignal;
  private offered: Offered | null = null;
  private timer = 0;

  constructor(session: string | null, signal: AbortSignal) {
    const words = messages().phones;
    this.session = session;
    this.signal = signal;
    this.element = h("section", {}, this.place, h("h2", {}, words.list), this.list);
    signal.addEventListener("abort", () => {
      clearTimeout(this.timer);
      // A code that nobody looks at any more is not left to be found.
      if (this.offered) void endPhone(this.offered.id).catch(() => undefined);
    });
    this.drawButton();
    void this.look();
  }

  private drawButton(...before: (string | null)[]): void {
    const words = messages().phones;
    const text = this.session ? words.pairFor : words.pair;
    this.place.replaceChildren(
      ...before.flatMap((line) => (line ? [h("p", { role: "status" }, line)] : [])),
      h(
        "button",
        { type: "button", class: "button primary", onclick: () => void this.offer() },
        icon("phone"),
        text,
      ),
    );
  }

  private async offer(): Promise<void> {
    try {
      this.offered = await offerPhone(this.session);
      if (this.signal.aborted) return;
      this.drawCode(this.offered);
      await this.look();
    } catch {
      notify([messages().phones.failed]);
    }
  }

  private drawCode({ modules, open_before, is_reachable }: Offered): void {
    const words = messages().phones;
    const until = new Date(open_before).toLocaleTimeString(locale(), { timeStyle: "short" });
    this.place.replaceChildren(
      h("h2", {}, words.scan),
      qrCode(modules, words.code),
      h("p", { class: "faint" }, words.once(until)),
      ...(this.session ? [h("p", {}, words.sessionOnly)] : []),
      ...(is_reachable
        ? []
        : [h("p", { class: "phone-warning", role: "alert" }, words.unreachable)]),
      h(
        "button",
        { type: "button", class: "button", onclick: () => void this.cancel() },
        words.cancel,
      ),
    );
  }

  private async cancel(): Promise<void> {
    const { offered } = this;
    this.offered = null;
    this.drawButton();
    if (offered) await this.end(offered.id, null);
  }

  private async end(phone: string, name: string | null): Promise<void> {
    const words = messages().phones;
    try {
      await endPhone(phone);
      if (name) notify([words.ended(name)]);
    } catch {
      notify([words.failed]);
    }
    await this.look();
  }

  private async look(): Promise<void> {
    clearTimeout(this.timer);
    try {
      const phones = await listPhones();
      if (this.signal.aborted) return;
      this.follow(phones);
    } catch {
      // Asked again below; a lost network is told by the page itself.
    }
    if (this.offered && !this.signal.aborted)
      this.timer = setTimeout(() => void this.look(), LOOK_MS);
  }

  private follow(phones: Phone[]): void {
    const words = messages().phones;
    this.drawList(phones.filter(({ entered_at }) => entered_at));
    const { offered } = this;
    if (!offered) return;
    const now = phones.find(({ id }) => id === offered.id);
    if (now?.name) {
      this.offered = null;
      this.drawButton(words.entered(now.name));
    } else if (Date.parse(offered.open_before) <= Date.now()) {
      this.offered = null;
      this.drawButton(words.expired);
    }
  }

  private drawList(phones: Phone[]): void {
    const words = messages().phones;
    if (phones.length === 0) {
      this.list.replaceChildren(h("li", { class: "faint" }, words.none));
      return;
    }
    this.list.replaceChildren(
      ...phones.map(({ id, name, session, ends_at }) =>
        h(
          "li",
          { class: "phone" },
          icon("phone"),
          h(
            "span",
            { class: "phone-name" },
            h("b", {}, name ?? ""),
            h("span", { class: "faint" }, words.until(momentOf(ends_at))),
            session && h("span", { class: "faint" }, words.oneSession),
          ),
          h(
            "button",
            {
              type: "button",
              class: "button",
              "aria-label": words.endOf(name ?? ""),
              onclick: () => void this.end(id, name),
            },
            words.end,
          ),
        ),
      ),
    );
  }
}
