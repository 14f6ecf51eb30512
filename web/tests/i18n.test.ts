import { describe, expect, it } from "vitest";
import { preferredLanguage } from "../src/i18n";
import { en } from "../src/i18n/en";
import { fr } from "../src/i18n/fr";

/** Every text with its path; functions are called with plausible values. */
function texts(dictionary: object, path = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(dictionary)) {
    const here = `${path}/${key}`;
    if (typeof value === "object") for (const entry of texts(value, here)) found.set(...entry);
    else found.set(here, typeof value === "function" ? value(3, "F", "2") : value);
  }
  return found;
}

describe("translations", () => {
  const [french, english] = [texts(fr), texts(en)];

  it("have the same keys", () => {
    expect([...english.keys()].sort()).toEqual([...french.keys()].sort());
  });

  it("leave no text empty or unformed", () => {
    for (const [path, text] of [...french, ...english]) {
      expect(text, path).toMatch(/\S/);
      expect(text, path).not.toMatch(/undefined|null|NaN|\[object/);
    }
  });

  it("write French with its own apostrophe", () => {
    for (const [path, text] of french) expect(text, path).not.toMatch(/\p{L}'\p{L}/u);
  });

  it("count as each language does", () => {
    expect(fr.slides(0)).toBe("0 lame");
    expect(en.slides(0)).toBe("0 slides");
    expect(fr.slides(2)).toBe("2 lames");
    expect(en.slides(1)).toBe("1 slide");
  });
});

describe("the language", () => {
  it("is French unless the browser is English", () => {
    expect(preferredLanguage(null, "fr-FR")).toBe("fr");
    expect(preferredLanguage(null, "de")).toBe("fr");
    expect(preferredLanguage(null, "en-US")).toBe("en");
  });

  it("is the one chosen before", () => {
    expect(preferredLanguage("en", "fr")).toBe("en");
    expect(preferredLanguage("fr", "en")).toBe("fr");
    expect(preferredLanguage("xx", "en")).toBe("en");
  });
});
