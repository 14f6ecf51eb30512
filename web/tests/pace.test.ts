import { describe, expect, it } from "vitest";
import { Pace } from "../src/deposit/pace";
import { bytesText, percentOf, roundedTime, speedText } from "../src/format";

const MB = 1_000_000;

describe("the pace", () => {
  it("is not guessed from the first moment", () => {
    const pace = new Pace();
    pace.add(MB, 0);
    pace.add(MB, 1000);
    expect(pace.speed(1000)).toBeNull();
    expect(pace.left_s(MB, 1000)).toBeNull();
  });

  it("is that of the last seconds, not of the whole way", () => {
    const pace = new Pace();
    for (let second = 0; second <= 60; second++) pace.add(MB, second * 1000);
    expect(pace.speed(60_000)).toBeCloseTo(MB, -4);
    for (let second = 61; second <= 90; second++) pace.add(5 * MB, second * 1000);
    expect(pace.speed(90_000)).toBeCloseTo(5 * MB, -4);
    expect(pace.left_s(500 * MB, 90_000)).toBeCloseTo(100, 0);
  });

  it("sinks while nothing goes, and says nothing of how long nothing takes", () => {
    const pace = new Pace();
    for (let second = 0; second <= 20; second++) pace.add(MB, second * 1000);
    expect(pace.speed(26_000)).toBeLessThan(0.7 * MB);
    expect(pace.left_s(MB, 60_000)).toBeNull();
  });

  it("begins anew after a pause, and never counts bytes that are sent again as gone back", () => {
    const pace = new Pace();
    for (let second = 0; second <= 10; second++) pace.add(MB, second * 1000);
    pace.add(-8 * MB, 11_000);
    expect(pace.speed(11_000)).toBeGreaterThan(0);
    pace.rest();
    expect(pace.speed(11_000)).toBeNull();
    for (let second = 100; second <= 110; second++) pace.add(2 * MB, second * 1000);
    expect(pace.speed(110_000)).toBeCloseTo(2 * MB, -6);
  });
});

describe("sizes and times", () => {
  it.each([
    [0, "0 octet", "0 bytes"],
    [1500, "2 ko", "2 kB"],
    [2_340_000, "2,3 Mo", "2.3 MB"],
    [999_700_000, "1 Go", "1 GB"],
    [3_456_000_000, "3,5 Go", "3.5 GB"],
    [45_000_000_000, "45 Go", "45 GB"],
  ])("%d bytes", (bytes, fr, en) => {
    expect(bytesText(bytes, "fr-FR").replace(/\s/g, " ")).toBe(fr);
    expect(bytesText(bytes, "en-GB").replace(/\s/g, " ")).toBe(en);
  });

  it("name a speed", () => {
    expect(speedText(12_400_000, "fr-FR").replace(/\s/g, " ")).toBe("12 Mo/s");
    expect(speedText(300, "en-GB").replace(/\s/g, " ")).toBe("1 kB/s");
  });

  it("call nothing finished before it is", () => {
    expect(percentOf(999, 1000)).toBe(99);
    expect(percentOf(1000, 1000)).toBe(100);
    expect(percentOf(0, 0)).toBe(100);
    expect(percentOf(1, 1e12)).toBe(0);
  });

  it("round time up, and coarsely where it is long", () => {
    expect(roundedTime(1)).toEqual({ hours: 0, minutes: 1 });
    expect(roundedTime(61)).toEqual({ hours: 0, minutes: 2 });
    expect(roundedTime(3599)).toEqual({ hours: 1, minutes: 0 });
    expect(roundedTime(4000)).toEqual({ hours: 1, minutes: 10 });
  });
});
