/** The overview that leads to a lesion, with its pins: this lesion's, and those beside it. */

import { type Child, h, icon } from "../dom";
import { messages } from "../i18n";
import { lesionPath, viewPath } from "../router";
import type { Overview } from "./calls";
import { momentDay } from "./words";

/** The latest one with its pins, the others by their days; nothing where there is none. */
export function overviewPanel(lesion: string, overviews: Overview[]): Child {
  const [latest, ...others] = overviews;
  if (!latest) return null;
  const words = messages().lesions;
  return h(
    "section",
    { class: "panel overviews", "aria-labelledby": "overviews" },
    h("h2", { id: "overviews" }, words.overview),
    located(lesion, latest),
    others.length > 0 && h("ul", {}, ...others.map((one) => h("li", {}, dayLink(one)))),
  );
}

function located(lesion: string, overview: Overview): HTMLElement {
  const words = messages().lesions;
  const picture = overview.covered
    ? h("p", { class: "faint" }, icon("lock"), messages().cover.short[overview.covered])
    : h(
        "div",
        { class: "overview-stage" },
        h(
          "a",
          { href: viewPath(overview.image) },
          h("img", { src: overview.thumbnail, alt: words.openOverview, decoding: "async" }),
        ),
        ...overview.pins.map((pin) => pinOf(lesion, pin)),
      );
  return h("figure", {}, picture, h("figcaption", {}, dayLink(overview)));
}

function dayLink({ image, taken_at }: Overview): HTMLElement {
  return h("a", { href: viewPath(image) }, momentDay(taken_at));
}

/** This lesion's pin stands out and leads nowhere; another's leads to its page. */
function pinOf(lesion: string, pin: Overview["pins"][number]): HTMLElement {
  const words = messages().lesions;
  const isThis = pin.lesion === lesion;
  const name = isThis ? words.pinHere(pin.number) : words.name(pin.number);
  const element = isThis
    ? h("span", { class: "body-pin overview-pin", role: "img", "aria-label": name }, pin.number)
    : h(
        "a",
        { class: "body-pin overview-pin beside", href: lesionPath(pin.lesion), "aria-label": name },
        pin.number,
      );
  element.title = name;
  element.style.left = `${100 * pin.x}%`;
  element.style.top = `${100 * pin.y}%`;
  return element;
}
