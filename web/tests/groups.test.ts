import { describe, expect, it } from "vitest";
import {
  arrived,
  cut,
  decided,
  type Group,
  imagesOf,
  isSettled,
  moveDown,
  moveUp,
  noLabel,
  without,
} from "../src/capture/groups";

const group = (labels: string, images: string, more: Partial<Group> = {}): Group => ({
  labels: [...labels],
  codes: [],
  isPatient: false,
  lesion: null,
  images: [...images],
  to: { what: "here" },
  ...more,
});
const CARD = [group("", "ab"), group("X", "cd"), group("Y", "e")];
const shape = (groups: readonly Group[]) =>
  groups.map(({ labels, images }) => `${labels.join("")}:${images.join("")}`);

describe("the groups of a card", () => {
  it("have borders that move by one picture", () => {
    expect(shape(moveUp(CARD, 1))).toEqual([":abc", "X:d", "Y:e"]);
    expect(shape(moveDown(CARD, 1))).toEqual([":a", "X:bcd", "Y:e"]);
    const empty = moveUp(CARD, 2);
    expect(shape(empty)).toEqual([":ab", "X:cde", "Y:"]);
    expect(shape(moveUp(empty, 2))).toEqual(shape(empty));
    expect(shape(moveUp(CARD, 0))).toEqual(shape(CARD));
  });

  it("begin where a person says, with a label or without", () => {
    expect(shape(cut(CARD, "d", false))).toEqual([":ab", "X:c", ":d", "Y:e"]);
    expect(shape(cut(CARD, "c", true))).toEqual([":ab", "X:", "c:d", "Y:e"]);
    expect(shape(cut(CARD, "a", true))).toEqual(["a:b", "X:cd", "Y:e"]);
    expect(shape(cut(CARD, "?", true))).toEqual(shape(CARD));
  });

  it("are one where a label is none", () => {
    expect(shape(noLabel(CARD, 1))).toEqual([":abXcd", "Y:e"]);
    expect(shape(noLabel([group("X", "a")], 0))).toEqual([":Xa"]);
    const given = group("Z", "", { to: { what: "given", session: "s", whose: "w", count: 2 } });
    expect(shape(noLabel([given, ...CARD.slice(1)], 1))).toEqual(["Z:", ":Xcd", "Y:e"]);
  });

  it("are undecided again once they change, and no other is", () => {
    for (const now of [moveUp(CARD, 1), moveDown(CARD, 1), cut(CARD, "b", false)]) {
      expect(isSettled(now)).toBe(false);
      expect(now.at(-1)?.to.what).toBe("here");
    }
    expect(isSettled(CARD)).toBe(true);
    expect(isSettled(decided(CARD, ["a", "b"], { what: "undecided" }))).toBe(false);
    // Nobody has to say whose no picture is.
    expect(isSettled([group("X", "", { to: { what: "undecided" } })])).toBe(true);
  });

  it("lose no picture and turn none over, whatever is done", () => {
    const all = imagesOf(CARD);
    const acts = [0, 1, 2].flatMap((at) => [
      (groups: readonly Group[]) => moveUp(groups, at),
      (groups: readonly Group[]) => moveDown(groups, at),
      (groups: readonly Group[]) => noLabel(groups, at),
      (groups: readonly Group[]) => cut(groups, all[at] ?? "", at === 1),
    ]);
    for (const one of acts)
      for (const two of acts)
        for (const three of acts) {
          const now = imagesOf(three(two(one(CARD))));
          expect([...now].sort()).toEqual([...all].sort());
          const pictures = now.filter((image) => "acde".includes(image));
          expect(pictures).toEqual([...pictures].sort());
        }
  });

  it("go by themselves: the next one stays undecided where one without a label is given", () => {
    const card = CARD.map((one): Group => ({ ...one, to: { what: "undecided" } }));
    const going = { what: "going" } as const;
    // What goes is in the session no more before anybody says that it has arrived.
    const left = without(decided(card, ["a", "b"], going), new Set([..."XcdYe"]));
    expect(shape(left)).toEqual([":", "X:cd", "Y:e"]);
    const given = { what: "given", session: "s", whose: "w", count: 2 } as const;
    const now = arrived(left, going, given);
    expect(now.map(({ to }) => to.what)).toEqual(["given", "undecided", "undecided"]);
    const failed = arrived(decided(card, ["a", "b"], going), going, { what: "undecided" });
    expect(failed).toEqual(card);
  });

  it("are decided only as they were looked at", () => {
    expect(decided(CARD, ["a"], { what: "undecided" })).toEqual(CARD);
    expect(decided([group("X", "")], [], { what: "undecided" })).toEqual([group("X", "")]);
    expect(isSettled([group("", "a", { to: { what: "going" } })])).toBe(false);
  });

  it("hold what is in the session, and tell what was given away", () => {
    const given = group("X", "cd", { to: { what: "given", session: "s", whose: "w", count: 2 } });
    const left = without([group("", "ab"), given, group("Y", "e")], new Set(["a", "X"]));
    expect(shape(left)).toEqual([":a", "X:"]);
    expect(shape(without([group("Y", "e")], new Set()))).toEqual([]);
  });
});
