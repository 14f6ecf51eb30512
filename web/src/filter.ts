/** Finding an exam among those loaded: every word typed must occur, whatever its accents. */

import type { Exam } from "./api";
import { personName } from "./format";

/** As it is looked for: small letters without accents. */
export function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

export function matches(exam: Exam, query: string): boolean {
  const { family, given } = personName(exam.patient?.name ?? null);
  const birth = exam.patient?.birth_date?.replaceAll("-", "") ?? "";
  const [year, month, day] = [birth.slice(0, 4), birth.slice(4, 6), birth.slice(6, 8)];
  const text = plain(
    [
      family,
      given,
      exam.patient?.patient_id,
      birth,
      birth && `${day}/${month}/${year}`,
      exam.accession_number,
      exam.establishment,
      exam.study_instance_uid,
    ].join(" "),
  );
  return plain(query)
    .split(/\s+/)
    .every((word) => text.includes(word));
}
