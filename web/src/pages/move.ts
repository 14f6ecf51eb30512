/** Putting images under the right patient: whose they are, what that corrects, then the act. */

import "../styles/deposit/whose.css";
import "../styles/move.css";
import { ask, type Exam, getExam, getImage, type Patient } from "../api";
import type { Order } from "../deposit/calls";
import { askWhose } from "../deposit/whose";
import { type Child, h, icon } from "../dom";
import { pageFooter, pageHeader } from "../header";
import { messages } from "../i18n";
import { nameOf, thumbnail, traits } from "../patient";
import { examPath, type Page } from "../router";
import { problemOf, showProblem } from "./problem";

const ASKED_EACH_MS = 700;

interface Told {
  archive: string;
  image: string;
  what: "object" | "rejection";
  sop_instance_uid: string;
  state: "waiting" | "answered" | "committed" | "read-back" | "task" | "superseded";
  reason: string | null;
}

interface Correction {
  image: string;
  published: Told[];
  left: { at: string; way: "jpeg" | "pdf" | "advice" | "link" }[];
  ends: {
    lesion: string | null;
    overview: string | null;
    earlier: string | null;
    referred_by: string[];
    pins: string[];
    biopsies: string[];
    session: string | null;
  };
}

interface Plan {
  before: Patient | null;
  after: Patient;
  known: boolean;
  images: Correction[];
}

interface History {
  moves: { to_exam: string; done_at: string | null }[];
  told: Told[];
}

/** What is to be moved: a whole exam, or one image of it. */
interface Subject {
  exam: Exam;
  image: string | null;
  address: string;
}

export function movePage(what: { image: string } | { exam: string }): Page {
  return async (outlet, signal) => {
    try {
      const subject = await subjectOf(what, signal);
      if (signal.aborted) return;
      new Move(subject, outlet, signal).draw();
    } catch (error) {
      if (signal.aborted) return;
      showProblem(outlet, problemOf(error), () => void movePage(what)(outlet, signal), signal);
      outlet.prepend(pageHeader());
      outlet.append(pageFooter());
    }
  };
}

async function subjectOf(
  what: { image: string } | { exam: string },
  signal: AbortSignal,
): Promise<Subject> {
  if ("exam" in what) {
    const exam = await getExam(what.exam, signal);
    return { exam, image: null, address: `/api/exams/${encodeURIComponent(exam.id)}/move` };
  }
  const { exam } = await getImage(what.image, signal);
  return {
    exam: await getExam(exam, signal),
    image: what.image,
    address: `/api/images/${encodeURIComponent(what.image)}/move`,
  };
}

class Move {
  private readonly before = h("div");
  private readonly steps = h("div", { class: "move-steps" });
  private readonly by = h("input", { id: "move-by", type: "text", autocomplete: "name" });

  private readonly subject: Subject;
  private readonly outlet: HTMLElement;
  private readonly signal: AbortSignal;

  constructor(subject: Subject, outlet: HTMLElement, signal: AbortSignal) {
    this.subject = subject;
    this.outlet = outlet;
    this.signal = signal;
  }

  draw(): void {
    const words = messages();
    const { exam } = this.subject;
    const shown = exam.images.filter(({ id }) => !this.subject.image || id === this.subject.image);
    const scope = this.subject.image ? words.move.oneImage : words.move.wholeExam(shown.length);
    document.title = `${words.move.title} · ${words.product}`;
    this.before.replaceChildren(whose(words.move.before, exam.patient));
    this.outlet.replaceChildren(
      pageHeader(),
      h(
        "main",
        { id: "main", tabindex: -1, class: "page move" },
        h("a", { class: "back-link", href: examPath(exam.id) }, icon("back"), words.backToExam),
        h("h1", {}, words.move.title),
        h("p", { class: "faint" }, scope),
        h("ul", { class: "move-images" }, ...shown.map((one) => h("li", {}, thumbnail(one)))),
        this.before,
        this.steps,
      ),
      pageFooter(),
    );
    this.steps.replaceChildren(this.choose(words.move.choose, "button primary"));
  }

  private choose(label: string, look: string): HTMLElement {
    const words = messages().move;
    const open = () =>
      askWhose(null, (order) => this.list(order), {
        title: words.asked,
        save: words.list,
        taken: words.taken,
      });
    return h("button", { type: "button", class: look, onclick: open }, label);
  }

