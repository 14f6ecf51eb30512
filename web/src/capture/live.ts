/** The session that is open in this page, kept in step with the server and with what waits here. */

import { ApiError } from "../api";
import type { Place, Position } from "../body/place";
import { bodySites } from "../body/sites";
import { onNextRecovery } from "../connection";
import { deleteUpload } from "../deposit/calls";
import { messages } from "../i18n";
import { notify } from "../notice";
import {
  describe,
  discard,
  enqueue,
  onSent,
  picture,
  type Queued,
  retry,
  type Step,
  watch,
} from "../queue";
import { whyStopped } from "../queue/why";
import { told } from "../told";
import {
  bodyOf,
  type Consent,
  consent,
  createLesion,
  getSession,
  handOver,
  knownOf,
  listLesions,
  listPictures,
  type NewLesion,
  type Operator,
  type Picture,
  pin,
  reconcile,
  type SessionOut,
  send,
  sign,
  state,
  takeBack,
  toldOf,
} from "./calls";
import { isSorted, phototypeOf } from "./judging";
import {
  EMPTY,
  type Happened,
  hasArrived,
  type Lesion,
  next,
  owed,
  owesMore,
  owesPins,
  type Said,
  type Session,
  type Shot,
  type Site,
  type Stated,
  type ToldShot,
  type View,
  type Way,
} from "./model";

const ASK_MS = 1500;
const AGAIN_MS = 5000;

const WAYS: Record<Step, Way> = {
  waiting: "waiting",
  sending: "sending",
  interrupted: "waiting",
  checking: "sending",
  failed: "stopped",
};

export class Live {
  session: Session = EMPTY;
  about: SessionOut;
  lesions: Lesion[];
  readonly sites: ReadonlyMap<string, Site>;
  private readonly signal: AbortSignal;
  private readonly changed = new Set<() => void>();
  /** Addresses of the pictures that this page has itself. */
  private readonly shown = new Map<string, string>();
  private readonly earlier = new Map<string, Promise<Picture[]>>();
  /** Pictures of this session that wait here: what is said of them goes with them. */
  private queued: ReadonlySet<string> = new Set();
  private readonly described = new Set<string>();
  /** What the server would not have said of a picture: not said again until it is changed. */
  private readonly turnedDown = new Map<string, Said>();
  private readonly points = new Map<string, Position>();
  private timer = 0;
  private telling: Promise<void> | null = null;

  private constructor(about: SessionOut, sites: Site[], lesions: Lesion[], signal: AbortSignal) {
    this.about = about;
    this.sites = new Map(sites.map((site) => [site.code, site]));
    this.lesions = lesions;
    this.signal = signal;
  }

  static async open(id: string, signal: AbortSignal): Promise<Live> {
    const about = await getSession(id);
    const [sites, lesions] = await Promise.all([bodySites(), listLesions(about.patient.key)]);
    const live = new Live(about, sites, lesions, signal);
    live.follow(about);
    watch((queued) => live.lookAt(queued), signal);
    onSent(({ id: name, session, image }) => {
      if (session === about.id) live.happen({ what: "arrived", name, image });
      live.askSoon(0);
    }, signal);
    signal.addEventListener("abort", () => live.close());
    live.askSoon();
    return live;
  }

  get isOpen(): boolean {
    return this.about.state === "open";
  }

  onChange(callback: () => void, signal: AbortSignal): void {
    this.changed.add(callback);
    signal.addEventListener("abort", () => this.changed.delete(callback));
  }

  happen(happened: Happened): void {
    this.session = next(this.session, happened);
    if (happened.what === "given" || happened.what === "kept") this.describeWaiting(happened);
    this.redraw();
    void this.tell();
  }

  chosen(): Shot[] {
    return this.session.shots.filter(({ name }) => this.session.chosen.has(name));
  }

  /** Where an `img` finds a picture: here as long as this page has it, else at the server. */
  address(shot: Shot): string | null {
    return this.shown.get(shot.name) ?? (shot.image && `/images/${shot.image}/thumbnail`);
  }

  lesion(id: string | null): Lesion | null {
    return this.lesions.find((lesion) => lesion.id === id) ?? null;
  }

