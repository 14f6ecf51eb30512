import { describe, expect, it } from "vitest";
import type { Exam } from "../src/api";
import { matches } from "../src/filter";
import { age, dateText, lengthText, momentText, parseDate, personName } from "../src/format";

describe("names", () => {
  it.each([
    ["NOM^PREMIER-SECOND", "NOM", "Premier-Second"],
    ["Le Nom^Prénom", "LE NOM", "Prénom"],
    ["L'USAGE^D'ABORD^ÉTÉ", "L'USAGE", "D'Abord Été"],
    ["NOM", "NOM", ""],
    ["NOM^Prénom=名^字", "NOM", "Prénom"],
    [null, "", ""],
  ])("%s", (name, family, given) => {
    expect(personName(name)).toEqual({ family, given });
  });
});

describe("dates", () => {
  const text = (date: string, language: "fr" | "en") => {
    const parsed = parseDate(date);
    return parsed && dateText(parsed, language);
  };

  it.each([
    ["19570307", "07/03/1957", "07 Mar 1957"],
    ["1957-03-07", "07/03/1957", "07 Mar 1957"],
    ["195703", "03/1957", "Mar 1957"],
    ["1957", "1957", "1957"],
    ["19570000", "1957", "1957"],
    ["", null, null],
  ])("%s", (date, fr, en) => {
    expect(text(date, "fr")).toBe(fr);
    expect(text(date, "en")).toBe(en);
  });

  it("count age in completed years, and in months under two years", () => {
    const at = (birth: string, now: string) => {
      const parsed = parseDate(birth);
      return parsed && age(parsed, new Date(`${now}T12:00:00`));
    };
    expect(at("19570307", "2026-03-06")).toEqual({ years: 68 });
    expect(at("19570307", "2026-03-07")).toEqual({ years: 69 });
    expect(at("20250115", "2026-11-20")).toEqual({ months: 22 });
    expect(at("20270101", "2026-11-20")).toBeNull();
    expect(at("1957", "2026-11-20")).toBeNull();
  });

  it("leave a moment they cannot read as it is", () => {
    expect(momentText("sometime", "fr-FR")).toBe("sometime");
    expect(momentText(null, "fr-FR")).toBeNull();
  });
});

describe("lengths", () => {
  it("choose the unit that keeps them short", () => {
    expect(lengthText(200, "fr-FR")).toBe("200 µm");
    expect(lengthText(0.5, "fr-FR")).toBe("0,5 µm");
    expect(lengthText(1000, "en-GB")).toBe("1 mm");
    expect(lengthText(2500, "en-GB")).toBe("2.5 mm");
  });
});

describe("the filter", () => {
  const exam: Exam = {
    id: "1",
    patient: {
      name: "ÉPREUVE^Forêt",
      patient_id: "A-77",
      issuer: "X",
      birth_date: "1957-03-07",
      sex: "F",
    },
    accession_number: "26H0123",
    study_instance_uid: null,
    created_at: "",
    establishment: "Nord",
    images: [],
  };

  it.each(["epreuve", "FORET epr", "a-77", "26h0123", "07/03/1957", "19570307", "nord forêt", ""])(
    "finds by %s",
    (query) => expect(matches(exam, query)).toBe(true),
  );

  it("needs every word", () => {
    expect(matches(exam, "epreuve autre")).toBe(false);
  });

  it("bears an exam of nobody", () => {
    expect(matches({ ...exam, patient: null }, "26H")).toBe(true);
  });
});
