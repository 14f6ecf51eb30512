/** SHA-256 beside the page: a file of gigabytes is read a piece at a time, and the page stays fluid. */

import { sha256 } from "@noble/hashes/sha2.js";

export interface Asked {
  id: number;
  blob: Blob;
}

export interface Answered {
  id: number;
  /** Null where the file could not be read. */
  digest: Uint8Array | null;
}

async function digestOf(blob: Blob): Promise<Uint8Array> {
  const hash = sha256.create();
  const reader = blob.stream().getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return hash.digest();
    hash.update(value);
  }
}

async function answer({ id, blob }: Asked): Promise<void> {
  let digest: Uint8Array | null;
  try {
    digest = await digestOf(blob);
  } catch {
    digest = null; // the file was changed, moved or taken away
  }
  postMessage({ id, digest } satisfies Answered);
}

addEventListener("message", ({ data }: MessageEvent<Asked>) => void answer(data));
