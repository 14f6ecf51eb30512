/** A QR code as a drawing, with the quiet margin that cameras need. */

const MARGIN = 4;
const SVG = "http://www.w3.org/2000/svg";

/** The dark modules as one path, a stroke for each run of a row. */
export function pathOf(modules: string[]): string {
  const runs = modules.flatMap((row, y) =>
    [...row.matchAll(/1+/g)].map(
      ({ index, 0: run }) => `M${index + MARGIN} ${y + MARGIN}h${run.length}v1h-${run.length}z`,
    ),
  );
  return runs.join("");
}

export function qrCode(modules: string[], words: string): SVGSVGElement {
  const side = modules.length + 2 * MARGIN;
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", `0 0 ${side} ${side}`);
  svg.setAttribute("class", "qr-code");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", words);
  svg.setAttribute("shape-rendering", "crispEdges");
  path.setAttribute("d", pathOf(modules));
  svg.append(path);
  return svg;
}
