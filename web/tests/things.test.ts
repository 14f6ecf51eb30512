import { describe, expect, it } from "vitest";
import { inOrder, isLitter } from "../src/deposit/paths";
import { thingName, things } from "../src/deposit/things";

const mains = (paths: string[]) => things(paths).map(({ main, parts }) => [main, parts.length]);

describe("files that belong together", () => {
  it("are an MRXS and its folder", () => {
    const paths = ["a/one/Data0000.dat", "a/one/Slidedat.ini", "a/one.mrxs", "a/one.txt"];
    expect(mains(paths)).toEqual([
      ["a/one.mrxs", 2],
      ["a/one.txt", 0],
    ]);
  });

  it("are told apart from those of a slide with a longer name", () => {
    const paths = ["one.mrxs", "one two.mrxs", "one/Index.dat", "one two/Index.dat"];
    expect(mains(paths)).toEqual([
      ["one.mrxs", 1],
      ["one two.mrxs", 1],
    ]);
  });

  it("are a VMS with its pictures, a VSI with its folder", () => {
    const vms = ["s/case.vms", "s/case(1,0).jpg", "s/case_map2.jpg", "s/other.jpg"];
    expect(mains(vms)).toEqual([
      ["s/case.vms", 2],
      ["s/other.jpg", 0],
    ]);
    expect(mains(["x.vsi", "_x_/stack1/frame_t.ets"])).toEqual([["x.vsi", 1]]);
  });

  it("are the DICOM instances of one folder, not those that came singly", () => {
    const series = things(["case/a.dcm", "case/b.dcm", "other/a.dcm"]);
    expect(series.map(({ parts }) => parts.length)).toEqual([1, 0]);
    expect(series.map(thingName)).toEqual(["case", "a.dcm"]);
    expect(mains(["a.dcm", "b.dcm"])).toEqual([
      ["a.dcm", 0],
      ["b.dcm", 0],
    ]);
  });

  it("name every file once", () => {
    const paths = ["m.mrxs", "m/1.dcm", "m/2.dcm", "d/1.dcm", "d/2.dcm", "s.svs"];
    const named = things(paths).flatMap(({ main, parts }) => [main, ...parts]);
    expect(named.sort()).toEqual([...paths].sort());
  });
});

it("files are ordered as people count", () => {
  const files = ["b 10", "b 9", "a"].map((path) => ({ path, file: new File([], path) }));
  expect(inOrder(files).map(({ path }) => path)).toEqual(["a", "b 9", "b 10"]);
});

describe("what file managers leave", () => {
  it.each([".DS_Store", "a/.git/config", "a/Thumbs.db", "~$case.docx", "desktop.ini"])(
    "is not sent: %s",
    (path) => expect(isLitter(path)).toBe(true),
  );

  it.each(["slide.svs", "a b/c.d.svs", "a/Index.dat"])("is not %s", (path) =>
    expect(isLitter(path)).toBe(false),
  );
});
