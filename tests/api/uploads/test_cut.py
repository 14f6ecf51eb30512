"""Many uploads at once through a network that breaks and a server that is killed."""

import hashlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from api.doors import Doors
from api.policies import Role
from api.settings import Settings, signing_key
from archive.catalog import Catalog
from archive.record import ObjectRole
from tests.api.uploads.client import PART, TUS, said
from tests.orthanc import free_ports
from tests.samples.slide import small_svs
from tests.serving import LONG_S, Running, gone, running

CHUNK_BYTES = 256 << 10
PATIENT = {"patient_id": "7", "issuer": "registry"}


class Cut(Exception):
    """The network breaks here."""


@dataclass
class File:
    path: Path
    cuts: list[int]
    sha256: str
    location: str = ""

    @property
    def size(self) -> int:
        return self.path.stat().st_size


@dataclass
class Sending:
    """What all clients know of each other, and of the server."""

    address: str
    headers: dict[str, str]
    sent_bytes: int = 0
    """But for parts that were refused, as by a server that still has the one before in hand."""
    cuts: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, file: File) -> None:
        """Send a file to its end, going on after whatever happens."""
        until = time.monotonic() + LONG_S
        while time.monotonic() < until:
            with httpx.Client(
                base_url=self.address, headers=self.headers, timeout=LONG_S, trust_env=False
            ) as client:
                try:
                    offset = int(client.head(file.location, headers=TUS).headers["upload-offset"])
                    if offset == file.size:
                        return
                    self.part(client, file, offset)
                except (httpx.TransportError, Cut, KeyError) as error:
                    self.answers[type(error).__name__] += 1
                    time.sleep(0.1)
        raise TimeoutError

    def part(self, client: httpx.Client, file: File, offset: int) -> None:
        headers = {
            **PART,
            "upload-offset": str(offset),
            "content-length": str(file.size - offset),
        }
        sent: list[int] = []
        body = self.body(file, offset, sent.append)
        answer = client.patch(file.location, headers=headers, content=body)
        self.answers[str(answer.status_code)] += 1
        assert answer.status_code in {204, 409, 423}, answer.text
        if answer.is_error:
            with self.lock:
                self.sent_bytes -= sum(sent)

    def body(self, file: File, offset: int, sent: Callable[[int], None]) -> Iterator[bytes]:
        cut = next((one for one in file.cuts if one > offset), None)
        with file.path.open("rb") as stream:
            stream.seek(offset)
            while data := stream.read(CHUNK_BYTES):
                if cut is not None and offset + len(data) > cut:
                    yield data[: cut - offset]
                    file.cuts.remove(cut)
                    with self.lock:
                        self.cuts += 1
                    raise Cut
                offset += len(data)
                with self.lock:
                    self.sent_bytes += len(data)
                sent(len(data))
                yield data


