/** Who takes the photographs: asked once, and kept on this device. */

import { h } from "../dom";
import { messages } from "../i18n";
import type { Operator } from "./calls";
import { openSheet } from "./sheet";

const REMEMBERED = "sansverre.operator";

export function rememberedOperator(): Operator | null {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED) ?? "null") as Operator | null;
  } catch {
    return null; // storage may be forbidden by the browser's settings
  }
}

function remember(operator: Operator | null): void {
  try {
    if (operator) localStorage.setItem(REMEMBERED, JSON.stringify(operator));
    else localStorage.removeItem(REMEMBERED);
  } catch {
    // Where storage is forbidden the name is asked again.
  }
}

/** FAMILY^Given, and the number in the register of professionals where it was typed. */
export function operatorOf(family: string, given: string, rpps: string): Operator | null {
  const name = [family.trim().toLocaleUpperCase("fr"), given.trim()].join("^").replace(/\^$/, "");
  return name ? { name, rpps: rpps.replaceAll(/\s/g, "") || null } : null;
}

/** Asks who takes the photographs; nothing is changed where the sheet is closed. */
export function askOperator(now: Operator | null, chosen: () => void): void {
  const words = messages().capture;
  const [family = "", given = ""] = (now?.name ?? "").split("^");
  const field = (id: string, label: string, value: string, mode = "text") => {
    const input = h("input", { id, value, autocomplete: "off", spellcheck: "false" });
    input.inputMode = mode;
    return { input, element: h("div", { class: "field" }, h("label", { for: id }, label), input) };
  };
  const fields = [
    field("operator-family", words.family, family),
    field("operator-given", words.given, given),
    field("operator-rpps", words.rpps, now?.rpps ?? "", "numeric"),
  ] as const;
  const save = (event: Event) => {
    event.preventDefault();
    const [one, two, three] = fields;
    remember(operatorOf(one.input.value, two.input.value, three.input.value));
    sheet.close();
    chosen();
  };
  const form = h(
    "form",
    { onsubmit: save },
    h("div", { class: "fields" }, ...fields.map(({ element }) => element)),
    h("footer", {}, h("button", { type: "submit", class: "button primary" }, words.save)),
  );
  const sheet = openSheet(words.operator, [form]);
}
