/**
 * The lock of what waits on this phone: AES-GCM with a key that belongs to one user.
 *
 * The server makes the key's bytes out of its own secret and the user's name among its tokens; here
 * they become a key that cannot be read out again. While the user is signed in the browser keeps
 * that key, so that pictures can be taken without a network; it is thrown away when another user
 * signs in, when the sign-in ends, and when the server says that it has ended. What is left then
 * can be opened by nobody, until the same user has signed in again and been given the key anew.
 */

import { ask } from "../api";

export interface Lock {
  /** Names the user, and tells nothing of them. */
  user: string;
  key: CryptoKey;
  until_ms: number;
}

export interface LockTold {
  user: string;
  /** 32 bytes in base64. */
  secret: string;
  expires_at: string;
}

export interface Sealed {
  iv: Uint8Array<ArrayBuffer>;
  bytes: ArrayBuffer;
}

const IV_BYTES = 12;

export function askLock(): Promise<LockTold> {
  return ask("POST", "/api/me/lock");
}

export async function lockOf({ user, secret, expires_at }: LockTold): Promise<Lock> {
  const bytes = Uint8Array.from(atob(secret), (letter) => letter.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
  bytes.fill(0);
  return { user, key, until_ms: Date.parse(expires_at) };
}

/** `what` names the place of the bytes: put in another place, they do not open. */
export async function seal(
  { user, key }: Lock,
  what: string,
  plain: BufferSource,
): Promise<Sealed> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const bytes = await crypto.subtle.encrypt(cipher(user, what, iv), key, plain);
  return { iv, bytes };
}

/** Rejects where the bytes are not what was sealed. */
export function unseal({ user, key }: Lock, what: string, sealed: Sealed): Promise<ArrayBuffer> {
  return crypto.subtle.decrypt(cipher(user, what, sealed.iv), key, sealed.bytes);
}

function cipher(user: string, what: string, iv: Uint8Array<ArrayBuffer>): AesGcmParams {
  const additionalData = new TextEncoder().encode(`sansverre.queue.1/${user}/${what}`);
  return { name: "AES-GCM", iv, additionalData };
}
