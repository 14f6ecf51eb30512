/** What a session still lacks, what is wrong with its pictures, and what they have in common. */

import {
  hasArrived,
  isLocating,
  isOf,
  type Session,
  type Shot,
  type Site,
  type Stated,
  same,
} from "./model";

export type Lack = "view" | "site" | "side";

/** What has still to be said of a picture before it may be sent. */
export function lacking({ said: { stated } }: Shot, sites: ReadonlyMap<string, Site>): Lack[] {
  const lacks: Lack[] = [];
  if (!stated.view) lacks.push("view");
  if (!stated.site) lacks.push("site");
  else if (sites.get(stated.site)?.paired && !stated.side) lacks.push("side");
  return lacks;
}

export function isSorted(shot: Shot, sites: ReadonlyMap<string, Site>): boolean {
  return !isOf(shot) || lacking(shot, sites).length === 0;
}

/** Parts of the body that cannot be photographed without the face, or hardly. */
const OF_THE_HEAD = new Set(["head", "mouth", "neck"]);

/** What is good to know of a picture, and no reason to take it again. */
const GOOD = "scale";

/** What is wrong with a picture and has not been waved through; a face is no fault of a head. */
export function concerns(shot: Shot, sites: ReadonlyMap<string, Site>): string[] {
  if (shot.said.keptDespite || !isOf(shot)) return [];
  const site = shot.said.stated.site;
  const ofHead = site !== null && OF_THE_HEAD.has(sites.get(site)?.region ?? "");
  return shot.checks.found
    .map(({ kind }) => kind)
    .filter((kind) => kind !== GOOD && !(ofHead && kind === "face"));
}

/** Millimetres a pixel by a ruler beside a lesion, if its marks are millimetres: ask who sees it. */
export function scaleOf({ checks, said }: Shot): number | null {
  if (isLocating(said.stated.view)) return null;
  return checks.found.find(({ kind }) => kind === GOOD)?.value ?? null;
}

/** What stands between a session and its sending, each with the pictures that it is about. */
export interface Hindrances {
  arriving: string[];
  refused: string[];
  unsorted: string[];
  doubtful: string[];
  checking: string[];
}

/** Whether it goes no further until somebody does something. */
function isStopped({ way }: Shot): boolean {
  return way === "refused" || way === "stopped";
}

export function hindrances(session: Session, sites: ReadonlyMap<string, Site>): Hindrances {
  const names = (of: (shot: Shot) => boolean) => session.shots.filter(of).map(({ name }) => name);
  return {
    arriving: names((shot) => !hasArrived(shot) && !isStopped(shot)),
    refused: names(isStopped),
    unsorted: names((shot) => !isStopped(shot) && !isSorted(shot, sites)),
    doubtful: names((shot) => concerns(shot, sites).length > 0),
    checking: names((shot) => isOf(shot) && hasArrived(shot) && shot.checks.state === "waiting"),
  };
}

/** Whether it may be sent: faults are told and hinder nothing, as a picture may not come again. */
export function maySend(session: Session, sites: ReadonlyMap<string, Site>): boolean {
  const { arriving, refused, unsorted } = hindrances(session, sites);
  return session.shots.some(isOf) && arriving.length + refused.length + unsorted.length === 0;
}

/** What all chosen pictures have in common; undefined where they differ. */
export function inCommon(shots: Shot[]): { [Name in keyof Stated]: Stated[Name] | undefined } {
  const of = <Name extends keyof Stated>(name: Name): Stated[Name] | undefined => {
    const [first, ...rest] = shots.map(({ said }) => said.stated[name]);
    return rest.every((one) => same(one, first)) ? first : undefined;
  };
  return {
    view: of("view"),
    site: of("site"),
    side: of("side"),
    lesion: of("lesion"),
    dermoscopy: of("dermoscopy"),
    phototype: of("phototype"),
    mm_per_pixel: of("mm_per_pixel"),
  };
}

/** The patient's phototype, as the first picture has it that tells. */
export function phototypeOf({ shots }: Session): number | null {
  return shots.map(({ said }) => said.stated.phototype).find((one) => one !== null) ?? null;
}

/** The lesions that the session's pictures show, in the order in which they come. */
export function lesionsShown(session: Session): string[] {
  const shown = session.shots.flatMap(({ said }) => [
    ...(said.stated.lesion ? [said.stated.lesion] : []),
    ...said.pins.map(({ lesion }) => lesion),
  ]);
  return [...new Set(shown)];
}
