"""Several processes at once, and processes that die: nothing lost, nothing half there."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from archive.catalog import Catalog
from archive.database import Database
from archive.record import ImageState, JobState
from archive.storage import Storage
from tests.archive.conftest import HERE, received, stored

PROCESSES = 4
STARTED_S = 600.0
SPAWN = multiprocessing.get_context("spawn")
_start: Barrier


def _together(barrier: Barrier) -> None:
    global _start  # noqa: PLW0603 -- a barrier reaches a spawned process only at its birth
    _start = barrier


def write(url: str, worker: int, rounds: int) -> int:
    """Open at the same moment as the others, then write; gives how many jobs were claimed."""
    _start.wait(STARTED_S)
    mine = f"worker {worker}"
    claims = 0
    with Catalog.open(url) as catalog:
        shared = received(catalog, "shared")
        for before in range(rounds):
            # Everyone rewrites the same row: an update lost is a count that goes back.
            seen = catalog.image(shared.id, establishment=HERE).facts.get(mine, 0)
            assert seen == before
            assert catalog.attach(shared.id, facts={mine: before + 1}).facts[mine] == before + 1
            image = received(catalog, f"{mine} file {before}")
            catalog.advance(image.id, ImageState.OPENED, add_objects=[stored()])
            catalog.jobs.enqueue("ingest", image.id, {})
            job = catalog.jobs.claim(mine, 3600)
            if job is not None:
                assert job.attempt == 1
                catalog.advance(job.image_id, ImageState.BUILT, attempt=job)
                catalog.advance(job.image_id, ImageState.PUBLISHED, attempt=job)
                catalog.jobs.finish(job)
                claims += 1
    return claims


@pytest.mark.parametrize("rounds", [20, pytest.param(800, marks=pytest.mark.soak)])
def test_four_processes_write_at_once(bare_url: str, rounds: int) -> None:
    barrier = SPAWN.Barrier(PROCESSES)
    with ProcessPoolExecutor(
        PROCESSES, mp_context=SPAWN, initializer=_together, initargs=(barrier,)
    ) as pool:
        running = [pool.submit(write, bare_url, one, rounds) for one in range(PROCESSES)]
        claims = sum(one.result() for one in running)
    images = PROCESSES * rounds
    with Catalog.open(bare_url) as catalog:
        facts = received(catalog, "shared").facts
        assert [facts[f"worker {one}"] for one in range(PROCESSES)] == [rounds] * PROCESSES
        assert catalog.jobs.counts() == {
            JobState.WAITING: images - claims,
            JobState.LEASED: 0,
            JobState.DONE: claims,
            JobState.FAILED: 0,
        }
        shown = published = 0
        after = None
        while True:
            page = catalog.exams(establishment=HERE, after=after, states=list(ImageState))
            shown += len(page.exams)
            published += sum(
                image.state is ImageState.PUBLISHED for exam in page.exams for image in exam.images
            )
            after = page.after
            if after is None:
                break
    assert (shown, published) == (images + 1, claims)


@contextmanager
def killed_after(duration_s: float, work: Callable[..., None], *given: Any) -> Iterator[None]:
    """Run work in a process of its own and kill it, with no chance to tidy up."""
    ready = SPAWN.Event()
    process = SPAWN.Process(target=work, args=(ready, *given))
    process.start()
    assert ready.wait(STARTED_S)
    time.sleep(duration_s)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    yield


def put_for_ever(ready: Any, url: str, source: str) -> None:
    storage = Storage.open(url)
    ready.set()
    while True:
        storage.put(Path(source))


@pytest.mark.parametrize("duration_s", [0.02, 0.1, 0.3])
def test_a_killed_put_leaves_nothing_visible(tmp_path: Path, duration_s: float) -> None:
    source = tmp_path / "source"
    data = os.urandom(1_000_000) * 60
    source.write_bytes(data)
    url = (tmp_path / "objects").as_uri()
    with killed_after(duration_s, put_for_ever, url, str(source)):
        storage = Storage.open(url)
        whole = storage.sweep((), older_than_s=3600)
        assert whole == ()
        visible = [
            path
            for path in (tmp_path / "objects").rglob("*")
            if path.is_file() and "#" not in path.name
        ]
        assert all(path.read_bytes() == data for path in visible)
        assert len(storage.sweep((), older_than_s=0)) == len(visible)
        assert not [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]


def ingest_for_ever(ready: Any, url: str) -> None:
    with Catalog.open(url) as catalog:
        number = 0
        while True:
            number += 1
            image = received(catalog, str(number))
            facts = {"objects": 3}
            catalog.advance(
                image.id, ImageState.OPENED, facts=facts, add_objects=[stored() for _ in range(3)]
            )
            catalog.advance(image.id, ImageState.BUILT)
            catalog.advance(image.id, ImageState.PUBLISHED)
            ready.set()


@pytest.mark.parametrize("duration_s", [0.05, 0.2, 0.5])
def test_a_killed_writer_leaves_whole_transactions(url: str, duration_s: float) -> None:
    with killed_after(duration_s, ingest_for_ever, url):
        database = Database.open(url)
        with database.read() as connection:
            if connection.dialect.name == "sqlite":
                assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        database.close()
        with Catalog.open(url) as catalog:
            page = catalog.exams(establishment=HERE, limit=10_000, states=list(ImageState))
            for exam in page.exams:
                # The transaction that makes an exam makes its image.
                (image,) = exam.images
                whole = 0 if image.state is ImageState.RECEIVED else 3
                assert len(image.objects) == image.facts.get("objects", 0) == whole
            # And the work goes on where it stopped.
            image = received(catalog, str(len(page.exams)))
            assert page.exams[0].images[0].id == image.id


def _receive_one(url: str, name: str) -> None:
    with Catalog.open(url) as catalog:
        received(catalog, name)


def test_opening_a_catalogue_again_lets_go_of_no_lock(url: str) -> None:
    """Locks on a file are a process's: closing the file once lets go of all it has there.

    Another process would then take itself for the only one and throw away what is written ahead.
    """
    with Catalog.open(url) as first:
        received(first, "before")
        with Catalog.open(url) as second:
            for number in range(3):
                other = SPAWN.Process(target=_receive_one, args=(url, f"other {number}"))
                other.start()
                other.join()
                assert other.exitcode == 0
                received(second, f"second {number}")
                received(first, f"first {number}")
    with Catalog.open(url) as catalog:
        found = catalog.exams(establishment=HERE, states=tuple(ImageState)).exams
        assert sum(len(exam.images) for exam in found) == 10
