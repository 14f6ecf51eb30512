"""Archives are told of reports, and give them back as they were sent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.hl7.exchange import Exchange
from api.moving import move_once
from api.reporting import Reporting
from api.settings import Settings
from api.why import REMOVE_BY_HAND
from api.work import Workplace
from archive.cases.laboratory import Laboratory
from archive.move import Author, Destination
from archive.record import OutboxState, Sent
from archive.reports.report import Report, ReportStatus
from archive.telling.rules import Takes
from tests.api.hl7.conftest import GAM, HERE
from tests.api.hl7.test_exchange import LOCAL
from tests.api.hl7.test_orders import o21
from tests.api.hl7.test_reports import ed, mdm, oru
from tests.api.reports.conftest import PDF_OF_TWO, filled, made
from tests.api.reports.test_moved import RIGHT
from tests.api.telling.places import all_sent, kept, telling
from tests.orthanc import Orthanc, orthanc
from tests.samples.report import pdf


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


def test_an_archive_that_takes_reports_shows_each_version(
    settings: Settings, empty_catalogue: Path, archive: Orthanc
) -> None:
    takes = frozenset({Takes.REPORTS})
    with telling(settings, empty_catalogue, archive, takes=takes) as place:
        place.catalog.outbox.know(HERE, "radiology", takes)
        filled(place)
        all_sent(place)
        found = place.catalog.reports.of_number("LABO", "26H00012", establishment=HERE)
        for one in found:
            assert one.image_id is not None
            (row,) = place.catalog.outbox.of_images([one.image_id])[one.image_id]
            assert (row.state, row.reason) == (OutboxState.READ_BACK, None)
            (there,) = kept(archive, str(one.sop_instance_uid))
            assert (there["PatientID"], there["AccessionNumber"]) == ("77", "26H00012")
        # The same again is no other instance.
        again = oru(ed(PDF_OF_TWO), number="z", at="20260301090000")
        assert b"MSA|AA|" in Exchange(place, (GAM,)).answer(again, LOCAL)
        assert not Reporting().some(place)


def test_an_archive_hears_that_a_report_is_withdrawn(
    settings: Settings, empty_catalogue: Path, archive: Orthanc
) -> None:
    takes = frozenset({Takes.REPORTS})
    with telling(settings, empty_catalogue, archive, takes=takes) as place:
        place.catalog.outbox.know(HERE, "radiology", takes)
        place.catalog.cases.declare({HERE: Laboratory("LABO")})
        exchange = Exchange(place, (GAM,))

        def sent(*messages: bytes) -> list[Report]:
            for one in messages:
                assert b"MSA|AA|" in exchange.answer(one, LOCAL)
            made(place)
            all_sent(place)
            return list(place.catalog.reports.of_number("LABO", "26H00012", establishment=HERE))

        number = {"filler": "F5^LABO"}
        (first,) = sent(o21("A"), oru(ed(pdf("Un")), number="a", at="20260301080000", **number))
        gone = oru("OBX|1|ED|a||||||||W", state="X", number="b", at="20260301110000", **number)
        # What it said in between comes last, and is told to nobody.
        late = oru(ed(pdf("Deux")), number="c", at="20260301090000", **number)
        newest, between, before = sent(gone, late)
        assert (newest.status, before.id) == (ReportStatus.WITHDRAWN, first.id)
        told = place.catalog.outbox.of_images([str(before.image_id), str(between.image_id)])
        assert [one.kind for one in told[str(before.image_id)]] == [Sent.OBJECT, Sent.REJECTION]
        assert [one.state for one in told[str(between.image_id)]] == [OutboxState.SUPERSEDED]
        assert kept(archive, str(between.sop_instance_uid)) == []


def test_a_report_that_is_moved_alone_is_taken_back_and_told_anew(
    settings: Settings, empty_catalogue: Path, archive: Orthanc
) -> None:
    takes = frozenset({Takes.REPORTS})
    with telling(settings, empty_catalogue, archive, takes=takes) as place:
        place.catalog.outbox.know(HERE, "radiology", takes)
        filled(place)
        all_sent(place)
        (one, *_) = place.catalog.reports.of_number("LABO", "26H00012", establishment=HERE)
        images = place.catalog.reports.images_of_exam(one.exam_id)
        place.catalog.moves.ask(images, Destination(RIGHT), Author("by hand"), establishment=HERE)
        assert move_once(place)
        all_sent(place)
        rows = place.catalog.outbox.of_images([str(one.image_id)])[str(one.image_id)]
        assert [row.kind for row in rows] == [Sent.OBJECT, Sent.REJECTION, Sent.OBJECT]
        assert [row.reason for row in rows] == [None, REMOVE_BY_HAND, None]
        assert rows[-1].state is OutboxState.READ_BACK


def test_archives_hear_of_a_withdrawal_of_what_was_replaced_and_not_of_what_replaced_it(
    place: Workplace,
) -> None:
    place.catalog.outbox.know(HERE, "radiology", frozenset({Takes.REPORTS}))
    place.catalog.cases.declare({HERE: Laboratory("LABO")})
    for one in (
        o21("A"),
        mdm("T02", ed(pdf("Un")), at="20260301080000", number="1"),
        mdm("T10", ed(pdf("Deux")), document="D2", parent="D1", number="2", at="20260301090000"),
        mdm("T11", number="3", at="20260301130000", available="CA"),
    ):
        assert b"MSA|AA|" in Exchange(place, (GAM,)).answer(one, LOCAL)
        made(place)
    valid, _, first = place.catalog.reports.of_number("LABO", "26H00012", establishment=HERE)
    told = place.catalog.outbox.of_images([str(valid.image_id), str(first.image_id)])
    assert [(one.kind, one.state) for one in told[str(valid.image_id)]] == [
        (Sent.OBJECT, OutboxState.WAITING)
    ]
    assert [one.state for one in told[str(first.image_id)]] == [OutboxState.SUPERSEDED]
