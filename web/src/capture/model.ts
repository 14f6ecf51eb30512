/**
 * A photograph session as this page knows it; every function is pure.
 *
 * What is stated here goes to the server by and by: `owed` says what it has not been told yet. What
 * the server says is taken over wherever nothing is owed, so that an answer that was on its way
 * undoes nothing that was said since.
 */

import type { Position } from "../body/place";
import type { Site } from "../body/sites";

export type { Site } from "../body/sites";

export type View = "overview" | "close-up" | "dermoscopy" | "total-body";
export type Side = "R" | "L" | "B" | "U";

export type Polarization = "POLARIZED" | "NON_POLARIZED";
export type Contact = "CONTACT" | "NON_CONTACT";
export type Immersion = "ULTRASOUND_GEL" | "ALCOHOL" | "WATER" | "MINERAL_OIL" | "PLASTIC_CAP";

/** How a dermoscope was used; null for what nobody said. */
export interface Dermoscopy {
  polarization: Polarization | null;
  contact: Contact | null;
  immersion: Immersion | null;
  magnification: number | null;
  colour_temperature_k: number | null;
}

/** What a person says of a picture; `site` is a code, `lesion` the server's name of one. */
export interface Stated {
  view: View | null;
  site: string | null;
  side: Side | null;
  lesion: string | null;
  /** Of a dermoscopy alone. */
  dermoscopy: Dermoscopy | null;
  /** The patient's, by Fitzpatrick: 1 to 6. */
  phototype: number | null;
  /** Of a row and a column; only what a person stated or confirmed. */
  mm_per_pixel: readonly [number, number] | null;
}

export interface Pin {
  lesion: string;
  /** Of the overview's width and height, from the upper left. */
  x: number;
  y: number;
}

/** What is wrong with a picture, as the server's worker found. */
export interface Finding {
  kind: string;
  /** By how much; of a ruler, millimetres a pixel if its marks are millimetres. */
  value: number;
}

export interface Checks {
  /** `missed`: it was sent before anybody looked. */
  state: "waiting" | "done" | "missed";
  found: Finding[];
}

/**
 * Where a picture is: still here, going, held up, there, or turned away; `known` is one that is in
 * the archive already, with another visit, and no picture of this session.
 */
export type Way =
  | "waiting"
  | "sending"
  | "stopped"
  | "arrived"
  | "preparing"
  | "ready"
  | "refused"
  | "known";

/** All that may be said of a picture, and changed until it is sent. */
export interface Said {
  stated: Stated;
  keptDespite: boolean;
  pins: Pin[];
}

export interface Shot {
  /** Its name in this page: the one it waits under, or the server's where it comes from there. */
  name: string;
  /** The server's name, once it has it. */
  image: string | null;
  way: Way;
  /** Why it is held up or turned away, for people. */
  reason: string | null;
  said: Said;
  /** What the server was last told, or told us. */
  told: Said;
  checks: Checks;
}

/** A picture as the server tells of it. */
export interface ToldShot {
  image: string;
  way: Way;
  reason: string | null;
  said: Said;
  checks: Checks;
}

export interface Session {
  shots: readonly Shot[];
  /** Names of the pictures that what is said next goes to. */
  chosen: ReadonlySet<string>;
  /** Whether those have been given what they needed: the next touch chooses others. */
  isSettled: boolean;
}

/** A lesion of the patient, as the server has it. */
export interface Lesion {
  id: string;
  number: number;
  tracking_id: string;
  site: Site;
  side: Side;
  label: string;
  position: Position | null;
}

export type Happened =
  | { what: "taken"; name: string; stated: Partial<Stated> }
  | { what: "going"; name: string; way: Way; reason: string | null }
  | { what: "arrived"; name: string; image: string }
  | { what: "told"; shots: ToldShot[] }
  | { what: "acknowledged"; name: string; said: Said }
  | { what: "chosen"; names: Iterable<string> }
  | { what: "toggled"; name: string }
  | { what: "given"; names: Iterable<string>; stated: Partial<Stated> }
  | { what: "kept"; name: string }
  | { what: "pinned"; name: string; pins: Pin[] }
  | { what: "removed"; name: string };

export const NOTHING: Stated = {
  view: null,
  site: null,
  side: null,
  lesion: null,
  dermoscopy: null,
  phototype: null,
  mm_per_pixel: null,
};
export const EMPTY: Session = { shots: [], chosen: new Set(), isSettled: false };

const UNCHECKED: Checks = { state: "waiting", found: [] };
const SILENT: Said = { stated: NOTHING, keptDespite: false, pins: [] };

/** Views that show where lesions are; the others show one lesion. */
export function isLocating(view: View | null): boolean {
  return view === "overview" || view === "total-body";
}

/** The session after something happened in it. */
export function next(session: Session, happened: Happened): Session {
  switch (happened.what) {
    case "taken":
      return { ...session, shots: [...session.shots, taken(happened.name, happened.stated)] };
    case "going":
      return changed(session, [happened.name], (shot) =>
        hasArrived(shot) ? shot : { ...shot, way: happened.way, reason: happened.reason },
      );
    case "arrived":
      return arrived(session, happened.name, happened.image);
    case "told":
      return followed(session, happened.shots);
    case "acknowledged":
      return changed(session, [happened.name], (shot) => ({ ...shot, told: happened.said }));
    case "chosen":
      return { ...session, chosen: known(session, happened.names), isSettled: false };
    case "toggled":
      return { ...session, chosen: toggled(session, happened.name), isSettled: false };
    case "given":
      return settled(
        changed(session, happened.names, (shot) =>
          isOf(shot) ? saying(shot, given(shot.said, happened)) : shot,
        ),
      );
    case "kept":
      return changed(session, [happened.name], (shot) =>
        saying(shot, { ...shot.said, keptDespite: true }),
      );
    case "pinned":
      return changed(session, [happened.name], (shot) =>
        saying(shot, { ...shot.said, pins: happened.pins.map(within) }),
      );
    case "removed":
      return {
        ...session,
        shots: session.shots.filter(({ name }) => name !== happened.name),
        chosen: new Set([...session.chosen].filter((name) => name !== happened.name)),
      };
  }
}

