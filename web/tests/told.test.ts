import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../src/api";
import { chooseLanguage } from "../src/i18n";
import { en } from "../src/i18n/en";
import { fr } from "../src/i18n/fr";
import { endOfFate } from "../src/queue/way";
import { whyStopped } from "../src/queue/why";
import { told } from "../src/told";

beforeEach(() => void vi.stubGlobal("document", { documentElement: { lang: "" } }));
afterEach(() => void vi.unstubAllGlobals());

describe("a refusal", () => {
  const refused = new ApiError(409, "The order has an exam already.");

  it("is told in the language of the page", () => {
    chooseLanguage("fr");
    expect(told(refused, "words")).toBe(fr.refused[409]);
    chooseLanguage("en");
    expect(told(refused, "words")).toBe("The order has an exam already.");
    expect(told(new ApiError(404), "words")).toBe(en.refused[404]);
  });

  it("is told by the page's own words where it is none", () => {
    for (const language of ["fr", "en"] as const) {
      chooseLanguage(language);
      expect(told(new ApiError(0), "words")).toBe("words");
      expect(told(new TypeError("x"), "words")).toBe("words");
    }
  });
});

describe("what became of a picture that was sent", () => {
  const fate = { image: null, reason: null };

  it("is awaited as long as the server looks at it", () => {
    expect(endOfFate({ ...fate, state: "checking" })).toBeNull();
  });

  it("is told, and never awaited, where it is archived under another patient", () => {
    const end = endOfFate({ ...fate, state: "unassigned", reason: "identity" });
    expect(end).toEqual({ what: "failed", code: "identity", detail: null });
    chooseLanguage("fr");
    expect(whyStopped({ code: "identity", detail: null })).toMatch("autre patient");
    expect(whyStopped({ code: "strange", detail: null })).toBe(fr.phones.waiting.why.other);
  });

  it("is an end, or something to go on with", () => {
    expect(endOfFate({ ...fate, state: "taken", image: "a" })).toEqual({
      what: "taken",
      image: "a",
    });
    expect(endOfFate({ ...fate, state: "refused" })).toMatchObject({ what: "failed" });
    expect(endOfFate({ ...fate, state: "uploading" })).toMatchObject({ what: "stopped" });
  });
});
