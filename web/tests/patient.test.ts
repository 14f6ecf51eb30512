import { describe, expect, it } from "vitest";
import { countsText, imageName } from "../src/patient";

const image = (id: string, older: boolean, kind: "slide" | "photo" = "slide") => ({
  id,
  kind,
  older,
});
const IMAGES = [
  image("a", false),
  image("a-before", true),
  image("b", false),
  image("a-first", true),
  image("p", false, "photo"),
];

describe("a slide that was scanned again", () => {
  it("counts once", () => {
    expect(countsText(IMAGES)).toBe("2 lames, 1 photographie");
  });

  it("gives its number to its latest scan alone", () => {
    expect(IMAGES.map((one) => imageName(one, IMAGES))).toEqual([
      "Lame 1",
      "Numérisation antérieure 1",
      "Lame 2",
      "Numérisation antérieure 2",
      "Photo 1",
    ]);
  });
});
