"""An instance of gigabytes is stored in constant memory, by a server as it is run."""

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
import simplejpeg
from pydicom import dcmread
from pydicom.filewriter import dcmwrite

from api.doors import Doors
from api.policies import Role
from api.settings import Settings, signing_key
from tests.api.instances.conftest import Make
from tests.api.instances.stored import BOUNDARY, TYPE, kept
from tests.samples.dicom_slides import Made
from tests.serving import running

TILE = 512
MB = 1 << 20
ENDLESS = httpx.Timeout(None)


class Large:
    """An instance of so many bytes, or a few more, made while it is sent."""

    def __init__(self, like: Path, least_bytes: int) -> None:
        noise = np.random.default_rng(1).integers(0, 255, (TILE, TILE, 3), np.uint8)
        frame = simplejpeg.encode_jpeg(noise, quality=80, colorsubsampling="444")
        self.frame = frame + b"\0" * (len(frame) % 2)
        side = int(np.ceil((least_bytes / len(self.frame)) ** 0.5))
        self.frames = side * side
        header = dcmread(like, stop_before_pixels=True)
        header.TotalPixelMatrixRows = header.TotalPixelMatrixColumns = side * TILE
        header.Rows = header.Columns = TILE
        header.NumberOfFrames = self.frames
        lengths = np.full(self.frames, len(self.frame), "<u8")
        header.ExtendedOffsetTable = (
            (np.arange(self.frames) * (len(self.frame) + 8)).astype("<u8").tobytes()
        )
        header.ExtendedOffsetTableLengths = lengths.tobytes()
        written = io.BytesIO()
        dcmwrite(written, header, enforce_file_format=True)
        self.head = (
            written.getvalue() + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\0\0\0\0"
        )
        self.item = b"\xfe\xff\0\xe0" + len(self.frame).to_bytes(4, "little") + self.frame
        self.tail = b"\xfe\xff\xdd\xe0\0\0\0\0"

    @property
    def length(self) -> int:
        return len(self.head) + self.frames * len(self.item) + len(self.tail)

    def body(self) -> Iterator[bytes]:
        yield f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        yield self.head
        for _ in range(self.frames):
            yield self.item
        yield self.tail + f"\r\n--{BOUNDARY}--\r\n".encode()


def peak_mb(process: psutil.Process) -> float:
    """The most memory that a process ever had of its own; 0 where it has ended."""
    try:
        told = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in told if "VmHWM" in line), 0.0)


@pytest.mark.parametrize(
    "megabytes", [160, pytest.param(6144, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])]
)
def test_memory_does_not_grow_with_the_instance(
    settings: Settings, make: Make, megabytes: int
) -> None:
    token = Doors(signing_key(settings)).issue(Role.CONTRIBUTOR, "north")
    headers = {"authorization": f"Bearer {token}", "content-type": TYPE}
    environment = {
        "SANSVERRE_DATA": str(settings.data),
        "SANSVERRE_SECRETS": str(settings.secrets),
    }
    small = make("small", made=Made(table="extended"))
    large = Large(make("large", 301, 200, made=Made(table="extended")), megabytes * MB)
    with running(environment, workers=1) as server, httpx.Client(timeout=ENDLESS) as client:
        address = f"{server.address}/dicomweb/studies"
        body = (
            f"--{BOUNDARY}\r\n\r\n".encode() + small.read_bytes() + f"\r\n--{BOUNDARY}--".encode()
        )
        # What a first instance takes, every process takes once.
        client.post(address, content=body, headers=headers).raise_for_status()
        processes = psutil.Process(server.process.pid).children(recursive=True)
        before = {one: peak_mb(one) for one in processes}
        began = time.monotonic()
        answer = client.post(address, content=large.body(), headers=headers)
        took_s = time.monotonic() - began
        assert answer.status_code == 200, answer.text
        grown = {one: peak_mb(one) - mb for one, mb in before.items()}
        (where,) = kept(answer).values()
        last = client.get(
            f"{where}/frames/{large.frames}",
            headers={**headers, "accept": "image/jpeg"},
        )
        assert last.content == large.frame
    told = {"MB": large.length // MB, "s": round(took_s, 1), "grown_mb": round(max(grown.values()))}
    print(json.dumps(told))
    # Tables of offsets grow with the frames: some hundred bytes each, of a quarter of a megabyte.
    assert max(grown.values()) < 80, told
