/** Reports of the laboratory: versions, addenda, and what waits. */

import type { reportsFr } from "./reports.fr";

const plural = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;

export const reportsEn: typeof reportsFr = {
  title: "Reports",
  open: "Reports (C)",
  key: "Reports",
  none: "No report for this exam.",
  version: (n) => `Version ${n}`,
  part: (n) => `document ${n}`,
  newest: "The newest",
  addendum: "Addendum",
  said: (moment) => `of ${moment}`,
  status: {
    preliminary: "Preliminary",
    final: "Final",
    amended: "Amended",
    withdrawn: "Withdrawn",
  },
  changed: (before, after) => `${before} → ${after}`,
  withdrawn: "The laboratory has withdrawn this report. It does not count any more.",
  superseded: "There is a newer version.",
  noDocument: "This version tells its status alone; it has no document.",
  statusAlone: (version) =>
    `This version tells its status alone; the document is that of version ${version}.`,
  firstPages: (n, all) => `Only the first ${n} of ${all} pages are shown.`,
  attachment: (caption) =>
    `A picture or an attachment is not shown here${caption && `: ${caption}`}. Save the document to see it.`,
  saveWhole: "Save the whole document",
  reading: "Opening the document…",
  failed: "The document cannot be shown. Save it to read it.",
  retry: "Try again",
  save: "Save",
  saveOne: (name) => `Save ${name}`,
  page: (n, all) => `Page ${n} of ${all}`,
  pageText: (n) => `Text of page ${n}`,
  waiting: (n) => plural(n, "report waits", "reports wait"),
  waitingText: "What waits is shown under no patient.",
  named: "The report says",
  ordered: "The order says",
  nobody: "no order of this number",
  fileUnder: (name) => `File under ${name}`,
  fileConfirm: (name) => `Confirm: patient ${name}`,
  filed: "The report is filed.",
  fileFailed: "The report cannot be filed: see to the identities of this number first.",
  why: {
    unknown: "No order of this number",
    conflict: "Two patients under this number",
    "other-patient": "Another patient than the order's",
    doubtful: "An identity to check",
  },
};
