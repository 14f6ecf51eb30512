/** The body's sites as DICOM codes them, and finding one by its French or English name. */

import { ask } from "../api";
import type { Language } from "../i18n";

/** A site as `/api/body-sites` has it, from head to foot; `also` are other words people use. */
export interface Site {
  code: string;
  scheme: string;
  region: string;
  paired: boolean;
  fr: string;
  en: string;
  also: string[];
}

let known: Promise<Site[]> | null = null;

/** All sites, asked for once. */
export function bodySites(): Promise<Site[]> {
  known ??= ask<{ sites: Site[] }>("GET", "/api/body-sites").then(
    ({ sites }) => sites,
    (error: unknown) => {
      known = null;
      throw error;
    },
  );
  return known;
}

export function nameOfSite(site: Site, language: Language): string {
  if (language === "fr") return site.fr;
  const name = site.en.replace(/^Skin of (the )?/, "");
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** Letters without accents or case, œ as oe: what people type is found however they type it. */
export function folded(text: string): string {
  return text
    .toLowerCase()
    .replaceAll("œ", "oe")
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

const SMALL = new Set("a au aux d de des du l la le les of peau skin the".split(" "));

function wordsOf(text: string): string[] {
  const all = folded(text).split(" ").filter(Boolean);
  const telling = all.filter((word) => !SMALL.has(word));
  return telling.length > 0 ? telling : all;
}

/**
 * The sites with a word that begins as each of the words asked for, in either language, the closest
 * first; without any word, all of them.
 */
export function searchSites(sites: readonly Site[], query: string): Site[] {
  const asked = wordsOf(query);
  if (asked.length === 0) return [...sites];
  return sites
    .map((site) => ({ site, far: farness(site, asked) }))
    .filter(({ far }) => far < Number.POSITIVE_INFINITY)
    .sort((one, other) => one.far - other.far)
    .map(({ site }) => site);
}

function farness(site: Site, asked: readonly string[]): number {
  const names = [site.fr, site.en].map(wordsOf);
  const told = [...names.flat(), ...site.also.flatMap(wordsOf), site.code];
  if (!asked.every((begun) => told.some((word) => word.startsWith(begun))))
    return Number.POSITIVE_INFINITY;
  const whole = [...names, ...site.also.map(wordsOf)].some(
    (words) => words.join(" ") === asked.join(" "),
  );
  const partly = asked.filter((word) => !told.includes(word)).length;
  return (whole ? 0 : 1000) + 100 * partly + (names[0]?.length ?? 0);
}
