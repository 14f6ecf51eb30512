/** The drawer with all that is known of an image. */

import { type ImageDetail, pictureAddress } from "../api";
import { type Child, h, iconButton } from "../dom";
import { lengthText, momentText, numberText, significant } from "../format";
import { locale, messages } from "../i18n";

type Fact = [term: string, value: Child];

function spacingText([x_um, y_um]: [number, number]): string {
  const text = (value: number) => significant(value, locale(), 4);
  return x_um === y_um ? `${text(x_um)} µm/px` : `${text(x_um)} × ${text(y_um)} µm/px`;
}

function sizeText(width: number, height: number): string {
  return `${numberText(width, locale())} × ${numberText(height, locale())} px`;
}

function physicalText(image: ImageDetail): string | null {
  if (!image.mpp_um) return null;
  const [x_um, y_um] = image.mpp_um;
  return `${lengthText(image.width * x_um, locale())} × ${lengthText(image.height * y_um, locale())}`;
}

function imageFacts(image: ImageDetail): Fact[] {
  const { fact, kind, present, absent } = messages();
  const isSlide = image.kind === "slide";
  const facts: (Fact | false)[] = [
    [fact.kind, kind[image.kind]],
    [fact.size, sizeText(image.width, image.height)],
    (isSlide || image.mpp_um !== null) && [fact.physical, physicalText(image)],
    (isSlide || image.mpp_um !== null) && [fact.spacing, image.mpp_um && spacingText(image.mpp_um)],
    isSlide && [
      fact.objective,
      image.objective_power && `×${numberText(image.objective_power, locale(), 2)}`,
    ],
    isSlide && [fact.levels, image.levels.length],
    [fact.format, image.format?.toUpperCase()],
    [fact.icc, image.icc_profile ? present : absent],
  ];
  return facts.filter((entry) => entry !== false);
}

function scannerFacts(image: ImageDetail): Fact[] {
  const { fact } = messages();
  return [
    [fact.manufacturer, image.scanner?.manufacturer],
    [fact.model, image.scanner?.model],
    [fact.acquired, momentText(image.acquired_at, locale())],
  ];
}

function identityFacts(image: ImageDetail): Fact[] {
  const { fact } = messages();
  const code = (text: string | null) => text && h("span", { class: "code" }, text);
  const digest = image.source_sha256;
  const barcodes = image.barcodes.length > 0 ? image.barcodes : [null];
  return [
    [fact.accession, code(image.accession_number)],
    ...barcodes.map((barcode): Fact => [fact.barcode, code(barcode)]),
    [fact.sha256, digest && h("span", { class: "code digest" }, digest)],
  ];
}

function list(title: string, facts: Fact[]): HTMLElement {
  const rows = facts.map(([term, value]) =>
    h(
      "div",
      {},
      h("dt", {}, term),
      value ? h("dd", {}, value) : h("dd", { class: "unknown" }, messages().unknown),
    ),
  );
  return h("section", {}, h("h3", {}, title), h("dl", {}, ...rows));
}

function pictures(image: ImageDetail): HTMLElement | null {
  const { fact, factGroups } = messages();
  const shown = (["label", "overview"] as const).flatMap((role) => {
    const address = image.files[role];
    if (!address) return [];
    const picture = h("img", { alt: fact[role], loading: "lazy" });
    const figure = h("figure", {}, picture, h("figcaption", {}, fact[role]));
    picture.addEventListener("error", () => figure.remove());
    void pictureAddress(address).then(
      (found) => {
        picture.src = found;
      },
      () => figure.remove(),
    );
    return [figure];
  });
  return shown.length > 0 ? h("section", {}, h("h3", {}, factGroups.pictures), ...shown) : null;
}

/** The drawer, closed; `onClose` is called by its own button. */
export function createFacts(image: ImageDetail, onClose: () => void): HTMLElement {
  const { factsTitle, factGroups, close } = messages();
  return h(
    "aside",
    { id: "facts", class: "facts", "aria-label": factsTitle, hidden: true },
    h("header", {}, h("h2", {}, factsTitle), iconButton("close", close, onClose)),
    h(
      "div",
      { class: "facts-body", tabindex: 0, role: "group", "aria-label": factsTitle },
      list(factGroups.image, imageFacts(image)),
      list(factGroups.identity, identityFacts(image)),
      list(factGroups.scanner, scannerFacts(image)),
      pictures(image),
    ),
  );
}
