/** Whether the system keeps what waits here until it has been sent. */

/**
 * `kept`: not before somebody erases it; `may-erase`: when it needs the room; `week`: after seven
 * days without a visit, as Safari does; `full`: there is hardly any room left.
 */
export type Keeping = "kept" | "may-erase" | "week" | "full" | "unknown";

/** Room for some pictures more. */
const LEAST_BYTES = 200 * 1024 * 1024;

/** How what is kept here is kept; `wanted` asks for it to be kept, which a browser may ask about. */
export async function keeping(wanted: boolean): Promise<Keeping> {
  const { storage } = navigator;
  if (!storage?.persisted) return "unknown";
  const { quota, usage } = await storage.estimate();
  if (quota !== undefined && usage !== undefined && quota - usage < LEAST_BYTES) return "full";
  if (await storage.persisted()) return "kept";
  if (wanted && (await storage.persist())) return "kept";
  return erasesAfterAWeek(navigator) ? "week" : "may-erase";
}

/** Safari, and on iPhones and iPads every browser, unless the page is on the home screen. */
export function erasesAfterAWeek({ userAgent }: Pick<Navigator, "userAgent">): boolean {
  return /AppleWebKit/.test(userAgent) && !/Chrome|Chromium|Android/.test(userAgent);
}
