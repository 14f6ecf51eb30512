import { describe, expect, it } from "vitest";
import { bodyOf, toldOf } from "../src/capture/calls";
import { tapped } from "../src/capture/dermoscope";
import {
  concerns,
  hindrances,
  inCommon,
  lacking,
  lesionsShown,
  maySend,
  phototypeOf,
  scaleOf,
} from "../src/capture/judging";
import {
  EMPTY,
  type Happened,
  NOTHING,
  next,
  owed,
  owesMore,
  owesPins,
  type Said,
  type Session,
  type Site,
  type Stated,
  type ToldShot,
} from "../src/capture/model";
import { nextPose, POSES, shotOf, statedOf } from "../src/capture/poses";

const site = (code: string, region: string, paired: boolean): Site => ({
  code,
  region,
  paired,
  scheme: "SCT",
  fr: code,
  en: code,
  also: [],
});
const BACK = site("66643007", "trunk", false);
const PALM = site("70887009", "upper-limb", true);
const FACE = site("73897004", "head", false);
const SITES = new Map([BACK, PALM, FACE].map((site) => [site.code, site]));

const course = (...events: Happened[]): Session => events.reduce(next, EMPTY);
const taken = (name: string, stated: Partial<Stated> = {}): Happened => ({
  what: "taken",
  name,
  stated,
});
const given = (names: string[], stated: Partial<Stated>): Happened => ({
  what: "given",
  names,
  stated,
});
const said = (stated: Partial<Stated> = {}, more: Partial<Said> = {}): Said => ({
  stated: { ...NOTHING, ...stated },
  keptDespite: false,
  pins: [],
  ...more,
});
const arrived = (name: string, more: Partial<ToldShot> = {}): ToldShot => ({
  image: name,
  way: "arrived",
  reason: null,
  said: said(),
  checks: { state: "done", found: [] },
  ...more,
});
const only = (session: Session) => {
  const [first] = session.shots;
  if (!first) throw new Error("no picture");
  return first;
};

