/** Doing what may fail for want of a network or of room. */

import { ApiError } from "../api";
import { messages } from "../i18n";
import { notify } from "../notice";

/** Whether it was done; where not, people are told, by the server's own words where it has some. */
export async function attempt(act: () => Promise<unknown>, words?: string): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    const told = error instanceof ApiError ? error.detail : null;
    notify([words ?? told ?? messages().capture.failed]);
    if (!(error instanceof ApiError || error instanceof DOMException)) throw error;
    return false;
  }
}
