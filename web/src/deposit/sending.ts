/** One file on its way by tus, in parts that carry their checksum, until it ends or is stopped. */

import { DetailedError, Upload } from "tus-js-client";
import { detailOf } from "../api";
import { partChecksum, Unreadable } from "./digest";
import { meaning, type Stop } from "./stop";

export { fileDigest } from "./digest";

/** What a cut costs at most; and what a server keeps of a file before it has checked it. */
export const PART_BYTES = 8 * 1024 * 1024;
/** A connection that moves nothing for so long is taken for lost. */
const SILENCE_MS = 45_000;

export interface Listener {
  onUpload(upload: string): void;
  onProgress(bytes: number): void;
  onDone(): void;
  onStop(stop: Stop): void;
}

function stopOf(error: Error): Stop {
  if (!(error instanceof DetailedError)) return { why: "busy" };
  if (error.causingError instanceof Unreadable) return { why: "unreadable" };
  const answer = error.originalResponse;
  return meaning(answer?.getStatus() ?? 0, answer ? detailOf(answer.getBody()) : null);
}

/** Where a file goes: under what the server is told of it, and the upload it has told already. */
export interface Where {
  metadata: Record<string, string>;
  upload: string | null;
  /** What a cut costs at most. */
  part_bytes?: number;
}

/** Sends a file, or the rest of it. Returns how to stop, without a word. */
export function sendFile(file: File, where: Where, listener: Listener): () => void {
  const { metadata, part_bytes = PART_BYTES } = where;
  let over = false;
  let silence = 0;
  const finish = (tell: () => void) => {
    if (over) return;
    over = true;
    clearTimeout(silence);
    tell();
  };
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(() => {
      void upload.abort();
      finish(() => listener.onStop({ why: "lost" }));
    }, SILENCE_MS);
  };
  const upload = new Upload(file, {
    endpoint: `${location.origin}/uploads`,
    uploadUrl: where.upload && `${location.origin}/uploads/${encodeURIComponent(where.upload)}`,
    metadata,
    chunkSize: part_bytes,
    retryDelays: null,
    // The server knows what it has; the browser need not remember names of files.
    storeFingerprintForResuming: false,
    onBeforeRequest: async (request) => {
      const offset = request.getHeader("Upload-Offset");
      if (request.getMethod() !== "PATCH" || offset === undefined) return;
      const start = Number(offset);
      const checksum = await partChecksum(file.slice(start, start + part_bytes));
      // A request that was not sent yet is not stopped by aborting it.
      if (over) throw new DOMException("stopped", "AbortError");
      request.setHeader("Upload-Checksum", checksum);
    },
    onUploadUrlAvailable: () => {
      const id = upload.url?.split("/").pop();
      if (id && !over) listener.onUpload(decodeURIComponent(id));
    },
    onProgress: (bytes) => {
      if (over) return;
      heard();
      listener.onProgress(bytes);
    },
    onSuccess: () => finish(() => listener.onDone()),
    onError: (error) => finish(() => listener.onStop(stopOf(error))),
  });
  heard();
  upload.start();
  return () => {
    finish(() => undefined);
    void upload.abort();
  };
}
