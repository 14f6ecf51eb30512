/** Giving its order to a visit that began without one. */

import { ApiError } from "../api";
import { h } from "../dom";
import { messages } from "../i18n";
import { told } from "../told";
import type { Live } from "./live";
import { openSheet } from "./sheet";

/** Says that there is no order, and asks for it at a touch. */
export function orderButton(live: Live): HTMLButtonElement {
  const words = messages().capture;
  return h(
    "button",
    {
      type: "button",
      class: "badge order-badge",
      title: words.order.title,
      "aria-label": `${words.provisional}. ${words.order.title}`,
      onclick: () => askOrder(live),
    },
    words.provisional,
  );
}

export function askOrder(live: Live): void {
  const words = messages().capture.order;
  const error = h("p", { class: "form-error", role: "alert" });
  const field = (id: string, label: string, hint: string) => {
    const attributes = { id, autocomplete: "off", spellcheck: "false", placeholder: hint };
    const input = h("input", attributes);
    return { input, element: h("div", { class: "field" }, h("label", { for: id }, label), input) };
  };
  const number = field("order-number", words.number, "");
  const issuer = field("order-issuer", words.issuer, words.issuerHint);
  const save = async (event: Event) => {
    event.preventDefault();
    const accession = number.input.value.trim();
    if (!accession) {
      error.textContent = words.needNumber;
      number.input.focus();
      return;
    }
    try {
      await live.reconcile(accession, issuer.input.value.trim() || null);
      sheet.close();
    } catch (failure) {
      const isElsewhere = failure instanceof ApiError && failure.status === 409;
      error.textContent = isElsewhere ? words.taken : told(failure, messages().capture.failed);
    }
  };
  const form = h(
    "form",
    { onsubmit: (event: Event) => void save(event), novalidate: true },
    h("p", { class: "faint" }, words.text),
    h("div", { class: "fields" }, number.element, issuer.element),
    error,
    h("footer", {}, h("button", { type: "submit", class: "button primary" }, words.save)),
  );
  const sheet = openSheet(words.title, [form]);
  number.input.focus();
}
