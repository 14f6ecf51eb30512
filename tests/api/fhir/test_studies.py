"""Imaging studies and endpoints by FHIR."""

import pytest

from archive.identities.ins import NIR
from archive.identity import uid_from
from tests.api.conftest import Web
from tests.api.fhir.conftest import (
    INS,
    Hospital,
    Judged,
    link,
    matches,
    published,
    signed_in,
)
from tests.archive.conftest import ELSEWHERE, HERE
from tests.archive.test_instances import DMS, SM

DCM = "http://dicom.nema.org/resources/ontology/DCM"


def test_a_study_is_told_with_its_series_and_where_it_is_reached(
    fhir: Judged, hospital: Hospital
) -> None:
    exam = hospital.exams["zoe"]
    told = fhir.get(f"ImagingStudy/{exam}")
    known = hospital.catalog.exam(exam, establishment=None)
    uid, accession = told["identifier"]
    assert (uid["system"], uid["value"]) == ("urn:dicom:uid", f"urn:oid:{known.study_instance_uid}")
    assert (accession["value"], accession["type"]["coding"][0]["code"]) == ("A1", "ACSN")
    assert told["basedOn"][0]["identifier"]["value"] == "A1"
    assert told["subject"]["reference"] == f"Patient/{hospital.keys['zoe']}"
    assert (told["numberOfSeries"], told["numberOfInstances"]) == (1, 2)
    (series,) = told["series"]
    assert (series["uid"], series["modality"]) == (
        uid_from("series", "zoe"),
        {"system": DCM, "code": "SM"},
    )
    instances = [(one["uid"], one["sopClass"]["code"], one["number"]) for one in series["instance"]]
    assert instances == [
        (uid_from("instance", "zoe", str(level)), f"urn:oid:{SM}", level + 1) for level in range(2)
    ]
    wado, viewer = (fhir.get(one["reference"]) for one in told["endpoint"])
    assert wado["connectionType"]["code"] == "dicom-wado-rs"
    assert wado["address"] == "http://test/dicomweb"
    assert (viewer["connectionType"]["code"], viewer["address"]) == (
        "ihe-iid",
        f"http://test/exam/{exam}",
    )
    assert fhir.get(f"ImagingStudy/{exam}", params={"_summary": "true"})["series"] == [
        {name: value for name, value in series.items() if name != "instance"}
    ]


def test_a_study_of_nobody_says_that_it_is_not_known(fhir: Judged, hospital: Hospital) -> None:
    told = fhir.get(f"ImagingStudy/{hospital.exams['nobody']}")
    assert told["subject"] == {
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
                "valueCode": "unknown",
            }
        ]
    }
    # A number that was made here, as no order was known, is nobody's order.
    assert "basedOn" not in told


MINE = {"zoe", "luc", "nobody", "zoe again"}
FOUND: list[tuple[dict[str, str], set[str]]] = [
    ({}, MINE),
    ({"patient": "Patient/{zoe}"}, {"zoe", "zoe again"}),
    ({"patient": "{zoe}"}, {"zoe", "zoe again"}),
    ({"patient": "http://test/fhir/Patient/{zoe}"}, {"zoe", "zoe again"}),
    ({"patient": "http://elsewhere/fhir/Patient/{zoe}"}, set()),
    ({"patient:Patient": "{zoe}"}, {"zoe", "zoe again"}),
    ({"subject": "Patient/{luc}"}, {"luc"}),
    # Whoever asks by a number of before a merge finds what stands under who survives.
    ({"patient": "Patient/{luc before}"}, {"luc"}),
    ({"patient.identifier": "CHU|L-OLD"}, {"luc"}),
    ({"patient.identifier": f"urn:oid:{NIR}|{INS.number}"}, {"zoe", "zoe again"}),
    ({"subject:Patient.identifier": "Z\\,1"}, {"zoe", "zoe again"}),
    ({"patient.family": "durand", "patient.birthdate": "1955"}, {"zoe", "zoe again"}),
    ({"patient.gender:not": "female"}, {"luc"}),
    ({"identifier": "A1"}, {"zoe"}),
    ({"identifier": "|A1"}, {"zoe"}),
    ({"identifier": "LABO|A1"}, set()),
    ({"identifier": "urn:dicom:uid|urn:oid:{uid}"}, {"zoe"}),
    ({"identifier": "{uid},A2"}, {"zoe", "luc"}),
    ({"basedon:identifier": "A2"}, {"luc"}),
    ({"basedon": "ServiceRequest/A2"}, set()),
    ({"basedon": "A2"}, set()),
    ({"patient:Patient.family:exact": "DURAND"}, {"zoe", "zoe again"}),
    ({"subject:Patient.given:contains": "é"}, {"zoe", "zoe again"}),
    ({"modality": "DMS"}, {"luc", "zoe again"}),
    ({"modality": f"{DCM}|SM"}, {"zoe", "nobody"}),
    ({"modality:not": "SM"}, {"luc", "zoe again"}),
    ({"modality": "http://elsewhere|SM"}, set()),
    ({"modality": "CT,DMS", "patient": "{zoe}"}, {"zoe again"}),
    ({"series": uid_from("series", "luc")}, {"luc"}),
    ({"series": f"urn:oid:{uid_from('series', 'luc')}"}, {"luc"}),
    ({"series": uid_from("series", "heloise")}, set()),
    ({"instance": uid_from("instance", "zoe", "1")}, {"zoe"}),
    ({"dicom-class": f"urn:oid:{DMS}"}, {"luc", "zoe again"}),
    ({"status": "available"}, MINE),
    ({"status": "cancelled"}, set()),
    ({"endpoint": "Endpoint/wado-rs"}, MINE),
    ({"endpoint": "Endpoint/{exam}"}, {"zoe"}),
    ({"started": "ge2020"}, MINE),
    ({"started": "lt2020-01-01"}, set()),
    ({"started": "sa2000,eb1990"}, MINE),
    ({"_lastUpdated": "gt2020-01-01T00:00:00Z"}, MINE),
    ({"_id": "{exam},nothing"}, {"zoe"}),
    ({"_sort": "-started", "_count": "200"}, MINE),
]


