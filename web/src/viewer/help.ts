/** The help overlay: keys, mouse, touch, and what this software is and is not. */

import { getVersion } from "../api";
import { type Child, h, iconButton } from "../dom";
import { languageButton } from "../header";
import { messages } from "../i18n";

type Row = [keys: string[], meaning: string];

function table(title: string, rows: Row[]): HTMLElement {
  const lines = rows.map(([keys, meaning]) =>
    h("div", {}, h("dt", {}, ...keys.map((key): Child => h("kbd", {}, key))), h("dd", {}, meaning)),
  );
  return h("section", {}, h("h3", {}, title), h("dl", {}, ...lines));
}

function keyboardRows(hasSpacing: boolean): Row[] {
  const { keys, reports: words } = messages();
  return [
    [[keys.arrows], keys.pan],
    [["+", "−"], keys.zoom],
    [["0"], keys.fit],
    hasSpacing ? [["1", "2", "3", "4"], keys.magnify] : [["1"], keys.magnifyPhoto],
    [["R", `${keys.shift}+R`], keys.rotate],
    [["[", "]"], keys.siblings],
    [["N"], keys.navigator],
    [["F"], keys.fullscreen],
    [["I"], keys.facts],
    [["C"], words.key],
    [["?"], keys.help],
  ];
}

/** What the software is, its version and its licences. */
export function about(): HTMLElement {
  const words = messages();
  const version = h("p", { class: "version" }, words.product);
  void getVersion().then((number) => {
    if (number) version.textContent = `${words.product} · ${words.version(number)}`;
  });
  return h(
    "section",
    { class: "about" },
    h("h3", {}, words.helpAbout),
    version,
    h("p", {}, words.noticeLong),
    h("p", {}, h("a", { href: LICENCES, target: "_blank" }, words.licences)),
    h("p", { class: "narrow-only" }, languageButton()),
  );
}

export function createHelp(hasSpacing: boolean): HTMLDialogElement {
  const { helpTitle, helpKeyboard, helpMouse, helpTouch, close, mouse, touch } = messages();
  const dialog = h("dialog", { class: "help", "aria-labelledby": "help-title" });
  dialog.append(
    h(
      "header",
      {},
      h("h2", { id: "help-title" }, helpTitle),
      iconButton("close", close, () => dialog.close()),
    ),
    h(
      "div",
      { class: "help-body" },
      table(helpKeyboard, keyboardRows(hasSpacing)),
      h(
        "div",
        {},
        table(helpMouse, [
          [[mouse.drag], mouse.pan],
          [[mouse.wheel], mouse.zoom],
          [[mouse.double], mouse.doubleZoom],
          [[mouse.shiftDrag], mouse.rotate],
        ]),
        table(helpTouch, [
          [[touch.one], touch.pan],
          [[touch.pinch], touch.zoom],
          [[touch.twist], touch.rotate],
        ]),
      ),
      about(),
    ),
  );
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  return dialog;
}
