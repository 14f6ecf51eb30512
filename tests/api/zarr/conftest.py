"""The slide of the northern establishment as zarr, and all that it owns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from api.app import create_app
from api.dispatch import Dispatcher
from api.opened import OpenImage
from api.policies import Role
from tests.api.conftest import CountingStorage, Installation, Web, opened
from tiles.zarr_view import chunked

SHARD = "stored/0/c/0/0/0"


@pytest.fixture
def image(installation: Installation) -> str:
    return installation.images["north"]


def stored_image(web: Web, app: Dispatcher, image: str) -> OpenImage:
    assert web.get(f"/deepzoom/{image}.dzi").status_code == 200
    found = app._sources._open.find((image, 0, True))
    assert isinstance(found, OpenImage)
    return found


def keys_of(opened_image: OpenImage) -> set[str]:
    """Every key that a slide owns."""
    found = {"zarr.json", "stored/zarr.json"}
    for number, one in enumerate(opened_image.stored):
        grid = chunked(one.index.level)
        chunks = ((row, column) for row in range(grid.rows) for column in range(grid.columns))
        found |= {f"{number}/zarr.json", f"stored/{number}/zarr.json", f"stored/{number}/c/0/0/0"}
        found |= {f"{number}/c/0/{row}/{column}" for row, column in chunks}
    return found


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
