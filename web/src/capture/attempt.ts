/** Doing what may fail for want of a network or of room. */

import { ApiError } from "../api";
import { messages } from "../i18n";
import { notify } from "../notice";
import { told } from "../told";

/** Whether it was done; where not, people are told why, or by the words for it. */
export async function attempt(act: () => Promise<unknown>, words?: string): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    notify([words ?? told(error, messages().capture.failed)]);
    if (!(error instanceof ApiError || error instanceof DOMException)) throw error;
    return false;
  }
}
