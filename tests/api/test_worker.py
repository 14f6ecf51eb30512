"""What work leaves behind, and how it is cleared away."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from fcntl import flock
from pathlib import Path

import pytest

from api.desk import desk
from api.ingest import Order, ingest, receive
from api.settings import read_settings
from api.wanted import BUILD
from api.work import ABANDONED_S, Workplace, open_workplace, sweep
from archive.errors import NotFound
from archive.record import ImageState, JobState, ObjectRole
from tests.api.conftest import small_file
from tests.archive.conftest import refuse


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workplace]:
    # The children read them as well.
    monkeypatch.setenv("SANSVERRE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SANSVERRE_SECRETS", str(tmp_path / "keys"))
    with open_workplace(read_settings()) as opened:
        yield opened


def aged(place: Workplace, key: str) -> str:
    path = place.storage.local_path(key)
    assert path is not None
    then = time.time() - ABANDONED_S - 60
    os.utime(path, (then, then))
    return key


def test_the_data_folder_is_for_its_owner(place: Workplace) -> None:
    folder = place.scratch.parent
    assert [one.stat().st_mode & 0o077 for one in (folder.parent, folder, place.scratch)] == [0] * 3


def test_a_desk_goes_with_its_process(tmp_path: Path) -> None:
    with desk(tmp_path) as mine, desk(tmp_path) as other:
        (mine / "file").write_bytes(b"x")
        assert mine != other
        assert mine.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_whoever_is_told_to_stop_while_a_desk_is_made_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked: list[int] = []

    def told_to_stop(descriptor: int, how: int) -> None:
        locked.append(descriptor)
        if len(locked) == 2:
            # It is there, and is to be held now.
            assert len(list(tmp_path.iterdir())) == 1
            raise SystemExit
        flock(descriptor, how)

    monkeypatch.setattr("api.desk.flock", told_to_stop)
    with pytest.raises(SystemExit), desk(tmp_path):
        raise AssertionError("it went on")
    assert list(tmp_path.iterdir()) == []


def test_the_desk_of_the_dead_is_cleared_and_no_other(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from api.desk import desk\n"
        "with desk(Path(sys.argv[1])) as mine: print(mine, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        theirs = Path(process.stdout.readline().strip())
        with desk(tmp_path):
            assert theirs.is_dir()
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert theirs.is_dir()
    with desk(tmp_path):
        assert not theirs.exists()


def test_only_old_orphans_are_swept(place: Workplace, tmp_path: Path) -> None:
    image = receive(place, small_file(tmp_path), Order("north"))
    (original,) = image.objects_as(ObjectRole.ORIGINAL)
    aged(place, original.key)
    old, new = aged(place, place.storage.put_bytes(b"old")), place.storage.put_bytes(b"new")
    sweep(place)
    assert place.storage.size(original.key) == original.length_bytes
    assert place.storage.size(new) == 3
    with pytest.raises(NotFound):
        place.storage.size(old)


def test_nothing_is_swept_for_a_catalogue_of_something_else(place: Workplace) -> None:
    keys = [aged(place, place.storage.put_bytes(b"x")) for _ in range(3)]
    sweep(place)
    assert [place.storage.size(key) for key in keys] == [1, 1, 1]


def test_what_refused_images_left_is_swept(place: Workplace, tmp_path: Path) -> None:
    image = receive(place, small_file(tmp_path), Order("north"))
    # As where every attempt was killed: nobody was there to clear away.
    refuse(place.catalog, image.id, "it stopped each time")
    sweep(place)
    assert place.catalog.image(image.id, establishment=None).objects == ()
    assert place.storage.sweep((), older_than_s=0) == ()


def test_tile_maps_of_what_is_long_converted_are_swept(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = receive(place, small_file(tmp_path), Order("south"))
    taken = ingest(place, small_file(tmp_path), Order("north"))
    sweep(place)
    published = place.catalog.image(taken.image, establishment="north")
    (tile_map,) = published.objects_as(ObjectRole.TILE_MAP)
    monkeypatch.setattr("api.work.SUPERSEDED_S", -1.0)
    sweep(place)
    published = place.catalog.image(taken.image, establishment="north")
    assert published.objects_as(ObjectRole.TILE_MAP) == ()
    assert published.objects_as(ObjectRole.ORIGINAL)
    with pytest.raises(NotFound):
        place.storage.size(tile_map.key)
    assert place.catalog.image(waiting.id, establishment="south").objects == waiting.objects


def test_a_process_told_to_stop_gives_its_job_back(place: Workplace, tmp_path: Path) -> None:
    from api.work import work_once

    image = receive(place, small_file(tmp_path), Order("north"))
    job = place.catalog.jobs.enqueue(BUILD, image.id, {"mpp_um": None}, max_attempts=5)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work_once(place, stop)
    assert place.catalog.jobs.job(job.id).state is JobState.WAITING
    assert list(place.scratch.iterdir()) == []
    assert work_once(place)
    found = place.catalog.image(image.id, establishment=None)
    assert found.state is ImageState.PUBLISHED
