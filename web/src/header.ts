/** The head and foot of the list pages, and the language switch that every page carries. */

import { getVersion } from "./api";
import mark from "./assets/mark.svg";
import { h } from "./dom";
import { chooseLanguage, language, messages } from "./i18n";
import { refresh } from "./router";

export function languageButton(): HTMLButtonElement {
  const words = messages();
  const other = language() === "fr" ? "en" : "fr";
  return h(
    "button",
    {
      type: "button",
      class: "button quiet language",
      lang: other,
      title: words.switchLanguageLabel,
      "aria-label": `${other.toUpperCase()}: ${words.switchLanguageLabel}`,
      onclick: () => {
        chooseLanguage(other);
        refresh();
      },
    },
    h("span", { class: "wide-only" }, other.toUpperCase()),
    h("span", { class: "narrow-only" }, words.switchLanguage),
  );
}

export function pageHeader(): HTMLElement {
  return h(
    "header",
    { class: "page-header" },
    h(
      "a",
      { class: "brand", href: "/" },
      h("img", { src: mark, alt: "", width: 32, height: 32 }),
      h("span", {}, messages().product),
    ),
    languageButton(),
  );
}

export function pageFooter(): HTMLElement {
  const words = messages();
  const version = h("span", {});
  void getVersion().then((number) => {
    if (number) version.textContent = words.version(number);
  });
  return h(
    "footer",
    { class: "page-footer" },
    h("span", { title: words.noticeLong }, words.notice),
    version,
    h("a", { href: LICENCES, target: "_blank" }, words.licences),
  );
}
