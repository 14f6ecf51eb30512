import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../src/api";
import { bodyOf, toldOf } from "../src/capture/calls";
import { NOTHING } from "../src/capture/model";
import { chooseLanguage } from "../src/i18n";
import { en } from "../src/i18n/en";
import { fr } from "../src/i18n/fr";
import { stateCapture } from "../src/queue/calls";
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

describe("a picture that was refused", () => {
  it("is told why in the language of the page", () => {
    const reason = "The JPEG is truncated; take the photograph again.";
    const out = { ...NOTHING, image: "a", state: "refused", reason, partial: null, pins: [] };
    const of = () => toldOf(out as never, false).reason;
    chooseLanguage("fr");
    expect(of()).toBe(fr.capture.refusedWhy);
    chooseLanguage("en");
    expect(of()).toBe(reason);
  });
});

describe("what is stated of a picture", () => {
  it("is said whole or so far, each at its own address", async () => {
    const asked: [string, string][] = [];
    vi.stubGlobal("fetch", async (path: string, { body }: RequestInit) => {
      asked.push([path, String(body)]);
      return new Response("{}");
    });
    const said = {
      stated: { ...NOTHING, view: "overview" },
      keptDespite: false,
      pins: [],
    } as const;
    for (const isWhole of [true, false])
      await stateCapture("s", "a", bodyOf({ ...said, pins: [] }, isWhole));
    const body = JSON.stringify({ ...said.stated, kept_despite: false });
    const at = "/api/sessions/s/photographs/a";
    expect(asked).toEqual([
      [at, body],
      [`${at}/partial`, body],
    ]);
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
