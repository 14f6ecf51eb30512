/** The field on screen, taken away as a picture of its own. */

import { type ImageDetail, mayContribute } from "../api";
import { h, iconButton } from "../dom";
import { messages } from "../i18n";
import { isLinked } from "../link";
import { openExport } from "../out/export";
import { fieldOf } from "./region";
import type { Stage } from "./stage";

/** The button that asks how the field is to leave; for those who may let pictures leave. */
export function fieldExport(stage: Stage, image: ImageDetail, name: string): HTMLElement {
  const button = iconButton("download", messages().out.field, () => {
    const { x, y } = stage.osd.viewport.getContainerSize();
    const region = fieldOf(stage.view(), { width: x, height: y }, image);
    if (region) openExport(new Map([[image.id, name]]), region);
  });
  const group = h("div", { class: "tool-group", hidden: true }, button);
  if (image.state === "published" && !isLinked() && !image.lent)
    void mayContribute().then(
      (may) => {
        group.hidden = !may;
      },
      () => group.remove(),
    );
  return group;
}
