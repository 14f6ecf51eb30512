/** Who the images belong to: the same words wherever a patient is named. */

import { type ImageSummary, type Patient, pictureAddress } from "./api";
import { type Child, h, icon } from "./dom";
import { age, dateText, parseDate, personName, sexCode } from "./format";
import { language, messages } from "./i18n";
import { isLinked } from "./link";

/** FAMILY Given, the family name set apart so that it is read first. */
export function nameOf(patient: Patient | null): Child {
  const { family, given } = personName(patient?.name ?? null);
  if (!family && !given) return h("span", { class: "no-patient" }, messages().noPatient);
  return h("span", { class: "name" }, h("b", {}, family), " ", given);
}

/** Birth date and age, as "07/03/1957 (69 ans)". */
function birthText(patient: Patient | null, now = new Date()): string | null {
  const birth = parseDate(patient?.birth_date ?? null);
  if (!birth) return null;
  const words = messages();
  const years = age(birth, now);
  const date = dateText(birth, language());
  if (!years) return date;
  return `${date} (${"years" in years ? words.years(years.years) : words.months(years.months)})`;
}

function sexText(patient: Patient | null): string | null {
  const code = sexCode(patient?.sex ?? null);
  return code && messages().sex[code];
}

/** Birth date, sex and identifier, each named for those who cannot see where it stands. */
export function traits(patient: Patient | null): HTMLElement {
  const words = messages();
  if (!patient) return h("span", { class: "traits" }, words.noPatientHint);
  const birth = birthText(patient);
  return h(
    "span",
    { class: "traits" },
    h("span", {}, birth ? words.bornOn(birth, sexCode(patient.sex)) : words.birthUnknown),
    h("span", {}, sexText(patient) ?? words.sexUnknown),
    patient.patient_id &&
      h(
        "span",
        { class: "identifier" },
        h("abbr", { title: words.identifier }, "ID"),
        " ",
        h("span", { class: "code" }, patient.patient_id),
        patient.issuer && h("span", { class: "issuer" }, ` ${patient.issuer}`),
      ),
  );
}

/** "3 lames, 2 photographies": a slide that was scanned again is one, as in its case. */
export function countsText(images: Pick<ImageSummary, "kind" | "older">[]): string {
  const words = messages();
  const slides = images.filter(({ kind, older }) => kind === "slide" && !older).length;
  const photos = images.filter(({ kind }) => kind === "photo").length;
  return [slides > 0 && words.slides(slides), photos > 0 && words.photos(photos)]
    .filter(Boolean)
    .join(", ");
}

type Named = Pick<ImageSummary, "id" | "kind" | "name" | "older">;

/** "Lame 2": the image's number among those like it in the exam, or what its case calls it. */
export function imageName(image: Pick<Named, "id" | "kind">, all: Named[]): string {
  const words = messages();
  const own = all.find(({ id }) => id === image.id);
  if (own?.name) return own.name;
  const older = own?.older ?? false;
  const alike = all.filter((one) => one.kind === image.kind && one.older === older);
  const number = alike.findIndex(({ id }) => id === image.id) + 1;
  return older ? words.olderNumber(number) : words.kindNumber[image.kind](number);
}

/** A picture that says so when it cannot be had. */
export function thumbnail(
  image: Pick<ImageSummary, "kind" | "thumbnail" | "covered">,
  words = "",
): HTMLElement {
  const frame = h("span", { class: `thumbnail ${image.kind}` });
  if (image.covered) {
    frame.classList.add("covered");
    frame.append(icon("lock"), messages().cover.short[image.covered]);
    return frame;
  }
  const src = isLinked() ? null : image.thumbnail;
  const picture = h("img", { src, alt: words, loading: "lazy", decoding: "async" });
  if (!src)
    void pictureAddress(image.thumbnail).then(
      (address) => {
        picture.src = address;
      },
      () => picture.dispatchEvent(new Event("error")),
    );
  picture.addEventListener("error", () => {
    frame.classList.add("missing");
    frame.title = messages().thumbnailMissing;
    picture.remove();
  });
  frame.append(picture);
  return frame;
}
