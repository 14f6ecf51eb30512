"""A report that cannot be put inside an instance keeps no other from it, and is tried again."""

from pathlib import Path

import pytest

from api.hl7.exchange import Exchange
from api.reporting import Reporting
from api.work import Workplace
from archive.cases.laboratory import Laboratory
from tests.api.hl7.conftest import GAM, HERE
from tests.api.hl7.test_exchange import LOCAL
from tests.api.hl7.test_orders import o21
from tests.api.hl7.test_reports import ed, oru, reports
from tests.samples.report import pdf


@pytest.fixture
def lost(place: Workplace) -> Path:
    """What the first of two reports says, which is not where it should be."""
    place.catalog.cases.declare({HERE: Laboratory("LABO")})
    exchange = Exchange(place, (GAM,))
    exchange.answer(o21("A"), LOCAL)
    before = place.catalog.object_keys()
    exchange.answer(oru(ed(pdf("Un")), number="a", at="20260301080000"), LOCAL)
    (key,) = set(place.catalog.object_keys()) - set(before)
    exchange.answer(oru(ed(pdf("Deux")), number="b", at="20260301090000"), LOCAL)
    path = place.storage.local_path(key)
    assert path is not None
    return path.rename(path.with_suffix(".gone"))


def _made(place: Workplace) -> list[bool]:
    return [one.image_id is not None for one in reports(place)]


def test_one_that_cannot_be_made_keeps_no_other_waiting(place: Workplace, lost: Path) -> None:
    reporting = Reporting()
    while reporting.some(place):
        pass
    assert _made(place) == [True, False]
    lost.rename(lost.with_suffix(""))
    assert not reporting.some(place)
    assert _made(place) == [True, False]


def test_one_that_could_not_be_made_is_made_once_it_can_be(place: Workplace, lost: Path) -> None:
    reporting = Reporting(again_s=0)
    assert reporting.some(place)
    assert _made(place) == [False, False]
    lost.rename(lost.with_suffix(""))
    while reporting.some(place):
        pass
    assert _made(place) == [True, True]
