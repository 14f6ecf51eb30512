/** What people are told of a failure, in the language of their page: the server speaks English. */

import { ApiError } from "./api";
import { language, messages } from "./i18n";

/** Why something was refused, or the words for whatever else befell it. */
export function told(error: unknown, words: string): string {
  if (!(error instanceof ApiError)) return words;
  if (language() === "en" && error.detail) return error.detail;
  const refused: Record<number, string> = messages().refused;
  return refused[error.status] ?? words;
}