  /** Shows what would be corrected; nothing is changed by it. */
  private async list(order: Order): Promise<void> {
    const words = messages().move;
    const plan = await ask<Plan>("POST", this.subject.address, order);
    const problem = h("p", { class: "form-error", role: "alert" });
    const confirm = h(
      "button",
      { type: "button", class: "button primary", onclick: () => void move() },
      words.confirm,
    );
    const move = async () => {
      confirm.disabled = true;
      try {
        const asked = { ...order, by: this.by.value.trim(), confirm: true };
        await ask("POST", this.subject.address, asked);
        await this.follow(plan);
      } catch {
        problem.textContent = words.failed;
        confirm.disabled = false;
      }
    };
    const heading = h("h2", { tabindex: -1 }, words.corrected);
    this.steps.replaceChildren(
      whose(words.after, plan.after),
      ...(plan.known ? [] : [h("p", { class: "move-fresh" }, icon("warning"), words.fresh)]),
      heading,
      h("ul", { class: "move-corrections" }, ...corrections(plan).map((one) => h("li", {}, one))),
      h("div", { class: "field" }, h("label", { for: "move-by" }, words.by), this.by),
      h("p", { class: "move-acts" }, confirm, this.choose(words.chooseOther, "button")),
      problem,
    );
    // The dialog that asked gives the focus back to a button that is gone.
    setTimeout(() => heading.focus(), 0);
  }

  /** Waits until it is done, then says how far the radiology archive knows of it. */
  private async follow(plan: Plan): Promise<void> {
    const words = messages().move;
    const status = h("p", { role: "status", class: "move-status" }, words.moving);
    const told = h("ul", { class: "move-told" });
    this.steps.replaceChildren(whose(words.after, plan.after), status, told);
    const images = plan.images.map(({ image }) => image);
    let isDone = false;
    while (!this.signal.aborted) {
      const histories = await Promise.all(images.map(historyOf));
      const last = histories.map(({ moves }) => moves.at(-1));
      if (!isDone && last.every((one) => one?.done_at)) {
        isDone = true;
        status.replaceChildren(icon("check"), words.done);
        this.before.remove();
        const exam = last[0]?.to_exam ?? this.subject.exam.id;
        const link = h("a", { class: "button primary", href: examPath(exam) }, words.openExam);
        status.after(h("p", {}, link));
      }
      const rows = histories.flatMap(({ told }) => lastOf(told));
      told.replaceChildren(...rows.map(toldRow));
      if (isDone && rows.every(({ state }) => state !== "waiting")) return;
      await new Promise((resolve) => setTimeout(resolve, ASKED_EACH_MS));
    }
  }
}

/** What stands: an object that was taken back is told of by its rejection. */
function lastOf(told: Told[]): Told[] {
  const rejected = told.filter(({ what }) => what === "rejection");
  return told.filter(
    (one) =>
      one.state !== "superseded" &&
      (one.what === "rejection" ||
        rejected.every(({ sop_instance_uid }) => sop_instance_uid !== one.sop_instance_uid)),
  );
}

function historyOf(image: string): Promise<History> {
  return ask("GET", `/api/images/${encodeURIComponent(image)}/moves`);
}

function whose(label: string, patient: Patient | null): HTMLElement {
  return h(
    "section",
    { class: "move-whose", "aria-label": label },
    h("h2", {}, label),
    patient ? h("p", {}, nameOf(patient)) : h("p", {}, messages().move.nobody),
    patient && traits(patient),
  );
}

function toldRow({ archive, what, state, reason }: Told): HTMLElement {
  const words = messages().move;
  const why: Child = state === "task" && reason && h("span", { lang: "en" }, ` ${reason}`);
  return h(
    "li",
    { "data-state": state, "data-what": what },
    `${words.archive} (${archive}) · ${words.what[what]} : `,
    h("b", {}, words.states[state]),
    why,
  );
}

/** A line for each kind of thing that is corrected or ends. */
function corrections({ images }: Plan): string[] {
  const words = messages().move;
  const objects = images.flatMap(({ published }) =>
    published.filter((one) => one.what === "object"),
  );
  const waiting = objects.filter(({ state }) => state === "waiting").length;
  const ends = images.map((one) => one.ends);
  const count = (of: (one: Correction["ends"]) => number) =>
    ends.reduce((sum, one) => sum + of(one), 0);
  const left = (ways: string[]) =>
    images.reduce((sum, one) => sum + one.left.filter(({ way }) => ways.includes(way)).length, 0);
  const lines: [number, (n: number) => string][] = [
    [objects.length - waiting, words.told],
    [waiting, words.notSent],
    [count(({ lesion }) => Number(lesion !== null)), words.lesions],
    [
      count(
        ({ overview, earlier, referred_by }) =>
          Number(overview !== null) + Number(earlier !== null) + referred_by.length,
      ),
      words.links,
    ],
    [count(({ pins }) => pins.length), words.pins],
    [new Set(ends.flatMap(({ biopsies }) => biopsies)).size, words.biopsies],
    [count(({ session }) => Number(session !== null)), words.sessions],
    [left(["jpeg", "pdf"]), words.exported],
    [left(["link"]), words.linked],
    [left(["advice"]), words.shown],
  ];
  const said = lines.filter(([n]) => n > 0).map(([n, say]) => say(n));
  return said.length > 0 ? said : [words.nothing];
}
