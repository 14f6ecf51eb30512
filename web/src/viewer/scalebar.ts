/** The scale bar at the foot of the image, or the reason why there is none. */

import type { ImageDetail } from "../api";
import { h } from "../dom";
import { lengthText } from "../format";
import { locale, messages } from "../i18n";
import { horizontalUmPerPixel, scaleBar } from "./scale";
import type { Stage } from "./stage";

const WIDEST_PX = 170;
const WIDEST_SHARE = 0.34;

export function createScaleBar(stage: Stage, image: ImageDetail): HTMLElement {
  const words = messages();
  const { mpp_um } = image;
  if (!mpp_um) {
    const reason = image.kind === "slide" ? words.noScaleSlide : words.noScalePhoto;
    return h("div", { class: "scale none" }, reason);
  }
  const bar = h("span", { class: "scale-bar" });
  const label = h("span", { class: "scale-label" });
  const element = h("div", { class: "scale", role: "img" }, label, bar);
  stage.on("view", () => {
    const { zoom, rotation } = stage.view(true);
    const room = Math.min(WIDEST_PX, stage.osd.container.clientWidth * WIDEST_SHARE);
    const chosen = scaleBar(horizontalUmPerPixel(mpp_um, zoom, rotation), room);
    if (!chosen) return;
    bar.style.width = `${chosen.width_px}px`;
    label.textContent = lengthText(chosen.length_um, locale());
    element.setAttribute("aria-label", words.scale(label.textContent));
  });
  return element;
}
