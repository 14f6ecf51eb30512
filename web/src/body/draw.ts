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
  const { width, height, outlines, details, regions, captions } = DRAWINGS[view];
  const [skin, all] = [`skin-${drawn}`, `body-${drawn}`];
  const cuts = { pointed: `pointed-${drawn}`, chosen: `chosen-${drawn}` };
  const words = messages().body;
  const shapes = outlines.map((lines) => `${curve(...lines)}Z`);
  const masks = {
    pointed: element("mask", { id: cuts.pointed }),
    chosen: element("mask", { id: cuts.chosen }),
  };
  const lit = (kind: "chosen" | "pointed", name: string) =>
    element("g", { class: name, mask: `url(#${cuts[kind]})` });
  const lights = { pointed: lit("pointed", "body-pointed"), chosen: lit("chosen", "body-lit") };
  const shape = ({ area }: Region, fill: string) =>
    element("polygon", { points: area.map(String).join(" "), fill });
  const light = (kind: "chosen" | "pointed", shown: readonly Region[]) => {
    const first = Math.min(...shown.map((region) => regions.indexOf(region)));
    const above = regions.slice(0, Math.max(0, first)).filter((one) => !shown.includes(one));
    // Only what a touch would give is lit: not what lies above it.
    masks[kind].replaceChildren(
      element("rect", { width, height, fill: "white" }),
      ...(shown.length > 0 ? above : []).map((region) => shape(region, "black")),
    );
    lights[kind].replaceChildren(...shown.map((region) => shape(region, "currentColor")));
  };
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
      masks.pointed,
      masks.chosen,
      element("g", { "clip-path": `url(#${skin})` }, lights.pointed, lights.chosen),
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
