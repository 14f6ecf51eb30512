"""Archived slides as OME-Zarr: what programs read of a running server, and what HTTP says."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import obstore.store
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from numcodecs import zstd
from ome_zarr_models.v05.image import Image as OmeImage
from starlette.types import Message
from yaozarrs import validate_zarr_store
from zarr.storage import ObjectStore

import api.zarr
from api.app import create_app
from api.dispatch import Dispatcher
from api.doors import Doors, Role
from api.ingest import Order, ingest
from api.opened import OpenImage
from api.settings import read_settings, signing_key
from api.work import open_workplace
from archive.record import ObjectRole
from tests.api.conftest import CountingStorage, Installation, Web, opened
from tests.api.test_serve import running
from tests.samples.photo import make_photo
from tiles.pyramid import Box
from tiles.zarr_codec import register

SHARD = "stored/0/c/0/0/0"


@pytest.fixture
def image(installation: Installation) -> str:
    return installation.images["north"]


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[str]:
    environment = {
        "SANSVERRE_DATA": str(installation.settings.data),
        "SANSVERRE_SECRETS": str(installation.settings.secrets),
    }
    with running(environment, workers=1) as served:
        yield served.address


def group_at(address: str, installation: Installation) -> zarr.Group:
    """The group as zarr-python reads it over HTTP."""
    store = obstore.store.HTTPStore.from_url(
        address,
        client_options={
            "allow_http": True,
            "default_headers": {"authorization": f"Bearer {installation.token()}"},
        },
    )
    return zarr.open_group(ObjectStore(store, read_only=True), mode="r", zarr_format=3)


def stored_image(web: Web, app: Dispatcher, image: str) -> OpenImage:
    assert web.get(f"/deepzoom/{image}.dzi").status_code == 200
    found = app._sources._open.find((image, 0, True))
    assert isinstance(found, OpenImage)
    return found


@pytest.mark.parametrize("prefix", ["", "/stored"])
def test_zarr_reads_the_same_pixels_over_http(
    server: str, reader: Web, app: Dispatcher, installation: Installation, image: str, prefix: str
) -> None:
    register()
    source = stored_image(reader, app, image).source
    group = group_at(f"{server}/zarr/{image}{prefix}", installation)
    datasets = OmeImage.from_zarr(group).ome_attributes.multiscales[0].datasets
    assert datasets[0].coordinateTransformations[0].model_dump()["scale"] == [1.0, 0.5, 0.5]
    assert len(datasets) == len(source.pyramid.levels)
    for number, level in enumerate(source.pyramid.levels):
        array = group[datasets[number].path]
        assert isinstance(array, zarr.Array)
        pixels = source.pixels(number, Box(0, 0, level.width, level.height))
        expected = np.moveaxis(pixels, 2, 0)
        assert np.array_equal(np.asarray(array[:]), expected)
        assert np.array_equal(np.asarray(array[:, 100:300:7, 20:]), expected[:, 100:300:7, 20:])


@pytest.mark.parametrize("prefix", ["", "stored/"])
def test_the_documents_are_those_of_an_ome_zarr(
    reader: Web, app: Dispatcher, image: str, prefix: str, tmp_path: Path
) -> None:
    levels = len(stored_image(reader, app, image).stored)
    for key in ("zarr.json", *(f"{number}/zarr.json" for number in range(levels))):
        answer = reader.get(f"/zarr/{image}/{prefix}{key}")
        assert answer.headers["content-type"] == "application/json"
        (tmp_path / key).parent.mkdir(exist_ok=True)
        (tmp_path / key).write_bytes(answer.content)
        for traitor in ("SPECIMEN", "registry", "A1"):
            assert traitor not in answer.text
    validate_zarr_store(str(tmp_path))


def test_no_byte_of_a_stored_header_leaves(reader: Web, app: Dispatcher, image: str) -> None:
    catalog = app._sources._catalog
    stored = catalog.image(image, establishment=None).objects_as(ObjectRole.LEVEL)[0]
    header = app._sources._storage.read_range(stored.key, 0, 4096)
    assert b"SPECIMEN^ONE" in header
    whole = reader.get(f"/zarr/{image}/{SHARD}").content
    assert b"SPECIMEN" not in whole
    assert b"DICM" not in whole


@dataclass
class Ranges:
    web: Web
    address: str
    whole: bytes

    def ask(self, header: str, **others: str) -> httpx.Response:
        return self.web.get(self.address, headers={"range": header, **others})


@pytest.fixture(scope="module")
def ranges(installation: Installation) -> Iterator[Ranges]:
    with opened(create_app(installation.settings)) as web:
        web.headers.update(installation.bearer(Role.READER, "north"))
        address = f"/zarr/{installation.images['north']}/{SHARD}"
        whole = web.get(address)
        assert whole.status_code == 200
        assert whole.headers["accept-ranges"] == "bytes"
        yield Ranges(web, address, whole.content)


@given(data=st.data())
def test_ranges_are_parts_of_the_whole(ranges: "Ranges", data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(ranges.whole) + 9))
    last = data.draw(st.integers(first, first + len(ranges.whole)))
    for header, expected in (
        (f"bytes={first}-{last}", ranges.whole[first : last + 1]),
        (f"bytes={first}-", ranges.whole[first:]),
        (f"bytes=-{last}", ranges.whole[max(0, len(ranges.whole) - last) :] if last else b""),
    ):
        answer = ranges.ask(header)
        if expected:
            begin = len(ranges.whole) - len(expected) if "=-" in header else first
            told = f"bytes {begin}-{begin + len(expected) - 1}/{len(ranges.whole)}"
            assert (answer.status_code, answer.headers["content-range"]) == (206, told)
            assert answer.content == expected
        else:
            assert answer.status_code == 416
            assert answer.headers["content-range"] == f"bytes */{len(ranges.whole)}"


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=", "bytes=-", "bytes=9-3", "bytes=0-1,4-5", "rows=0-1", "bytes=a-b"],
)
def test_what_is_no_range_is_answered_by_the_whole(ranges: Ranges, header: str) -> None:
    answer = ranges.ask(header)
    assert (answer.status_code, answer.content) == (200, ranges.whole)


def test_a_range_of_what_has_changed_is_answered_by_the_whole(ranges: Ranges) -> None:
    part = ranges.ask("bytes=0-9")
    again = ranges.ask("bytes=0-9", **{"if-range": part.headers["etag"]})
    assert (again.status_code, again.content) == (206, ranges.whole[:10])
    changed = ranges.ask("bytes=0-9", **{"if-range": '"other"'})
    assert (changed.status_code, changed.content) == (200, ranges.whole)


def test_large_ranges_come_in_parts(ranges: Ranges, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.zarr, "PART_BYTES", 1000)
    assert ranges.ask("bytes=0-99999999").content == ranges.whole
    assert ranges.ask("bytes=1500-9999").content == ranges.whole[1500:10000]


@pytest.mark.parametrize("key", ["zarr.json", "0/zarr.json", "0/c/0/0/0", "0/c/0/2/4", SHARD])
def test_who_has_it_gets_304(reader: Web, image: str, key: str) -> None:
    first = reader.get(f"/zarr/{image}/{key}")
    assert first.status_code == 200
    tag = first.headers["etag"]
    again = reader.get(f"/zarr/{image}/{key}", headers={"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    asked = reader.head(f"/zarr/{image}/{key}")
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers == first.headers


@pytest.mark.parametrize(
    "key",
    [
        *("", "zarr", ".zgroup", "0/.zarray", "9/zarr.json", "0/c/0/0/5", "0/c/0/3/0", "0/c/1/0/0"),
        *(
            "0/c/0/00/0",
            "0/c/0/0/0/0",
            "stored/0/c/0/0/1",
            "stored/9/c/0/0/0",
            "ZARR.JSON",
            "x" * 80,
        ),
    ],
)
def test_a_key_that_means_nothing_is_not_found(reader: Web, image: str, key: str) -> None:
    answer = reader.get(f"/zarr/{image}/{key}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def keys_of(opened_image: OpenImage) -> set[str]:
    """Every key that a slide owns."""
    found = {"zarr.json", "stored/zarr.json"}
    for number, one in enumerate(opened_image.stored):
        level = one.index.level
        tiles = ((row, column) for row in range(level.rows) for column in range(level.columns))
        found |= {f"{number}/zarr.json", f"stored/{number}/zarr.json", f"stored/{number}/c/0/0/0"}
        found |= {f"{number}/c/0/{row}/{column}" for row, column in tiles}
    return found


PARTS = st.sampled_from(
    [
        *("zarr.json", "stored", "c", "0", "1", "2", "3", "4", "5", "7", "00", "01", "-1", "+1"),
        *("", "c.0.0.0", "0x1", "1e0", "9999999999", ".zarray", "%30", "٣", "C"),
    ]
)


@given(key=st.lists(PARTS, min_size=1, max_size=7).map("/".join))
def test_only_keys_that_the_slide_owns_exist(owned: "Owned", key: str) -> None:
    answer = owned.web.head(f"/zarr/{owned.image}/{key}")
    # `%30` is another way to write 0 in an address, not in a key.
    asked = answer.request.url.path.removeprefix(f"/zarr/{owned.image}/")
    assert answer.status_code == (200 if asked in owned.keys else 404)


@dataclass
class Owned:
    web: Web
    image: str
    keys: set[str]
    state: Callable[[], object]


@pytest.fixture(scope="module")
def owned(installation: Installation) -> Iterator[Owned]:
    storage = CountingStorage.open(installation.settings.objects_url)
    app = create_app(installation.settings, storage)
    image = installation.images["north"]

    def state() -> object:
        """What is stored and what was read or made of it."""
        files = (path for path in installation.settings.objects.rglob("*") if path.is_file())
        stored = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}
        known = app._sources._catalog.image(image, establishment=None)
        return stored, known, storage.reads, list(app._sources._chunks._kept)

    with opened(app) as web:
        web.headers.update(installation.bearer(Role.READER, "north"))
        found = stored_image(web, app, image)
        yield Owned(web, image, keys_of(found), state)


def test_every_key_that_the_slide_owns_answers(owned: Owned) -> None:
    assert len(owned.keys) > 20
    for key in sorted(owned.keys):
        whole = owned.web.get(f"/zarr/{owned.image}/{key}")
        assert whole.status_code == 200
        assert int(whole.headers["content-length"]) == len(whole.content) > 0


def test_what_is_not_there_leaves_everything_as_it_was(owned: Owned) -> None:
    before = owned.state()
    for key in ("0/c/0/0/99", "0/c/0/00/0", "9/zarr.json", "stored/0/c/0/0/1", "0/c/1/0/0", "x"):
        for method in ("GET", "HEAD"):
            answer = owned.web.request(method, f"/zarr/{owned.image}/{key}")
            assert answer.status_code == 404
    assert owned.state() == before


def test_a_size_is_told_without_reading_or_decoding(owned: Owned) -> None:
    before = owned.state()
    sizes = {key: owned.web.head(f"/zarr/{owned.image}/{key}") for key in owned.keys}
    assert owned.state() == before
    for key, told in sizes.items():
        answer = owned.web.get(f"/zarr/{owned.image}/{key}")
        assert int(told.headers["content-length"]) == len(answer.content)


def test_a_part_of_a_chunk_can_be_asked_for(owned: Owned) -> None:
    address = f"/zarr/{owned.image}/0/c/0/1/1"
    whole = owned.web.get(address).content
    part = owned.web.get(address, headers={"range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, whole[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(whole)}"
    beyond = owned.web.get(address, headers={"range": f"bytes={len(whole)}-"})
    assert beyond.status_code == 416


def test_a_chunk_is_packed_for_the_way_to_who_unpacks_it(owned: Owned) -> None:
    address = f"/zarr/{owned.image}/0/c/0/1/1"
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


def test_another_establishment_s_slide_is_not_there(
    reader: Web, installation: Installation
) -> None:
    for key in ("zarr.json", "0/c/0/0/0", SHARD):
        assert reader.get(f"/zarr/{installation.images['south']}/{key}").status_code == 404


def test_other_methods_are_refused(reader: Web, image: str) -> None:
    assert reader.post(f"/zarr/{image}/zarr.json").status_code == 405


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
    key = stored_image(reader, app, image).stored[0].key
    path = storage.local_path(key)
    assert path is not None
    hidden = path.rename(path.with_name("hidden"))
    try:
        for address in (SHARD, "0/c/0/1/1"):
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


def test_photographs_are_no_zarr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANSVERRE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SANSVERRE_SECRETS", str(tmp_path / "keys"))
    settings = read_settings()
    photo = make_photo(tmp_path / "photo.jpg", width=600, height=500)
    with open_workplace(settings) as place:
        image = ingest(place, photo, Order("north")).image
    with opened(create_app(settings)) as web:
        web.headers["authorization"] = f"Bearer {Doors(signing_key(settings)).issue(Role.READER)}"
        assert web.get(f"/deepzoom/{image}.dzi").status_code == 200
        assert web.get(f"/zarr/{image}/zarr.json").status_code == 404
