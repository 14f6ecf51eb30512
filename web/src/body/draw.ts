/** A drawing as SVG: the skin, its lines, and the site that is pointed at or chosen. */

import { messages } from "../i18n";
import { DRAWINGS, type MapView } from "./drawings";
import type { Region } from "./drawings/drawing";
import { curve } from "./geometry";

const SVG = "http://www.w3.org/2000/svg";

let drawn = 0;

function element<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Record<string, string | number>,
  ...children: Node[]
): SVGElementTagNameMap[K] {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

export interface Drawn {
  svg: SVGSVGElement;
  /** Shows the areas in the colour of what is chosen, or of what is pointed at. */
  light: (kind: "chosen" | "pointed", regions: readonly Region[]) => void;
  /** The drawing around a point, three times as large, under a cross. */
  loupe: (x: number, y: number) => SVGSVGElement;
}

const LOUPE = 46;

export function draw(view: MapView): Drawn {
  drawn += 1;
  const { width, height, outlines, details, captions } = DRAWINGS[view];
  const [skin, all] = [`skin-${drawn}`, `body-${drawn}`];
  const words = messages().body;
  const shapes = outlines.map((lines) => `${curve(...lines)}Z`);
  const lights = {
    pointed: element("g", { class: "body-pointed", "clip-path": `url(#${skin})` }),
    chosen: element("g", { class: "body-lit", "clip-path": `url(#${skin})` }),
  };
  const light = (kind: "chosen" | "pointed", lit: readonly Region[]) =>
    lights[kind].replaceChildren(
      ...lit.map(({ area }) => element("polygon", { points: area.map(String).join(" ") })),
    );
  const svg = element(
    "svg",
    {
      viewBox: `0 0 ${width} ${height}`,
      class: "body-drawing",
      role: "img",
      "aria-label": words.drawing(words.views[view]),
    },
    element(
      "g",
      { id: all },
      element("clipPath", { id: skin }, ...shapes.map((d) => element("path", { d }))),
      ...shapes.map((d) => element("path", { d, class: "body-skin" })),
      lights.pointed,
      lights.chosen,
      ...details.map((lines) => element("path", { d: curve(...lines), class: "body-detail" })),
    ),
    ...captions.map(({ words: which, x, y }) =>
      element("text", { x, y, class: "body-caption" }, new Text(words.captions[which])),
    ),
  );
  const loupe = (x: number, y: number) => {
    const [left, top] = [x * width - LOUPE / 2, y * height - LOUPE / 2];
    return element(
      "svg",
      { viewBox: `${left} ${top} ${LOUPE} ${LOUPE}`, class: "body-loupe", "aria-hidden": "true" },
      element("use", { href: `#${all}` }),
      element("path", {
        class: "body-cross",
        d: `M${x * width - 5} ${y * height}h10M${x * width} ${y * height - 5}v10`,
      }),
    );
  };
  return { svg, light, loupe };
}
