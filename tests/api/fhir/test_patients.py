"""Patients by FHIR: who they are, whom they were merged with, and how they are found."""

from typing import Any

import pytest

from archive.identities.ins import NIR
from tests.api.conftest import Web
from tests.api.fhir.conftest import INS, Hospital, Judged, link, matches, signed_in
from tests.archive.conftest import ELSEWHERE, HERE

CORE = "https://hl7.fr/ig/fhir/core"


def test_a_qualified_patient_is_told_as_fr_core_has_it(fhir: Judged, hospital: Hospital) -> None:
    told = fhir.get(f"Patient/{hospital.keys['zoe']}")
    assert told["meta"]["profile"] == [
        f"{CORE}/StructureDefinition/fr-core-patient",
        f"{CORE}/StructureDefinition/fr-core-patient-ins",
    ]
    ins, own = told["identifier"]
    assert (ins["use"], ins["system"], ins["value"]) == ("official", f"urn:oid:{NIR}", INS.number)
    assert ins["type"]["coding"][0]["code"] == "INS-NIR"
    assert (own["use"], own["system"], own["value"]) == ("usual", "urn:oid:1.2.3.4", "Z,1")
    official, usual = told["name"]
    assert (official["use"], official["family"]) == ("official", "DURAND")
    assert official["given"] == ["ZOÉ", "LÉA"]
    assert official["extension"][0]["valueString"] == "ZOÉ LÉA"
    assert (usual["use"], usual["family"]) == ("usual", "D'ALMÉIDA")
    assert (told["gender"], told["birthDate"], told["active"]) == ("female", "1955-08-14", True)
    extensions = {one["url"].rpartition("/")[2]: one for one in told["extension"]}
    status = extensions["fr-core-identity-reliability"]["extension"][0]["valueCoding"]
    assert status == {"system": f"{CORE}/CodeSystem/fr-core-cs-identity-status", "code": "QUAL"}
    (insee,) = extensions["patient-birthPlace"]["valueAddress"]["extension"]
    assert insee["valueCoding"]["code"] == "2A004"


def test_no_national_identifier_without_a_qualified_identity(
    fhir: Judged, hospital: Hospital
) -> None:
    told = fhir.get(f"Patient/{hospital.keys['luc']}")
    (own,) = told["identifier"]
    assert own["value"] == "L|2"
    assert told["meta"]["profile"] == [f"{CORE}/StructureDefinition/fr-core-patient"]
    assert told["extension"][0]["extension"][0]["valueCoding"]["code"] == "PROV"


def test_a_merged_patient_says_by_whom_it_was_replaced(fhir: Judged, hospital: Hospital) -> None:
    now, before = hospital.keys["luc"], hospital.keys["luc before"]
    gone, here = fhir.get(f"Patient/{before}"), fhir.get(f"Patient/{now}")
    assert (gone["active"], here["active"]) == (False, True)
    assert gone["link"] == [{"other": {"reference": f"Patient/{now}"}, "type": "replaced-by"}]
    assert here["link"] == [{"other": {"reference": f"Patient/{before}"}, "type": "replaces"}]
    assert fhir.found("Patient", active="false") == {before}
    assert fhir.found("Patient", active__not="true") == {before}
    assert fhir.found("Patient", family="petit") == {now, before}


FOUND: list[tuple[dict[str, str], set[str]]] = [
    ({"identifier": f"urn:oid:{NIR}|{INS.number}"}, {"zoe"}),
    ({"identifier": INS.number}, {"zoe"}),
    ({"identifier": f"urn:oid:{NIR}|"}, {"zoe"}),
    ({"identifier": f"urn:oid:1.2.3.5|{INS.number}"}, set()),
    ({"identifier": "urn:oid:1.2.3.4|Z\\,1"}, {"zoe"}),
    ({"identifier": "CHU|L\\|2"}, {"luc"}),
    ({"identifier": "http://test/fhir/sid/CHU|L\\|2"}, {"luc"}),
    ({"identifier": "Z\\,1,L\\|2"}, {"zoe", "luc"}),
    ({"identifier": "R|Z\\,1"}, set()),
    ({"identifier": "|L\\|2"}, set()),
    ({"family": "d'almeida"}, {"zoe"}),
    ({"family": "DUR"}, {"zoe"}),
    ({"family": "rand"}, set()),
    ({"family:contains": "rand"}, {"zoe"}),
    ({"family:contains": "zo"}, set()),
    ({"family:exact": "DURAND"}, {"zoe"}),
    ({"family:exact": "Durand"}, set()),
    ({"family:exact": "DURAN"}, set()),
    ({"given": "lea"}, {"zoe"}),
    ({"given": "ea"}, set()),
    ({"given:contains": "ea"}, {"zoe"}),
    ({"given:exact": "LÉA"}, {"zoe"}),
    ({"given": "durand"}, set()),
    ({"given": "luc", "family": "pet"}, {"luc", "luc before"}),
    ({"name": "zoe dur"}, {"zoe"}),
    ({"name": "%"}, set()),
    ({"family": "d_al"}, {"zoe"}),
    ({"family": "d%l"}, set()),
    ({"birthdate": "1955-08-14"}, {"zoe"}),
    ({"birthdate": "1955"}, {"zoe"}),
    ({"birthdate": "ne1955"}, {"luc", "luc before"}),
    ({"birthdate": "gt1955-08-14"}, set()),
    ({"birthdate": "ge1955-08-14"}, {"zoe"}),
    ({"birthdate": "lt1955-08-14"}, {"luc", "luc before"}),
    ({"birthdate": "le1955-08-14"}, {"zoe", "luc", "luc before"}),
    ({"birthdate": "sa1950-05-04"}, {"zoe", "luc", "luc before"}),
    ({"birthdate": "eb1950-05-06"}, {"luc", "luc before"}),
    ({"birthdate": "1950,1955"}, {"zoe", "luc", "luc before"}),
    ({"gender": "male"}, {"luc", "luc before"}),
    ({"gender": "unknown"}, set()),
    ({"gender:not": "male"}, {"zoe"}),
    ({"gender": "http://hl7.org/fhir/administrative-gender|female"}, {"zoe"}),
    ({"gender": "http://elsewhere|female"}, set()),
    ({"_lastUpdated": "ge2020-11-01"}, {"zoe", "luc", "luc before"}),
    ({"_lastUpdated": "lt2020-11-01"}, set()),
    ({"telecom": "phone|0600000000"}, set()),
    ({"address": "rue", "family": "durand"}, set()),
    ({"mothersMaidenName": "durand"}, set()),
    ({"_id": "nobody"}, set()),
    ({"family": ""}, {"zoe", "luc", "luc before"}),
]


