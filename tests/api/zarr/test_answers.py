"""What answers cost and carry."""

import asyncio
from functools import partial

import pytest
from numcodecs import zstd
from starlette.types import Message

import api.zarr
from api.dispatch import Dispatcher
from tests.api.conftest import CountingStorage, Installation, Web
from tests.api.zarr.conftest import SHARD, Owned, stored_image


@pytest.mark.parametrize("key", ["zarr.json", "0/zarr.json", "0/c/0/0/0", "1/c/0/0/0", SHARD])
def test_who_has_it_gets_304(reader: Web, image: str, key: str) -> None:
    first = reader.get(f"/zarr/{image}/{key}")
    assert first.status_code == 200
    tag = first.headers["etag"]
    again = reader.get(f"/zarr/{image}/{key}", headers={"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    asked = reader.head(f"/zarr/{image}/{key}")
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers == first.headers


def test_a_size_is_told_without_reading_or_decoding(owned: Owned) -> None:
    before = owned.state()
    sizes = {key: owned.web.head(f"/zarr/{owned.image}/{key}") for key in owned.keys}
    assert owned.state() == before
    for key, told in sizes.items():
        answer = owned.web.get(f"/zarr/{owned.image}/{key}")
        assert int(told.headers["content-length"]) == len(answer.content)


def test_a_chunk_is_packed_for_the_way_to_who_unpacks_it(owned: Owned) -> None:
    address = f"/zarr/{owned.image}/0/c/0/0/1"
    plain = owned.web.get(address, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    browser = {"accept-encoding": "gzip, deflate, br, zstd"}
    packed = owned.web.get(address, headers=browser)
    assert packed.headers["content-encoding"] == "zstd"
    assert packed.headers["vary"] == plain.headers["vary"] == "accept-encoding"
    # This client unpacks by itself only where the package for it happens to be installed.
    sent = packed.content
    assert (sent if len(sent) == len(plain.content) else zstd.decompress(sent)) == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content)
    tags = {packed.headers["etag"], plain.headers["etag"]}
    assert len(tags) == 2
    for tag in tags:
        again = owned.web.get(address, headers={**browser, "if-none-match": tag})
        assert (again.status_code, again.headers["etag"]) == (304, tag)
    part = owned.web.get(address, headers={**browser, "range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, plain.content[5:10])
    told = owned.web.head(address, headers=browser).headers
    assert int(told["content-length"]) == len(plain.content)


def test_a_frame_costs_one_read(reader: Web, image: str, storage: CountingStorage) -> None:
    assert reader.get(f"/zarr/{image}/zarr.json").status_code == 200
    reads = storage.reads
    part = reader.get(f"/zarr/{image}/{SHARD}", headers={"range": "bytes=0-999"})
    assert (len(part.content), storage.reads - reads) == (1000, 1)
    # The index is made of what is known of the image.
    end = reader.get(f"/zarr/{image}/{SHARD}", headers={"range": "bytes=-100"})
    assert (len(end.content), storage.reads - reads) == (100, 1)


def test_a_lost_object_is_our_failure(
    reader: Web, app: Dispatcher, image: str, storage: CountingStorage
) -> None:
    (key,) = stored_image(reader, app, image).stored[0].keys
    path = storage.local_path(key)
    assert path is not None
    hidden = path.rename(path.with_name("hidden"))
    try:
        for address in (SHARD, "0/c/0/0/1"):
            assert reader.get(f"/zarr/{image}/{address}").status_code == 503
    finally:
        hidden.rename(path)
    assert reader.get(f"/zarr/{image}/{SHARD}").status_code == 200


def test_who_hangs_up_is_read_for_no_longer(
    app: Dispatcher,
    web: Web,
    installation: Installation,
    image: str,
    monkeypatch: pytest.MonkeyPatch,
    storage: CountingStorage,
) -> None:
    monkeypatch.setattr(api.zarr, "PART_BYTES", 1000)
    sent: list[int] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(1)
        await asyncio.sleep(0)

    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/zarr/{image}/{SHARD}",
        "headers": [(b"authorization", f"Bearer {installation.token()}".encode())],
        "scheme": "http",
    }
    web.call(partial(app, scope, receive, send))
    assert storage.reads < 30
    assert len(sent) < 30
