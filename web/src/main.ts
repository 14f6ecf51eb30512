/**
 * Sans Verre, the viewer.
 *
 * `main` chooses the page for the address (`router`), pages ask the server (`api`) and draw with
 * plain elements (`dom`). The viewer proper is in `viewer/`: `stage` is the image on screen, the
 * other modules are controls that follow it. Every word is in `i18n/`.
 *
 * `document.documentElement.dataset.viewer` says "loading", "ready" (nothing moves and every
 * visible tile is drawn) or "error" (a page that failed, or tiles that could not be had); `window.sansverre.viewer` is the OpenSeadragon viewer.
 */

import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/pages.css";
import "./styles/list.css";
import "./styles/exam.css";
import "./styles/cases.css";
import "./styles/viewer.css";
import "./styles/controls.css";
import "./styles/panels.css";
import "./styles/reports.css";
import "./styles/body.css";
import { myself } from "./api";
import "./styles/lesions/list.css";
import "./styles/lesions/dialog.css";
import "./styles/lesions/lesion.css";
import "./styles/measure.css";
import { watchConnection } from "./connection";
import { keepSending, watchDrops } from "./deposit/everywhere";
import { h } from "./dom";
import { messages, startLanguage } from "./i18n";
import { takeLink } from "./link";
import { examPage } from "./pages/exam";
import { listPage } from "./pages/list";
import { showProblem } from "./pages/problem";
import { viewPage } from "./pages/view";
import { insecurePage } from "./phones/insecure";
import { pairPage } from "./phones/pair";
import { keepGoing } from "./queue/everywhere";
import { capturePath, navigate, type Page, parseRoute, type Route, startRouter } from "./router";
import { keepShell } from "./shell/register";

const outlet = document.getElementById("app") ?? document.body;
let leaving = new AbortController();

function pageFor(route: Route): Page {
  switch (route.page) {
    case "list":
      return homePage;
    case "exam":
      return examPage(route.exam);
    case "view":
      return viewPage(route.image);
    case "cases":
      return casesPage;
    case "case":
      return casePage(route.case);
    case "deposit":
      return depositPage;
    case "capture":
      return overTls(capturePage(route.session));
    case "move":
      return movePage({ image: route.image });
    case "move-exam":
      return movePage({ exam: route.exam });
    case "advices":
      return advicesPage;
    case "advice":
      return threadPage(route.advice);
    case "outbox":
      return outboxPage;
    case "identities":
      return identitiesPage;
    case "worklist":
      return worklistPage;
    case "day":
      return dayPage;
    case "opened":
      return openedPage;
    case "history":
      return historyPage(route.patient);
    case "timeline":
      return timelinePage(route.patient);
    case "beside":
      return besidePage(route.patient);
    case "album":
      return albumPage(route.patient);
    case "phones":
      return overTls(phonesPage);
    case "pair":
      return overTls(pairPage);
    case "lesions":
      return lesionsPage(route.patient);
    case "lesion":
      return lesionPage(route.lesion);
    case "compare":
      return comparePage(route.lesion);
    case "unknown":
      return (place, signal) => showProblem(place, "missing", render, signal);
  }
}

/** A page that is loaded when it is wanted: most who come only look. */
function loaded(load: () => Promise<Page>): Page {
  return async (place, signal) => {
    try {
      const page = await load();
      if (!signal.aborted) await page(place, signal);
    } catch {
      // The page's parts are gone where the server was renewed since this page was loaded.
      if (!signal.aborted) showProblem(place, "server", () => location.reload(), signal);
    }
  };
}

const depositPage = loaded(async () => (await import("./pages/deposit")).depositPage);
const capturePage = (session: string | null) =>
  loaded(async () => (await import("./pages/capture")).capturePage(session));

const movePage = (what: { image: string } | { exam: string }) =>
  loaded(async () => (await import("./pages/move")).movePage(what));
const advicesPage = loaded(async () => (await import("./out/advice")).advicesPage);
const threadPage = (advice: string) =>
  loaded(async () => (await import("./out/thread")).threadPage(advice));
const outboxPage = loaded(async () => (await import("./pages/outbox")).outboxPage);
const identitiesPage = loaded(async () => (await import("./pages/identities")).identitiesPage);
const worklistPage = loaded(async () => (await import("./worklist/page")).worklistPage);
const dayPage = loaded(async () => (await import("./pages/day")).dayPage);
const openedPage = loaded(async () => (await import("./pages/opened")).openedPage);
const historyPage = (patient: string) =>
  loaded(async () => (await import("./pages/identities")).historyPage(patient));
const timelinePage = (patient: string) =>
  loaded(async () => (await import("./timeline/page")).timelinePage(patient));
const besidePage = (patient: string) =>
  loaded(async () => (await import("./timeline/beside")).besidePage(patient));
const albumPage = (patient: string) =>
  loaded(async () => (await import("./out/album")).albumPage(patient));
const casesPage = loaded(async () => (await import("./cases/list")).casesPage);
const casePage = (id: string) => loaded(async () => (await import("./cases/page")).casePage(id));
const phonesPage = loaded(async () => (await import("./phones/page")).phonesPage);

/** Pages of phones, and of pictures that are taken: they need what plain HTTP is not given. */
function overTls(page: Page): Page {
  if (!isSecureContext) return insecurePage;
  keepShell();
  return page;
}

/** A paired phone has no list of exams. */
const homePage: Page = (place, signal) => {
  void myself().then(
    ({ phone, session }) => {
      if (phone && !signal.aborted) navigate(capturePath(session ?? undefined));
    },
    () => undefined, // the list says what is wrong
  );
  return listPage(place, signal);
};
const lesionsPage = (patient: string) =>
  loaded(async () => (await import("./pages/lesions")).lesionsPage(patient));
const lesionPage = (lesion: string) =>
  loaded(async () => (await import("./pages/lesion")).lesionPage(lesion));
const comparePage = (lesion: string) =>
  loaded(async () => (await import("./pages/compare")).comparePage(lesion));

/** Draws the page of the present address anew. */
function render(): void {
  leaving.abort();
  leaving = new AbortController();
  delete document.documentElement.dataset.viewer;
  document.body.dataset.surface = "page";
  scrollTo(0, 0);
  document.title = messages().product;
  skipLink.textContent = messages().skip;
  void pageFor(parseRoute(location.pathname))(outlet, leaving.signal);
}

const skipLink = h("button", {
  type: "button",
  class: "skip",
  onclick: () => document.getElementById("main")?.focus(),
});
document.body.prepend(skipLink);

startLanguage();
takeLink();
watchConnection();
watchDrops();
keepSending();
keepGoing();
startRouter(render);