@pytest.mark.parametrize(("asked", "expected"), FOUND)
def test_patients_are_found(
    fhir: Judged, hospital: Hospital, asked: dict[str, str], expected: set[str]
) -> None:
    ids = {one["resource"]["id"] for one in matches(fhir.get("Patient", params=asked))}
    assert ids == {hospital.keys[one] for one in expected}
    posted = {one["resource"]["id"] for one in matches(fhir.post("Patient", asked))}
    assert posted == ids


def test_another_establishments_patients_do_not_exist(
    web: Web, fhir: Judged, hospital: Hospital
) -> None:
    hers = hospital.keys["heloise"]
    assert fhir.get(f"Patient/{hers}", 404) == fhir.get("Patient/nobody", 404)
    assert fhir.found("Patient", _id=hers) == fhir.found("Patient", family="le gall") == set()
    study = hospital.exams["heloise"]
    assert fhir.get(f"ImagingStudy/{study}", 404)["issue"][0]["code"] == "not-found"
    assert fhir.get(f"Endpoint/{study}", 404)
    assert fhir.found("ImagingStudy", patient=hers) == set()
    assert signed_in(web, hospital, ELSEWHERE).found("Patient") == {hers}
    assert signed_in(web, hospital, None).found("Patient") == set(hospital.keys.values())
    signed_in(web, hospital, HERE)


def test_studies_come_along_with_their_patients(fhir: Judged, hospital: Hospital) -> None:
    bundle = fhir.get("Patient", params={"family": "petit", "_revinclude": "ImagingStudy:patient"})
    (study,) = matches(bundle, "include")
    assert study["resource"]["id"] == hospital.exams["luc"]
    assert study["resource"]["subject"]["reference"] == f"Patient/{hospital.keys['luc']}"


def test_parts_of_a_patient_are_told(fhir: Judged, hospital: Hospital) -> None:
    def told(**asked: str) -> dict[str, Any]:
        return fhir.get(f"Patient/{hospital.keys['zoe']}", params=asked)

    assert told(_elements="birthDate").keys() == {"resourceType", "id", "meta", "birthDate"}
    assert "extension" not in told(_summary="true")
    assert told(_summary="true")["meta"]["tag"][0]["code"] == "SUBSETTED"
    count = fhir.get("Patient", params={"_summary": "count"})
    assert (count["total"], "entry" in count) == (3, False)
    assert fhir.get("Patient", params={"_count": "0"})["total"] == 3
    assert fhir.get("Patient", params={"_count": "1"}).get("total") is None
    assert fhir.get("Patient", params={"_count": "1", "_total": "accurate"})["total"] == 3


def test_pages_are_turned_by_addresses_that_say_nothing(fhir: Judged, hospital: Hospital) -> None:
    form = {"gender": "male", "identifier": "L\\|2,L-OLD", "_count": "1"}
    first = fhir.post("Patient", form)
    following, itself = link(first, "next"), link(first, "self")
    assert following is not None
    assert itself is not None
    for url in (following, itself):
        assert not {"identifier", "L-OLD", "gender"} & set(url.replace("?", "&").split("&"))
        assert "OLD" not in url
    second = fhir.get(following.partition("/fhir/")[2])
    assert link(second, "next") is None
    ids = [one["resource"]["id"] for page in (first, second) for one in matches(page)]
    assert set(ids) == {hospital.keys["luc"], hospital.keys["luc before"]}
    again = fhir.get(itself.partition("/fhir/")[2])
    assert matches(again) == matches(first)


def test_a_patient_of_whom_no_change_is_known_was_changed_at_no_time(
    web: Web, hospital: Hospital
) -> None:
    fhir = signed_in(web, hospital, ELSEWHERE)
    (only,) = matches(fhir.get("Patient"))
    assert "lastUpdated" not in only["resource"]["meta"]
    for asked in ("ge2000", "lt2100", "ne2020"):
        assert fhir.found("Patient", _lastUpdated=asked) == set()
