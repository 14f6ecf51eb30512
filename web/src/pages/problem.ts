/** The page shown in place of what could not be had: what is wrong, and what to do. */

import { ApiError } from "../api";
import { connectionLost, onNextRecovery } from "../connection";
import { h, type IconName, icon } from "../dom";
import { messages } from "../i18n";
import type { Messages } from "../i18n/fr";
import { isLinked } from "../link";

export type Problem = keyof Messages["problem"];

const ICON: Record<Problem, IconName> = {
  session: "lock",
  link: "lock",
  forbidden: "lock",
  missing: "missing",
  network: "cloudOff",
  server: "warning",
  refused: "warning",
  image: "warning",
};

const RETRIED: Problem[] = ["network", "server", "image", "session"];

export function problemOf(error: unknown): Problem {
  if (!(error instanceof ApiError)) return "server";
  if (error.status === 0) return "network";
  if (error.status === 401) return isLinked() ? "link" : "session";
  if (error.status === 403) return "forbidden";
  if (error.status === 404 || error.status === 410) return "missing";
  return "server";
}

/** Fills `outlet` with the page for `problem`; a lost network is tried again by itself. */
export function showProblem(
  outlet: HTMLElement,
  problem: Problem,
  retry: () => void,
  signal: AbortSignal,
): void {
  const words = messages();
  const { title, text } = words.problem[problem];
  document.documentElement.dataset.viewer = "error";
  outlet.replaceChildren(
    h(
      "main",
      { id: "main", tabindex: -1, class: "problem", "data-problem": problem },
      h("div", { class: "problem-icon" }, icon(ICON[problem])),
      h("h1", {}, title),
      h("p", {}, text),
      h(
        "p",
        { class: "actions" },
        RETRIED.includes(problem) &&
          h("button", { type: "button", class: "button primary", onclick: retry }, words.retry),
        problem !== "session" && !isLinked() && h("a", { class: "button", href: "/" }, words.back),
      ),
    ),
  );
  if (problem !== "network") return;
  connectionLost();
  onNextRecovery(retry, signal);
}