@pytest.mark.parametrize(("asked", "expected"), FOUND)
def test_studies_are_found(
    fhir: Judged, hospital: Hospital, asked: dict[str, str], expected: set[str]
) -> None:
    exam = hospital.exams["zoe"]
    uid = hospital.catalog.exam(exam, establishment=None).study_instance_uid
    known = {**hospital.keys, "uid": uid, "exam": exam}
    written = {name: value.format_map(known) for name, value in asked.items()}
    bundle = fhir.get("ImagingStudy", params=written)
    assert {one["resource"]["id"] for one in matches(bundle)} == {
        hospital.exams[one] for one in expected
    }
    assert bundle["total"] == len(expected)
    assert matches(bundle, "outcome") == []


def test_a_moment_is_found_at_every_precision_and_zone(fhir: Judged, hospital: Hospital) -> None:
    exam = hospital.exams["zoe"]
    started = fhir.get(f"ImagingStudy/{exam}")["started"]
    utc = hospital.catalog.exam(exam, establishment=None).created_at
    precise = utc.isoformat(timespec="microseconds").replace("+00:00", "Z")
    for text in (started[:4], started[:7], started[:10], f"{started[:16]}Z", f"{started[:19]}Z"):
        assert exam in fhir.found("ImagingStudy", started=text)
        assert exam in fhir.found("ImagingStudy", started=f"ge{text}")
        assert exam not in fhir.found("ImagingStudy", started=f"gt{text}")
        assert exam not in fhir.found("ImagingStudy", started=f"ne{text}")
    assert exam in fhir.found("ImagingStudy", started=precise, identifier="A1")


def test_patients_and_endpoints_come_along(fhir: Judged, hospital: Hospital) -> None:
    both = {"_include": "ImagingStudy:patient:Patient", "identifier": "A1"}
    bundle = fhir.get("ImagingStudy", params=[*both.items(), ("_include", "ImagingStudy:endpoint")])
    included = {
        (one["resource"]["resourceType"], one["resource"]["id"])
        for one in matches(bundle, "include")
    }
    assert included == {
        ("Patient", hospital.keys["zoe"]),
        ("Endpoint", "wado-rs"),
        ("Endpoint", hospital.exams["zoe"]),
    }
    every = fhir.get("ImagingStudy", params={"_include": "*", "identifier": "A1"})
    assert every["entry"] == bundle["entry"]


def test_pages_hold_still_while_studies_come(web: Web, fhir: Judged, hospital: Hospital) -> None:
    everybody = signed_in(web, hospital, None)
    pages = [everybody.get("ImagingStudy", params={"_count": "2"})]
    while (following := link(pages[-1], "next")) is not None:
        published(hospital.catalog, f"late {len(pages)}", None, establishment=ELSEWHERE)
        pages.append(everybody.get(following.partition("/fhir/")[2]))
    found = [one["resource"]["id"] for page in pages for one in matches(page)]
    assert len(found) == len(set(found))
    assert set(found) == set(hospital.exams.values())
    assert len(everybody.found("ImagingStudy")) > len(found)
    signed_in(web, hospital, HERE)


def test_endpoints_are_found(fhir: Judged, hospital: Hospital) -> None:
    exams = {hospital.exams[one] for one in MINE}
    assert fhir.found("Endpoint") == exams | {"wado-rs"}
    assert fhir.found("Endpoint", _count="1") == exams | {"wado-rs"}
    assert fhir.found("Endpoint", _count="2") == exams | {"wado-rs"}
    kinds = {"dicom-wado-rs": {"wado-rs"}, "ihe-iid": exams, "hl7-fhir-rest": set()}
    for kind, expected in kinds.items():
        found = fhir.get("Endpoint", params={"connection-type": kind})
        assert {one["resource"]["id"] for one in matches(found)} == expected
    study = fhir.get(f"ImagingStudy/{hospital.exams['luc']}")["identifier"][0]["value"]
    assert fhir.found("Endpoint", identifier=study) == {hospital.exams["luc"]}
    assert fhir.found("Endpoint", identifier="A2") == set()
    assert fhir.found("Endpoint", status="off") == set()
    assert fhir.get("Endpoint", params={"_summary": "count"})["total"] == 5
