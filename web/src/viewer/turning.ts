/** Turning the image by hand: shift-drag with a mouse, two fingers on a touch screen. */

import type OpenSeadragon from "openseadragon";

/** Fingers that pinch always turn a little; only beyond this angle is it meant. */
const DEAD_ZONE = 12;
/** A turn let go this near to a quarter is taken as one. */
const CATCH = 4;

const degrees = (radians: number) => (radians * 180) / Math.PI;

function difference(to: number, from: number): number {
  return degrees(Math.atan2(Math.sin(to - from), Math.cos(to - from)));
}

export function addTurning(osd: OpenSeadragon.Viewer): void {
  const catchQuarter = () => {
    const rotation = osd.viewport.getRotation();
    const quarter = Math.round(rotation / 90) * 90;
    if (rotation !== quarter && Math.abs(rotation - quarter) < CATCH)
      osd.viewport.setRotation(quarter);
  };

  let dragged = false;
  osd.addHandler("canvas-drag", (event) => {
    if (!event.shift) return;
    event.preventDefaultAction = true;
    dragged = true;
    const { x, y } = osd.viewport.getContainerSize();
    const angle = (px: number, py: number) => Math.atan2(py - y / 2, px - x / 2);
    const before = angle(event.position.x - event.delta.x, event.position.y - event.delta.y);
    const turn = difference(angle(event.position.x, event.position.y), before);
    osd.viewport.setRotation(osd.viewport.getRotation() + turn, true);
  });
  osd.addHandler("canvas-drag-end", (event) => {
    if (!dragged) return;
    dragged = false;
    event.preventDefaultAction = true;
    catchQuarter();
  });

  let twist = 0;
  let pinching = false;
  osd.addHandler("canvas-pinch", (event) => {
    pinching = true;
    const [first, second] = event.gesturePoints;
    if (!first || !second || Math.abs(twist) > DEAD_ZONE) return;
    const angle = (a: OpenSeadragon.Point, b: OpenSeadragon.Point) =>
      Math.atan2(a.y - b.y, a.x - b.x);
    twist += difference(
      angle(first.currentPos, second.currentPos),
      angle(first.lastPos, second.lastPos),
    );
    event.preventDefaultRotateAction = true;
  });
  osd.addHandler("canvas-release", () => {
    if (pinching && Math.abs(twist) > DEAD_ZONE) catchQuarter();
    pinching = false;
    twist = 0;
  });
}
