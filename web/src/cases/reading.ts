/** A slide read as one of its case: the others are at hand, in the order of the case's page. */

import type { Exam } from "../api";
import { getCase, glassesOf, placeText } from "./calls";

/** The case that an address asks to be read on in; null for none. */
export const caseOf = (search: string): string | null => new URLSearchParams(search).get("case");

/** The exam with the case's slides for its images, each by its name; as it was where it is no part. */
export async function withCase(exam: Exam, image: string, id: string): Promise<Exam> {
  const found = await getCase(id).catch(() => null);
  const images = glassesOf(found ?? { specimens: [] }).flatMap((glass) =>
    glass.scans.slice(0, 1).map((scan) => ({
      ...scan.image,
      name: [placeText(glass), glass.stain].filter(Boolean).join(" "),
    })),
  );
  return images.some((one) => one.id === image) ? { ...exam, images, case: id } : exam;
}
