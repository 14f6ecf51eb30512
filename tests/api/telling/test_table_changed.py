"""An archive's kind, or an archive, is taken out of the table while things wait for it."""

import json
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from api import cli
from api.archives import REMOTE, RadiologyArchive
from api.settings import Settings
from api.work import Workplace
from archive.record import Image, OutboxState, Sent
from archive.telling.rules import NOT_TAKEN, Takes
from archive.telling.told import Told
from tests.api.telling.places import HERE, all_sent, at, due_now, photographed, states, told
from tests.orthanc import free_ports

DROPPED = (Sent.OBJECT, OutboxState.SUPERSEDED)
WAITS = (Sent.OBJECT, OutboxState.WAITING)


@pytest.fixture
def down() -> str:
    """Where nothing answers: what is sent there goes on waiting."""
    (port,) = free_ports(1)
    return f"http://127.0.0.1:{port}/dicom-web"


def place_of(
    settings: Settings, catalogue: Path, url: str, *takes: Takes
) -> AbstractContextManager[Workplace]:
    return at(settings, catalogue, RadiologyArchive(url, HERE, takes=frozenset(takes)))


def test_what_never_left_of_a_kind_that_is_taken_no_more_is_dropped_and_says_so(
    settings: Settings, empty_catalogue: Path, tmp_path: Path, down: str
) -> None:
    with place_of(settings, empty_catalogue, down, Takes.PHOTOGRAPHS) as place:
        image = photographed(place, tmp_path, 811)
    with place_of(settings, empty_catalogue, down, Takes.THUMBNAILS) as place:
        all_sent(place)
        assert states(place, image) == [DROPPED]
        assert told(place, image)[0].reason == NOT_TAKEN
        assert place.catalog.backlog.dropped(HERE, REMOTE) == 1
        # Asked for while the table is as it is, it comes to the same.
        assert place.catalog.backlog.ask_again(HERE, REMOTE) == 1
        all_sent(place)
        assert states(place, image) == [DROPPED]
    with place_of(settings, empty_catalogue, down, Takes.PHOTOGRAPHS) as place:
        assert place.catalog.backlog.ask_again(HERE, REMOTE) == 1
        assert place.catalog.backlog.dropped(HERE, REMOTE) == 0
        all_sent(place)
        assert states(place, image) == [WAITS]


def as_it_left(place: Workplace, image: Image) -> None:
    telling = place.catalog.outbox.claim("w", HERE, REMOTE, 60)
    assert telling is not None
    assert telling.image_id == image.id
    exam, _ = place.catalog.outbox.context(telling)
    telling = place.catalog.outbox.leaving(telling, Told.of(exam, "1.2.3"))
    place.catalog.outbox.put_off(telling, 900, "down")


def test_what_may_be_there_already_is_told_on_whatever_the_table_takes(
    settings: Settings, empty_catalogue: Path, tmp_path: Path, down: str
) -> None:
    with place_of(settings, empty_catalogue, down, Takes.PHOTOGRAPHS) as place:
        image = photographed(place, tmp_path, 812)
        as_it_left(place, image)
    with place_of(settings, empty_catalogue, down) as place:
        due_now(place)
        all_sent(place)
        assert states(place, image) == [WAITS]


def test_the_next_incarnation_of_what_was_there_is_told_on_too(
    settings: Settings, empty_catalogue: Path, tmp_path: Path, down: str
) -> None:
    with place_of(settings, empty_catalogue, down, Takes.PHOTOGRAPHS) as place:
        image = photographed(place, tmp_path, 813)
        as_it_left(place, image)
        due_now(place)
        telling = place.catalog.outbox.claim("w", HERE, REMOTE, 60)
        assert telling is not None
        place.catalog.outbox.reincarnate(telling, lambda _, uid, __: f"{uid}.1")
    with place_of(settings, empty_catalogue, down) as place:
        anew = told(place, image)[-1]
        assert (anew.kind, anew.told) == (Sent.OBJECT, ())
        assert place.catalog.outbox.has_left(anew)


def test_an_archive_that_the_table_names_no_more_is_said_to_collect(
    settings: Settings,
    empty_catalogue: Path,
    tmp_path: Path,
    down: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with place_of(settings, empty_catalogue, down, Takes.PHOTOGRAPHS) as place:
        photographed(place, tmp_path, 814)
        assert place.catalog.backlog.removed({(HERE, REMOTE)}, establishment=None) == ()
    with at(settings, empty_catalogue) as place:
        photographed(place, tmp_path, 815)
        (gone,) = place.catalog.backlog.removed(frozenset(), establishment=HERE)
        assert (gone.establishment, gone.name, gone.counts[OutboxState.WAITING]) == (
            HERE,
            REMOTE,
            2,
        )
        assert gone.is_collecting
        assert place.catalog.backlog.removed(frozenset(), establishment="Hôpital B") == ()
    table = tmp_path / "archives.toml"
    monkeypatch.setenv("SANSVERRE_ARCHIVES", str(table))
    table.write_text(f"[archives.other]\nestablishment = '{HERE}'\nurl = '{down}'\n")
    assert cli.main(["outbox", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said[REMOTE]["removed"], said[REMOTE]["waiting"]) == (1, 2)
    assert cli.main(["outbox"]) == 0
    assert "not in the table" in capsys.readouterr().out


def test_an_archive_that_takes_nothing_and_awaits_nothing_may_be_taken_out(
    settings: Settings, empty_catalogue: Path, tmp_path: Path, down: str
) -> None:
    with place_of(settings, empty_catalogue, down, Takes.PHOTOGRAPHS) as place:
        photographed(place, tmp_path, 816)
    with place_of(settings, empty_catalogue, down) as place:
        all_sent(place)
    with at(settings, empty_catalogue) as place:
        assert place.catalog.backlog.removed(frozenset(), establishment=None) == ()
        photographed(place, tmp_path, 817)
        assert place.catalog.backlog.counts(HERE, REMOTE)[OutboxState.WAITING] == 0