describe("a session", () => {
  it("is shot first and sorted after, several pictures at once", () => {
    const session = course(
      taken("a"),
      taken("b"),
      taken("c"),
      given(["a", "b"], { view: "close-up", site: BACK.code }),
    );
    const lacks = session.shots.map((shot) => lacking(shot, SITES));
    expect(lacks).toEqual([[], [], ["view", "site"]]);
  });

  it("asks which side where the body has two, and forgets it with the site", () => {
    const palm = course(taken("a"), given(["a"], { view: "close-up", site: PALM.code }));
    expect(lacking(only(palm), SITES)).toEqual(["side"]);
    const left = next(palm, given(["a"], { side: "L" }));
    expect(lacking(only(left), SITES)).toEqual([]);
    const back = next(left, given(["a"], { site: BACK.code }));
    expect(only(back).said.stated.side).toBeNull();
  });

  it("takes a lesion from pictures of many, and from those of another site", () => {
    const lesion = { view: "close-up", site: BACK.code, side: "U", lesion: "L" } as const;
    const of = (stated: Partial<Stated>) =>
      only(course(taken("a", lesion), given(["a"], stated))).said.stated.lesion;
    expect(of({ view: "dermoscopy" })).toBe("L");
    expect(of({ view: "overview" })).toBeNull();
    expect(of({ site: FACE.code })).toBeNull();
    expect(of({ site: FACE.code, side: null, lesion: "M" })).toBe("M");
  });

  it("keeps pins inside an overview, and on nothing else", () => {
    const pins = [{ lesion: "L", x: -0.1, y: 1.5 }];
    const pinned = course(taken("a", { view: "overview" }), { what: "pinned", name: "a", pins });
    expect(only(pinned).said.pins).toEqual([{ lesion: "L", x: 0, y: 1 }]);
    expect(lesionsShown(pinned)).toEqual(["L"]);
    expect(only(next(pinned, given(["a"], { view: "close-up" }))).said.pins).toEqual([]);
  });

  it("says what chosen pictures have in common", () => {
    const { shots } = course(
      taken("a", { view: "overview", site: BACK.code }),
      taken("b", { view: "close-up", site: BACK.code }),
    );
    expect(inCommon([...shots])).toEqual({
      view: undefined,
      site: BACK.code,
      side: null,
      lesion: null,
      dermoscopy: null,
      phototype: null,
      mm_per_pixel: null,
    });
  });

  it("gives a dermoscopy the facts of the one before, and leaves it its own", () => {
    const gel = tapped(null, { immersion: "ULTRASOUND_GEL" });
    const dry = tapped(gel, { contact: "NON_CONTACT" });
    expect([gel.contact, dry.immersion]).toEqual(["CONTACT", null]);
    expect(tapped(gel, { magnification: 10 })).toEqual({ ...gel, magnification: 10 });
    expect(tapped(gel, { immersion: "ULTRASOUND_GEL" }).immersion).toBeNull();
    const of = (...events: Happened[]) =>
      only(course(taken("a"), ...events)).said.stated.dermoscopy;
    const first = given(["a"], { view: "dermoscopy", dermoscopy: gel });
    expect(of(first)).toEqual(gel);
    expect(of(first, given(["a"], { view: "dermoscopy", dermoscopy: dry }))).toEqual(gel);
    expect(of(first, given(["a"], { dermoscopy: dry }))).toEqual(dry);
    expect(of(first, given(["a"], { view: "close-up" }))).toBeNull();
  });

  it("has the patient's phototype in every picture", () => {
    const session = course(taken("a"), taken("b"), given(["b"], { phototype: 3 }));
    expect(phototypeOf(session)).toBe(3);
    expect(phototypeOf(EMPTY)).toBeNull();
  });

  it("takes the next touch for other pictures once the chosen ones have what they need", () => {
    const toggled = (name: string) => ({ what: "toggled", name }) as const;
    const first = course(taken("a"), taken("b"), taken("c"), toggled("a"), toggled("b"));
    const half = next(first, given(["a", "b"], { view: "close-up" }));
    expect([...next(half, toggled("c")).chosen]).toEqual(["a", "b", "c"]);
    const whole = next(half, given(["a", "b"], { site: BACK.code }));
    expect([...next(whole, toggled("c")).chosen]).toEqual(["c"]);
    const one = next(whole, toggled("a"));
    expect([...one.chosen]).toEqual(["a"]);
    expect([...next(one, toggled("a")).chosen]).toEqual([]);
  });

  it("forgets a picture that is taken again, among the chosen too", () => {
    const session = course(
      taken("a"),
      taken("b"),
      { what: "chosen", names: ["a", "b", "unknown"] },
      { what: "removed", name: "a" },
    );
    expect(session.shots.map(({ name }) => name)).toEqual(["b"]);
    expect([...session.chosen]).toEqual(["b"]);
  });
});

