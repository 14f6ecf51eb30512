/** What is told of the pictures that wait on this phone. */

import type { Reason } from "../deposit/calls";
import type { Keeping } from "./room";

export type Step = "waiting" | "sending" | "interrupted" | "checking" | "failed";

/** A picture that waits; those that the server has are among them no more. */
export interface Waiting {
  /** Its name on its way, drawn by chance. */
  id: string;
  session: string;
  /** What was stated of it. */
  capture: unknown;
  taken_ms: number;
  size: number;
  sent: number;
  step: Step;
  /** Why it goes no further until somebody does something. */
  reason: Reason | null;
  /** The server's name for it, once it has one. */
  image: string | null;
}

export interface Queued {
  /** Whether pictures can be kept: not before somebody who may bring pictures has signed in. */
  open: boolean;
  /** The user's own, the oldest first. */
  waiting: Waiting[];
  /** How many wait that another user has taken on this phone. */
  others: number;
  keeping: Keeping;
}

/** A picture that the server has; it is here no more. */
export interface Sent {
  id: string;
  session: string;
  image: string;
}
