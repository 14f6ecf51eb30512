/** How fast bytes go, over the last seconds, and how long the rest will take. */

const WINDOW_MS = 12_000;
/** Before this much is known, a speed would be a guess. */
const ENOUGH_MS = 1500;

interface Mark {
  at_ms: number;
  bytes: number;
}

export class Pace {
  private marks: Mark[] = [];
  private sent = 0;

  /** So many bytes more have gone. */
  add(bytes: number, now_ms: number): void {
    if (this.marks.length === 0) this.marks.push({ at_ms: now_ms, bytes: 0 });
    this.sent += Math.max(0, bytes);
    this.marks.push({ at_ms: now_ms, bytes: this.sent });
    const [, second] = this.marks;
    if (second && second.at_ms < now_ms - WINDOW_MS) this.marks.shift();
  }

  /** After a pause the time before it does not count. */
  rest(): void {
    this.marks = [];
    this.sent = 0;
  }

  /** Bytes a second, null while it is not known. */
  speed(now_ms: number): number | null {
    const recent = this.marks.filter(({ at_ms }) => at_ms >= now_ms - WINDOW_MS);
    const [first] = recent;
    if (!first || now_ms - first.at_ms < ENOUGH_MS) return null;
    return ((this.sent - first.bytes) * 1000) / (now_ms - first.at_ms);
  }

  /** Seconds until so many bytes have gone, null while that is not known. */
  left_s(bytes: number, now_ms: number): number | null {
    const speed = this.speed(now_ms);
    return speed ? bytes / speed : null;
  }
}