describe("what the server knows", () => {
  it("is told of what was said before a picture arrived", () => {
    const before = course(taken("a"), given(["a"], { view: "overview", site: BACK.code }));
    expect(owed(before)).toEqual([]);
    const there = next(before, { what: "arrived", name: "a", image: "a" });
    expect(owed(there).map(({ image }) => image)).toEqual(["a"]);
    expect(only(there).said.stated.view).toBe("overview");
    const acknowledged = next(there, {
      what: "acknowledged",
      name: "a",
      said: only(there).said,
    });
    expect(owed(acknowledged)).toEqual([]);
  });

  it("takes halves, told whole or so far", () => {
    const there = course({ what: "told", shots: [arrived("a")] });
    const half = next(there, given(["a"], { view: "overview" }));
    expect(owed(half).map(({ name }) => name)).toEqual(["a"]);
    expect(bodyOf(only(half).said, false)).toMatchObject({ view: "overview", is_partial: true });
    const out = { ...bodyOf(only(half).said, false), image: "a", state: "received", checks: {} };
    const told = { ...out, view: null, partial: { ...NOTHING, view: "overview" } };
    expect(toldOf(told as never, false).said.stated.view).toBe("overview");
  });

  it("may be told of a picture before it is known which it was here", () => {
    const told = { what: "told", shots: [arrived("a")] } as const;
    const session = course(taken("here", { view: "overview" }), {
      ...told,
      shots: [...told.shots],
    });
    expect(session.shots).toHaveLength(2);
    const known = next(session, { what: "arrived", name: "here", image: "a" });
    expect(known.shots.map(({ name, image }) => [name, image])).toEqual([["here", "a"]]);
    expect(only(next(known, { what: "told", shots: [arrived("a")] })).name).toBe("here");
  });

  it("undoes nothing that was said since it was asked", () => {
    const there = course({ what: "told", shots: [arrived("a")] });
    const stated = next(there, given(["a"], { view: "close-up" }));
    const late = next(stated, { what: "told", shots: [arrived("a")] });
    expect(only(late).said.stated.view).toBe("close-up");
  });

  it("is taken over where nothing is owed", () => {
    const there = course({ what: "told", shots: [arrived("a")] });
    const elsewhere = arrived("a", { said: said({ view: "dermoscopy" }) });
    expect(only(next(there, { what: "told", shots: [elsewhere] })).said.stated.view).toBe(
      "dermoscopy",
    );
  });

  it("tells pins from the rest", () => {
    const there = course({
      what: "told",
      shots: [arrived("a", { said: said({ view: "overview" }) })],
    });
    const pins = [{ lesion: "L", x: 0.5, y: 0.5 }];
    const pinned = only(next(there, { what: "pinned", name: "a", pins }));
    expect([owesPins(pinned), owesMore(pinned)]).toEqual([true, false]);
    const kept = only(next(there, { what: "kept", name: "a" }));
    expect([owesPins(kept), owesMore(kept)]).toEqual([false, true]);
  });

  it("moves no picture from under a finger, in whatever order they arrive", () => {
    const session = course(
      taken("first"),
      taken("second"),
      { what: "arrived", name: "second", image: "b" },
      { what: "told", shots: [arrived("b"), arrived("elsewhere")] },
      { what: "arrived", name: "first", image: "a" },
      { what: "told", shots: [arrived("b"), arrived("elsewhere"), arrived("a")] },
    );
    expect(session.shots.map(({ name }) => name)).toEqual(["first", "second", "elsewhere"]);
  });

  it("leaves pictures that wait here in place, and drops those taken back elsewhere", () => {
    const session = course({ what: "told", shots: [arrived("a"), arrived("b")] }, taken("c"), {
      what: "told",
      shots: [arrived("b")],
    });
    expect(session.shots.map(({ name }) => name)).toEqual(["b", "c"]);
  });
});