def made(folder: Path, count: int, cuts: int, most_bytes: int, seed: int) -> list[File]:
    """Slides with something after their end, so that they have the sizes that are wished."""
    chance = random.Random(seed)
    files = []
    for number in range(count):
        path = small_svs(folder / f"{number}.svs", 300, 260, 240, seed=number)
        with path.open("ab") as stream:
            stream.write(chance.randbytes(chance.randrange(most_bytes // 20, most_bytes)))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        files.append(File(path, [], digest))
    for _ in range(cuts):
        file = chance.choice(files)
        file.cuts.append(chance.randrange(1, file.size))
    for file in files:
        file.cuts.sort()
    return files


class Memory(threading.Thread):
    """How much memory the server processes had, at their most and when they were ready."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.least: dict[int, int] = {}
        self.most: dict[int, int] = {}
        self.server: Running | None = None
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.1):
            if self.server is None:
                continue
            try:
                for one in self.server.children("api.app"):
                    used = one.memory_info().rss
                    self.least.setdefault(one.pid, used)
                    self.most[one.pid] = max(used, self.most.get(one.pid, 0))
            except psutil.NoSuchProcess:
                continue

    def growth(self) -> int:
        return max((self.most[pid] - least for pid, least in self.least.items()), default=0)


def prove(
    settings: Settings, folder: Path, *, count: int, cuts: int, kills: int, most_bytes: int
) -> dict[str, Any]:
    files = made(folder, count, cuts, most_bytes, seed=count)
    total = sum(file.size for file in files)
    token = Doors(signing_key(settings)).issue(Role.CONTRIBUTOR, "north")
    memory = Memory()
    memory.start()
    with ExitStack() as servers:
        (port,) = free_ports(1)
        server = servers.enter_context(running({}, workers=2, port=port))
        memory.server = server
        sending = Sending(server.address, {"authorization": f"Bearer {token}"})
        with httpx.Client(
            base_url=server.address, headers=sending.headers, timeout=LONG_S, trust_env=False
        ) as client:
            deposit = client.post("/api/deposits", json={"patient": PATIENT}).json()["id"]
            for file in files:
                words = said(deposit=deposit, path=file.path.name, sha256=file.sha256)
                headers = {**TUS, "upload-length": str(file.size), "upload-metadata": words}
                file.location = client.post("/uploads", headers=headers).headers["location"]
        with ThreadPoolExecutor(count) as clients:
            ends = [clients.submit(sending.send, file) for file in files]
            for kill in range(1, kills + 1):
                while not (over := all(end.done() for end in ends)):
                    if sending.sent_bytes >= total * kill / (kills + 1):
                        break
                    time.sleep(0.005)
                assert not (over and any(end.exception() for end in ends))
                children = [*server.children("api.app"), *server.children("api.taker")]
                os.kill(server.process.pid, signal.SIGKILL)
                assert gone(children)
                server = servers.enter_context(running({}, workers=2, port=port))
                memory.server = server
            for end in ends:
                end.result()
        memory.ended.set()
        with httpx.Client(
            base_url=server.address, headers=sending.headers, timeout=LONG_S, trust_env=False
        ) as client:
            listed = [
                {"path": one.path.name, "size_bytes": one.size, "sha256": one.sha256}
                for one in files
            ]
            for _ in range(2):
                # Said again, as by a client that did not hear the answer.
                closed = client.post(f"/api/deposits/{deposit}/close", json={"files": listed})
                assert closed.status_code == 200, closed.text
            until = time.monotonic() + LONG_S
            told: list[dict[str, Any]] = []
            while time.monotonic() < until:
                told = client.get(f"/api/deposits/{deposit}").json()["files"]
                if all(one["state"] == "taken" for one in told):
                    break
                time.sleep(0.5)
    assert [one["state"] for one in told] == ["taken"] * count
    assert not any(file.cuts for file in files)
    require_once(settings, files, told)
    return {
        "files": count,
        "bytes": total,
        "cuts": sending.cuts,
        "kills": kills,
        "answers": dict(sending.answers),
        "growth_bytes": memory.growth(),
        "most_bytes": max(memory.most.values(), default=0),
    }


def require_once(settings: Settings, files: list[File], told: list[dict[str, Any]]) -> None:
    """Every file is one object, with the digest that it was sent with, and nothing else is left."""
    digests = Counter(
        hashlib.sha256(one.read_bytes()).hexdigest() for one in settings.objects.glob("??/*")
    )
    assert {file.sha256: digests[file.sha256] for file in files} == dict.fromkeys(
        (file.sha256 for file in files), 1
    )
    images = {one["path"]: one["image"] for one in told}
    with Catalog.open(settings.database_url) as catalog:
        for file in files:
            image = catalog.image(images[file.path.name], establishment="north")
            assert image.source_sha256 == file.sha256
            (original,) = image.objects_as(ObjectRole.ORIGINAL)
            kept = (settings.objects / original.key).read_bytes()
            assert hashlib.sha256(kept).hexdigest() == file.sha256
    assert list((settings.objects / "incoming").iterdir()) == []


def test_uploads_survive_cuts_and_a_kill(settings: Settings, tmp_path: Path) -> None:
    found = prove(settings, tmp_path, count=3, cuts=6, kills=1, most_bytes=6 << 20)
    assert (found["cuts"], found["kills"]) == (6, 1)


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_twenty_uploads_survive_fifty_cuts_and_five_kills(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = prove(settings, tmp_path, count=20, cuts=50, kills=5, most_bytes=32 << 20)
    with capsys.disabled():
        print(found)
    assert (found["cuts"], found["kills"]) == (50, 5)
    assert found["growth_bytes"] < 100 << 20
