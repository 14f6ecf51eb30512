/** A page opened by a link to one image, for somebody who has no account here. */

import { carry, openLink } from "./api";
import { openedPath, pairPath } from "./router";

let opening: Promise<void> | null = null;

/** The key in the part of an address that no browser sends; null where there is none. */
export function keyOf(hash: string): string | null {
  return new URLSearchParams(hash.slice(1)).get("key");
}

/** Takes the key out of the address, where history and screenshots would keep it. */
export function takeLink(): void {
  const key = keyOf(location.hash);
  // The key of a phone is for the page of its own, once somebody has tapped there.
  if (!key || location.pathname === pairPath || location.pathname === openedPath) return;
  history.replaceState(null, "", location.pathname + location.search);
  opening = openLink(key);
  // Whoever needs it waits for it, and is told then.
  opening.catch(() => undefined);
}

/** Sees one of several images that another system has asked for, by a token that is good for it. */
export function linkedWith(token: string): void {
  carry(token);
  opening = Promise.resolve();
  wayBack = openedPath;
}

let wayBack: string | null = null;

/** Where the other images are that a link shows; null where it shows one alone. */
export const linkedBack = (): string | null => wayBack;

/** Whether this page sees one image by a link, and nothing else. */
export function isLinked(): boolean {
  return opening !== null;
}

/** Resolves once the link's image may be asked for; at once where there is no link. */
export async function linkOpened(): Promise<void> {
  await opening;
}
