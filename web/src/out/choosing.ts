/** Choosing among pictures that are shown, and what can be done with those chosen. */

import "../styles/capture/sheet.css";
import "../styles/out/choosing.css";
import { mayContribute } from "../api";
import { h, icon } from "../dom";
import { messages } from "../i18n";
import { notify } from "../notice";
import { openAsk } from "./ask";
import { openExport } from "./export";

/** A picture on the page: the item that shows it, and its name. */
export interface Choice {
  id: string;
  name: string;
  item: HTMLElement;
}

/** A button that lets whoever may contribute choose; hidden from all others. */
export function chooser(choices: Choice[]): HTMLElement {
  const words = messages().out;
  const button = h(
    "button",
    { type: "button", class: "button", hidden: true, onclick: () => begin(choices, button) },
    icon("check"),
    words.choose,
  );
  if (choices.length > 0)
    void mayContribute().then((may) => {
      button.hidden = !may;
    });
  return button;
}

function begin(choices: Choice[], button: HTMLElement): void {
  const words = messages().out;
  const boxes = choices.map(({ id, name }) => {
    const onchange = () => show();
    return h("input", {
      type: "checkbox",
      value: id,
      "aria-label": words.chooseOne(name),
      onchange,
    });
  });
  const marks = boxes.map((box) => h("label", { class: "pick" }, box, icon("check")));
  choices.forEach(({ item }, number) => {
    item.append(marks[number] as HTMLElement);
  });
  const count = h("p", { role: "status" });
  const chosen = () => {
    const names = new Map<string, string>();
    choices.forEach(({ id, name }, number) => {
      if (boxes[number]?.checked) names.set(id, name);
    });
    return names;
  };
  const exporting = h(
    "button",
    { type: "button", class: "button", onclick: () => openExport(chosen()) },
    words.export,
  );
  const ask = () => openAsk(chosen()).catch(() => notify([words.failed]));
  const asking = h(
    "button",
    { type: "button", class: "button primary", onclick: () => void ask() },
    words.askFor,
  );
  const all = () => {
    for (const box of boxes) box.checked = true;
    show();
  };
  const end = () => {
    for (const mark of marks) mark.remove();
    bar.remove();
    button.hidden = false;
    button.focus();
  };
  const show = () => {
    const names = chosen();
    count.textContent = words.chosen(names.size);
    exporting.disabled = names.size === 0;
    asking.disabled = names.size === 0;
  };
  const bar = h(
    "div",
    { class: "choice-bar", role: "group", "aria-label": words.choose },
    count,
    h("button", { type: "button", class: "button quiet", onclick: all }, words.all),
    exporting,
    asking,
    h("button", { type: "button", class: "button quiet", onclick: end }, words.done),
  );
  button.hidden = true;
  document.getElementById("main")?.append(bar);
  show();
  boxes[0]?.focus();
}