  /** The last picture of a lesion before this visit, of that view where there is one. */
  async before(lesion: string, view?: View): Promise<Picture | null> {
    const all = (await this.picturesOf(lesion)).filter(({ exam }) => exam !== this.about.exam);
    return all.filter((one) => one.view === view).at(-1) ?? all.at(-1) ?? null;
  }

  private picturesOf(lesion: string): Promise<Picture[]> {
    const known = this.earlier.get(lesion);
    if (known) return known;
    const asked = listPictures(lesion);
    asked.catch(() => this.earlier.delete(lesion));
    this.earlier.set(lesion, asked);
    return asked;
  }

  /** Keeps pictures here until the server has them; each is safe from a closed page once it shows. */
  async take(files: Iterable<Blob>, stated: Partial<Stated>): Promise<void> {
    for (const file of files) {
      const name = await enqueue(file, { session: this.about.id });
      this.show(name, file);
      if (!this.has(name)) this.happen({ what: "taken", name, stated: {} });
      const phototype = phototypeOf(this.session);
      this.happen({ what: "given", names: [name], stated: { phototype, ...stated } });
    }
  }

  /** A point of the body's drawing goes with the next lesion of that place. */
  point({ site, side, position }: Place): void {
    if (position) this.points.set(`${site} ${side ?? "U"}`, position);
  }

  async remove(name: string): Promise<void> {
    const image = this.session.shots.find((shot) => shot.name === name)?.image;
    this.happen({ what: "removed", name });
    if (image) await takeBack(this.about.id, image);
    else await discard(name);
    await this.ask();
  }

  async tryAgain(): Promise<void> {
    for (const { name, way } of this.session.shots) if (way === "stopped") await retry(name);
  }

  async addLesion(lesion: Omit<NewLesion, "patient" | "first_seen">): Promise<Lesion> {
    const { site, side } = lesion;
    const position = lesion.position ?? this.points.get(`${site} ${side ?? "U"}`) ?? null;
    const patient = this.about.patient.key;
    const made = await createLesion({ ...lesion, position, patient, first_seen: today() });
    this.lesions = [...this.lesions, made];
    return made;
  }

  async agree(said: Consent): Promise<void> {
    await consent(this.about.id, said);
    await this.ask();
  }

  async handOver(images: readonly string[], to: string): Promise<void> {
    await handOver(this.about.id, images, to);
    await this.ask();
  }

  async reconcile(accession: string, issuer: string | null): Promise<void> {
    await reconcile(this.about.id, accession, issuer);
    await this.ask();
  }

  /** Sends, once the server has been told all that was said. */
  async send(): Promise<void> {
    await this.tell();
    if (this.owed().length > 0) throw new ApiError(0);
    try {
      await send(this.about.id, this.about.patient);
    } finally {
      // What stands in the way may have come from elsewhere.
      await this.ask();
    }
    this.askSoon();
  }

  /** Waits no longer for what another device has begun to send; one that has come is gone already. */
  async abandon(upload: string): Promise<void> {
    await deleteUpload(upload).catch((error: unknown) => {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    });
    await this.ask();
  }

  async sign(by: Operator): Promise<void> {
    await sign(this.about.id, by);
    await this.ask();
  }

  private redraw(): void {
    for (const callback of this.changed) callback();
  }

  private has(name: string): boolean {
    return this.session.shots.some((shot) => shot.name === name);
  }

  private show(name: string, file: Blob): void {
    if (!this.shown.has(name)) this.shown.set(name, URL.createObjectURL(file));
  }

  private follow(about: SessionOut): void {
    this.about = about;
    const isSent = about.state !== "open";
    const shots = [
      ...about.photographs.map((one) => toldOf(one, isSent)),
      ...knownOf(about.arrivals),
    ];
    this.happen({ what: "told", shots: shots.filter((told) => this.isPlain(told)) });
  }

  /** Whether a picture is told of that cannot be one of here whose new name is not known yet. */
  private isPlain({ image }: ToldShot): boolean {
    const { shots } = this.session;
    return (
      shots.some((shot) => shot.image === image) ||
      !shots.some((shot) => !hasArrived(shot) && shot.way === "sending")
    );
  }

