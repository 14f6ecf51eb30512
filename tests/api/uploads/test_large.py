"""A file much larger than the memory that receives it, through a network that breaks."""

import hashlib
import random
import time
from pathlib import Path

import httpx
import pytest

from api.doors import Doors
from api.policies import Role
from api.settings import Settings, signing_key
from archive.catalog import Catalog
from archive.record import ObjectRole
from tests.api.uploads.client import TUS, said
from tests.api.uploads.test_cut import PATIENT, File, Memory, Sending
from tests.samples.slide import small_svs
from tests.serving import running

BLOCK_BYTES = 8 << 20


def grown(path: Path, size_bytes: int, seed: int) -> str:
    """Let a slide be followed by so much that is never the same; gives the digest of it all."""
    chance = random.Random(seed)
    digest = hashlib.sha256(path.read_bytes())
    with path.open("ab") as stream:
        while (left := size_bytes - stream.tell()) > 0:
            block = chance.randbytes(min(BLOCK_BYTES, left))
            digest.update(block)
            stream.write(block)
    return digest.hexdigest()


@pytest.mark.parametrize(
    ("size_bytes", "most_growth_bytes"),
    [(112 << 20, 48 << 20), pytest.param(4 << 30, 64 << 20, marks=pytest.mark.soak)],
    ids=["112-MB", "4-GB"],
)
@pytest.mark.timeout(3000)
def test_a_file_larger_than_the_memory_it_takes(
    settings: Settings, tmp_path: Path, size_bytes: int, most_growth_bytes: int
) -> None:
    path = small_svs(tmp_path / "large.svs", 300, 260, 240, seed=1)
    sha256 = grown(path, size_bytes, seed=size_bytes)
    cut = size_bytes // 2 + 12_345
    token = Doors(signing_key(settings)).issue(Role.CONTRIBUTOR, "north")
    headers = {"authorization": f"Bearer {token}"}
    memory = Memory()
    memory.start()
    with (
        running({}, workers=1) as server,
        httpx.Client(base_url=server.address, headers=headers, trust_env=False, timeout=600) as web,
    ):
        memory.server = server
        deposit = web.post("/api/deposits", json={"patient": PATIENT}).json()["id"]
        words = said(deposit=deposit, path=path.name, sha256=sha256)
        announced = {**TUS, "upload-length": str(size_bytes), "upload-metadata": words}
        location = web.post("/uploads", headers=announced).headers["location"]
        sending = Sending(server.address, headers)
        began = time.monotonic()
        sending.send(File(path, [cut], sha256, location))
        took_s = time.monotonic() - began
        path.unlink()
        listed = [{"path": path.name, "size_bytes": size_bytes, "sha256": sha256}]
        closed = web.post(f"/api/deposits/{deposit}/close", json={"files": listed})
        assert closed.status_code == 200, closed.text
        by = time.monotonic() + 1200 + size_bytes / 20e6
        while (told := web.get(f"/api/deposits/{deposit}").json()["files"][0])["image"] is None:
            assert told["state"] == "checking", told
            assert time.monotonic() < by
            time.sleep(0.2)
    memory.ended.set()
    assert (sending.cuts, sending.answers["Cut"]) == (1, 1)
    # What came before the cut was sent once: a repeated megabyte is what was in flight.
    assert sending.sent_bytes < size_bytes + BLOCK_BYTES
    with Catalog.open(settings.database_url) as catalog:
        image = catalog.image(told["image"], establishment="north")
    assert image.source_sha256 == sha256
    (original,) = image.objects_as(ObjectRole.ORIGINAL)
    with (settings.objects / original.key).open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == sha256
    growth = memory.growth()
    print(
        f"{size_bytes >> 20} MiB in {took_s:.1f} s, {sending.cuts} cut: "
        f"the server grew by {growth / (1 << 20):.1f} MiB"
    )
    assert growth < most_growth_bytes
