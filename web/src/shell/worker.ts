/**
 * The service worker: the viewer's own files are here without a network. Nothing of any patient is
 * ever kept by it, as it answers for no other address.
 *
 * The page is asked of the server first, so that nobody is shown an old one while there is a
 * network; its parts have names that change with their content, and are taken from here. The parts
 * of the version before are kept too, for pages that are still open.
 */

/** Filled in when the viewer is built: a name for this version, and the addresses of its files. */
declare const SHELL: { version: string; files: string[] };

interface Extendable extends Event {
  waitUntil(done: Promise<unknown>): void;
}
interface Fetched extends Extendable {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Worker {
  skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> };
  addEventListener(type: "install" | "activate", act: (event: Extendable) => void): void;
  addEventListener(type: "fetch", act: (event: Fetched) => void): void;
}

const PAGE = "/";
const PAGES = /^\/$|^\/(?:exam|view|capture|deposit|phones|pair)(?:\/|$)/;
/** A network that gives nothing for so long is taken for none. */
const PATIENCE_MS = 5000;
const PREFIX = "sansverre-shell-";
const NAME = PREFIX + SHELL.version;

const worker = self as unknown as Worker;

worker.addEventListener("install", (event) => {
  event.waitUntil(keep().then(() => worker.skipWaiting()));
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(dropOlder().then(() => worker.clients.claim()));
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate") {
    if (PAGES.test(pathname)) event.respondWith(page(request));
  } else if (pathname.startsWith("/assets/")) {
    event.respondWith(part(request));
  }
});

async function keep(): Promise<void> {
  const cache = await caches.open(NAME);
  await cache.addAll([new Request(PAGE, { cache: "reload" }), ...SHELL.files]);
}

async function dropOlder(): Promise<void> {
  // In the order in which they were made: this version's is the last.
  const ours = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  const older = ours.filter((name) => name !== NAME).slice(0, -1);
  await Promise.all(older.map((name) => caches.delete(name)));
}

async function page(request: Request): Promise<Response> {
  const kept = await (await caches.open(NAME)).match(PAGE);
  if (!kept) return fetch(request);
  const late = new Promise<Response>((resolve) => setTimeout(resolve, PATIENCE_MS, kept));
  const asked = fetch(request).catch(() => kept);
  return Promise.race([asked, late]);
}

async function part(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}
