/**
 * The pictures of a camera's card in the groups that a person gives away; every function is pure.
 *
 * Whatever is done with them, each picture stays in one group, in the order in which it was taken.
 * A group that changes is undecided again.
 */

/** To whom a group goes: undecided, this session's patient, or another session: soon, or now. */
export type To =
  | { what: "undecided" }
  | { what: "here" }
  | { what: "going" }
  | { what: "given"; session: string; whose: string; count: number };

export interface Group {
  /** The pictures of the label that the others follow; none for the first ones of a card. */
  labels: readonly string[];
  codes: readonly string[];
  /** Whether the code is the number of the session's patient. */
  isPatient: boolean;
  /** The patient's lesion that the code names. */
  lesion: string | null;
  images: readonly string[];
  to: To;
}

const UNDECIDED: To = { what: "undecided" };
const BARE = { labels: [], codes: [], isPatient: false, lesion: null, to: UNDECIDED } as const;

/** The border above a group moves down: its first picture joins the group before. */
export function moveUp(groups: readonly Group[], at: number): Group[] {
  const [before, group] = [groups[at - 1], groups[at]];
  const [first, ...rest] = group?.images ?? [];
  if (!before || !group || first === undefined) return [...groups];
  return replaced(groups, at - 1, 2, [
    changed(before, [...before.images, first]),
    changed(group, rest),
  ]);
}

/** The border above a group moves up: the last picture of the group before joins it. */
export function moveDown(groups: readonly Group[], at: number): Group[] {
  const [before, group] = [groups[at - 1], groups[at]];
  const last = before?.images.at(-1);
  if (!before || !group || last === undefined) return [...groups];
  return replaced(groups, at - 1, 2, [
    changed(before, before.images.slice(0, -1)),
    changed(group, [last, ...group.images]),
  ]);
}

/** A group of its own begins with this picture: with its label, where it is the picture of one. */
export function cut(groups: readonly Group[], image: string, isLabel: boolean): Group[] {
  const at = groups.findIndex(({ images }) => images.includes(image));
  const group = groups[at];
  if (!group) return [...groups];
  const place = group.images.indexOf(image);
  const after = group.images.slice(place + 1);
  const fresh = isLabel
    ? { ...BARE, labels: [image], images: after }
    : { ...BARE, images: [image, ...after] };
  const rest = changed(group, group.images.slice(0, place));
  const isEmpty = rest.images.length + rest.labels.length === 0;
  return replaced(groups, at, 1, isEmpty ? [fresh] : [rest, fresh]);
}

/** What was taken for labels are pictures: with those that follow they join the group before. */
export function noLabel(groups: readonly Group[], at: number): Group[] {
  const [before, group] = [groups[at - 1], groups[at]];
  if (!group) return [...groups];
  const images = [...group.labels, ...group.images];
  if (!before || !isOpen(before)) return replaced(groups, at, 1, [{ ...BARE, images }]);
  return replaced(groups, at - 1, 2, [changed(before, [...before.images, ...images])]);
}

/** Says whose the group of these very pictures is; of none where the groups have changed since. */
export function decided(groups: readonly Group[], images: readonly string[], to: To): Group[] {
  return groups.map((group) => (isOf(group, images) ? { ...group, to } : group));
}

/** Says what became of a group that was going: told by its `to`, as it may hold nothing by now. */
export function arrived(groups: readonly Group[], going: To, to: To): Group[] {
  return groups.map((group) => (group.to === going ? { ...group, to } : group));
}

export function isOf(group: Group, images: readonly string[]): boolean {
  return images.length > 0 && group.images.join() === images.join();
}

/** Whether a person may still change it: it is in nobody else's hands. */
export function isOpen({ to }: Group): boolean {
  return to.what === "undecided" || to.what === "here";
}

/** Pictures that are in the session no more, as they were given or taken back, are in no group. */
export function without(groups: readonly Group[], there: ReadonlySet<string>): Group[] {
  const stay = (images: readonly string[]) => images.filter((image) => there.has(image));
  return groups
    .map((group) => ({ ...group, labels: stay(group.labels), images: stay(group.images) }))
    .filter((group) => group.labels.length + group.images.length > 0 || !isOpen(group));
}

/** Whether every picture has somebody whose it is. */
export function isSettled(groups: readonly Group[]): boolean {
  const isSaid = ({ to }: Group) => to.what === "here" || to.what === "given";
  return groups.every((group) => isSaid(group) || group.images.length === 0);
}

export function imagesOf(groups: readonly Group[]): string[] {
  return groups.flatMap(({ labels, images }) => [...labels, ...images]);
}

function changed(group: Group, images: readonly string[]): Group {
  return { ...group, images, to: UNDECIDED };
}

function replaced(
  groups: readonly Group[],
  at: number,
  count: number,
  fresh: readonly Group[],
): Group[] {
  return [...groups.slice(0, at), ...fresh, ...groups.slice(at + count)];
}
