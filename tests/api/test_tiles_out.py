"""The way of a tile out: what it costs, and what it answers."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import simplejpeg
import sqlalchemy as sa
from anyio.from_thread import start_blocking_portal
from hypothesis import given
from hypothesis import strategies as st

from api.app import create_app
from api.dispatch import Dispatcher
from api.ingest import Order, ingest
from api.opened import OpenImage
from api.settings import Settings
from api.work import open_workplace
from archive.catalog import Catalog
from archive.record import ObjectRole
from tests.api.conftest import CountingStorage, Installation, Web, reading
from tests.samples.photo import make_photo

TILE = 240


@pytest.fixture
def image(installation: Installation) -> str:
    return installation.images["north"]


@pytest.fixture
def tile(image: str) -> Callable[[int, int, int], str]:
    return lambda level, column, row: f"/deepzoom/{image}_files/{level}/{column}_{row}.jpeg"


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each JPEG decoded."""
    seen: list[int] = []
    decode = simplejpeg.decode_jpeg

    def counted(data: bytes, **options: object) -> object:
        seen.append(len(data))
        return decode(data, **options)

    monkeypatch.setattr(simplejpeg, "decode_jpeg", counted)
    return seen


@pytest.fixture
def statements(app: Dispatcher) -> list[str]:
    """Every statement that the application's catalogue sends to its database."""
    seen: list[str] = []
    catalog: Catalog = app._sources._catalog
    engine = catalog._database._engine

    def note(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    sa.event.listen(engine, "before_cursor_execute", note)
    return seen


def last_level(reader: Web, image: str) -> int:
    told = reader.get(f"/api/images/{image}").json()
    return int(max(told["width"], told["height"]) - 1).bit_length()


def test_the_description_fits_the_image(reader: Web, image: str) -> None:
    answer = reader.get(f"/deepzoom/{image}.dzi")
    root = ElementTree.fromstring(answer.content)
    assert root.attrib == {"Format": "jpeg", "Overlap": "0", "TileSize": str(TILE)}
    assert root[0].attrib == {"Width": "1100", "Height": "700"}
    assert answer.headers["content-type"] == "application/xml"


def test_a_warm_interior_tile_costs_one_read(
    reader: Web,
    tile: Callable[[int, int, int], str],
    storage: CountingStorage,
    decodes: list[int],
    statements: list[str],
) -> None:
    assert reader.get(tile(11, 0, 0)).status_code == 200
    reads, asked = storage.reads, len(statements)
    answer = reader.get(tile(11, 1, 1))
    assert answer.status_code == 200
    assert storage.reads - reads == 1
    assert statements[asked:] == []
    assert decodes == []


def test_an_interior_tile_is_the_stored_frame(
    reader: Web, tile: Callable[[int, int, int], str], app: Dispatcher, image: str
) -> None:
    answer = reader.get(tile(11, 2, 1))
    opened = app._sources._open.find((image, 0, True))
    assert isinstance(opened, OpenImage)
    stored = opened.source.frame(0, 2, 1)
    assert stored is not None
    assert answer.content == stored.data
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"


def test_a_warm_edge_tile_costs_no_decode(
    reader: Web,
    tile: Callable[[int, int, int], str],
    storage: CountingStorage,
    decodes: list[int],
) -> None:
    first = reader.get(tile(11, 4, 2))
    assert simplejpeg.decode_jpeg_header(first.content)[:2] == (700 - 2 * TILE, 1100 - 4 * TILE)
    assert len(decodes) == 1
    reads = storage.reads
    again = reader.get(tile(11, 4, 2))
    assert again.content == first.content
    assert len(decodes) == 1
    assert storage.reads == reads


def test_no_request_writes_to_the_catalogue(
    reader: Web, tile: Callable[[int, int, int], str], image: str, statements: list[str]
) -> None:
    for address in (tile(11, 0, 0), tile(3, 0, 0), f"/images/{image}/thumbnail", "/api/exams"):
        assert reader.get(address).status_code == 200
    assert statements
    assert [s for s in statements if s.split()[0].upper() in {"INSERT", "UPDATE", "DELETE"}] == []


def test_twenty_who_ask_at_once_cost_one_drawing(
    web: Web, app: Dispatcher, installation: Installation, image: str, decodes: list[int]
) -> None:
    caller = app._doors.caller(installation.token())

    async def ask() -> list[bytes]:
        found = await app._sources.image(caller, image)
        opened = await app._sources.open(found)
        return await asyncio.gather(
            *(app._sources.tile(found, opened, (11, 4, 2)) for _ in range(20))
        )

    assert len(set(web.call(ask))) == 1
    assert len(decodes) == 1


def test_every_tile_of_every_level_has_its_size(reader: Web, image: str) -> None:
    width, height = 1100, 700
    for level in range(11, -1, -1):
        for column in range(-(-width // TILE)):
            for row in range(-(-height // TILE)):
                body = reader.get(f"/deepzoom/{image}_files/{level}/{column}_{row}.jpeg").content
                expected = (min(TILE, height - row * TILE), min(TILE, width - column * TILE))
                assert simplejpeg.decode_jpeg_header(body)[:2] == expected
        width, height = -(-width // 2), -(-height // 2)


@pytest.mark.parametrize(
    "address",
    [
        "{image}_files/11/5_0.jpeg",
        "{image}_files/11/0_3.jpeg",
        "{image}_files/12/0_0.jpeg",
        "{image}_files/99999999/0_0.jpeg",
        "{image}_files/011/0_0.jpeg",
        "{image}_files/11/00_0.jpeg",
        "{image}_files/11/+1_0.jpeg",
        "{image}_files/11/-1_0.jpeg",
        "{image}_files/11/%D9%A1_0.jpeg",
        "{image}_files/11/0_0.jpg",
        "{image}_files/11/0_0.jpeg%0A",
        "{image}_files/11/0_0.jpeg/",
        "{image}_files//0_0.jpeg",
        "../deepzoom/{image}.dzi/",
        "{image}.DZI",
        "absent.dzi",
        "absent_files/11/0_0.jpeg",
    ],
)
def test_what_is_no_tile_is_not_found(reader: Web, image: str, address: str) -> None:
    answer = reader.get("/deepzoom/" + address.format(image=image))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404


@pytest.mark.parametrize("address", [(11, 1, 1), (11, 4, 2), (5, 0, 0)])
def test_who_has_it_gets_304(
    reader: Web,
    tile: Callable[[int, int, int], str],
    storage: CountingStorage,
    address: tuple[int, int, int],
) -> None:
    first = reader.get(tile(*address))
    tag = first.headers["etag"]
    reads = storage.reads
    for held in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = reader.get(tile(*address), headers={"if-none-match": held})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert storage.reads == reads
    assert reader.get(tile(*address), headers={"if-none-match": '"x"'}).status_code == 200


def test_what_is_not_there_is_not_unchanged(
    reader: Web, app: Dispatcher, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reader.get(f"/images/{image}/label").status_code == 200
    found = app._sources._images.find(("north", image))
    assert found is not None
    unlabelled = replace(
        found, objects=tuple(one for one in found.objects if one.role is not ObjectRole.LABEL)
    )
    monkeypatch.setattr(app._sources._catalog, "image", lambda *_, **__: unlabelled)
    app._sources._images.discard(("north", image))
    for held in ({}, {"if-none-match": "*"}):
        assert reader.get(f"/images/{image}/label", headers=held).status_code == 404


def test_a_photograph_is_decoded_once_for_all_its_tiles(
    settings: Settings, tmp_path: Path, decodes: list[int]
) -> None:
    photo = make_photo(tmp_path / "photo.jpg", width=1500, height=1100)
    with open_workplace(settings) as place:
        image = ingest(place, photo, Order("north")).image
    decodes.clear()
    with reading(settings) as web:
        tiles = [(11, column, row) for column in range(3) for row in range(3)]
        for level, column, row in [*tiles, (10, 0, 0), (10, 1, 1), (7, 0, 0), (0, 0, 0)]:
            tile = web.get(f"/deepzoom/{image}_files/{level}/{column}_{row}.jpeg")
            assert tile.status_code == 200
            scale = 1 << (11 - level)
            extents = [-(-1100 // scale) - 512 * row, -(-1500 // scale) - 512 * column]
            expected = tuple(min(512, extent) for extent in extents)
            assert simplejpeg.decode_jpeg_header(tile.content)[:2] == expected
    assert len(decodes) == 1


def test_tags_tell_tiles_apart(reader: Web, tile: Callable[[int, int, int], str]) -> None:
    addresses = [(11, 0, 0), (11, 1, 0), (11, 0, 1), (10, 0, 0)]
    tags = {reader.get(tile(*address)).headers["etag"] for address in addresses}
    assert len(tags) == len(addresses)
    assert not any(tag.startswith("W/") for tag in tags)


def test_head_tells_what_get_would(
    reader: Web, tile: Callable[[int, int, int], str], image: str
) -> None:
    for address in (tile(11, 1, 1), tile(11, 4, 2), f"/deepzoom/{image}.dzi"):
        got, asked = reader.get(address), reader.head(address)
        assert asked.content == b""
        assert asked.headers["content-length"] == str(len(got.content))
        assert asked.headers == got.headers


def test_other_methods_are_refused(reader: Web, tile: Callable[[int, int, int], str]) -> None:
    answer = reader.post(tile(11, 0, 0))
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("name", ["thumbnail", "label", "overview"])
def test_small_pictures(
    reader: Web, image: str, name: str, storage: CountingStorage, decodes: list[int]
) -> None:
    first = reader.get(f"/images/{image}/{name}")
    assert first.headers["content-type"] == "image/jpeg"
    height, width, *_ = simplejpeg.decode_jpeg_header(first.content)
    assert min(height, width) > 50
    reads, decoded = storage.reads, len(decodes)
    again = reader.get(f"/images/{image}/{name}")
    assert (again.content, storage.reads, len(decodes)) == (first.content, reads, decoded)
    unchanged = reader.get(
        f"/images/{image}/{name}", headers={"if-none-match": first.headers["etag"]}
    )
    assert unchanged.status_code == 304


def test_security_headers_are_everywhere(reader: Web, image: str) -> None:
    for address in ("/", "/api/exams", "/healthz", "/nothing", f"/deepzoom/{image}.dzi"):
        headers = reader.get(address).headers
        assert "default-src 'self'" in headers["content-security-policy"], address
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_a_lost_object_is_our_failure_and_is_looked_for_again(
    reader: Web,
    app: Dispatcher,
    image: str,
    tile: Callable[[int, int, int], str],
    storage: CountingStorage,
) -> None:
    assert reader.get(tile(11, 0, 0)).status_code == 200
    catalog = app._sources._catalog
    base = catalog.image(image, establishment=None).objects_as(ObjectRole.LEVEL)[0]
    path = storage.local_path(base.key)
    assert path is not None
    hidden = path.with_name("hidden")
    path.rename(hidden)
    try:
        answer = reader.get(tile(11, 1, 0))
        assert answer.status_code == 503
        assert answer.json()["title"] == "Service Unavailable"
        assert base.key not in answer.text
        assert app._sources._open.find((image, 0, True)) is None
    finally:
        hidden.rename(path)
    assert reader.get(tile(11, 1, 0)).status_code == 200


@given(
    path=st.one_of(
        st.text(max_size=60),
        st.lists(
            st.sampled_from(
                [
                    *("deepzoom", "images", "api", "exams", "assets", "view", "..", ".", "", "%00"),
                    *("x_files", "0", "0_0.jpeg", "x.dzi", "thumbnail", "99999999999999999999"),
                ]
            ),
            max_size=7,
        ).map("/".join),
    )
)
def test_no_path_is_a_failure(
    path: str, asker: Callable[[str, dict[str, str]], int], installation: Installation
) -> None:
    assert asker("/" + path, {}) < 500
    assert asker("/" + path, installation.bearer()) < 500


@pytest.fixture(scope="module")
def asker(installation: Installation) -> Iterator[Callable[[str, dict[str, str]], int]]:
    """Asks for a path as it stands, whatever it holds, and gives the status."""
    app = create_app(installation.settings)

    async def ask(path: str, headers: dict[str, str]) -> int:
        statuses: list[int] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(int(str(message["status"])))

        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode("utf-8", "surrogatepass"),
            "root_path": "",
            "query_string": b"",
            "scheme": "http",
            "http_version": "1.1",
            "asgi": {"version": "3.0"},
            "server": ("test", 80),
            "client": ("test", 1),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        await app(scope, receive, send)  # type: ignore[arg-type]
        return statuses[0]

    with start_blocking_portal() as portal:
        yield lambda path, headers: portal.call(ask, path, headers)
    app.close()


def test_what_is_asked_wrongly_or_too_often_leaves_the_image_open(
    reader: Web,
    tile: Callable[[int, int, int], str],
    app: Dispatcher,
    image: str,
    storage: CountingStorage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert reader.get(tile(11, 1, 1)).status_code == 200
    reads = storage.reads
    for level, column, row in ((11, 5, 0), (11, 0, 3), (12, 0, 0)):
        assert reader.get(tile(level, column, row)).status_code == 404
    monkeypatch.setattr(app._sources._drawn, "_waiting", 0)
    assert reader.get(tile(3, 0, 0)).status_code == 503
    assert app._sources._open.find((image, 0, True)) is not None
    assert storage.reads == reads
