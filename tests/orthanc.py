"""A real Orthanc on the loopback, as an archive that others run."""

import json
import os
import random
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

PROGRAM = "/usr/sbin/Orthanc"
DICOMWEB = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
WORKLISTS = "/usr/share/orthanc/plugins/libModalityWorklists.so"
TITLE = "RADIOLOGY"
CHANCE = random.SystemRandom()
NOT_EPHEMERAL = 20_000, 32_000
"""Of the others each connection takes one: a server that comes back could find its own taken."""
STARTED_S = 300.0


@dataclass(frozen=True)
class Orthanc:
    """Where it answers: `web` over HTTP, `dicom_port` to DICOM's own protocol."""

    web: httpx.Client
    dicom_port: int
    folder: Path
    """Where it keeps its objects."""

    @property
    def dicomweb_url(self) -> str:
        """The root of its DICOMweb services."""
        return f"{str(self.web.base_url).rstrip('/')}/dicom-web"


@contextmanager
def orthanc(folder: Path, worklists: Path | None = None) -> Iterator[Orthanc]:
    """An empty Orthanc that keeps its objects in a folder and is gone afterwards.

    It answers for the files of `worklists` as a modality worklist, where that is given.
    """
    http_port, dicom_port = free_ports(2)
    settings: dict[str, Any] = {
        "StorageDirectory": str(folder / "objects"),
        "IndexDirectory": str(folder / "objects"),
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "DicomAet": TITLE,
        # What it gives back is what lies on its disk.
        "MaximumStorageCacheSize": 0,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "RemoteAccessAllowed": False,
        "Plugins": [DICOMWEB],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    if worklists is not None:
        settings |= {
            "Plugins": [DICOMWEB, WORKLISTS],
            "DicomAlwaysAllowFindWorklist": True,
            "DefaultEncoding": "Utf8",
            "Worklists": {"Enable": True, "Database": str(worklists)},
        }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    log = folder / "orthanc.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [PROGRAM, str(folder / "orthanc.json")],
            env={**os.environ, "LD_PRELOAD": str(loopback(folder))},
            stdout=stream,
            stderr=stream,
        )
    try:
        # Orthanc ends a connection that was idle for a second, also one that is just asked again.
        fresh = httpx.Limits(max_keepalive_connections=0)
        address = f"http://127.0.0.1:{http_port}"
        with httpx.Client(base_url=address, timeout=60, limits=fresh) as web:
            _await(web, process, log)
            yield Orthanc(web, dicom_port, folder)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def loopback(folder: Path) -> Path:
    """The library that keeps a server on the loopback which has no setting for it."""
    library = folder / "loopback.so"
    source = Path(__file__).with_name("loopback.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, and that the system gives to nobody who asks for any."""
    ports: list[int] = []
    while len(ports) < count:
        port = CHANCE.randrange(*NOT_EPHEMERAL)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            ports = [*{*ports, port}]
    return ports


def _await(web: httpx.Client, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + STARTED_S
    while process.poll() is None and time.monotonic() < until:
        try:
            web.get("/system").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"Orthanc did not start: {log.read_text(errors='replace')[-2000:]}")
