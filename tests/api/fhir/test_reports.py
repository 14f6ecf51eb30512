"""Reports by FHIR: one resource, whose versions are its history."""

import pytest

from api.policies import Role
from tests.api.conftest import Installation
from tests.api.fhir.conftest import Hospital, Judged, matches


def ids(fhir: Judged, **asked: str) -> list[str]:
    bundle = fhir.get("DiagnosticReport", params=asked)
    return [one["resource"]["id"] for one in matches(bundle)]


def test_a_report_is_its_newest_version(fhir: Judged, hospital: Hospital) -> None:
    (name,) = ids(fhir, identifier="LABO|F1")
    told = fhir.get(f"DiagnosticReport/{name}")
    assert (told["status"], told["issued"]) == ("amended", "2026-03-01T12:30:00.000+00:00")
    assert told["meta"]["versionId"].startswith("4.")
    assert told["code"] == {
        "coding": [{"system": "http://loinc.org", "code": "11526-1"}],
        "text": "Compte rendu corrigé",
    }
    assert told["subject"]["reference"] == f"Patient/{hospital.keys['zoe']}"
    assert told["imagingStudy"] == [{"reference": f"ImagingStudy/{hospital.exams['zoe']}"}]
    assert told["basedOn"][0]["identifier"]["value"] == "A1"
    (form,) = told["presentedForm"]
    assert (form["contentType"], form["size"]) == ("application/pdf", 1234)
    assert form["url"].startswith("http://test/api/reports/")
    assert "conclusion" not in told


def test_versions_are_its_history(fhir: Judged) -> None:
    (name,) = ids(fhir, identifier="LABO|F1")
    history = fhir.get(f"DiagnosticReport/{name}/_history")
    told = [one["resource"] for one in history["entry"]]
    assert [one["status"] for one in told] == ["amended", "final", "appended", "final"]
    assert [one["meta"]["versionId"][0] for one in told] == ["4", "3", "1", "2"]
    # An addendum is read behind what it adds to; a status alone leaves what was said.
    forms = [[each["url"] for each in one["presentedForm"]] for one in told]
    assert [len(one) for one in forms] == [1, 2, 2, 1]
    assert forms[2][0] == forms[3][0]
    assert forms[1] == forms[2]
    for one in told:
        for version in (one["meta"]["versionId"], one["meta"]["versionId"][0]):
            assert fhir.get(f"DiagnosticReport/{name}/_history/{version}") == one
    assert fhir.get(f"DiagnosticReport/{name}/_history/9", 404)
    assert fhir.get("DiagnosticReport/nothing/_history", 404)


def test_what_was_withdrawn_shows_nothing_any_more(fhir: Judged) -> None:
    (name,) = ids(fhir, status="entered-in-error")
    told = fhir.get(f"DiagnosticReport/{name}")
    assert (told["identifier"][0]["value"], "presentedForm" in told) == ("F2", False)


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({}, 2),
        ({"status": "amended"}, 1),
        ({"status": "final"}, 0),
        ({"status:not": "amended"}, 1),
        ({"code": "http://loinc.org|11526-1"}, 2),
        ({"code": "11526-2"}, 0),
        ({"issued": "2026-03-01T12:30Z"}, 1),
        ({"issued": "lt2026-03-01T12:30Z"}, 1),
        ({"patient": "Patient/{zoe}"}, 2),
        ({"subject": "Patient/{luc}"}, 0),
        ({"patient.identifier": "Z\\,1"}, 2),
        ({"based-on:identifier": "A1"}, 2),
        ({"based-on:identifier": "A2"}, 0),
        ({"based-on": "ServiceRequest/A1"}, 0),
        ({"study": "ImagingStudy/{exam}"}, 2),
        ({"identifier": "F2"}, 1),
        ({"identifier": "CHU|F2"}, 0),
        ({"_lastUpdated": "ge2020-01-01"}, 2),
        ({"_lastUpdated": "lt2020-01-01"}, 0),
    ],
)
def test_reports_are_found(
    fhir: Judged, hospital: Hospital, asked: dict[str, str], count: int
) -> None:
    known = {**hospital.keys, "exam": hospital.exams["zoe"]}
    assert len(ids(fhir, **{name: one.format_map(known) for name, one in asked.items()})) == count


def test_reports_are_paged_and_come_along(fhir: Judged, hospital: Hospital) -> None:
    every = fhir.found("DiagnosticReport")
    assert fhir.found("DiagnosticReport", _count="1") == every
    for kind, asked in (
        ("ImagingStudy", {"identifier": "A1", "_revinclude": "DiagnosticReport:study"}),
        ("Patient", {"identifier": "Z\\,1", "_revinclude": "DiagnosticReport:patient"}),
    ):
        along = matches(fhir.get(kind, params=asked), "include")
        assert {one["resource"]["id"] for one in along} == every
    whole = fhir.get(
        "DiagnosticReport",
        params=[("_include", "DiagnosticReport:patient"), ("_include", "DiagnosticReport:study")],
    )
    assert {one["resource"]["id"] for one in matches(whole, "include")} == {
        hospital.keys["zoe"],
        hospital.exams["zoe"],
    }
    assert fhir.get("DiagnosticReport", params={"_total": "accurate", "_count": "1"})["total"] == 2


def test_another_establishments_reports_do_not_exist(fhir: Judged, hospital: Hospital) -> None:
    (name,) = ids(fhir, identifier="LABO|F1")
    doors = Installation(hospital.settings, {}, {})
    headers = doors.bearer(Role.READER, "Hôpital B")
    for address in (name, f"{name}/_history", f"{name}/_history/1"):
        assert fhir.get(f"DiagnosticReport/{address}", 404, headers=headers)
    found = fhir.get("DiagnosticReport", headers=headers)
    assert found["total"] == 0
