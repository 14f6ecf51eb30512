/** What another system has asked to be opened. */

import type { openedFr } from "./opened.fr";

const plural = (n: number, one: string, many: string) => `${n} ${Math.abs(n) === 1 ? one : many}`;

export const openedEn: typeof openedFr = {
  title: "Images asked for",
  lead: "Your system has asked for these images.",
  empty: "No image is open",
  emptyText: "This page is opened from your own system: ask for the images there again.",
  patientImages: "All images of the patient",
  missing: (n: number) =>
    `${plural(n, "exam that was asked for is not here", "exams that were asked for are not here")}: what follows is not all that was asked for.`,
  kept: (n: number) =>
    `${plural(n, "image opens", "images open")} only with an account here: covered, or kept by the site’s rule.`,
  keyImages: "No key images are designated here: all are shown.",
  back: "Back to the images asked for",
};
