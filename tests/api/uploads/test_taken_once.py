"""Takers that sleep, are killed or meet: a deposit is taken in once, and no child is left over."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import sqlalchemy as sa

from api import taking
from api.settings import Settings
from api.taking import take_once
from api.work import Workplace, open_workplace
from archive import schema
from archive.record import FileState, ObjectRole
from archive.storage import Storage
from tests.api.conftest import small_file
from tests.api.holding import await_held, held_at
from tests.api.holding.sitecustomize import OF_A_TAKER
from tests.api.uploads.client import Client
from tests.api.uploads.test_taking import PATIENT, objects, sent, states
from tests.samples.slide import small_svs
from tests.serving import LONG_S, until


def with_store(place: Workplace, after: Callable[[], None]) -> Workplace:
    """The same place, where something happens once a file has its place in the store."""

    class Slow(Storage):
        def adopt(self, draft: Path, key: str) -> None:
            super().adopt(draft, key)
            after()

    return replace(place, storage=Slow(place.storage._store, place.storage._folder))


def test_a_process_that_slept_deletes_nothing_of_who_went_on(
    client: Client, place: Workplace, settings: Settings, tmp_path: Path
) -> None:
    """As a machine does that was suspended, and wakes when another has finished its work."""
    deposit = client.deposit(patient=PATIENT)
    sent(client, deposit, {"a.svs": small_file(tmp_path).read_bytes()})
    with open_workplace(settings) as other:

        def sleep() -> None:
            place.catalog.deposits.lapse(place.worker)
            assert take_once(other)
            assert states(client, deposit) == {"a.svs": "taken"}

        assert take_once(with_store(place, sleep))
    image = place.catalog.image(client.file(deposit)["image"], establishment="north")
    (original,) = image.objects_as(ObjectRole.ORIGINAL)
    kept = place.storage.read_range(original.key, 0, original.length_bytes)
    assert kept == small_file(tmp_path).read_bytes()


def test_a_deposit_stays_with_who_sends_it_to_a_slow_store(
    client: Client,
    place: Workplace,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deposit = client.deposit(patient=PATIENT)
    sent(client, deposit, {"a.svs": small_file(tmp_path).read_bytes()})
    added_s = 0.0
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + added_s)
    monkeypatch.setattr(taking, "time", clock)
    monkeypatch.setattr(taking, "LEASE_S", 3600.0)
    monkeypatch.setattr(taking, "RENEWED_EACH_S", 0.1)
    claimed: list[bool] = []

    def leased_until() -> datetime:
        with place.catalog._database.read() as connection:
            found = connection.execute(sa.select(schema.deposit.c.lease_until)).scalar_one()
        assert isinstance(found, datetime)
        return found

    def is_renewed(before: datetime) -> bool:
        return leased_until() > before

    with open_workplace(settings) as other:

        def wait() -> None:
            nonlocal added_s
            for _ in range(3):
                before = leased_until()
                added_s += 3600
                until(partial(is_renewed, before))
                claimed.append(take_once(other))

        assert take_once(with_store(place, wait))
    assert claimed == [False] * 3
    assert states(client, deposit) == {"a.svs": "taken"}


def taker(environment: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "api.taker", str(os.getpid())]
    return subprocess.Popen(command, env=environment)


def killed(process: "subprocess.Popen[bytes]") -> int:
    """Kill a taker, and see all that it started end with it; gives how many took part."""
    started = psutil.Process(process.pid).children(recursive=True)
    # What only forks others is there for the next file as well.
    idle = [one for one in started if one.ppid() == process.pid and "api.nursery" in one.cmdline()]
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(started, timeout=LONG_S)
    assert alive == []
    return len(started) - len(idle)


def test_takers_killed_at_each_step_take_a_deposit_once(
    client: Client, place: Workplace, tmp_path: Path
) -> None:
    slide = small_file(tmp_path).read_bytes()
    deposit = client.deposit(patient=PATIENT)
    sent(client, deposit, {"a.svs": slide})
    mark, children = tmp_path / "mark", 0
    for step in OF_A_TAKER:
        process = taker(held_at(step, mark))
        await_held(process, mark)
        assert client.file(deposit)["state"] == FileState.CHECKING
        children += killed(process)
    process = taker()
    until(lambda: client.file(deposit)["state"] == FileState.TAKEN)
    assert killed(process) == 0
    assert children >= 1
    assert objects(place).count(slide) == 1
    attempt = place.catalog.deposits.deposit(deposit, establishment=None).attempt
    assert attempt == len(OF_A_TAKER) + 1


def test_takers_that_run_at_once_share_the_deposits(
    client: Client, place: Workplace, tmp_path: Path
) -> None:
    deposits = []
    for seed in range(3):
        deposits.append(client.deposit(patient=PATIENT))
        slide = small_svs(tmp_path / f"{seed}.svs", 300, 260, 240, seed=seed)
        sent(client, deposits[-1], {"a.svs": slide.read_bytes()})
    takers = [taker() for _ in range(2)]
    until(lambda: all(states(client, one) == {"a.svs": "taken"} for one in deposits))
    for one in takers:
        killed(one)
    found = [place.catalog.deposits.deposit(one, establishment=None) for one in deposits]
    assert [one.attempt for one in found] == [1, 1, 1]
