/** Fields of forms, each with its label, and what is wrong said where it is read out. */

import { ApiError } from "../api";
import { type Child, h } from "../dom";
import { messages } from "../i18n";
import { Kept } from "./calls";

let fields = 0;

/** A control under its label. */
export function field(label: string, control: HTMLElement, hint?: string): HTMLElement {
  const id = `out-${fields++}`;
  control.id = id;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    control,
    hint && h("p", { class: "faint", id: `${id}-hint` }, hint),
  );
}

/** One of several, shown all at once; `changed` is called with each new answer. */
export function radios<T extends string>(
  legend: string,
  answers: { value: T; words: Child[] }[],
  chosen: T,
  changed: (value: T) => void,
): HTMLFieldSetElement {
  const name = `out-${fields++}`;
  const answer = ({ value, words }: { value: T; words: Child[] }) =>
    h(
      "label",
      { class: "radio" },
      h("input", {
        type: "radio",
        name,
        value,
        checked: value === chosen,
        onchange: () => changed(value),
      }),
      h("span", {}, ...words),
    );
  return h("fieldset", {}, h("legend", {}, legend), ...answers.map(answer));
}

export function select(options: [string, string][]): HTMLSelectElement {
  return h("select", {}, ...options.map(([value, words]) => h("option", { value }, words)));
}

/** What is said of a request that did not succeed; `names` are those of images. */
export function wrong(error: unknown, names: Map<string, string>): Child[] {
  const words = messages().out;
  if (error instanceof ApiError && error.status === 0) return [words.network];
  const why = error instanceof Kept ? error.reason || String(error.status) : "";
  const said = words.refused[why];
  if (!(error instanceof Kept) || !said) return [words.failed];
  const which = error.reason === "patients" ? [] : error.images;
  const list = which.map((id) => h("li", {}, names.get(id) ?? id));
  return [said, list.length > 0 && h("ul", {}, ...list)];
}
