/** A dial that turns the image: dragged, or moved with the arrow keys. */

import { h } from "../dom";
import { numberText } from "../format";
import { locale, messages } from "../i18n";
import { normalised } from "./deeplink";
import type { Stage } from "./stage";

const KEY_STEP: Record<string, number> = {
  ArrowRight: 1,
  ArrowUp: 1,
  ArrowLeft: -1,
  ArrowDown: -1,
  PageUp: 15,
  PageDown: -15,
};

/** Degrees clockwise from the top, -179 to 180. */
function signed(rotation: number): number {
  const turned = normalised(Math.round(rotation));
  return turned > 180 ? turned - 360 : turned;
}

export function createDial(stage: Stage): HTMLElement {
  const words = messages();
  const needle = h("span", { class: "dial-needle" });
  const reading = h("span", { class: "dial-value" });
  const dial = h(
    "div",
    {
      class: "dial",
      role: "slider",
      tabindex: 0,
      title: words.rotationHint,
      "aria-label": words.rotation,
      "aria-valuemin": -180,
      "aria-valuemax": 180,
      "aria-valuenow": 0,
    },
    h("span", { class: "dial-face" }, needle),
    reading,
  );

  stage.on("view", () => {
    const rotation = stage.view(true).rotation;
    const degrees = signed(rotation);
    needle.style.transform = `rotate(${rotation}deg)`;
    reading.textContent = `${numberText(degrees, locale())}°`;
    dial.setAttribute("aria-valuenow", String(degrees));
    dial.setAttribute("aria-valuetext", reading.textContent);
    dial.classList.toggle("turned", degrees !== 0);
  });

  const turnTo = (event: PointerEvent) => {
    const box = dial.getBoundingClientRect();
    const x = event.clientX - box.left - box.width / 2;
    const y = event.clientY - box.top - box.height / 2;
    const degrees = (Math.atan2(x, -y) * 180) / Math.PI;
    stage.rotateTo(Math.round(event.shiftKey ? Math.round(degrees / 15) * 15 : degrees), true);
  };
  // Turned by pointer it takes no focus: the arrow keys go on moving the image.
  dial.addEventListener("mousedown", (event) => event.preventDefault());
  let moved = false;
  dial.addEventListener("pointerdown", (event) => {
    moved = false;
    dial.setPointerCapture(event.pointerId);
  });
  dial.addEventListener("pointermove", (event) => {
    if (!dial.hasPointerCapture(event.pointerId)) return;
    moved ||= Math.abs(event.movementX) + Math.abs(event.movementY) > 0;
    if (moved) turnTo(event);
  });
  dial.addEventListener("keydown", (event) => {
    const step = KEY_STEP[event.key];
    if (step !== undefined)
      stage.rotateTo(stage.view().rotation + step * (event.shiftKey ? 15 : 1));
    else if (event.key === "Enter" || event.key === "Home") stage.rotateTo(0);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return dial;
}
