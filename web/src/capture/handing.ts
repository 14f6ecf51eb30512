/** To whom pictures of a card go: nobody's without a look at name, birth date and sex. */

import type { Patient } from "../api";
import { askWhose } from "../deposit/whose";
import { h, icon } from "../dom";
import { messages } from "../i18n";
import { nameOf, traits } from "../patient";
import { attempt } from "./attempt";
import { listSessions, type SessionSummary } from "./calls";
import { today } from "./live";
import { choice, openSheet } from "./sheet";
import { beginFor, drawnId } from "./start";

/** Shows who is meant; pictures go to them once somebody has said that it is they. */
export function askWhether(patient: Patient, count: number, yes: () => Promise<void>): void {
  const words = messages().capture;
  const sheet = openSheet(words.card.whose(count), [
    h("p", { class: "identity-whose" }, nameOf(patient), traits(patient)),
    h("p", { class: "faint" }, words.card.whoseText),
    h(
      "footer",
      {},
      h(
        "button",
        {
          type: "button",
          class: "button primary",
          onclick: () => {
            sheet.close();
            void attempt(yes);
          },
        },
        icon("check"),
        words.identityConfirm,
      ),
    ),
  ]);
}

/** Asks which other visit the pictures are of: one of today that is open, or a new one. */
export function askOther(
  here: SessionSummary,
  count: number,
  give: (session: SessionSummary) => Promise<void>,
): void {
  const words = messages().capture;
  const confirm = (session: SessionSummary) =>
    askWhether(session.patient, count, () => give(session));
  const begin = () => {
    sheet.close();
    askWhose(
      null,
      async ({ patient, accession_number, issuer }) =>
        confirm(await beginFor(drawnId(), patient, accession_number, issuer)),
      { title: words.card.otherTitle, save: words.card.otherSave },
    );
  };
  const list = h("ul", { class: "choices" }, choice([icon("plus"), words.begin], begin));
  const sheet = openSheet(words.card.otherTitle, [list]);
  void attempt(async () => {
    const open = (await listSessions(today())).filter(
      ({ id, state }) => id !== here.id && state === "open",
    );
    list.append(
      ...open.map((session) =>
        choice(
          [h("span", { class: "two" }, nameOf(session.patient), traits(session.patient))],
          () => {
            sheet.close();
            confirm(session);
          },
        ),
      ),
    );
  });
}
