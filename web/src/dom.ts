/** Building the page: elements and icons without a framework and without inline markup. */

export type Child = Node | string | number | null | undefined | false;
type Listener = (event: never) => void;
export type Attributes = Record<string, string | number | boolean | null | undefined | Listener>;

/** An element; attributes named `onclick`, `oninput`… take listeners, `null` and `false` are left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function")
      element.addEventListener(name.slice(2), value as unknown as EventListener);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter(isShown).map(toNode));
  return element;
}

function isShown(child: Child): child is Node | string | number {
  return child !== null && child !== undefined && child !== false;
}

function toNode(child: Node | string | number): Node | string {
  return typeof child === "number" ? String(child) : child;
}

const ICONS = {
  back: "M15 5l-7 7 7 7",
  close: "M6 6l12 12M18 6L6 18",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V5a1 1 0 0 1 1-1h4M15 4h4a1 1 0 0 1 1 1v4M20 15v4a1 1 0 0 1-1 1h-4M9 20H5a1 1 0 0 1-1-1v-4M9 9h6v6H9z",
  rotateRight: "M20 5v5h-5M19.500 10A8 8 0 1 0 20 13.500",
  rotateLeft: "M4 5v5h5M4.500 10A8 8 0 1 1 4 13.500",
  upright: "M12 20V5M6 11l6-6 6 6",
  map: "M4 5h16v14H4zM12 11h5v5h-5z",
  fullscreen: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  info: "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M12 11v5.500M12 7.500v.1",
  help: "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M9.500 9.500a2.500 2.500 0 1 1 3.600 2.300c-.8.400-1.100.900-1.100 1.700M12 16.800v.1",
  link: "M10 14a4 4 0 0 0 5.700 0l3-3a4 4 0 0 0-5.700-5.700l-1.200 1.200M14 10a4 4 0 0 0-5.700 0l-3 3a4 4 0 0 0 5.700 5.700l1.200-1.200",
  search: "M11 4a7 7 0 1 0 0 14a7 7 0 0 0 0-14M16.200 16.200L21 21",
  strip: "M4 4h16v16H4zM4 15h16",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  wait: "M7 3h10M7 21h10M8 3v3c0 3 8 5 8 9v6M16 3v3c0 3-8 5-8 9v6",
  cloudOff:
    "M4 4l16 16M8 8.500A5 5 0 0 0 7 18h9.500M19.500 16.800A4 4 0 0 0 17 10a5.500 5.500 0 0 0-6-3.900",
  missing: "M4 5h16v14H4zM4 5l16 14M20 5L4 19",
  warning: "M12 4l9 16H3zM12 10v4.500M12 17.300v.1",
  upload: "M12 16V5M7.500 9L12 4.500L16.500 9M4 15v4a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-4",
  download: "M12 4.500V16M7.500 11.500L12 16l4.500-4.500M4 15v4a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-4",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  folder: "M3 6h6l2 2.500h10V19H3z",
  pause: "M8.500 5v14M15.500 5v14",
  play: "M8 5l11 7l-11 7z",
  advice: "M4 5h16v11h-9.500L6 20v-4H4z",
  phone: "M7 3h10v18H7zM10.500 18h3",
  retry: "M20 5v5h-5M19.500 10A8 8 0 1 0 20 13.500",
  person: "M12 4a4 4 0 1 0 0 8a4 4 0 0 0 0-8M4.500 20.500a7.500 7.500 0 0 1 15 0",
  check: "M5 12.500l4.500 4.500L19 7.500",
  slide: "M3 8h18v8H3zM8 8v8",
  forth: "M9 5l7 7-7 7",
  more: "M6 9.500l6 6 6-6",
  sort: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM14.500 16.500l2 2 3.500-4",
  enlarge: "M14 4h6v6M10 20H4v-6M20 4l-7 7M4 20l7-7",
  light: "M8 3h8l-2.500 8h4L9 21l2-8H7z",
  place:
    "M12 21c4.500-5 6.500-8 6.500-11a6.500 6.500 0 0 0-13 0c0 3 2 6 6.500 11M12 8a2 2 0 1 0 0 4a2 2 0 0 0 0-4",
  lesion: "M12 4a8 8 0 1 0 0 16a8 8 0 0 0 0-16M12 10a2 2 0 1 0 0 4a2 2 0 0 0 0-4",
  compare: "M3.500 5.500h7v13h-7zM13.500 5.500h7v13h-7z",
  ruler: "M3 8.500h18v7H3zM7 8.500v3M11 8.500v4M15 8.500v3M19 8.500v2",
  photo: "M4 8h3.500L9 5.500h6L16.500 8H20v11H4zM12 10a3.500 3.500 0 1 0 0 7a3.500 3.500 0 0 0 0-7",
} as const;

export type IconName = keyof typeof ICONS;

const SVG = "http://www.w3.org/2000/svg";

/** A line icon of 24 units; decorative, so the control around it carries the words. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A square button that shows only an icon; the words serve as tooltip and accessible name. */
export function iconButton(
  name: IconName,
  words: string,
  onClick: () => void,
  attributes: Attributes = {},
): HTMLButtonElement {
  return h(
    "button",
    {
      type: "button",
      class: "icon-button",
      title: words,
      "aria-label": words,
      onclick: onClick,
      ...attributes,
    },
    icon(name),
  );
}
