/** The language of the page: French unless the browser asks for English, or as last chosen. */

import { en } from "./en";
import { fr, type Messages } from "./fr";

export type Language = "fr" | "en";

const REMEMBERED = "sansverre.language";
const DICTIONARIES: Record<Language, Messages> = { fr, en };

export function preferredLanguage(remembered: string | null, browser: string): Language {
  if (remembered === "fr" || remembered === "en") return remembered;
  return browser.toLowerCase().startsWith("en") ? "en" : "fr";
}

let current: Language = "fr";

export function language(): Language {
  return current;
}

export function messages(): Messages {
  return DICTIONARIES[current];
}

/** English dates and numbers are the European ones: a month is never mistaken for a day. */
export function locale(): string {
  return current === "fr" ? "fr-FR" : "en-GB";
}

function remembered(): string | null {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null; // storage may be forbidden by the browser's settings
  }
}

export function startLanguage(): void {
  use(preferredLanguage(remembered(), navigator.language));
}

export function chooseLanguage(chosen: Language): void {
  use(chosen);
  try {
    localStorage.setItem(REMEMBERED, chosen);
  } catch {
    // Where storage is forbidden the choice lasts as long as the page.
  }
}

function use(chosen: Language): void {
  current = chosen;
  document.documentElement.lang = chosen;
}
