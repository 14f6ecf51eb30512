"""The supervisor and its processes, as a whole."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from api.errors import CannotServe
from api.ingest import Order, receive
from api.serve import listen
from api.settings import read_settings
from api.wanted import BUILD
from api.work import open_workplace
from archive.record import ImageState, JobState, ObjectRole
from tests.api.conftest import Installation, small_file
from tests.serving import LONG_S, Running, gone, running, until


@pytest.fixture(scope="module")
def environment(installation: Installation) -> dict[str, str]:
    return {
        "SANSVERRE_DATA": str(installation.settings.data),
        "SANSVERRE_SECRETS": str(installation.settings.secrets),
    }


@pytest.fixture(scope="module")
def server(environment: dict[str, str]) -> Iterator[Running]:
    """One for all tests that leave it in good health."""
    with running(environment) as started:
        yield started


def test_the_printed_link_opens_once_and_shows_tiles(
    environment: dict[str, str], installation: Installation
) -> None:
    with (
        running(environment) as server,
        httpx.Client(base_url=server.address, timeout=LONG_S) as client,
    ):
        assert client.get("/api/exams").status_code == 401
        entered = client.get(server.link)
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        image = installation.images["north"]
        for column in range(4):
            tile = client.get(f"/deepzoom/{image}_files/11/{column}_0.jpeg")
            assert (tile.status_code, tile.content[:2]) == (200, b"\xff\xd8")
        assert 'route="/deepzoom/{image}_files' in client.get("/metrics").text
        client.cookies.clear()
        assert client.get(server.link).status_code == 401
        client.get("/nothing", headers={"connection": "upgrade", "upgrade": "websocket"})
        children = psutil.Process(server.process.pid).children(recursive=True)
        server.process.terminate()
        out, err = server.process.communicate(timeout=LONG_S)
        assert server.process.returncode == 0
        assert gone(children)
        # Nothing but the link, which was read, is said of all this.
        assert (out.strip(), err) == ("", "")


def worker_of(server: Running) -> psutil.Process:
    """What builds, once it is there and has its name."""
    until(lambda: server.children("api.worker"))
    (worker,) = server.children("api.worker")
    return worker


def test_a_killed_process_is_replaced_while_others_answer(
    server: Running, installation: Installation
) -> None:
    address = f"/api/images/{installation.images['north']}"
    failures: list[str] = []
    answers = 0
    stop = threading.Event()

    def serving() -> set[int]:
        return {child.pid for child in server.children("api.app")}

    def ask(base: str) -> None:
        nonlocal answers
        while not stop.is_set():
            # A connection each: what was in the killed process's hands is lost with it.
            request = urllib.request.Request(base + address, headers=installation.bearer())
            try:
                with urllib.request.urlopen(request, timeout=600) as answer:
                    answers += answer.status == 200
            except (OSError, ConnectionError) as error:
                failures.append(repr(error))

    asking = threading.Thread(target=ask, args=(server.address,), daemon=True)
    asking.start()
    until(lambda: len(serving()) == 2)
    before = serving()
    worker = worker_of(server)
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    at_the_kill = answers
    # Of one look: between two of them the killed one ends, and two would seem to be there.
    until(lambda: len(serving() - {victim}) == 2)
    until(lambda: answers > at_the_kill + 10)
    stop.set()
    asking.join()
    assert len(serving() - before) == 1
    assert worker_of(server) == worker
    # At most the one request that the killed process held.
    assert len(failures) <= 1, failures


def test_a_killed_worker_is_replaced_and_builds_what_waits(
    server: Running, environment: dict[str, str], tmp_path: Path
) -> None:
    first = worker_of(server)
    first.kill()
    slide = small_file(tmp_path)
    with open_workplace(read_settings(environment)) as place:
        catalog = place.catalog
        image = receive(place, slide, Order("north"))
        job = catalog.jobs.enqueue(BUILD, image.id, {"mpp_um": None})
        until(lambda: catalog.jobs.job(job.id).state is JobState.DONE)
        found = catalog.image(image.id, establishment="north")
    assert found.state is ImageState.PUBLISHED
    assert found.objects_as(ObjectRole.LEVEL)
    assert worker_of(server) != first
    assert httpx.get(f"{server.address}/readyz", timeout=LONG_S).status_code == 200


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 2_000_000, b""),
        (b"GET /" + b"a" * 2_000_000, b""),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 400_000, b""),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 8000 + b"\r\n\r\n", b"200"),
    ],
)
def test_a_head_without_end_is_hung_up_on(server: Running, head: bytes, answer: bytes) -> None:
    got = b""
    with socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2]))) as line:
        line.settimeout(LONG_S)
        with suppress(ConnectionError):
            line.sendall(head)
            got = line.recv(12)
    assert got[9:] == answer


def desks(environment: dict[str, str]) -> set[Path]:
    """The folders of temporary files, of processes alive and dead."""
    return set(Path(environment["SANSVERRE_DATA"], "scratch").glob("desk-*"))


def test_no_process_and_no_folder_outlives_its_supervisor(
    tmp_path: Path, empty_catalogue: Path
) -> None:
    own = {
        "SANSVERRE_DATA": str(tmp_path / "data"),
        "SANSVERRE_SECRETS": str(tmp_path / "secrets"),
        "SANSVERRE_ARCHIVE_URL": "http://127.0.0.1:9/",
        "SANSVERRE_ARCHIVE_ESTABLISHMENT": "A",
        "TMPDIR": str(tmp_path / "temporary"),
    }
    (tmp_path / "temporary").mkdir()
    (tmp_path / "data").mkdir(mode=0o700)
    shutil.copy(empty_catalogue, tmp_path / "data")
    with running(own, workers=1) as server:
        modules = ("api.app", "api.worker", "api.taker", "api.teller")
        until(lambda: [len(server.children(one)) for one in modules] == [1, 1, 1, 1])
        # An answer is counted once it is given: who had it may be told to look before.
        until(lambda: [one for desk in desks(own) for one in desk.glob("*.db")])
        children = psutil.Process(server.process.pid).children(recursive=True)
        server.process.kill()
        assert gone(children)
    left = desks(own)
    assert [one for desk in left for one in desk.glob("*.db")], "what was counted"
    with running(own, workers=1) as server:
        assert left & desks(own) == set()
        children = psutil.Process(server.process.pid).children(recursive=True)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(LONG_S) == 0
        assert gone(children)
    assert desks(own) == set()
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "8.8.8.8"])
def test_nothing_binds_beyond_the_loopback(host: str) -> None:
    with pytest.raises(CannotServe, match=r"127\.0\.0\.1"):
        listen(host, 0)


def test_a_taken_port_is_told() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(CannotServe, match="--port"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_an_address_that_does_not_exist_is_told() -> None:
    with pytest.raises(CannotServe, match="no such address"):
        listen("no.such.host.invalid", 0)


def test_the_name_of_the_loopback_will_do() -> None:
    with listen("localhost", 0) as listening:
        assert listening.family in {socket.AF_INET, socket.AF_INET6}


def test_the_command_refuses_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "serve", "--host", "0.0.0.0"],
        env={
            **os.environ,
            "SANSVERRE_DATA": str(tmp_path / "data"),
            "SANSVERRE_SECRETS": str(tmp_path / "keys"),
        },
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "127.0.0.1" in done.stderr
