"""An installation with one slide in each of two establishments, made by the real ways in."""

import os
import secrets
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from api import renderer
from api.app import create_app
from api.dispatch import Dispatcher
from api.doors import Doors
from api.ingest import Order, ingest
from api.policies import Role
from api.settings import Settings, read_settings, signing_key
from api.work import Workplace, open_workplace
from archive.identity import PatientIdentity
from archive.storage import Storage
from tests.archive.conftest import empty_database
from tests.postgresql import postgresql
from tests.s3 import s3
from tests.samples.slide import small_svs
from tests.serving import LONG_S

ORIGIN = "http://test"
T = TypeVar("T")


@dataclass(frozen=True)
class Installation:
    """Settings and what was ingested: the image and the exam of each establishment."""

    settings: Settings
    images: dict[str, str]
    exams: dict[str, str]

    def token(self, role: Role = Role.READER, establishment: str | None = None) -> str:
        return Doors(signing_key(self.settings)).issue(role, establishment)

    def bearer(self, role: Role = Role.READER, establishment: str | None = None) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token(role, establishment)}"}


class CountingStorage(Storage):
    """The real store, counting what is read of it."""

    reads = 0

    def read_range(self, key: str, offset: int, length: int) -> bytes:
        self.reads += 1
        return super().read_range(key, offset, length)

    async def read_range_async(self, key: str, offset: int, length: int) -> bytes:
        self.reads += 1
        return await super().read_range_async(key, offset, length)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is marked `places` is tried as well where others keep the catalogue and the objects."""
    marked = metafunc.definition.get_closest_marker("places")
    if marked is None or "settings" not in metafunc.fixturenames:
        return
    marks = () if marked.kwargs.get("always") else (pytest.mark.soak,)
    elsewhere = pytest.param("elsewhere", marks=marks)
    metafunc.parametrize("settings", ["here", elsewhere], indirect=True)


@pytest.fixture(scope="session", autouse=True)
def drawn_in_its_time() -> Iterator[None]:
    """What a child draws is waited for, however busy the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(renderer, "ANSWER_S", LONG_S)
        yield


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[dict[str, str]]:
    """The environment that names a PostgreSQL and a store that speaks S3."""
    with postgresql() as url, s3() as variables:
        yield {"SANSVERRE_DATABASE": url, **variables}


@pytest.fixture
def settings(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """An installation with nothing in it, which the environment names."""
    monkeypatch.setenv("SANSVERRE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SANSVERRE_SECRETS", str(tmp_path / "keys"))
    if getattr(request, "param", "here") == "here":
        yield read_settings()
        return
    for name, value in request.getfixturevalue("elsewhere").items():
        monkeypatch.setenv(name, value)
    with empty_database(os.environ["SANSVERRE_DATABASE"], tmp_path) as url:
        monkeypatch.setenv("SANSVERRE_DATABASE", url)
        # A bucket is shared by the tests: each has a prefix of its own.
        prefix = secrets.token_hex(8)
        monkeypatch.setenv("SANSVERRE_OBJECTS", f"{os.environ['SANSVERRE_OBJECTS']}/{prefix}")
        yield read_settings()


@pytest.fixture
def place(settings: Settings, empty_catalogue: Path) -> Iterator[Workplace]:
    """Its catalogue and its store."""
    if not settings.data.exists():
        settings.data.mkdir(mode=0o700)
        shutil.copy(empty_catalogue, settings.data)
    with open_workplace(settings) as workplace:
        yield workplace


@contextmanager
def two_establishments(folder: Path) -> Iterator[Installation]:
    """Two establishments, a slide each, published, in `folder`."""
    variables = {
        "SANSVERRE_DATA": str(folder / "data"),
        "SANSVERRE_SECRETS": str(folder / "secrets"),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        settings = read_settings()
        images, exams = {}, {}
        with open_workplace(settings) as place:
            for seed, establishment in enumerate(("north", "south"), start=1):
                slide = small_svs(folder / f"{seed}.svs", 1100, 700, 240, seed=seed)
                patient = PatientIdentity(
                    f"{seed}", "registry", "SPECIMEN^ONE", date(1970, 1, 1), "F"
                )
                taken = ingest(place, slide, Order(establishment, patient, f"A{seed}"))
                images[establishment], exams[establishment] = taken.image, taken.exam
        yield Installation(settings, images, exams)


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Two establishments and a slide each, which a test may add to but not count."""
    with two_establishments(tmp_path_factory.mktemp("installation")) as installed:
        yield installed


@pytest.fixture
def storage(installation: Installation) -> CountingStorage:
    return CountingStorage.open(installation.settings.objects_url)


@pytest.fixture
def app(installation: Installation, storage: CountingStorage) -> Dispatcher:
    return create_app(installation.settings, storage)


class Web:
    """A client of an application in this process, with one event loop and nothing between."""

    def __init__(self, portal: BlockingPortal, app: Dispatcher) -> None:
        self._portal = portal
        transport = httpx.ASGITransport(app)
        self.client = httpx.AsyncClient(transport=transport, base_url=ORIGIN)
        self.headers, self.cookies = self.client.headers, self.client.cookies

    def request(self, method: str, address: str, **options: Any) -> httpx.Response:
        return self._portal.call(partial(self.client.request, method, address, **options))

    def get(self, address: str, **options: Any) -> httpx.Response:
        return self.request("GET", address, **options)

    def head(self, address: str, **options: Any) -> httpx.Response:
        return self.request("HEAD", address, **options)

    def post(self, address: str, **options: Any) -> httpx.Response:
        return self.request("POST", address, **options)

    def call(self, function: Callable[[], Awaitable[T]]) -> T:
        """Run a coroutine function in the application's event loop."""
        return self._portal.call(function)


@contextmanager
def opened(app: Dispatcher) -> Iterator[Web]:
    """A client of the application, which is closed afterwards."""
    with start_blocking_portal() as portal:
        web = Web(portal, app)
        yield web
        portal.call(web.client.aclose)
        app.close()


@contextmanager
def reading(
    settings: Settings, establishment: str | None = None, storage: Storage | None = None
) -> Iterator[Web]:
    """A reader of an installation, or of one establishment of it."""
    token = Doors(signing_key(settings)).issue(Role.READER, establishment)
    with opened(create_app(settings, storage)) as web:
        web.headers["authorization"] = f"Bearer {token}"
        yield web


@pytest.fixture
def web(app: Dispatcher) -> Iterator[Web]:
    """A client that has not signed in."""
    with opened(app) as client:
        yield client


@pytest.fixture
def reader(web: Web, installation: Installation) -> Web:
    """The same client as a reader of the northern establishment."""
    web.headers.update(installation.bearer(Role.READER, "north"))
    return web


def small_file(folder: Path) -> Path:
    """A slide of less than a megapixel."""
    return small_svs(folder / "small.svs", 500, 400, 240, seed=7)
