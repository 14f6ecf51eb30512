"""Who is expected: booked, moved and cancelled, in whatever order that is said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from api.hl7.exchange import Exchange
from api.work import Workplace
from tests.api.hl7.conftest import GAM, HERE, message
from tests.api.hl7.test_exchange import LOCAL, told
from tests.api.hl7.test_orders import PID, sent

MORNING = datetime(2026, 3, 2, 6, tzinfo=UTC)
EVENING = MORNING + timedelta(days=1)


def siu(event: str, control: str, starts: str, written: str, number: str = "R1") -> bytes:
    schedule = f"SCH|P1|{number}^AGENDA|||||^Ablation de naevus||||^^^{starts}"
    said = message(f"SIU^{event}", schedule, PID, control=control)
    return said.replace(b"20260301120000", written.encode())


def expected(place: Workplace) -> list[tuple[str, int, str, bool]]:
    found = place.catalog.cases.day.between(
        MORNING, MORNING + timedelta(days=1), establishment=HERE
    )
    assert place.catalog.cases.day.between(MORNING, MORNING, establishment=HERE) == ()
    return [(one.patient.name, one.starts_at.hour, one.what, one.is_cancelled) for one in found]


def test_the_newest_says_when_whatever_comes_first(place: Workplace) -> None:
    for turn, order in enumerate(permutations(range(3))):
        number = f"R{turn}"
        several = (
            siu("S12", f"{turn}1", "20260302080000", "20260301080000", number),
            siu("S13", f"{turn}2", "20260302100000", "20260301090000", number),
            siu("S15", f"{turn}3", "20260302100000", "20260301100000", number),
        )
        assert sent(place, *(several[one] for one in order), several[0]) == ["AA"] * 4
    assert set(expected(place)) == {("ESSAI^Zoé", 10, "Ablation de naevus", True)}
    assert len(expected(place)) == 6


def test_a_cancellation_without_a_moment_leaves_the_appointment_where_it_was(
    place: Workplace,
) -> None:
    booked = siu("S12", "1", "20260302080000", "20260301080000")
    off = siu("S15", "2", "", "20260301090000")
    assert sent(place, booked, off) == ["AA"] * 2
    assert expected(place) == [("ESSAI^Zoé", 8, "Ablation de naevus", True)]


def test_the_first_segment_that_says_when_counts(place: Workplace) -> None:
    resources = ("AIS|1||DERM", "AIS|2||DERM|20260302080000")
    booked = message("SIU^S12", "SCH|P1|R1^AGENDA", PID, *resources)
    assert sent(place, booked) == ["AA"]
    assert [hour for _, hour, _, _ in expected(place)] == [8]


def test_an_appointment_is_at_the_hour_of_the_senders_clocks(place: Workplace) -> None:
    booked = message("SIU^S12", "SCH|P1|R1^AGENDA", PID, "AIS|1||DERM|20260302080000")
    here = replace(GAM, zone="Europe/Paris")
    assert told(Exchange(place, (here,)).answer(booked, LOCAL))[0] == "AA"
    assert [hour for _, hour, _, _ in expected(place)] == [7]


def test_an_admission_says_who_comes_and_who_they_are(place: Workplace) -> None:
    visit = "PV1|1|O" + "|" * 17 + "V77^^^CHU" + "|" * 25 + "20260302093000"
    registered = message("ADT^A04", PID, visit)
    assert sent(place, registered) == ["AA"]
    assert expected(place) == [("ESSAI^Zoé", 9, "", False)]
    found = place.catalog.cases.day.between(
        MORNING, MORNING + timedelta(days=1), establishment=HERE
    )
    assert found[0].key is not None
    # One that says no moment is taken for who it is of.
    assert sent(place, message("ADT^A05", PID, "PV1|1|O", control="2")) == ["AA"]
    assert len(expected(place)) == 1
    assert place.catalog.cases.day.between(MORNING, MORNING, establishment="Hôpital B") == ()


@pytest.mark.parametrize("segments", [(PID,), ("SCH|", PID)], ids=str)
def test_an_appointment_without_number_or_moment_is_refused(
    place: Workplace, segments: tuple[str, ...]
) -> None:
    code, _, words = told(Exchange(place, (GAM,)).answer(message("SIU^S12", *segments), LOCAL))
    assert (code, "neither a number" in words) == ("AE", True)


def test_who_has_the_visit_by_now_is_expected(place: Workplace) -> None:
    """A44: what was registered for the wrong patient is looked up under the right one."""
    visit = "PV1|1|O" + "|" * 17 + "V77^^^CHU" + "|" * 25 + "20260302093000"
    registered = message("ADT^A04", "EVN||20260302070000", PID, visit)
    other = "PID|1||2^^^CHU^PI||VIDAL^Paul"
    went = message("ADT^A44", "EVN||20260302080000", other, "MRG|77^^^CHU^PI||||V77", control="2")
    assert sent(place, registered, went) == ["AA"] * 2
    assert expected(place) == [("VIDAL^Paul", 9, "", False)]
