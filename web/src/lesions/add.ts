/** The dialog for a new lesion: a touch of the drawing, a word, a day. */

import { bodyMap, type Pin, type Place } from "../body/map";
import { bodySites } from "../body/sites";
import { isWhole } from "../body/words";
import { rememberedOperator } from "../capture/operator";
import { h, iconButton } from "../dom";
import { messages } from "../i18n";
import { told } from "../told";
import { type Lesion, makeLesion } from "./calls";
import { dayOf } from "./model";

/** Asks where a new lesion is; calls back once it is made. */
export function askLesion(
  patient: string,
  pins: readonly Pin[],
  made: (lesion: Lesion) => void,
): void {
  const words = messages().lesions;
  let place: Place | null = null;
  const trouble = h("p", { class: "form-trouble", role: "alert" });
  const map = bodyMap({
    pins,
    onChoose: (chosen) => {
      place = chosen;
      trouble.textContent = "";
    },
  });
  const label = h("input", { id: "lesion-label", maxlength: 64, placeholder: words.labelHint });
  const today = dayOf(new Date());
  const day = h("input", { id: "lesion-day", type: "date", value: today, max: today });

  const save = async (event: Event) => {
    event.preventDefault();
    const sites = await bodySites().catch(() => []);
    if (!isWhole(place, sites)) {
      trouble.textContent = place ? words.needSide : words.needPlace;
      return;
    }
    const { site, position } = place;
    const side = place.side === "B" ? null : place.side;
    const by = rememberedOperator()?.name ?? "";
    const first_seen = day.value;
    const said = { patient, site, side, position, label: label.value, first_seen, by };
    try {
      const lesion = await makeLesion(said);
      dialog.close();
      made(lesion);
    } catch (error) {
      trouble.textContent = told(error, words.failed);
    }
  };
  const dialog = h(
    "dialog",
    { class: "lesion-dialog", "aria-labelledby": "lesion-add-title" },
    h(
      "form",
      { onsubmit: (event: Event) => void save(event) },
      h(
        "div",
        { class: "lesion-dialog-head" },
        h("h2", { id: "lesion-add-title" }, words.addTitle),
        iconButton("close", messages().close, () => dialog.close()),
      ),
      map.element,
      h(
        "div",
        { class: "lesion-fields" },
        h("div", {}, h("label", { for: "lesion-label" }, words.label), label),
        h("div", {}, h("label", { for: "lesion-day" }, words.firstSeenOn), day),
      ),
      trouble,
      h(
        "div",
        { class: "lesion-actions" },
        h(
          "button",
          { type: "button", class: "button", onclick: () => dialog.close() },
          words.cancel,
        ),
        h("button", { type: "submit", class: "button primary" }, words.save),
      ),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
