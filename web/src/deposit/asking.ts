/** Asking what became of what was brought, as long as something is still to become of it. */

import { ApiError, getImage } from "../api";
import { getDeposit } from "./calls";
import { type Arriving, type Deposit, type Fate, fate, follow } from "./model";
import { later } from "./stop";

const ASK_MS = 1500;
/** For what is in other hands than the server's. */
const ASK_SELDOM_MS = 6000;
const AWAITED: Fate[] = ["checking", "preparing"];

const FOREVER = new AbortController().signal;

/** Whether the server is at it. */
function isBusy(deposit: Deposit): boolean {
  return deposit.closed && [...deposit.files.values()].some((file) => AWAITED.includes(fate(file)));
}

/** Whether something may become of it that this page does not do. */
function isAwaited(deposit: Deposit): boolean {
  return deposit.id !== null && (isBusy(deposit) || (!deposit.ours && !deposit.closed));
}

export interface Answers {
  onChange(): void;
  onFate(file: Arriving, what: "ready" | "refused"): void;
}

export class Asking {
  private readonly deposits: Deposit[];
  private readonly answers: Answers;
  private timer = 0;

  constructor(deposits: Deposit[], answers: Answers) {
    this.deposits = deposits;
    this.answers = answers;
  }

  soon(delay_ms = ASK_MS): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), delay_ms);
  }

  private async look(): Promise<void> {
    try {
      for (const deposit of this.deposits.filter(isAwaited)) await this.learn(deposit);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      later(error, () => this.soon(0));
      return;
    }
    this.answers.onChange();
    const awaited = this.deposits.filter(isAwaited);
    if (awaited.length > 0) this.soon(awaited.some(isBusy) ? ASK_MS : ASK_SELDOM_MS);
  }

  /** Takes over what the server says of a deposit, and whether its images can be looked at. */
  async learn(deposit: Deposit): Promise<void> {
    if (deposit.id === null) return;
    const before = new Map([...deposit.files.values()].map((file) => [file, fate(file)]));
    const told = await existing(getDeposit(deposit.id));
    if (!told) {
      this.deposits.splice(this.deposits.indexOf(deposit), 1);
      return;
    }
    follow(deposit, told);
    for (const file of deposit.files.values()) {
      if (file.image && !file.viewable) await lookAt(file, file.image);
      const now = fate(file);
      if (now !== before.get(file) && (now === "ready" || now === "refused"))
        this.answers.onFate(file, now);
    }
  }
}

async function lookAt(file: Arriving, image: string): Promise<void> {
  const { kind, viewable, state } = await getImage(image, FOREVER);
  file.kind = kind;
  file.viewable = viewable;
  if (state === "refused") file.state = "refused";
}

/** Null for what somebody else has deleted. */
async function existing<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}
