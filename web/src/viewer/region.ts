/** Which part of an image a view shows. */

import type { Region } from "../out/calls";
import type { View } from "./deeplink";

interface Extents {
  width: number;
  height: number;
}

/**
 * The part of an image that a view of that many CSS pixels shows, upright and in whole pixels; of a
 * turned one the box around it. Null where nothing of the image is in sight.
 */
export function fieldOf(view: View, screen: Extents, image: Extents): Region | null {
  const angle = (view.rotation * Math.PI) / 180;
  const [cos, sin] = [Math.abs(Math.cos(angle)), Math.abs(Math.sin(angle))];
  const wide = (screen.width * cos + screen.height * sin) / view.zoom;
  const high = (screen.width * sin + screen.height * cos) / view.zoom;
  const within = (value: number, most: number) => Math.min(Math.max(Math.round(value), 0), most);
  const left = within(view.x - wide / 2, image.width);
  const top = within(view.y - high / 2, image.height);
  const width = within(view.x + wide / 2, image.width) - left;
  const height = within(view.y + high / 2, image.height) - top;
  return width > 0 && height > 0 ? { x: left, y: top, width, height } : null;
}