function taken(name: string, stated: Partial<Stated>): Shot {
  const said = given(SILENT, { stated });
  return {
    name,
    image: null,
    way: "waiting",
    reason: null,
    said,
    told: SILENT,
    checks: UNCHECKED,
  };
}

function changed(session: Session, names: Iterable<string>, change: (shot: Shot) => Shot): Session {
  const meant = new Set(names);
  return {
    ...session,
    shots: session.shots.map((shot) => (meant.has(shot.name) ? change(shot) : shot)),
  };
}

function saying(shot: Shot, said: Said): Shot {
  return { ...shot, said };
}

/** A picture of many lesions is of none in particular; one of a single lesion holds no pins. */
function given(said: Said, { stated }: { stated: Partial<Stated> }): Said {
  const next = { ...said.stated, ...stated };
  // Unpaired is what a site is by itself, and no answer to which side.
  if (next.side === "U") next.side = null;
  if (stated.site !== undefined && stated.side === undefined && stated.site !== said.stated.site)
    next.side = null;
  // Another site than the lesion's is another lesion, or none yet.
  const moved = next.site !== said.stated.site || next.side !== said.stated.side;
  if (moved && stated.lesion === undefined) next.lesion = null;
  if (isLocating(next.view)) next.lesion = null;
  // What becomes an overview has no one scale.
  if (isLocating(next.view) && !isLocating(said.stated.view)) next.mm_per_pixel = null;
  // With the view come the facts of the dermoscopy before: for one that has none of its own.
  if (stated.view && said.stated.dermoscopy) next.dermoscopy = said.stated.dermoscopy;
  if (next.view !== "dermoscopy") next.dermoscopy = null;
  return { ...said, stated: next, pins: next.view === "overview" ? said.pins : [] };
}

function within({ lesion, x, y }: Pin): Pin {
  const inside = (value: number) => Math.min(1, Math.max(0, value));
  return { lesion, x: inside(x), y: inside(y) };
}

function known(session: Session, names: Iterable<string>): Set<string> {
  const meant = new Set(names);
  return new Set(session.shots.map(({ name }) => name).filter((name) => meant.has(name)));
}

function toggled({ chosen, isSettled }: Session, name: string): Set<string> {
  const left = new Set(chosen);
  const wasChosen = left.delete(name);
  // One of several that are done with is to be given something of its own.
  if (isSettled && !(wasChosen && left.size === 0)) return new Set([name]);
  return wasChosen ? left : left.add(name);
}

function settled(session: Session): Session {
  const chosen = session.shots.filter(({ name }) => session.chosen.has(name));
  const isSettled = chosen.every(({ said }) => said.stated.view && said.stated.site);
  return { ...session, isSettled: chosen.length > 0 && isSettled };
}

/** A picture is known by its server's name as well; one that was told of before is the same. */
function arrived(session: Session, name: string, image: string): Session {
  const shots = session.shots.filter((shot) => shot.name === name || shot.image !== image);
  return changed({ ...session, shots }, [name], (shot) => ({ ...shot, image, way: "arrived" }));
}

/** Pictures keep their places under the finger; those that come from elsewhere join at the end. */
function followed(session: Session, shots: ToldShot[]): Session {
  const told = new Map(shots.map((one) => [one.image, one]));
  // What had arrived and is told of no more was taken back, here or elsewhere.
  const stay = session.shots.filter(({ image }) => image === null || told.has(image));
  const merged = stay.map((shot): Shot => {
    const now = shot.image === null ? undefined : told.get(shot.image);
    if (!now) return shot;
    const said = isOwed(shot) ? shot.said : now.said;
    return { ...now, name: shot.name, said, told: now.said };
  });
  const here = new Set(stay.map(({ image }) => image));
  const fresh = shots.filter(({ image }) => !here.has(image));
  const joined = fresh.map((one): Shot => ({ ...one, name: one.image, told: one.said }));
  const next = { ...session, shots: [...merged, ...joined] };
  return { ...next, chosen: known(next, session.chosen) };
}

/** Whether it is a picture of the session at all. */
export function isOf({ way }: Pick<Shot, "way">): boolean {
  return way !== "known";
}

export function hasArrived({ image }: Pick<Shot, "image">): boolean {
  return image !== null;
}

export const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

function isOwed({ said, told }: Shot): boolean {
  return !same(said, told);
}

/** What the server has not been told of the pictures that it has. */
export function owed(session: Session): Shot[] {
  return session.shots.filter((shot) => hasArrived(shot) && isOf(shot) && isOwed(shot));
}

/** Whether what is owed of a picture are its pins. */
export function owesPins({ said, told }: Shot): boolean {
  return !same(said.pins, told.pins);
}

/** Whether what is owed of a picture is more than its pins. */
export function owesMore({ said, told }: Shot): boolean {
  return !same({ ...said, pins: [] }, { ...told, pins: [] });
}
