/** One picture, as large as the screen: what was found wrong with it, and pins where it has some. */

import { h, icon, iconButton } from "../dom";
import { significant } from "../format";
import { locale, messages } from "../i18n";
import { attempt } from "./attempt";
import { concerns, scaleOf } from "./judging";
import type { Live } from "./live";
import { hasArrived, type Shot, type Stated } from "./model";
import type { Step } from "./page";
import { Pins } from "./pins";
import { named, redraw } from "./redraw";
import { openSheet } from "./sheet";
import { shotPicture } from "./sort";
import { concernText, photoName } from "./words";

export function openPicture(live: Live, first: string, go: (step: Step) => void): void {
  const words = messages().capture;
  const left = new AbortController();
  let name = first;
  let pins: Pins | null = null;
  const frame = h("div", { class: "picture-frame" });
  const told = h("div", { class: "picture-told" });
  const around = h("div", { class: "picture-around" });
  const sheet = openSheet("", [frame, told, around], () => left.abort());
  sheet.element.classList.add("picture");
  const title = sheet.element.querySelector("h2");
  const shotNow = () => live.session.shots.find((shot) => shot.name === name);

  const show = (shot: Shot) => {
    name = shot.name;
    const isOverview = shot.said.stated.view === "overview";
    pins = isOverview ? new Pins(live, shot.name) : null;
    frame.replaceChildren(pins?.element ?? shotPicture(live, shot));
    draw();
  };
  const step = (by: number) => {
    const { shots } = live.session;
    const at = shots.findIndex((shot) => shot.name === name);
    const next = shots[at + by];
    if (next) show(next);
  };
  const draw = () => {
    const shot = shotNow();
    if (!shot) {
      sheet.close();
      return;
    }
    const { shots } = live.session;
    const at = shots.indexOf(shot);
    if (title) title.textContent = photoName(shot, live.session);
    pins?.update();
    redraw(told, ...findings(live, shot, { remove: () => ask(shot), go, close: sheet.close }));
    const before = iconButton("back", words.previous, () => step(-1), named("before"));
    const next = iconButton("forth", words.next, () => step(1), named("next"));
    before.disabled = at === 0;
    next.disabled = at === shots.length - 1;
    redraw(around, before, h("span", {}, `${at + 1} / ${shots.length}`), next);
  };
  const ask = (shot: Shot) =>
    askRemove(() => {
      sheet.close();
      void attempt(() => live.remove(shot.name));
    });
  live.onChange(draw, left.signal);
  const shot = shotNow();
  if (shot) show(shot);
}

interface Acts {
  remove: () => void;
  go: (step: Step) => void;
  close: () => void;
}

/** What was found, in words that say what to do; the picture is taken again, or kept all the same. */
function findings(live: Live, shot: Shot, acts: Acts): HTMLElement[] {
  const words = messages().capture;
  const found = concerns(shot, live.sites);
  const button = (name: string, text: string, act: () => void, more = "") =>
    h("button", { ...named(name), type: "button", class: `button ${more}`, onclick: act }, text);
  const remove = button("remove", words.remove, acts.remove, "quiet");
  if (shot.way === "known") return [h("p", { class: "finding" }, icon("info"), words.knownText)];
  if (shot.way === "refused" || shot.way === "stopped")
    return [
      h(
        "p",
        { class: "finding" },
        icon("warning"),
        h("b", {}, words.way[shot.way]),
        shot.reason && ` ${shot.reason}`,
      ),
      h("p", { class: "picture-acts" }, remove),
    ];
  if (found.length > 0)
    return [
      ...found.map((kind) => {
        const { short, long } = concernText(kind);
        return h("p", { class: "finding" }, icon("warning"), h("b", {}, short), " ", long);
      }),
      h(
        "p",
        { class: "picture-acts" },
        button(
          "retake",
          words.retake,
          () => {
            acts.close();
            void attempt(() => live.remove(shot.name));
            acts.go("shoot");
          },
          "primary",
        ),
        button("keep", words.keep, () => live.happen({ what: "kept", name: shot.name })),
        remove,
      ),
      ...scale(live, shot),
    ];
  return [
    h("p", { class: "picture-acts" }, h("span", { class: "faint" }, soundness(shot)), remove),
    ...scale(live, shot),
  ];
}

/** The scale goes into the picture once somebody who sees the ruler has said that it is true. */
function scale(live: Live, shot: Shot): HTMLElement[] {
  const words = messages().capture.scale;
  const say = (mm_per_pixel: Stated["mm_per_pixel"]) => () =>
    live.happen({ what: "given", names: [shot.name], stated: { mm_per_pixel } });
  const px = (mm: number) => significant(1 / mm, locale(), 3);
  const button = (name: string, text: string, act: () => void) =>
    h("button", { ...named(name), type: "button", class: "button", onclick: act }, text);
  const read = scaleOf(shot);
  const stated = shot.said.stated.mm_per_pixel;
  if (!live.isOpen) return [];
  if (stated !== null)
    return [
      h(
        "p",
        { class: "picture-acts" },
        icon("check"),
        h("span", {}, words.confirmed(px(stated[1]))),
        button("unscale", words.undo, say(null)),
      ),
    ];
  if (read === null) return [];
  return [
    h("p", { class: "faint" }, words.text),
    h("p", { class: "picture-acts" }, button("scale", words.confirm(px(read)), say([read, read]))),
  ];
}

function soundness(shot: Shot): string {
  const words = messages().capture;
  if (!hasArrived(shot)) return words.way[shot.way];
  if (shot.checks.state === "waiting") return words.checking;
  if (shot.said.keptDespite) return words.kept;
  return words.sound;
}

function askRemove(yes: () => void): void {
  const words = messages().capture;
  const act = (does: () => void) => () => {
    sheet.close();
    does();
  };
  const sheet = openSheet(words.removeSure, [
    h(
      "footer",
      {},
      h(
        "button",
        { type: "button", class: "button", onclick: act(() => undefined) },
        words.removeNo,
      ),
      h("button", { type: "button", class: "button danger", onclick: act(yes) }, words.removeYes),
    ),
  ]);
}