  /** Takes over what waits on this phone, pictures of before the page was opened among them. */
  private lookAt({ waiting }: Queued): void {
    const here = waiting.filter(({ session }) => session === this.about.id);
    this.queued = new Set(here.map(({ id }) => id));
    for (const { id: name, step, image, reason } of here) {
      if (!this.has(name)) {
        this.happen({ what: "taken", name, stated: {} });
        void this.showWaiting(name);
      }
      this.happen({ what: "going", name, way: WAYS[step], reason: reason && whyStopped(reason) });
      if (image) this.happen({ what: "arrived", name, image });
    }
    void this.tell();
  }

  private async showWaiting(name: string): Promise<void> {
    const file = await picture(name);
    if (!file || this.signal.aborted) return;
    this.show(name, file);
    this.redraw();
  }

  /** What is said of a picture that waits goes with it. */
  private describeWaiting(happened: { names: Iterable<string> } | { name: string }): void {
    const names = new Set("names" in happened ? happened.names : [happened.name]);
    for (const shot of this.session.shots)
      if (names.has(shot.name) && this.queued.has(shot.name) && this.isDescribed(shot))
        void describe(shot.name, bodyOf(shot.said, isSorted(shot, this.sites)));
  }

  /** Whether anything was ever said of a picture that waits. */
  private isDescribed(shot: Shot): boolean {
    if (owesMore(shot)) this.described.add(shot.name);
    return this.described.has(shot.name);
  }

  private askSoon(delay_ms = ASK_MS): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), delay_ms);
  }

  /** Asks for as long as something is to come of itself. */
  private async look(): Promise<void> {
    try {
      await this.ask();
    } catch (error) {
      this.later(error, () => this.askSoon(0));
      return;
    }
    const isAwaited = this.session.shots.some((shot) => this.isAwaited(shot));
    if (isAwaited || this.about.arriving > 0) this.askSoon();
  }

  private isAwaited({ image, way, checks }: Shot): boolean {
    if (image === null || way === "refused" || way === "known") return false;
    return this.isOpen ? checks.state === "waiting" : way !== "ready";
  }

  private async ask(): Promise<void> {
    const about = await getSession(this.about.id);
    if (!this.signal.aborted) this.follow(about);
  }

  /** Tells the server what it is owed, one picture after the other. */
  private tell(): Promise<void> {
    this.telling ??= this.tellAll().finally(() => {
      this.telling = null;
    });
    return this.telling;
  }

  private async tellAll(): Promise<void> {
    try {
      for (let [shot] = this.owed(); shot; [shot] = this.owed()) await this.tellOf(shot);
    } catch (error) {
      this.later(error, () => void this.tell());
    }
  }

  private owed(): Shot[] {
    if (!this.isOpen) return [];
    return owed(this.session).filter(
      ({ name, said }) => this.turnedDown.get(name) !== said && !this.queued.has(name),
    );
  }

  private async tellOf(shot: Shot): Promise<void> {
    const { name, image, said } = shot;
    if (!image) return;
    try {
      const isWhole = isSorted(shot, this.sites);
      if (owesMore(shot)) await state(this.about.id, image, bodyOf(said, isWhole));
      if (owesPins(shot) && isWhole) await pin(this.about.id, image, said.pins);
    } catch (error) {
      if (!isTurnedDown(error)) throw error;
      this.turnedDown.set(name, said);
      notify([told(error, messages().capture.failed)]);
      return;
    }
    this.happen({ what: "acknowledged", name, said });
  }

  private later(error: unknown, again: () => void): void {
    if (this.signal.aborted) return;
    if (error instanceof ApiError && error.status === 0) onNextRecovery(again, this.signal);
    else setTimeout(again, AGAIN_MS);
  }

  private close(): void {
    clearTimeout(this.timer);
    for (const address of this.shown.values()) URL.revokeObjectURL(address);
  }
}

function isTurnedDown(error: unknown): error is ApiError {
  return error instanceof ApiError && [400, 404, 409, 422].includes(error.status);
}

/** The day here, which near midnight is not that of Greenwich. */
export function today(now = new Date()): string {
  const two = (number: number) => String(number).padStart(2, "0");
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}
