/** Who is expected. */

import type { dayFr } from "./day.fr";

const plural = (n: number, one: string, many: string) => `${n} ${Math.abs(n) === 1 ? one : many}`;

export const dayEn: typeof dayFr = {
  title: "Expected patients",
  count: (n: number) => plural(n, "patient", "patients"),
  before: "Previous day",
  after: "Next day",
  date: "Day",
  search: "Search the expected patients",
  searchHint: "Name, identifier, reason",
  none: "Nobody is expected on that day",
  noneText:
    "Appointments and admissions come from the hospital’s system (HL7) or a DICOM worklist.",
  noneFound: "No patient matches",
  cancelled: "Cancelled",
  images: "Images of the patient",
  photograph: "Photograph",
  failed: "The patients of this day could not be had.",
  notBegun: "The visit could not begin: check the patient and the order’s number.",
  sources: "DICOM worklists",
  answered: (name: string, moment: string) => `${name}: up to date, ${moment}`,
  silent: (name: string, moment: string) =>
    `${name} does not answer; last list ${moment}. Patients may be missing.`,
  never: (name: string) => `${name} has never answered yet. Patients may be missing.`,
};
