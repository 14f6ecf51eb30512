/** The address of a view: what is at the centre, how large, how turned. */

/** `x`, `y` in pixels of level 0; `zoom` in CSS pixels per image pixel; `rotation` in degrees. */
export interface View {
  x: number;
  y: number;
  zoom: number;
  rotation: number;
}

export function normalised(rotation: number): number {
  const turned = ((rotation % 360) + 360) % 360;
  return Math.abs(turned - 360) < 1e-9 ? 0 : turned;
}

function finite(text: string | null): number | null {
  if (text === null || text.trim() === "") return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

/** The view an address asks for; null unless it says where and how large. */
export function parseView(search: string): View | null {
  const query = new URLSearchParams(search);
  const [x, y, zoom] = ["x", "y", "zoom"].map((name) => finite(query.get(name)));
  if (x == null || y == null || zoom == null || zoom <= 0) return null;
  return { x, y, zoom, rotation: normalised(finite(query.get("rotation")) ?? 0) };
}

const rounded = (value: number, decimals: number) => String(Number(value.toFixed(decimals)));

/**
 * Hundredths of a pixel and nine digits of zoom: reopening moves nothing that can be seen. `within`
 * is the case that is read on in.
 */
export function formatView(view: View, within?: string): string {
  return `?${new URLSearchParams({
    x: rounded(view.x, 2),
    y: rounded(view.y, 2),
    zoom: String(Number(view.zoom.toPrecision(9))),
    rotation: rounded(normalised(view.rotation), 2),
    ...(within ? { case: within } : {}),
  })}`;
}
