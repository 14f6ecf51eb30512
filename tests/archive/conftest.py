"""A catalogue and a store of their own for every test, and records to fill them with."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
import sqlalchemy as sa

from archive.catalog import Catalog
from archive.record import Image, ImageKind, ImageState, ObjectRole, StoredObject
from archive.storage import Storage

# A PostgreSQL to prove the one code path on as well: a URL of a database the tests may fill.
POSTGRESQL = os.environ.get("SANSVERRE_TEST_POSTGRESQL")
HERE, ELSEWHERE = "Hôpital A", "Hôpital B"


def digest(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def received(catalog: Catalog, name: str = "file", establishment: str = HERE) -> Image:
    return catalog.receive(
        establishment=establishment,
        kind=ImageKind.SLIDE,
        source_sha256=digest(name),
        plan="full",
    )


def stored(role: ObjectRole = ObjectRole.LEVEL, level: int | None = None) -> StoredObject:
    return StoredObject(
        role=role,
        key=Storage.new_key(),
        length_bytes=7_000_000_000,
        media_type="application/dicom",
        level=0 if role is ObjectRole.LEVEL and level is None else level,
    )


def published(catalog: Catalog, name: str = "file", establishment: str = HERE) -> Image:
    image = received(catalog, name, establishment)
    catalog.advance(image.id, ImageState.OPENED)
    catalog.advance(image.id, ImageState.BUILT, add_objects=[stored()])
    return catalog.advance(image.id, ImageState.PUBLISHED)


def refuse(catalog: Catalog, image_id: str, reason: str) -> None:
    """As a worker does that gives work on an image up."""
    catalog.jobs.enqueue("refusing", image_id, {})
    job = catalog.jobs.claim("worker", 3600, kinds=["refusing"])
    assert job is not None
    catalog.jobs.fail(job, retry_in_s=None, reason=reason)


@contextmanager
def empty_database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of a database nobody has written to."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'catalog.sqlite'}"
        return
    schema = f"test_{secrets.token_hex(8)}"
    engine = sa.create_engine(kind)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    try:
        yield (
            sa.make_url(kind)
            .update_query_dict({"options": f"-csearch_path={schema}"})
            .render_as_string(hide_password=False)
        )
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
        engine.dispose()


@pytest.fixture(
    params=["sqlite", pytest.param(POSTGRESQL, id="postgresql")] if POSTGRESQL else ["sqlite"]
)
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database nobody has written to: who opens it makes the tables, which takes a while."""
    with empty_database(request.param, tmp_path) as address:
        yield address


@pytest.fixture
def url(bare_url: str, empty_catalogue: Path) -> str:
    """A catalogue with nothing in it."""
    parsed = sa.make_url(bare_url)
    if parsed.get_backend_name() == "sqlite":
        shutil.copy(empty_catalogue, str(parsed.database))
    return bare_url


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    with Catalog.open(url) as opened:
        yield opened


@pytest.fixture
def counted(catalog: Catalog) -> Iterator[list[str]]:
    """The statements that the catalogue gives its database, as they come."""
    asked: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        asked.append(statement)

    engine = catalog._database._engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield asked
    sa.event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage.open((tmp_path / "objects").as_uri())
