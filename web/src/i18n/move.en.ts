/** Changing the patient: what will be corrected, then the act. */

import type { moveFr } from "./move.fr";

const plural = (n: number, one: string, many: string) => `${n} ${Math.abs(n) === 1 ? one : many}`;

export const moveEn: typeof moveFr = {
  open: "Change the patient",
  openOne: (name) => `Change the patient: ${name}`,
  title: "Change the patient",
  wholeExam: (n) => `The whole exam: ${plural(n, "image", "images")}`,
  oneImage: "One image",
  before: "Now with",
  after: "Will be with",
  nobody: "No patient",
  fresh: "This patient is not known here yet; check the identity.",
  choose: "Choose the right patient",
  chooseOther: "Choose another patient",
  asked: "Who is the right patient?",
  list: "See what will be corrected",
  taken:
    "This cannot be: the image is this patient’s already, or still being prepared, or the accession number is somebody else’s.",
  corrected: "What will be corrected",
  nothing: "Nothing was sent to the radiology archive, and no link ends.",
  told: (n) =>
    `Radiology archive: ${plural(n, "object is rejected and sent again", "objects are rejected and sent again")} under the right patient.`,
  notSent: (n) =>
    `Radiology archive: ${plural(n, "object that waits is replaced", "objects that wait are replaced")}.`,
  lesions: (n) =>
    `${plural(n, "link with a lesion ends", "links with lesions end")}: the lesion stays with the patient before.`,
  links: (n) =>
    `${plural(n, "link with another photograph ends", "links with other photographs end")}.`,
  pins: (n) => `${plural(n, "pin is removed", "pins are removed")}.`,
  biopsies: (n) =>
    `${plural(n, "lesion loses", "lesions lose")} the link with the slide of its biopsy.`,
  sessions: (n) => `${plural(n, "photograph leaves its visit", "photographs leave their visit")}.`,
  exported: (n) =>
    `It left by export ${plural(n, "time", "times")}: nothing can take that back; tell whoever got it.`,
  linked: (n) =>
    `${plural(n, "link to it was given, and ends", "links to it were given, and end")}: what was seen cannot be taken back; tell whoever got it.`,
  shown: (n) =>
    `It was shown to a colleague of another establishment ${plural(n, "time", "times")}: tell them.`,
  by: "Who corrects it (optional)",
  confirm: "Move",
  moving: "Being corrected…",
  done: "Done: the images are with the right patient.",
  openExam: "Open the exam",
  archive: "Radiology archive",
  what: { object: "Image", rejection: "Rejection of the old one" },
  states: {
    waiting: "to be sent",
    answered: "taken",
    committed: "promised",
    "read-back": "checked",
    task: "to be done by hand",
    superseded: "replaced",
  },
  failed: "The correction could not be asked for. Nothing has changed; try again.",
  offer: "This image is archived under another patient already.",
  offerLink: "Move it",
};
