/** Draws tiles on whole physical pixels, so that at 1:1 the screen shows the stored pixels. */

import OpenSeadragon from "openseadragon";

/** What OpenSeadragon's canvas drawer does with a tile, as far as this module touches it. */
type DrawTile = (
  tile: OpenSeadragon.Tile,
  image: OpenSeadragon.TiledImage,
  useSketch: boolean,
  scale: number | undefined,
  ...rest: unknown[]
) => void;

interface DrawnWith {
  viewer: OpenSeadragon.Viewer;
  _drawTile: DrawTile;
}

const inherited = OpenSeadragon.CanvasDrawer.prototype as unknown as DrawnWith;

function isUpright(viewer: OpenSeadragon.Viewer): boolean {
  return viewer.viewport.getRotation(true) % 90 === 0;
}

/**
 * The canvas drawer, except that it neither stretches tiles by a pixel to hide seams nor places
 * them between pixels: it rounds their edges, which leaves no seam and resamples nothing at 1:1.
 */
export class ExactDrawer extends OpenSeadragon.CanvasDrawer {
  minimumOverlapRequired(): boolean {
    return !isUpright((this as unknown as DrawnWith).viewer);
  }

  _drawTile(...[tile, image, useSketch, scale, ...rest]: Parameters<DrawTile>): void {
    const { viewer } = this as unknown as DrawnWith;
    if (scale === undefined && isUpright(viewer)) roundEdges(tile);
    inherited._drawTile.call(this, tile, image, useSketch, scale, ...rest);
  }
}

function roundEdges(tile: OpenSeadragon.Tile): void {
  const { position, size } = tile;
  if (!position || !size) return;
  const ratio = OpenSeadragon.pixelDensityRatio;
  const round = (value: number) => Math.round(value * ratio) / ratio;
  const left = round(position.x);
  const top = round(position.y);
  const right = round(position.x + size.x);
  const bottom = round(position.y + size.y);
  tile.position = new OpenSeadragon.Point(left, top);
  tile.size = new OpenSeadragon.Point(right - left, bottom - top);
}
