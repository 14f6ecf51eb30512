"""Two establishments behind one real `sansverre dimse`, and the tools of others that call it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from api.ingest import Order, ingest
from api.settings import Settings, read_settings
from api.work import open_workplace
from archive.identity import PatientIdentity
from tests.orthanc import free_ports, loopback
from tests.samples.slide import small_svs
from tests.serving import LONG_S

ACCENTED = PatientIdentity("7", "registry", "D'ŒUVRE^HÉLOÏSE", date(1970, 1, 1), "F")
NAMESAKE = PatientIdentity("7", "another registry", "AUTRE^JEAN", date(1950, 2, 3), "M")
PEERS = """
[peers.READER]
establishment = "north"
may = ["find", "move"]

[peers.STORE]
establishment = "north"
host = "127.0.0.1"
port = {store}

[peers.SLOW]
establishment = "north"
host = "127.0.0.1"
port = {slow}

[peers.NOWHERE]
establishment = "north"
host = "127.0.0.1"
port = {nowhere}

[peers.THEIRS]
establishment = "south"
host = "127.0.0.1"
port = {store}

[peers.SOUTHERN]
establishment = "south"
may = ["find", "move"]

[peers.SCANNER]
establishment = "north"
may = ["store", "commit"]
issuer = "registry"
host = "127.0.0.1"
port = {asks}

[peers.ECHOES]
establishment = "north"

[peers.ELSEWHERE]
establishment = "north"
may = ["find"]
from = ["192.0.2.0/24"]
"""


@dataclass(frozen=True)
class Served:
    """A running process, and what is in its archive by establishment."""

    settings: Settings
    exams: Mapping[str, str]
    port: int
    log: Path
    store_port: int
    asks_port: int
    """Where the scanner hears what was committed."""
    slow_port: int
    pid: int

    def call(self, tool: str, *arguments: str, title: str = "READER") -> str:
        """What one of dcmtk's tools says; whatever it ends with."""
        where = ["-aet", title, "-aec", "SANSVERRE", "127.0.0.1", str(self.port)]
        done = subprocess.run(
            [f"/usr/bin/{tool}", *arguments[:1], *where, *arguments[1:]],
            capture_output=True,
            timeout=LONG_S,
            check=False,
        )
        return (done.stdout + done.stderr).decode("utf-8", "replace")


@contextmanager
def answering(settings: Settings, table: Path, log: Path) -> Iterator[tuple[int, int]]:
    """`sansverre dimse` by a table, stopped at the end; gives its port and its process."""
    environment = {
        **os.environ,
        "SANSVERRE_DATA": str(settings.data),
        "SANSVERRE_SECRETS": str(settings.secrets),
        "SANSVERRE_DIMSE": str(table),
    }
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "dimse"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert "call at" in line, log.read_text()
        yield int(line.rpartition(":")[2]), process.pid
    finally:
        process.terminate()
        process.communicate(timeout=LONG_S)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, str]]:
    """Two patients of one number in the north, one in the south; a slide each."""
    folder = tmp_path_factory.mktemp("dimse")
    variables = {
        "SANSVERRE_DATA": str(folder / "data"),
        "SANSVERRE_SECRETS": str(folder / "secrets"),
    }
    orders = {
        "accented": Order("north", ACCENTED, "A1", issuer="LAB"),
        "namesake": Order("north", NAMESAKE, "A2"),
        "southern": Order("south", ACCENTED, "A1"),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        settings, exams = read_settings(), {}
        with open_workplace(settings) as place:
            for seed, (name, order) in enumerate(orders.items(), start=1):
                slide = small_svs(folder / f"{seed}.svs", 600, 400, 240, seed=seed)
                exams[name] = ingest(place, slide, order).exam
    return settings, exams


@pytest.fixture(scope="session")
def served(
    archive: tuple[Settings, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    settings, exams = archive
    folder = tmp_path_factory.mktemp("table")
    table, log = folder / "dimse.toml", folder / "log"
    store, nowhere, asks, slow = free_ports(4)
    peers = PEERS.format(store=store, nowhere=nowhere, asks=asks, slow=slow)
    table.write_text(f'address = "127.0.0.1:0"\n{peers}')
    with answering(settings, table, log) as (port, pid):
        yield Served(settings, exams, port, log, store, asks, slow, pid)


@contextmanager
def storescp(port: int, folder: Path, *options: str, speaks: Sequence[str] = ()) -> Iterator[Path]:
    """dcmtk's receiver, and how it is spoken to; gives the folder of what it received."""
    received = folder / "received"
    received.mkdir()
    with (folder / "storescp.log").open("wb") as log:
        process = subprocess.Popen(
            ["/usr/bin/storescp", "-od", str(received), *options, str(port)],
            env={**os.environ, "LD_PRELOAD": str(loopback(folder))},
            stdout=log,
            stderr=log,
        )
    try:
        until = time.monotonic() + LONG_S
        while subprocess.run(
            ["/usr/bin/echoscu", *speaks, "127.0.0.1", str(port)], capture_output=True, check=False
        ).returncode:
            assert time.monotonic() < until, (folder / "storescp.log").read_text()
        yield received
    finally:
        process.terminate()
        process.wait(LONG_S)
