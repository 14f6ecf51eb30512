/** The list that says what the drawing says: every site by name, for keyboards and screen readers. */

import { h, icon } from "../dom";
import { language, messages } from "../i18n";
import { nameOfSite, type Site, searchSites } from "./sites";

let listed = 0;

export interface SiteList {
  element: HTMLDetailsElement;
  /** Marks the site of that code as chosen, or none. */
  mark: (code: string | null) => void;
}

/** A list of all sites with a search over both languages; `choose` is told what is chosen. */
export function siteList(sites: readonly Site[], choose: (site: Site) => void): SiteList {
  listed += 1;
  const [name, searchId] = [`site-${listed}`, `site-search-${listed}`];
  const words = messages().body;
  const search = h("input", {
    type: "search",
    id: searchId,
    placeholder: words.searchHint,
    autocomplete: "off",
    spellcheck: "false",
  });
  const count = h("p", { class: "body-count faint", role: "status" });
  const options = h("div", { class: "body-sites", role: "radiogroup", "aria-label": words.list });
  let marked: string | null = null;

  const option = (site: Site) => {
    const input = h("input", { type: "radio", name, value: site.code });
    input.checked = site.code === marked;
    input.addEventListener("change", () => {
      marked = site.code;
      choose(site);
    });
    const other = language() === "fr" ? "en" : "fr";
    return h(
      "label",
      { class: "body-site" },
      input,
      h("span", {}, nameOfSite(site, language())),
      h("span", { class: "faint", lang: other }, nameOfSite(site, other)),
    );
  };

  const show = () => {
    const found = searchSites(sites, search.value);
    const sought = search.value.trim() !== "";
    count.textContent = found.length > 0 ? words.found(found.length) : words.none;
    // What was looked for comes closest first; the whole list goes from head to foot, by region.
    options.replaceChildren(
      ...(sought
        ? found.map(option)
        : found.flatMap((site, index) => [
            ...(site.region === found[index - 1]?.region
              ? []
              : [h("p", { class: "body-region" }, regionName(site.region))]),
            option(site),
          ])),
    );
  };
  search.addEventListener("input", show);
  show();

  const element = h(
    "details",
    { class: "body-list" },
    h("summary", {}, words.list),
    h(
      "div",
      { class: "search" },
      h("label", { for: searchId, class: "visually-hidden" }, words.search),
      icon("search"),
      search,
    ),
    count,
    options,
  );
  const mark = (code: string | null) => {
    marked = code;
    for (const input of options.querySelectorAll("input")) input.checked = input.value === code;
    const chosen = options.querySelector("input:checked")?.closest("label");
    if (chosen && element.open)
      options.scrollTop +=
        chosen.getBoundingClientRect().top - options.getBoundingClientRect().top - 60;
  };
  return { element, mark };
}

function regionName(region: string): string {
  const names: Record<string, string> = messages().body.regions;
  return names[region] ?? region;
}
