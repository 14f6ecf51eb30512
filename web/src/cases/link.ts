/** Slides that wait: why, what their label says, and the one click that links them to a case. */

import { mayContribute } from "../api";
import { type Child, h } from "../dom";
import { messages } from "../i18n";
import { notify } from "../notice";
import { nameOf, thumbnail } from "../patient";
import { casePath, movePath, viewPath } from "../router";
import { told } from "../told";
import { type Case, glassesOf, linkSlide, type Place, placeText, type Waiting } from "./calls";

/** A slide that waits, with what can be done about it: in a case, or only looked at. */
export function waitingItem(one: Waiting, into: Case | null, again: () => void): HTMLElement {
  const words = messages().cases;
  const name = one.texts[0] ?? words.noLabel;
  return h(
    "li",
    { class: "waiting" },
    h(
      "a",
      { class: "waiting-picture", href: viewPath(one.image.id), "aria-label": words.open(name) },
      thumbnail(one.image),
    ),
    h(
      "div",
      { class: "waiting-words" },
      h("span", { class: "badge" }, whyText(one)),
      h("span", {}, `${words.label} `, h("span", { class: "code" }, name)),
      one.patient && h("span", {}, `${words.under} `, nameOf(one.patient)),
      !into && one.case && h("a", { href: casePath(one.case) }, words.toCase),
    ),
    into && act(one, into, name, again),
  );
}

/** A code that was read is not unreadable: it is of no pattern that is known. */
function whyText({ why, texts }: Waiting): string {
  const words = messages().cases;
  return why === "unreadable" && texts.length > 0 ? words.unknownCode : words.why[why];
}

function act(one: Waiting, into: Case, name: string, again: () => void): Child {
  const words = messages().cases;
  if (into.patients.length !== 1) return null;
  if (one.why === "other-patient")
    return h("a", { class: "button", href: movePath(one.image.id) }, words.changePatient);
  const places = placesFor(one, into);
  const choice = h(
    "select",
    { "aria-label": words.place(name) },
    ...places.map((place, index) => h("option", { value: index }, placeText(place))),
  );
  const button = h(
    "button",
    { type: "button", class: "button primary", "aria-label": words.attachOne(name) },
    words.attach,
  );
  button.addEventListener("click", async () => {
    const place = places[Number(choice.value)];
    if (!place) return;
    button.disabled = true;
    try {
      await linkSlide(one.image.id, into.id, place);
      notify([words.attached]);
      again();
    } catch (error) {
      button.disabled = false;
      notify([told(error, words.attachFailed)]);
    }
  });
  const form = h("div", { class: "waiting-act", hidden: true }, choice, button);
  void mayContribute().then((may) => {
    form.hidden = !may || places.length === 0;
  });
  return form;
}

/** First what the label says, where it is of this case; then what is expected; then the rest. */
function placesFor(one: Waiting, into: Case): Place[] {
  const glasses = glassesOf(into);
  const said = one.accession_number === into.accession_number && one.slide !== "" ? [one] : [];
  const missing = glasses.filter(({ scans }) => scans.length === 0);
  const there = glasses.filter(({ scans }) => scans.length > 0);
  const seen = new Set<string>();
  return [...said, ...missing, ...there].filter((place) => {
    const key = JSON.stringify([place.specimen, place.block, place.slide]);
    return !seen.has(key) && seen.add(key);
  });
}
