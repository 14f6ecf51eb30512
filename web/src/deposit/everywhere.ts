/** What sending means on every page: drops are taken, leaving is warned of, news are told. */

import { mayContribute } from "../api";
import { h } from "../dom";
import { percentOf } from "../format";
import { messages } from "../i18n";
import { notify } from "../notice";
import { depositPath, navigate } from "../router";
import { arrivals, type News } from "./arrivals";
import { type Arriving, totals } from "./model";
import { fromDrop } from "./paths";

const FOREVER = new AbortController().signal;
/** News that come close together are told together. */
const GATHERED_MS = 1200;

/** Files of a drop on another page wait here for the page that takes them. */
let dropped: Promise<Awaited<ReturnType<typeof fromDrop>>> | null = null;

export function takeDropped(): typeof dropped {
  const taken = dropped;
  dropped = null;
  return taken;
}

export function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/** A file dropped anywhere is brought to the deposit page; a browser would leave for the file. */
export function watchDrops(): void {
  addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event) || event.defaultPrevented || !event.dataTransfer) return;
    event.preventDefault();
    const files = fromDrop(event.dataTransfer);
    void mayContribute().then((may) => {
      if (!may) return;
      dropped = files;
      navigate(depositPath);
    });
  });
}

const ongoing = () => arrivals.deposits.filter(({ closed }) => !closed);

function percent(): number | null {
  const files = ongoing().flatMap((deposit) => [...deposit.files.values()]);
  if (!arrivals.isSending) return null;
  const { sent, bytes } = totals(files);
  return percentOf(sent, bytes);
}

/** How far sending has come, in the header of every page; nothing while nothing is sent. */
export function depositPercent(): HTMLElement {
  const shown = h("span", { class: "deposit-percent", "aria-hidden": "true" });
  const left = new AbortController();
  const draw = () => {
    const now = percent();
    shown.hidden = now === null;
    if (now !== null) shown.textContent = `${now}\u00a0%`;
    if (shown.isConnected || shown.dataset.shown === undefined) return;
    left.abort();
  };
  requestAnimationFrame(() => {
    shown.dataset.shown = "";
    draw();
  });
  draw();
  arrivals.onChange(draw, left.signal);
  return shown;
}

export const nameOf = ({ path }: Arriving) => path.slice(path.lastIndexOf("/") + 1);

function textOf(news: News): string {
  const words = messages().deposit;
  switch (news.what) {
    case "added":
      return words.newsAdded(news.files);
    case "resumed":
      return words.newsResumed(news.files);
    case "sent":
      return words.newsSent;
    case "ready":
      return words.newsReady(nameOf(news.file));
    case "refused":
      return words.newsRefused(nameOf(news.file));
    case "failed":
      return words.newsFailed(nameOf(news.file));
  }
}

/** Tells news in the page's own region, or over another page; quarters of the way are news too. */
export function keepSending(): void {
  let gathered: string[] = [];
  let timer = 0;
  let quarter = 0;
  const say = (text: string) => {
    gathered.push(text);
    clearTimeout(timer);
    timer = setTimeout(() => {
      const told = [...new Set(gathered)];
      gathered = [];
      const region = document.querySelector("[data-deposit-news]");
      if (region) region.textContent = told.join(". ");
      else notify([told.slice(-3).join(" · ")]);
    }, GATHERED_MS);
  };
  arrivals.onNews((news) => say(textOf(news)), FOREVER);
  arrivals.onChange(() => {
    const now = Math.floor((percent() ?? 0) / 25);
    if (now > quarter && now < 4 && document.querySelector("[data-deposit-news]"))
      say(messages().deposit.newsQuarter(now * 25));
    quarter = now;
  }, FOREVER);
  addEventListener("beforeunload", (event) => {
    if (arrivals.isSending) event.preventDefault();
  });
}
