"""Slides that devices send themselves find their place in cases as those that are brought do."""

from collections.abc import Callable
from datetime import UTC, datetime

from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid

from api.work import Workplace
from archive.cases.label import Position
from archive.cases.laboratory import Laboratory
from archive.identity import PatientIdentity
from archive.move import Author
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


def test_a_slide_that_a_device_sends_waits_until_it_is_whole(
    place: Workplace, make: Make, take: Take
) -> None:
    cases = place.catalog.cases
    cases.declare({"north": LABORATORY})

    def of_nobody(barcode: str, number: str) -> Callable[[Dataset], None]:
        def change(data: Dataset) -> None:
            del data.PatientID
            data.PatientName = data.AccessionNumber = ""
            data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = UID(number)
            data.BarcodeValue = barcode

        return change

    first = take(make("a", change=of_nobody("", "1.2.1")))
    assert first.failure is None
    assert [one.verdict for one in cases.waiting(establishment="north")] == ["unreadable"]
    # The label comes with a later level.
    label = of_nobody("A7-A1-1", "1.2.2")
    assert take(make("b", 150, 100, change=label)).image_id == first.image_id
    case_id = ordered(place)
    (waits,) = cases.waiting(establishment="north")
    assert (waits.image.id, waits.verdict, waits.case_id) == (first.image_id, "linked", case_id)
    assert not cases.settle_some()
    position = Position("A", "1", "1")
    cases.link(waits.image.id, case_id, position, Author("subject"), establishment="north")
    (glass,) = cases.case(case_id, establishment="north").slides
    assert [one.is_moving for one in glass.scans] == [True]


def test_a_slide_that_is_sent_under_its_order_is_linked_at_once(
    place: Workplace, make: Make, take: Take
) -> None:
    cases = place.catalog.cases
    cases.declare({"north": LABORATORY})
    case_id = ordered(place)
    sent = take(make("a", BarcodeValue="A7-A1-1"))
    (glass,) = cases.case(case_id, establishment="north").slides
    assert [one.image.id for one in glass.scans] == [sent.image_id]
    assert cases.waiting(establishment="north") == ()
