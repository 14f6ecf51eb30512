/** The magnification shown and its buttons; photographs show a percentage instead. */

import type { ImageDetail } from "../api";
import { h } from "../dom";
import { numberText, significant } from "../format";
import { locale, messages } from "../i18n";
import { isDigital, magnificationAt, type Step, steps, umPerPixel } from "./magnification";
import type { Stage } from "./stage";

const ANNOUNCE_MS = 600;

/** "×20", or "×6.3" where the view stands between the usual steps. */
function timesText(magnification: number): string {
  const near = Math.round(magnification);
  const close = magnification >= 4 && Math.abs(magnification / near - 1) < 0.021;
  return `×${close ? near : significant(magnification, locale(), 2)}`;
}

function percentText(zoom: number): string {
  const percent = zoom * devicePixelRatio * 100;
  return `${percent < 10 ? significant(percent, locale(), 2) : numberText(percent, locale())} %`;
}

function valueText(image: ImageDetail, zoom: number): string {
  return image.mpp_um ? timesText(magnificationAt(zoom, image.mpp_um)) : percentText(zoom);
}

function hintOf({ magnification, digital }: Step): string {
  const words = messages();
  const dpr = devicePixelRatio === 1 ? null : numberText(devicePixelRatio ** 2, locale(), 2);
  const um = significant(umPerPixel(magnification), locale(), 3);
  const hint = words.magnificationHint(timesText(magnification), um, dpr);
  return digital ? `${hint} (${words.digitalHint})` : hint;
}

function stepButton(stage: Stage, step: Step): HTMLButtonElement {
  const words = messages();
  const name = `×${numberText(step.magnification, locale(), 2)}`;
  return h(
    "button",
    {
      type: "button",
      class: step.digital ? "step digital" : "step",
      title: hintOf(step),
      "aria-pressed": "false",
      "data-zoom": step.zoom,
      onclick: () => stage.zoomTo(step.zoom),
    },
    name,
    step.digital && h("small", {}, ` ${words.digitalShort}`),
  );
}

function photoButton(stage: Stage): HTMLButtonElement {
  return h(
    "button",
    {
      type: "button",
      class: "step",
      title: messages().oneToOne,
      "aria-pressed": "false",
      "data-zoom": 1 / devicePixelRatio,
      onclick: () => stage.zoomTo(1 / devicePixelRatio),
    },
    "100 %",
  );
}

/** The bar of buttons with the value shown; follows the stage by itself. */
export function createMagnifier(stage: Stage, image: ImageDetail): HTMLElement {
  const words = messages();
  const value = h("output", { class: "magnification-value", "aria-live": "off" });
  const digital = h("span", { class: "digital-mark" }, words.digital);
  const spoken = h("span", { class: "visually-hidden", "aria-live": "polite" });
  const fit = h(
    "button",
    {
      type: "button",
      class: "step",
      title: words.fit,
      "aria-pressed": "false",
      onclick: () => stage.fit(),
    },
    words.fitShort,
  );
  const offered = image.mpp_um
    ? steps(image.mpp_um, stage.fitZoom(), devicePixelRatio).map((step) => stepButton(stage, step))
    : [photoButton(stage)];

  const press = (button: HTMLButtonElement, pressed: boolean) =>
    button.setAttribute("aria-pressed", String(pressed));
  stage.on("view", () => {
    const { zoom } = stage.view(true);
    value.textContent = valueText(image, zoom);
    digital.hidden = !isDigital(zoom);
    press(fit, Math.abs(zoom / stage.fitZoom() - 1) < 0.005);
    for (const button of offered)
      press(button, Math.abs(zoom / Number(button.dataset.zoom) - 1) < 0.005);
  });

  let announcing = 0;
  stage.on("rest", () => {
    clearTimeout(announcing);
    announcing = setTimeout(() => {
      const text = valueText(image, stage.view().zoom);
      const sentence = image.mpp_um ? words.magnificationValue(text) : words.zoomValue(text);
      if (spoken.textContent !== sentence) spoken.textContent = sentence;
    }, ANNOUNCE_MS);
  });

  const title = image.mpp_um || image.kind === "photo" ? null : words.magnificationUnknown;
  return h(
    "div",
    { class: "magnifier", role: "group", "aria-label": words.magnification, title },
    h("div", { class: "magnification" }, value, digital, spoken),
    h("div", { class: "steps" }, fit, ...offered),
  );
}

/** The zooms that the number keys choose: ×5, ×10, ×20, ×40, or 1:1 for what has no spacing. */
export function keyZooms(image: ImageDetail): number[] {
  if (!image.mpp_um) return [1 / devicePixelRatio];
  return steps(image.mpp_um, 0, devicePixelRatio)
    .filter(({ magnification }) => magnification >= 5)
    .map(({ zoom }) => zoom);
}
