/** The head and foot of the list pages, and the language switch that every page carries. */

import { ask, getVersion, mayContribute, myself } from "./api";
import mark from "./assets/mark.svg";
import { depositPercent } from "./deposit/everywhere";
import { h, type IconName, icon } from "./dom";
import { chooseLanguage, language, messages } from "./i18n";
import { waitingCount } from "./queue/everywhere";
import {
  advicesPath,
  capturePath,
  casesPath,
  depositPath,
  identitiesPath,
  outboxPath,
  phonesPath,
  refresh,
  worklistPath,
} from "./router";

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
    other.toUpperCase(),
  );
}

/** The way to bring images, for those who may; on its way it says how far they have come. */
function depositLink(): HTMLElement {
  const words = messages().deposit;
  const here = location.pathname === depositPath;
  const link = h(
    "a",
    {
      class: "button way deposit-link",
      href: depositPath,
      hidden: true,
      "aria-current": here && "page",
    },
    icon("upload"),
    h("span", {}, words.link),
    depositPercent(),
  );
  // A paired phone takes photographs, and brings nothing else.
  void myself().then(
    ({ role, phone }) => {
      link.hidden = role === "reader" || phone !== null;
    },
    () => undefined, // strangers see how to come in
  );
  return link;
}

/** The way to photograph, for those who may. */
function captureLink(): HTMLElement {
  const link = h(
    "a",
    {
      class: "button way capture-link",
      href: capturePath(),
      hidden: true,
      "aria-current": location.pathname === capturePath() && "page",
    },
    icon("photo"),
    h("span", {}, messages().capture.link),
  );
  void mayContribute().then((may) => {
    link.hidden = !may;
  });
  return link;
}

/** The way to phones, and to what waits on this one. */
function phonesLink(): HTMLElement {
  const words = messages().phones;
  const link = h(
    "a",
    {
      class: "button way phones-link",
      href: phonesPath,
      hidden: true,
      title: words.link,
      "aria-current": location.pathname === phonesPath && "page",
    },
    icon("phone"),
    h("span", { class: "visually-hidden" }, words.link),
    waitingCount(),
  );
  void mayContribute().then((may) => {
    link.hidden = !may;
  });
  return link;
}

/** A way to what readers read: what nobody has read yet, or the cases of the laboratory. */
function readersLink(
  path: string,
  sign: IconName,
  words: { title: string; link: string },
): HTMLElement {
  const link = h(
    "a",
    {
      class: "button way phones-link cases-link",
      href: path,
      hidden: true,
      title: words.title,
      "aria-label": words.title,
      "aria-current": location.pathname.startsWith(path) && "page",
    },
    icon(sign),
    h("span", { class: "way-words" }, words.link),
  );
  // A paired phone takes photographs, and reads nothing.
  void myself().then(
    ({ phone }) => {
      link.hidden = phone !== null;
    },
    () => undefined, // strangers see how to come in
  );
  return link;
}

/** The way to what colleagues ask and answer, with the number of those that have news. */
function adviceLink(): HTMLElement {
  const words = messages().out;
  const count = h("span", { class: "advice-count", hidden: true });
  const link = h(
    "a",
    {
      class: "button way phones-link advice-link",
      href: advicesPath,
      hidden: true,
      title: words.advice,
      "aria-label": words.advice,
      "aria-current": location.pathname.startsWith(advicesPath) && "page",
    },
    icon("advice"),
    count,
  );
  // A paired phone takes photographs, and asks nobody.
  void myself()
    .then(async ({ phone }) => {
      if (phone !== null) return;
      link.hidden = false;
      const { unread } = await ask<{ unread: number }>("GET", "/api/me/advice");
      if (unread === 0) return;
      count.textContent = String(unread);
      count.hidden = false;
      link.title = words.adviceNew(unread);
      link.setAttribute("aria-label", `${words.advice} : ${words.adviceNew(unread)}`);
    })
    .catch(() => undefined); // the page itself says what is wrong
  return link;
}

export function pageHeader(): HTMLElement {
  return h(
    "header",
    { class: "page-header" },
    h(
      "a",
      { class: "brand", href: "/" },
      h("img", { src: mark, alt: "", width: 32, height: 32 }),
      h("span", { class: "brand-name" }, messages().product),
    ),
    h(
      "div",
      { class: "page-tools" },
      captureLink(),
      depositLink(),
      readersLink(worklistPath, "sort", messages().worklist),
      readersLink(casesPath, "slide", messages().cases),
      adviceLink(),
      phonesLink(),
      languageButton(),
    ),
  );
}

/** The ways to what somebody has to see to, for those who may. */
function dutyLink(path: string, label: string): HTMLElement {
  const link = h("a", { href: path, hidden: true }, label);
  void myself().then(
    ({ role, phone }) => {
      link.hidden = role === "reader" || phone !== null;
    },
    () => undefined, // strangers see how to come in
  );
  return link;
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
    dutyLink(outboxPath, messages().outbox.link),
    dutyLink(identitiesPath, messages().identities.link),
    h("a", { href: LICENCES, target: "_blank" }, words.licences),
  );
}
