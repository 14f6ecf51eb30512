/** How the dermoscope was used: a tap for each fact, kept on this device as it is the same every day. */

import { h } from "../dom";
import { numberText } from "../format";
import { locale, messages } from "../i18n";
import type { Contact, Dermoscopy, Immersion, Polarization, Stated, View } from "./model";
import { named, redraw } from "./redraw";
import { openSheet } from "./sheet";

const REMEMBERED = "sansverre.dermoscope";
const LIGHTS: readonly Polarization[] = ["POLARIZED", "NON_POLARIZED"];
const CONTACTS: readonly Contact[] = ["CONTACT", "NON_CONTACT"];
const MEDIA: readonly Immersion[] = [
  "ULTRASOUND_GEL",
  "ALCOHOL",
  "WATER",
  "MINERAL_OIL",
  "PLASTIC_CAP",
];
const POWERS = [10, 20, 30, 50, 70] as const;
const UNSAID: Dermoscopy = {
  polarization: null,
  contact: null,
  immersion: null,
  magnification: null,
  colour_temperature_k: null,
};

let last: Dermoscopy | null = null;

/** The facts of the last dermoscopy on this device; nothing in them is of any patient. */
export function rememberedDermoscope(): Dermoscopy | null {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED) ?? "null") ?? last;
  } catch {
    return last; // storage may be forbidden by the browser's settings
  }
}

function remember(used: Dermoscopy): void {
  last = used;
  try {
    localStorage.setItem(REMEMBERED, JSON.stringify(used));
  } catch {
    // Where storage is forbidden it is remembered as long as the page is open.
  }
}

/** What a picture is given with its view: a dermoscopy has the facts of the one before. */
export function viewedAs(view: View): Partial<Stated> {
  return view === "dermoscopy" ? { view, dermoscopy: rememberedDermoscope() } : { view };
}

/** What a tap makes of the facts: the same again is unsaid, and immersion is only with contact. */
export function tapped(used: Dermoscopy | null, said: Partial<Dermoscopy>): Dermoscopy {
  const next = { ...UNSAID, ...used };
  for (const [name, value] of Object.entries(said) as [keyof Dermoscopy, never][])
    next[name] = (next[name] === value ? null : value) as never;
  if (said.contact && next.contact !== "CONTACT") next.immersion = null;
  if (next.immersion) next.contact = "CONTACT";
  return next;
}

/** « Polarisée · Contact · Gel · ×10 »; null where nothing is said. */
export function dermoscopeText(used: Dermoscopy | null): string | null {
  if (!used) return null;
  const words = messages().capture.dermoscope;
  const { polarization, contact, immersion, magnification, colour_temperature_k } = used;
  const parts = [
    polarization && words.light[polarization],
    immersion ? words.medium[immersion] : contact && words.contact[contact],
    magnification && power(magnification),
    colour_temperature_k && `${numberText(colour_temperature_k, locale())} K`,
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(" · ") : null;
}

const power = (times: number) => `×${numberText(times, locale(), 1)}`;

/** Asks for the facts of pictures that are chosen; each tap counts at once. */
export function askDermoscope(now: Dermoscopy | null, told: (used: Dermoscopy) => void): void {
  const words = messages().capture.dermoscope;
  let used = now ?? UNSAID;
  const body = h("div", { class: "dermoscope" });
  const say = (said: Partial<Dermoscopy>) => {
    used = tapped(used, said);
    remember(used);
    told(used);
    draw();
  };
  const row = <Value extends string | number>(
    name: keyof Dermoscopy,
    label: string,
    values: readonly Value[],
    text: (value: Value) => string,
  ) =>
    h(
      "fieldset",
      {},
      h("legend", {}, label),
      h(
        "div",
        { class: "segments" },
        ...values.map((value) =>
          h(
            "button",
            {
              ...named(`${name}-${value}`),
              type: "button",
              "aria-pressed": String(used[name] === value),
              onclick: () => say({ [name]: value }),
            },
            text(value),
          ),
        ),
      ),
    );
  const other = (
    name: "magnification" | "colour_temperature_k",
    label: string,
    [min, max]: [number, number],
    isListed: (value: number) => boolean,
  ) => {
    const value = used[name];
    const input = h("input", {
      ...named(name),
      id: `dermoscope-${name}`,
      type: "number",
      min,
      max,
      step: "any",
      value: value !== null && !isListed(value) ? value : null,
    });
    input.inputMode = "decimal";
    input.addEventListener("change", () => {
      const typed = input.valueAsNumber;
      if (input.validity.valid && !Number.isNaN(typed) && typed !== used[name])
        say({ [name]: typed });
    });
    return h("div", { class: "field" }, h("label", { for: input.id }, label), input);
  };
  const draw = () =>
    redraw(
      body,
      row("polarization", words.lightTitle, LIGHTS, (one) => words.light[one]),
      row("contact", words.contactTitle, CONTACTS, (one) => words.contact[one]),
      row("immersion", words.mediumTitle, MEDIA, (one) => words.medium[one]),
      row("magnification", words.powerTitle, POWERS, power),
      h(
        "div",
        { class: "fields" },
        other("magnification", words.powerOther, [1, 1000], (one) =>
          (POWERS as readonly number[]).includes(one),
        ),
        other("colour_temperature_k", words.colour, [1000, 20000], () => false),
      ),
    );
  draw();
  const sheet = openSheet(words.title, [
    h("p", { class: "faint" }, words.hint),
    body,
    h(
      "footer",
      {},
      h(
        "button",
        { type: "button", class: "button primary", onclick: () => sheet.close() },
        words.done,
      ),
    ),
  ]);
}
