/** Photographing a patient: the sessions of today, and the one that is open. */

import "../styles/deposit/page.css";
import "../styles/deposit/whose.css";
import "../styles/capture/page.css";
import "../styles/capture/start.css";
import "../styles/capture/shoot.css";
import "../styles/capture/sort.css";
import "../styles/capture/sheet.css";
import "../styles/capture/send.css";
import "../styles/capture/card.css";
import { Live } from "../capture/live";
import { SessionPage } from "../capture/page";
import { startPage } from "../capture/start";
import { h } from "../dom";
import { pageFooter, pageHeader } from "../header";
import { messages } from "../i18n";
import type { Page } from "../router";
import { problemOf, showProblem } from "./problem";

export function capturePage(session: string | null): Page {
  return session === null ? startPage : sessionPage(session);
}

function sessionPage(id: string): Page {
  return async (outlet, signal) => {
    const again = () => void sessionPage(id)(outlet, signal);
    const words = messages();
    outlet.replaceChildren(h("p", { class: "capture-loading", role: "status" }, words.loading));
    try {
      const live = await Live.open(id, signal);
      if (signal.aborted) return;
      outlet.replaceChildren(new SessionPage(live, signal).element);
    } catch (error) {
      if (signal.aborted) return;
      showProblem(outlet, problemOf(error), again, signal);
      outlet.prepend(pageHeader());
      outlet.append(pageFooter());
    }
  };
}
