/** Why a picture goes no further, in words. */

import type { Reason } from "../deposit/calls";
import { messages } from "../i18n";

export function whyStopped({ code }: Reason): string {
  const why: Record<string, string> = messages().phones.waiting.why;
  return why[code] ?? messages().phones.waiting.why.other;
}
