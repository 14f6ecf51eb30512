"""The migrations make what the tables say, and bring every earlier catalogue up to date."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from archive import schema
from archive.catalog import Catalog
from archive.database import MIGRATIONS, Database
from archive.errors import StorageFailure, TransitionRefused
from archive.leaving import Way
from archive.record import (
    TRANSITIONS,
    DepositState,
    FileState,
    ImageKind,
    ImageState,
    ObjectRole,
    Reason,
)
from archive.session import Purpose
from tests.archive.conftest import HERE, published, stored


@pytest.fixture
def database(bare_url: str) -> Iterator[Database]:
    opened = Database.open(bare_url)
    yield opened
    opened.close()


def test_the_migrations_make_what_the_tables_say(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        found = compare_metadata(context, schema.metadata)
        if connection.dialect.name == "sqlite":
            # There any foreign key may wait until the transaction's end, and none says so.
            found = [one for one in found if not _is_about_waiting(one)]
        assert found == []


def _is_about_waiting(one: Any) -> bool:
    if one[0] not in {"add_fk", "remove_fk"}:
        return False
    columns = (one[1].parent.name, *one[1].column_keys)
    return columns in {
        (table.name, *key.column_keys)
        for table in schema.metadata.tables.values()
        for key in table.foreign_key_constraints
        if key.deferrable
    }


def test_the_database_holds_the_transitions_of_the_code(database: Database) -> None:
    with database.read() as connection:
        rows = connection.execute(sa.select(schema.image_transition)).all()
    assert {(row.from_state, row.to_state) for row in rows} == TRANSITIONS


def test_the_migrations_make_the_constraints_that_comparing_does_not_see(
    database: Database,
) -> None:
    made_from_tables = sa.create_engine("sqlite://")
    schema.metadata.create_all(made_from_tables)
    wanted = sa.inspect(made_from_tables)
    with database.read() as connection:
        there = sa.inspect(connection)
        for table in schema.metadata.tables:
            assert {one["name"] for one in there.get_check_constraints(table)} == {
                one["name"] for one in wanted.get_check_constraints(table)
            }
    made_from_tables.dispose()


def brought_to(url: str, revision: str) -> None:
    """Have the migrations make the tables as they were at that revision."""
    engine, config = sa.create_engine(url), Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def test_opening_again_changes_nothing(bare_url: str) -> None:
    with Catalog.open(bare_url) as catalog:
        image = published(catalog)
    with Catalog.open(bare_url) as catalog:
        assert catalog.image(image.id, establishment=HERE) == image


def test_a_catalogue_of_the_first_revision_is_brought_up_to_date(bare_url: str) -> None:
    """With all it holds, and the promises that the database keeps."""
    brought_to(bare_url, "0001")
    engine = sa.create_engine(bare_url)
    with Session(engine) as session:
        session.execute(sa.insert(schema.establishment).values(id=1, name=HERE))
        session.execute(
            sa.insert(schema.exam).values(
                id="e",
                establishment_id=1,
                study_instance_uid="2.25.1",
                created_at=datetime.now(UTC),
            )
        )
        session.execute(
            sa.insert(schema.image).values(
                id="i",
                exam_id="e",
                kind=ImageKind.SLIDE,
                state=ImageState.RECEIVED,
                source_sha256="0" * 64,
                plan="full",
                incarnation=0,
                facts={},
                created_at=datetime.now(UTC),
            )
        )
        kept = stored(ObjectRole.ORIGINAL)
        columns = {**asdict(kept), "image_id": "i"}
        del columns["described"]
        session.execute(sa.insert(schema.stored_object).values(columns))
        session.commit()
    engine.dispose()
    with Catalog.open(bare_url) as catalog:
        assert catalog.image("i", establishment=HERE).objects == (kept,)
        mapped = catalog.attach("i", [stored(ObjectRole.TILE_MAP)])
        assert len(mapped.objects_as(ObjectRole.TILE_MAP)) == 1
        catalog.advance("i", ImageState.OPENED)
        catalog.advance("i", ImageState.BUILT)
        with pytest.raises(TransitionRefused):
            catalog.advance("i", ImageState.PUBLISHED)


def test_one_that_is_up_to_date_is_opened_without_what_opens_headers_or_migrates(
    bare_url: str,
) -> None:
    Catalog.open(bare_url).close()
    program = f"import sys; from archive.catalog import Catalog; Catalog.open({bare_url!r}).close()"
    told = subprocess.run(
        [sys.executable, "-c", f"{program}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "sqlalchemy" in told
    assert {"alembic", "pydicom", "numpy"} & set(told) == set()


def test_a_newer_catalogue_is_not_opened(bare_url: str) -> None:
    database = Database.open(bare_url)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(StorageFailure, match="newer"):
        Catalog.open(bare_url)


def test_uploads_of_an_earlier_revision_are_kept(bare_url: str) -> None:
    brought_to(bare_url, "0003")
    engine = sa.create_engine(bare_url)
    upload = {"id": "u", "deposit_id": "d", "path": "a", "length_bytes": 2, "offset_bytes": 1}
    upload |= {"key": "k", "state": FileState.REFUSED, "reason": Reason.BUILD}
    now = datetime.now(UTC)
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.establishment).values(id=1, name=HERE))
        deposit = {"id": "d", "establishment_id": 1, "state": DepositState.OPEN, "attempt": 0}
        connection.execute(sa.insert(schema.deposit).values(**deposit, created_at=now, due_at=now))
        connection.execute(sa.insert(schema.upload).values(**upload, expires_at=now))
    engine.dispose()
    with Catalog.open(bare_url) as catalog:
        (kept,) = catalog.deposits.deposit("d", establishment=HERE).files
        assert (kept.id, kept.path, kept.reason) == ("u", "a", Reason.BUILD)
    database = Database.open(bare_url)
    with database.write() as connection:
        connection.execute(sa.update(schema.upload).values(reason=Reason.PART))
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.exec_driver_sql("UPDATE upload SET reason = 'whim'")
    database.close()


def test_what_left_before_is_still_written_down(bare_url: str) -> None:
    brought_to(bare_url, "0013")
    engine = sa.create_engine(bare_url)
    with engine.begin() as connection:
        at = datetime.now(UTC)
        exam: dict[str, Any] = {
            "id": "e",
            "establishment_id": 1,
            "study_instance_uid": "1.2",
            "created_at": at,
        }
        image: dict[str, Any] = {
            "id": "i",
            "exam_id": "e",
            "kind": ImageKind.SLIDE,
            "state": ImageState.RECEIVED,
        }
        image |= {"source_sha256": "s", "plan": "full", "incarnation": 0, "facts": {}}
        gone: dict[str, Any] = {
            "id": "d",
            "establishment_id": 1,
            "by_subject": "user",
            "at": at,
            "way": Way.PDF,
        }
        gone |= {"purpose": Purpose.CARE, "is_named": True}
        rows: tuple[tuple[sa.Table, dict[str, Any]], ...] = (
            (schema.establishment, {"id": 1, "name": "here"}),
            (schema.exam, exam),
            (schema.image, {**image, "created_at": at}),
            (schema.departure, gone),
            (schema.departed_image, {"departure_id": "d", "place": 0, "image_id": "i"}),
        )
        for table, values in rows:
            connection.execute(sa.insert(table).values(values))
    engine.dispose()
    with Catalog.open(bare_url) as catalog:
        catalog.departures.record_link("i", by="another", establishment="here")
        link, pdf = catalog.departures.latest(establishment="here", limit=5)
        assert (pdf.by, pdf.leaving.images, pdf.leaving.way) == ("user", ("i",), "pdf")
        assert (link.by, link.leaving.images, link.leaving.way) == ("another", ("i",), "link")
    # Images that left refer to what is there, by constraints that are kept.
    with engine.begin() as connection:
        names = {
            one["referred_table"]
            for one in sa.inspect(connection).get_foreign_keys("departed_image")
        }
        assert names == {"departure", "image"}
    engine.dispose()


def test_who_has_the_file_open_reads_anew_what_a_constraint_allows(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    brought_to(f"sqlite:///{path}", "0027")
    with closing(sqlite3.connect(path)) as beside:
        before = beside.execute("PRAGMA schema_version").fetchone()
        brought_to(f"sqlite:///{path}", "0028")
        assert beside.execute("PRAGMA schema_version").fetchone() != before
        assert beside.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_table_that_is_not_as_it_was_made_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    brought_to(f"sqlite:///{path}", "0027")
    with closing(sqlite3.connect(path)) as beside:
        beside.execute("PRAGMA writable_schema = ON")
        beside.execute("UPDATE sqlite_master SET sql = replace(sql, 'CHECK (kind', 'CHECK(kind')")
        beside.commit()
    with pytest.raises(RuntimeError, match="not as this software makes it"):
        brought_to(f"sqlite:///{path}", "0028")
    with closing(sqlite3.connect(path)) as beside:
        assert beside.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert beside.execute("SELECT version_num FROM alembic_version").fetchone() == ("0027",)


def test_the_migrations_are_written_for_postgresql_too() -> None:
    written = StringIO()
    config = Config(output_buffer=written)
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["dialect_name"] = "postgresql"
    command.upgrade(config, "head", sql=True)
    sql = written.getvalue()
    assert len(re.findall(r"CREATE TRIGGER", sql)) == len(re.findall(r"CREATE FUNCTION", sql)) == 5
    assert "RAISE(ABORT" not in sql
    assert "TIMESTAMP WITH TIME ZONE" in sql
