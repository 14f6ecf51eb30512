/** What the queue asks of the server besides sending. */

import { ApiError, ask } from "../api";
import type { FileState } from "../deposit/calls";

/** What became of a picture that has been sent. */
export interface Fate {
  state: FileState;
  image: string | null;
  /** Why it was refused, or is nobody's, in a word. */
  reason: string | null;
}

/** What the server made of an upload: tus tells how much has come, and beside it what became of it. */
export async function arrival(upload: string): Promise<Fate> {
  let answer: Response;
  try {
    answer = await fetch(`/uploads/${encodeURIComponent(upload)}`, {
      method: "HEAD",
      headers: { "Tus-Resumable": "1.0.0" },
    });
  } catch {
    throw new ApiError(0);
  }
  if (!answer.ok) throw new ApiError(answer.status);
  return {
    state: (answer.headers.get("Upload-State") ?? "checking") as FileState,
    image: answer.headers.get("Upload-Image"),
    reason: answer.headers.get("Upload-Reason"),
  };
}

/** States what a picture of a session shows, or what is said of it so far (`is_partial`). */
export async function stateCapture(
  session: string,
  image: string,
  capture: unknown,
): Promise<void> {
  const [of, one] = [encodeURIComponent(session), encodeURIComponent(image)];
  const { is_partial, ...body } = capture as { is_partial?: boolean };
  await ask("PUT", `/api/sessions/${of}/photographs/${one}${is_partial ? "/partial" : ""}`, body);
}

/** Takes a picture out of an open session. */
export async function takeBackPicture(session: string, image: string): Promise<void> {
  const [of, one] = [encodeURIComponent(session), encodeURIComponent(image)];
  await ask("DELETE", `/api/sessions/${of}/photographs/${one}`);
}
