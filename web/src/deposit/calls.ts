/** Deposits as the server has them: what one person brings at once, and whose it is. */

import { ask, askWhere, type Patient } from "../api";

export type FileState =
  | "waiting"
  | "uploading"
  | "checking"
  | "unassigned"
  | "taken"
  | "refused"
  | "companion";

/** Why a file is not in the archive: in both languages where the server says it. */
export interface Reason {
  code: string;
  fr?: string;
  en?: string;
  /** What the file's reader said, in English. */
  detail: string | null;
  /** The image that it is already, under another patient of the establishment. */
  image?: string | null;
}

export interface DepositFile {
  path: string;
  size_bytes: number;
  received_bytes: number;
  upload: string | null;
  state: FileState;
  reason?: Reason | null;
  image?: string | null;
  exam?: string | null;
}

/** Whose the files are; either may be unknown. */
export interface Order {
  patient: Patient | null;
  accession_number: string | null;
  /** Who gave that number. */
  issuer?: string | null;
}

export interface DepositOut {
  id: string;
  order: Order | null;
  state: "open" | "closed";
  files: DepositFile[];
}

export interface Listed {
  path: string;
  size_bytes: number;
  sha256?: string;
}

const at = (deposit: string) => `/api/deposits/${encodeURIComponent(deposit)}`;

export function listDeposits(): Promise<{ deposits: DepositOut[] }> {
  return ask("GET", "/api/deposits");
}

export function getDeposit(deposit: string): Promise<DepositOut> {
  return ask("GET", at(deposit));
}

export function createDeposit(order: Order | null): Promise<DepositOut> {
  return ask("POST", "/api/deposits", order ?? {});
}

export function setOrder(deposit: string, order: Order): Promise<unknown> {
  return ask("PUT", `${at(deposit)}/order`, order);
}

export function closeDeposit(deposit: string, files: Listed[]): Promise<unknown> {
  return ask("POST", `${at(deposit)}/close`, { files });
}

export function deleteDeposit(deposit: string): Promise<unknown> {
  return ask("DELETE", at(deposit));
}

const inBase64 = (text: string) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

/** Tells the server of a file that is to come; gives the upload under which it is sent. */
export async function announce(said: Record<string, string>, size: number): Promise<string> {
  const headers = {
    "Tus-Resumable": "1.0.0",
    "Upload-Length": String(size),
    "Upload-Metadata": Object.entries(said)
      .map(([name, value]) => `${name} ${inBase64(value)}`)
      .join(","),
  };
  const location = await askWhere("POST", "/uploads", headers);
  return decodeURIComponent(location.slice(location.lastIndexOf("/") + 1));
}

export function deleteUpload(upload: string): Promise<unknown> {
  return ask("DELETE", `/uploads/${encodeURIComponent(upload)}`, undefined, {
    "Tus-Resumable": "1.0.0",
  });
}
