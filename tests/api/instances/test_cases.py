"""Slides that devices send themselves find their place in cases as those that are brought do."""

from datetime import UTC, datetime

from pydicom.uid import generate_uid

from api.work import Workplace
from archive.cases.laboratories import Laboratory
from archive.identity import PatientIdentity
from tests.api.instances.conftest import Make, Take
from tests.archive.cases.conftest import order

WHOSE = PatientIdentity("7", "registry", "SPECIMEN^Zoé")
LABORATORY = Laboratory("", r"(?P<accession>A7)-(?P<specimen>A)(?P<block>1)-(?P<slide>1)")


def ordered(place: Workplace) -> str:
    said = order(("A1-1",), "A7", WHOSE, establishment="north", issuer="")
    return place.catalog.cases.place(said)


def test_several_studies_under_one_number_are_one_case(
    place: Workplace, make: Make, take: Take
) -> None:
    cases = place.catalog.cases
    cases.declare({"north": LABORATORY})
    for seed, name in enumerate("ab"):
        uids = {one: generate_uid() for one in ("StudyInstanceUID", "SeriesInstanceUID")} | {
            "SOPInstanceUID": generate_uid()
        }
        assert take(make(name, seed=seed, **uids)).failure is None
    case_id = ordered(place)
    (listed,) = cases.list_cases(establishment="north", since=datetime(2026, 1, 1, tzinfo=UTC))
    (patient,) = cases.case(case_id, establishment="north").patients
    assert (listed.id, patient.patient_id) == (case_id, "7")
    found = cases.expected("north", ["A7-A1-1"])
    assert found is not None
    assert found.patient == patient
