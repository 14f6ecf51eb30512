/** The poses that together show the whole skin, in the order in which a patient turns. */

import type { Session, Shot, Side, Stated } from "./model";

export interface Pose {
  /** Names it in `messages().capture.pose`. */
  id: PoseName;
  site: string;
  side: Side | null;
}

const of = <Name extends string>(id: Name, site: string, side: Side | null = null) => ({
  id,
  site,
  side,
});

const POSE_LIST = [
  of("face", "73897004"),
  of("scalp", "43067004"),
  of("neck", "11584001"),
  of("chest", "181491009"),
  of("armRightFront", "45981001", "R"),
  of("armLeftFront", "45981001", "L"),
  of("palms", "70887009", "B"),
  of("thighsFront", "61248009", "B"),
  of("legsFront", "25763004", "B"),
  of("flankRight", "76261009", "R"),
  of("flankLeft", "76261009", "L"),
  of("nape", "4658004"),
  of("back", "49943"),
  of("armRightBack", "72939005", "R"),
  of("armLeftBack", "72939005", "L"),
  of("handsBack", "281642007", "B"),
  of("buttocks", "22180002", "B"),
  of("thighsBack", "4578000", "B"),
  of("legsBack", "47224004", "B"),
  of("feet", "60496002", "B"),
  of("soles", "130317", "B"),
] as const;

export type PoseName = (typeof POSE_LIST)[number]["id"];
export const POSES: readonly Pose[] = POSE_LIST;

export function statedOf({ site, side }: Pose): Partial<Stated> {
  return { view: "total-body", site, side, lesion: null };
}

export function shows({ said: { stated } }: Shot, { site, side }: Pose): boolean {
  return stated.view === "total-body" && stated.site === site && stated.side === side;
}

export function shotOf(session: Session, pose: Pose): Shot | null {
  return [...session.shots].reverse().find((shot) => shows(shot, pose)) ?? null;
}

/** The pose after one that was taken: the next without a picture, or the next at all. */
export function nextPose(session: Session, pose: Pose): Pose | null {
  const at = POSES.indexOf(pose);
  const turned = [...POSES.slice(at + 1), ...POSES.slice(0, at)];
  return turned.find((one) => shotOf(session, one) === null) ?? null;
}