describe("sending", () => {
  const sorted = said({ view: "close-up", site: BACK.code });
  const blurred = {
    state: "done",
    found: [
      { kind: "blurred", value: 0 },
      { kind: "face", value: 1 },
    ],
  } as const;
  const found = { state: blurred.state, found: [...blurred.found] };

  it("waits for pictures to arrive and to be sorted", () => {
    expect(maySend(EMPTY, SITES)).toBe(false);
    expect(maySend(course(taken("a", sorted.stated)), SITES)).toBe(false);
    const there = { what: "told", shots: [arrived("a", { said: sorted })] } as const;
    expect(maySend(course({ ...there, shots: [...there.shots] }), SITES)).toBe(true);
    expect(maySend(course({ what: "told", shots: [arrived("a")] }), SITES)).toBe(false);
  });

  it("is told of faults, which hinder nothing and may be waved through", () => {
    const shots = [arrived("a", { said: sorted, checks: found })];
    const session = course({ what: "told", shots });
    expect(hindrances(session, SITES).doubtful).toEqual(["a"]);
    expect(maySend(session, SITES)).toBe(true);
    expect(hindrances(next(session, { what: "kept", name: "a" }), SITES).doubtful).toEqual([]);
  });

  it("is not alarmed by the face of a head", () => {
    const at = (site: string) =>
      concerns(
        only(
          course({
            what: "told",
            shots: [arrived("a", { said: said({ view: "close-up", site }), checks: found })],
          }),
        ),
        SITES,
      );
    expect(at(BACK.code)).toEqual(["blurred", "face"]);
    expect(at(FACE.code)).toEqual(["blurred"]);
  });

  it("is told of a ruler that was read, and of no fault by it", () => {
    const checks = { state: "done" as const, found: [{ kind: "scale", value: 0.05 }] };
    const session = course({ what: "told", shots: [arrived("a", { said: sorted, checks })] });
    expect(hindrances(session, SITES).doubtful).toEqual([]);
    expect(scaleOf(only(session))).toBe(0.05);
    const blurry = course({ what: "told", shots: [arrived("b", { checks: found })] });
    expect(scaleOf(only(blurry))).toBe(null);
    const overview = next(session, given(["a"], { view: "overview" }));
    expect(scaleOf(only(overview))).toBe(null);
  });

  it("keeps a scale that somebody confirmed, whatever else is said, but of an overview", () => {
    const scale: [number, number] = [0.05, 0.05];
    const there = course({ what: "told", shots: [arrived("a", { said: sorted })] });
    const confirmed = next(there, given(["a"], { mm_per_pixel: scale }));
    const more = next(confirmed, given(["a"], { phototype: 2 }));
    expect(bodyOf(only(more).said, true)).toMatchObject({ mm_per_pixel: scale, phototype: 2 });
    const out = { ...bodyOf(only(more).said, true), image: "a", state: "received", checks: {} };
    expect(toldOf(out as never, false).said.stated.mm_per_pixel).toEqual(scale);
    const overview = next(more, given(["a"], { view: "overview" }));
    expect(only(overview).said.stated.mm_per_pixel).toBe(null);
  });

  it("leaves out what is in the archive already, and asks nothing of it", () => {
    const known = arrived("b", { way: "known" });
    const session = course({ what: "told", shots: [arrived("a", { said: sorted }), known] });
    expect(maySend(session, SITES)).toBe(true);
    expect(owed(next(session, given(["b"], sorted.stated)))).toEqual([]);
    expect(maySend(course({ what: "told", shots: [known] }), SITES)).toBe(false);
  });

  it("waits for what was refused to be taken away", () => {
    const refused = arrived("b", { way: "refused" });
    const session = course({ what: "told", shots: [arrived("a", { said: sorted }), refused] });
    expect(hindrances(session, SITES).refused).toEqual(["b"]);
    expect(maySend(session, SITES)).toBe(false);
    expect(maySend(next(session, { what: "removed", name: "b" }), SITES)).toBe(true);
  });
});

describe("the poses of the total body", () => {
  it("are told apart by site and side", () => {
    const keys = POSES.map(({ site, side }) => `${site} ${side}`);
    expect(new Set(keys).size).toBe(POSES.length);
  });

  it("follow each other until every one has a picture", () => {
    let session = EMPTY;
    const done: string[] = [];
    for (let pose: (typeof POSES)[number] | null = POSES[4] ?? null; pose; ) {
      done.push(pose.id);
      session = next(session, taken(pose.id, statedOf(pose)));
      expect(shotOf(session, pose)?.name).toBe(pose.id);
      pose = nextPose(session, pose);
    }
    expect([...done].sort()).toEqual(POSES.map(({ id }) => id).sort());
    expect(done[0]).toBe("armRightFront");
  });
});
