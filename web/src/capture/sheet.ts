/** A dialog that comes up from below on a phone, where the thumb is, and stands in the middle else. */

import { type Child, h, iconButton } from "../dom";
import { messages } from "../i18n";

let sheets = 0;

export interface Sheet {
  element: HTMLDialogElement;
  close(): void;
}

/** Opens one; it is gone from the page once it is closed. */
export function openSheet(title: string, body: Child[], closed?: () => void): Sheet {
  const id = `sheet-${sheets++}`;
  const close = () => element.close();
  const element = h(
    "dialog",
    { class: "sheet", "aria-labelledby": id },
    h("header", {}, h("h2", { id }, title), iconButton("close", messages().close, close)),
    h("div", { class: "sheet-body" }, ...body),
  );
  element.addEventListener("close", () => {
    element.remove();
    closed?.();
  });
  // A tap beside it is a way out.
  element.addEventListener("click", (event) => {
    if (event.target === element) close();
  });
  document.body.append(element);
  element.showModal();
  return { element, close };
}

/** One of several large answers below each other. */
export function choice(words: Child[], onClick: () => void, isChosen = false): HTMLLIElement {
  const attributes = { type: "button", class: "choice", onclick: onClick };
  return h("li", {}, h("button", { ...attributes, "aria-pressed": String(isChosen) }, ...words));
}
