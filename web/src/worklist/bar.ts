/** Beside what is read: whether it was, by whom, and the way to what is next. */

import "../styles/worklist.css";
import { ApiError } from "../api";
import { h } from "../dom";
import { messages } from "../i18n";
import { notify } from "../notice";
import { navigate, worklistPath } from "../router";
import {
  getItem,
  getList,
  type Item,
  markRead,
  markUnread,
  readPath,
  release,
  take,
} from "./calls";
import { newsOf, takenOf } from "./words";

/** Hidden where the exam is in nobody's list. */
export function readingBar(exam: string, signal: AbortSignal): HTMLElement {
  const bar = h("section", { class: "reading-bar", "aria-label": messages().worklist.bar });
  const draw = (one: Item) => bar.replaceChildren(...parts(one, bar, draw));
  getItem(exam).then(
    (one) => {
      if (!signal.aborted) draw(one);
    },
    // What is shown beside says what is wrong.
    () => {
      bar.hidden = true;
    },
  );
  document.addEventListener(
    "keydown",
    (event) => {
      // A page that is drawn anew has another one.
      if (!bar.isConnected || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof HTMLElement && event.target.matches("select, input, textarea"))
        return;
      const name = { r: "read", n: "next" }[event.key];
      const button = name && bar.querySelector<HTMLElement>(`[data-act=${name}]`);
      if (!button) return;
      event.preventDefault();
      button.click();
    },
    { signal },
  );
  return bar;
}

function parts(one: Item, bar: HTMLElement, draw: (one: Item) => void): HTMLElement[] {
  const words = messages().worklist;
  const act = (name: string, label: string, does: () => Promise<Item | null>, kind = "") =>
    h(
      "button",
      {
        type: "button",
        class: `button ${kind}`,
        "data-act": name,
        onclick: () => void done(one, does, draw, bar),
      },
      label,
    );
  const isUnread = one.news.length > 0;
  const acts = [
    one.taken?.me && act("release", words.release, () => release(one.exam)),
    !one.taken && act("take", words.take, () => take(one.exam)),
    isUnread
      ? act("read", words.readNext, () => markRead(one).then(() => next(one)), "primary")
      : act("unread", words.unread, () => markUnread(one.exam)),
    act("next", words.next, () => next(one)),
  ];
  return [
    h("div", { class: "case-what", role: "status" }, ...newsOf(one), takenOf(one)),
    h("div", { class: "worklist-acts" }, ...acts),
    h(
      "p",
      { class: "faint" },
      h("a", { href: worklistPath }, words.title),
      h("span", { class: "keys" }, ` · ${words.barKeys}`),
    ),
  ];
}

async function done(
  one: Item,
  act: () => Promise<Item | null>,
  draw: (one: Item) => void,
  bar: HTMLElement,
): Promise<void> {
  const words = messages().worklist;
  try {
    const after = await act();
    if (after) draw(after);
  } catch (error) {
    const isTold = error instanceof ApiError && error.status === 409;
    notify([isTold ? words.conflict : words.failed]);
    const now = await getItem(one.exam).catch(() => null);
    if (now && bar.isConnected) draw(now);
  }
}

/** Goes to the unread exam that comes first and is another one, or to the list where none is. */
async function next(one: Item): Promise<null> {
  const { items } = await getList({ which: "unread", kind: null, q: "" }, 0, 2);
  const other = items.find(({ exam }) => exam !== one.exam);
  if (!other) notify([messages().worklist.finished]);
  navigate(other ? readPath(other) : worklistPath);
  return null;
}
