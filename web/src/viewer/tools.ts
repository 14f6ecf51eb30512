/** The tool column beside the image. */

import { h, icon, iconButton } from "../dom";
import { messages } from "../i18n";
import { isLinked } from "../link";
import { notify } from "../notice";
import { formatView } from "./deeplink";
import { createDial } from "./dial";
import type { Stage } from "./stage";

export interface Actions {
  toggleNavigator: () => void;
  toggleFullscreen: () => void;
  toggleFacts: () => void;
  toggleReports: () => void;
  showHelp: () => void;
}

/** Copies the address of the view; where the browser forbids it, shows it ready to copy. */
export async function copyLink(stage: Stage): Promise<void> {
  const words = messages();
  const address = location.origin + location.pathname + formatView(stage.view());
  try {
    await navigator.clipboard.writeText(address);
    notify([words.copied]);
  } catch {
    const field = h("input", { type: "text", readonly: true, value: address });
    notify([h("label", {}, words.copyByHand, field)], { stays: true });
    field.select();
  }
}

export function toggleFullscreen(): void {
  // The whole page goes full screen, so that the patient's name stays in sight.
  if (document.fullscreenElement) void document.exitFullscreen();
  else void document.documentElement.requestFullscreen();
}

export function createTools(stage: Stage, actions: Actions, signal: AbortSignal): HTMLElement {
  const words = messages();
  const upright = iconButton("upright", words.rotateReset, () => stage.rotateTo(0), {
    hidden: true,
  });
  stage.on("view", () => {
    upright.hidden = stage.view().rotation === 0;
  });
  const group = (...buttons: (HTMLElement | false)[]) =>
    h("div", { class: "tool-group" }, ...buttons);
  const wide = { class: "icon-button wide-only" };
  return h(
    "div",
    { class: "tools", role: "toolbar", "aria-label": words.tools, "aria-orientation": "vertical" },
    group(
      iconButton("plus", words.zoomIn, () => stage.zoomBy(1.6)),
      iconButton("minus", words.zoomOut, () => stage.zoomBy(1 / 1.6)),
      iconButton("fit", words.fit, () => stage.fit()),
    ),
    group(
      iconButton("rotateLeft", words.rotateLeft, () => stage.rotateQuarter(-1), wide),
      createDial(stage),
      iconButton("rotateRight", words.rotateRight, () => stage.rotateQuarter(1)),
      upright,
    ),
    group(
      iconButton("map", words.navigator, actions.toggleNavigator, { "data-toggle": "navigator" }),
      document.fullscreenEnabled && fullscreenButton(actions.toggleFullscreen, signal),
      !isLinked() && iconButton("link", words.copyLink, () => void copyLink(stage)),
    ),
  );
}

function fullscreenButton(toggle: () => void, signal: AbortSignal): HTMLButtonElement {
  const words = messages();
  const button = iconButton("fullscreen", words.fullscreen, toggle, {
    class: "icon-button wide-only",
  });
  const rename = () => {
    const name = document.fullscreenElement ? words.fullscreenExit : words.fullscreen;
    button.title = name;
    button.setAttribute("aria-label", name);
  };
  document.addEventListener("fullscreenchange", rename, { signal });
  return button;
}

/** The buttons that open the drawer and the help, for the page's header. */
export function createHeaderTools(actions: Actions): HTMLElement[] {
  const words = messages();
  const facts = h(
    "button",
    {
      type: "button",
      class: "button quiet",
      title: words.facts,
      "aria-expanded": "false",
      "aria-controls": "facts",
      "data-toggle": "facts",
      onclick: actions.toggleFacts,
    },
    icon("info"),
    h("span", { class: "wide-only" }, words.factsTitle),
  );
  facts.setAttribute("aria-label", words.factsTitle);
  return [facts, iconButton("help", words.help, actions.showHelp)];
}
