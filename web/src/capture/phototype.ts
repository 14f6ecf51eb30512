/** The patient's phototype (Fitzpatrick): said once by a tap, and written in every picture. */

import { h } from "../dom";
import { messages } from "../i18n";
import { phototypeOf } from "./judging";
import type { Live } from "./live";
import { isOf } from "./model";
import { named } from "./redraw";

export const ROMAN = ["I", "II", "III", "IV", "V", "VI"] as const;

/** « III »; null where nobody said it. */
export function phototypeText(phototype: number | null): string | null {
  return phototype === null ? null : (ROMAN[phototype - 1] ?? null);
}

export function phototypeSection(live: Live): HTMLElement {
  const words = messages().capture.phototype;
  const now = phototypeOf(live.session);
  const say = (phototype: number | null) => {
    const names = live.session.shots.filter(isOf).map(({ name }) => name);
    live.happen({ what: "given", names, stated: { phototype } });
  };
  return h(
    "section",
    { class: "send-part phototype" },
    h("h2", { id: "phototype" }, words.title),
    h(
      "div",
      { class: "segments", role: "group", "aria-labelledby": "phototype" },
      ...ROMAN.map((roman, at) => {
        const isNow = now === at + 1;
        return h(
          "button",
          {
            ...named(`phototype-${at + 1}`),
            type: "button",
            "aria-pressed": String(isNow),
            "aria-label": `${roman} : ${words.skin[at]}`,
            title: words.skin[at],
            onclick: () => say(isNow ? null : at + 1),
          },
          roman,
        );
      }),
    ),
    h("p", { class: "faint" }, now === null ? words.hint : words.skin[now - 1]),
  );
}
