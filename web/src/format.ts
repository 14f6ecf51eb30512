/** Words and numbers as people read them; every function is pure and takes what it needs. */

import type { Language } from "./i18n";

/** A DICOM person name ("FAMILY^given^middle") in the two parts that identify a person on screen. */
export function personName(name: string | null): { family: string; given: string } {
  const alphabetic = (name ?? "").split("=")[0] ?? "";
  const [family = "", given = "", middle = ""] = alphabetic.split("^").map((part) => part.trim());
  return {
    family: family.toLocaleUpperCase("fr"),
    given: [given, middle].filter(Boolean).map(capitalised).join(" "),
  };
}

function capitalised(name: string): string {
  if (name !== name.toLocaleUpperCase("fr") || name.length < 2) return name;
  return name
    .toLocaleLowerCase("fr")
    .replace(
      /(^|[\s'’-])(\p{L})/gu,
      (_, before: string, letter: string) => before + letter.toLocaleUpperCase("fr"),
    );
}

export interface PartialDate {
  year: number;
  month: number | null;
  day: number | null;
}

/** A DICOM (YYYYMMDD) or ISO (YYYY-MM-DD) date; French records may know the year alone. */
export function parseDate(text: string | null): PartialDate | null {
  const match = /^(\d{4})(?:-?(\d{2})(?:-?(\d{2}))?)?/.exec(text?.trim() ?? "");
  if (!match) return null;
  const part = (index: number) => Number(match[index] ?? 0) || null;
  return { year: Number(match[1]), month: part(2), day: part(3) };
}

const ENGLISH_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const two = (n: number) => String(n).padStart(2, "0");

/** 07/03/1957 in French, 07 Mar 1957 in English, where digits alone would be read two ways. */
export function dateText(date: PartialDate, language: Language): string {
  const { year, month, day } = date;
  if (month === null) return String(year);
  if (language === "fr")
    return [day === null ? null : two(day), two(month), year].filter(Boolean).join("/");
  return [day === null ? null : two(day), ENGLISH_MONTHS[month - 1], year]
    .filter(Boolean)
    .join(" ");
}

/** Completed years, or months under two years; null when the date is not whole or lies ahead. */
export function age(birth: PartialDate, now: Date): { years: number } | { months: number } | null {
  if (birth.month === null || birth.day === null) return null;
  const early = now.getDate() < birth.day ? 1 : 0;
  const months = (now.getFullYear() - birth.year) * 12 + now.getMonth() + 1 - birth.month - early;
  if (months < 0) return null;
  return months < 24 ? { months } : { years: Math.floor(months / 12) };
}

export function sexCode(sex: string | null): "F" | "M" | "O" | null {
  return sex === "F" || sex === "M" || sex === "O" ? sex : null;
}

export function numberText(value: number, locale: string, digits = 0): string {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value);
}

/** At most `digits` significant digits: 0.2527 → 0.253 with three. */
export function significant(value: number, locale: string, digits: number): string {
  return new Intl.NumberFormat(locale, { maximumSignificantDigits: digits }).format(value);
}

export function momentText(iso: string | null, locale: string): string | null {
  const moment = iso ? new Date(iso) : null;
  if (!moment || Number.isNaN(moment.getTime())) return iso;
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(
    moment,
  );
}

/** 200 µm, 1.5 mm: the unit that keeps the number short. */
export function lengthText(length_um: number, locale: string): string {
  if (length_um >= 1000) return `${significant(length_um / 1000, locale, 3)} mm`;
  return `${significant(length_um, locale, 3)} µm`;
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

function inUnits(bytes: number, locale: string, ending: "" | "-per-second"): string {
  let [value, at] = [bytes, 0];
  while (value >= 999.5 && at < UNITS.length - 1) {
    value /= 1000;
    at += 1;
  }
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit: `${UNITS[at]}${ending}`,
    unitDisplay: at === 0 && !ending ? "long" : "short",
    maximumFractionDigits: value < 10 && at > 1 ? 1 : 0,
  }).format(value);
}

/** 3,4 Go, 3.4 GB: in the decimal units in which disks and networks are sold. */
export function bytesText(bytes: number, locale: string): string {
  return inUnits(bytes, locale, "");
}

/** 12 Mo/s, 12 MB/s. */
export function speedText(bytes_per_s: number, locale: string): string {
  return inUnits(Math.max(1000, bytes_per_s), locale, "-per-second");
}

/** Whole percents, 100 only where nothing is left. */
export function percentOf(done: number, all: number): number {
  if (all <= 0) return done >= all ? 100 : 0;
  return done >= all ? 100 : Math.min(99, Math.floor((done / all) * 100));
}

/** How long something will take, as coarse as it can be known: minutes, then hours. */
export function roundedTime(seconds: number): { hours: number; minutes: number } {
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return { hours: 0, minutes };
  const fives = Math.ceil(minutes / 5) * 5;
  return { hours: Math.floor(fives / 60), minutes: fives % 60 };
}
