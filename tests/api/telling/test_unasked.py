"""Archives that take things and say nothing more: what they are told, and what ends a row."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from api.archives import RadiologyArchive
from api.moving import move_once
from api.settings import Settings
from api.why import EARLIER_IDENTITY, NOTE_REFUSED, SAME_NUMBER, UNKNOWN_IF_SHOWN
from api.work import Workplace
from archive.body_site import Side
from archive.capture import Capture, Contact, Dermoscopy, Polarization, View
from archive.identity import PatientIdentity
from archive.move import Author, Destination
from archive.record import Image, OutboxState, Sent
from archive.telling.rules import Corrections, Form
from tests.api.telling.places import (
    HERE,
    all_sent,
    at,
    corrected,
    photographed,
    states,
    told,
    uid_of,
)
from tests.api.telling.test_stations import Promising, person, promising, station
from tests.archive.sessions import FOREARM
from tests.orthanc import Orthanc

SEEN = Capture(
    View.DERMOSCOPY, FOREARM, Side.LEFT, Dermoscopy(Polarization.POLARIZED, Contact.NON_CONTACT)
)
ANSWERED = (Sent.OBJECT, OutboxState.ANSWERED)


@contextmanager
def telling_it(
    settings: Settings, empty_catalogue: Path, archive: Promising, **rule: object
) -> Iterator[Workplace]:
    """A place that tells a station, which takes photographs and no documents."""
    with promising(archive) as port:
        known = replace(station(port), **rule)  # type: ignore[arg-type]
        with at(settings, empty_catalogue, known) as place:
            yield place


def moved(place: Workplace, image: Image, to: PatientIdentity) -> None:
    place.catalog.moves.ask([image.id], Destination(to), Author("subject"), establishment=HERE)
    assert move_once(place)


@pytest.mark.parametrize(
    ("corrections", "times", "state", "reason"),
    [
        (Corrections.AGAIN, 2, OutboxState.ANSWERED, None),
        (Corrections.HL7, 1, OutboxState.ANSWERED, None),
        (Corrections.REINCARNATION, 1, OutboxState.TASK, EARLIER_IDENTITY),
    ],
)
def test_a_corrected_name_is_sent_or_believed_or_a_task_and_never_waits_for_an_answer(
    settings: Settings,
    empty_catalogue: Path,
    tmp_path: Path,
    corrections: Corrections,
    times: int,
    state: OutboxState,
    reason: str | None,
) -> None:
    archive, before = Promising(), person("u1")
    with telling_it(settings, empty_catalogue, archive, corrections=corrections) as place:
        image = photographed(place, tmp_path, 961, before)
        all_sent(place)
        corrected(place, before, replace(before, name="JUSTE^Zoé"))
        all_sent(place)
        (one,) = told(place, image)
    assert (one.state, one.reason) == (state, reason)
    assert archive.stored == [uid_of(image)] * times


def test_an_archive_that_is_said_not_to_be_asked_is_not_asked(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    """Its stated grade holds for corrections and rejections too."""
    before, right = person("u2"), person("u3")
    rule = RadiologyArchive(
        archive.dicomweb_url, HERE, best=OutboxState.ANSWERED, corrections=Corrections.AGAIN
    )
    with at(settings, empty_catalogue, rule) as place:
        image = photographed(place, tmp_path, 962, before)
        all_sent(place)
        corrected(place, before, replace(before, name="JUSTE^Zoé"))
        all_sent(place)
        assert states(place, image) == [ANSWERED]
        moved(place, image, right)
        all_sent(place)
        _, rejection, anew = told(place, image)
    assert (rejection.state, rejection.reason) == (OutboxState.TASK, UNKNOWN_IF_SHOWN)
    assert anew.state is OutboxState.ANSWERED


def test_a_note_that_is_refused_is_a_task_and_nothing_comes_in_its_place(
    settings: Settings, empty_catalogue: Path, tmp_path: Path
) -> None:
    """The instance that is rejected does not come again as a plain photograph."""
    archive, before = Promising(), person("u4")
    rule = Corrections.REINCARNATION
    with telling_it(settings, empty_catalogue, archive, corrections=rule) as place:
        image = photographed(place, tmp_path, 963, before, SEEN)
        all_sent(place)
        corrected(place, before, person("u5"))
        all_sent(place)
        rows = told(place, image)
    assert [(one.kind, one.state, one.reason) for one in rows] == [
        (Sent.OBJECT, OutboxState.SUPERSEDED, None),
        (Sent.REJECTION, OutboxState.TASK, NOTE_REFUSED),
        (*ANSWERED, None),
    ]
    assert {one.form for one in rows} == {Form.AS_IT_IS}
    assert archive.stored == [rows[0].sop_instance_uid, rows[2].sop_instance_uid]


def test_what_never_left_is_not_rejected(
    settings: Settings, empty_catalogue: Path, tmp_path: Path
) -> None:
    """A note would name the second patient under the number that is the first one's there."""
    archive, first = Promising(), person("u6")
    namesake = PatientIdentity("u6", "CITY", "AUTRE^Jean", sex="M")
    with telling_it(settings, empty_catalogue, archive) as place:
        photographed(place, tmp_path, 964, first)
        second = photographed(place, tmp_path, 965, namesake, order="A2")
        all_sent(place)
        (task,) = told(place, second)
        assert (task.state, task.reason) == (OutboxState.TASK, SAME_NUMBER)
        moved(place, second, person("u7"))
        all_sent(place)
        assert states(place, second) == [(Sent.OBJECT, OutboxState.SUPERSEDED), ANSWERED]
