"""What a worklist says that is not so: none of it becomes somebody's appointment, nor goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, ExplicitVRLittleEndian
from pynetdicom import AE, evt

from archive.dimse import scheduled as asked
from archive.dimse.calling import Called
from archive.dimse.scheduled import FIND, Asking, Scheduled, scheduled
from archive.errors import LinkRefused

DAY = date(2026, 3, 2)
Answers = Callable[[], Iterator[Dataset]]


def step(
    number: str = "1",
    patient_id: str = "77",
    order: str = "A1",
    day: str = "20260302",
    modality: str = "XC",
) -> Dataset:
    one = Dataset()
    one.ScheduledProcedureStepID = number
    one.ScheduledProcedureStepStartDate = day
    one.ScheduledProcedureStepStartTime = "093000"
    one.Modality = modality
    whole = Dataset()
    whole.PatientName = "ESSAI^Anne"
    whole.PatientID = patient_id
    whole.AccessionNumber = order
    whole.RequestedProcedureID = f"P{order}"
    whole.ScheduledProcedureStepSequence = Items([one])
    return whole


@contextmanager
def worklist(answers: Answers) -> Iterator[Called]:
    """A worklist that says what it likes."""

    def find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        for one in answers():
            if event.is_cancelled or not event.assoc.is_established:
                return
            yield 0xFF00, one

    entity = AE("RIS")
    entity.add_supported_context(UID(FIND), ExplicitVRLittleEndian)
    running = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, find)]
    )
    assert running is not None
    try:
        yield Called("RIS", "127.0.0.1", running.server_address[1])
    finally:
        running.shutdown()


def told(*answers: Dataset, modalities: tuple[str, ...] = ()) -> tuple[Scheduled, ...]:
    with worklist(lambda: iter(answers)) as called:
        return scheduled("SANSVERRE", called, DAY, Asking("NORD", modalities))


def test_another_days_steps_and_another_examinations_are_left_out() -> None:
    (one,) = told(
        step(),
        step(order="A2", day="20260303"),
        step(order="A3", modality="CT"),
        modalities=("XC",),
    )
    assert one.accession_number == "A1"


def test_steps_of_two_orders_that_bear_one_number_are_two() -> None:
    found = told(step(order="A1"), step(patient_id="78", order="A2"), step(order="A1"))
    assert [one.patient.patient_id for one in found] == ["77", "78"]
    assert len({one.number for one in found}) == 2


def test_what_cannot_be_read_is_left_out_alone() -> None:
    two_numbers, no_items = step(order="A2"), step(order="A3")
    two_numbers.PatientID = ["77", "78"]
    del no_items.ScheduledProcedureStepSequence
    no_items.add_new(0x00400100, "LO", "no sequence")
    assert [one.accession_number for one in told(two_numbers, no_items, step())] == ["A1"]


@pytest.mark.parametrize("one", [step(), step(patient_id="")], ids=["again", "nobody"])
def test_answers_that_never_end_are_broken_off(
    monkeypatch: pytest.MonkeyPatch, one: Dataset
) -> None:
    monkeypatch.setattr(asked, "MOST_STEPS", 20)

    def endless() -> Iterator[Dataset]:
        # Many more than are read, and an end, so that a reader without one fails.
        for _ in range(200):
            yield one

    with worklist(endless) as called, pytest.raises(LinkRefused):
        scheduled("SANSVERRE", called, DAY, Asking("NORD"))
