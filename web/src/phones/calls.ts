/** Phones as the server has them: offered a code, let in, ended. */

import { ask } from "../api";

export interface Offered {
  id: string;
  link: string;
  /** The rows of the QR code, a "1" for each dark module. */
  modules: string[];
  open_before: string;
  /** False where the address means this computer to every phone. */
  is_reachable: boolean;
}

export interface Phone {
  id: string;
  session: string | null;
  /** Null until a phone has come in. */
  name: string | null;
  entered_at: string | null;
  ends_at: string;
}

export interface Entered {
  session: string | null;
}

export function offerPhone(session: string | null): Promise<Offered> {
  return ask("POST", "/api/phones", { session });
}

export async function listPhones(): Promise<Phone[]> {
  return (await ask<{ phones: Phone[] }>("GET", "/api/phones")).phones;
}

export function endPhone(phone: string): Promise<unknown> {
  return ask("DELETE", `/api/phones/${encodeURIComponent(phone)}`);
}

export function enter(key: string, name: string): Promise<Entered> {
  return ask("POST", "/api/pair", { key, name });
}
