"""The connection to the catalogue's database: the one place for what dialects do differently."""

import json
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from archive.errors import StorageFailure

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_S = 30
EMPTYING_TIMEOUT_S = 1
_LEAVES_NO_COPY = "leaves no copy"
_POSTGRESQL_MIGRATION_LOCK = 0x5A_4E_5A_56
# Alembic keeps the running migration in a global of the process.
_migrating = threading.Lock()


class Database:
    """Connections to one catalogue, brought up to date when opened.

    Errors of the driver become StorageFailure, without the values of the statement; an
    IntegrityError is left to the caller, who knows which promise it broke.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._file = _file_of(engine)
        self._writer = engine.execution_options(writes=True)

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect to an SQLAlchemy URL; make the tables or bring them up to date."""
        try:
            engine = _engine(url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise StorageFailure(
                "The address of the catalogue is not one this installation can open."
            ) from error
        database = cls(engine)
        try:
            if engine.dialect.name == "sqlite":
                _write_ahead(engine)
            database._migrate()
        except BaseException:
            engine.dispose()
            raise
        return database

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()

    def require_same_file(self) -> None:
        """Raise StorageFailure where SQLite's file is gone, or another has taken its place.

        Open connections would go on with the file that nobody else sees any more.
        """
        with _named_failures():
            if _file_of(self._engine) != self._file:
                raise StorageFailure(
                    "The catalogue's file was replaced while it was open; start again."
                )

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent view of the catalogue."""
        with _named_failures(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction, committed at the end of the block and rolled back on any exception.

        On SQLite it begins IMMEDIATE: a deferred one that reads before it writes is refused, not
        made to wait, when another writer came between.
        """
        with _named_failures():
            with self._writer.begin() as connection:
                connection.info.pop(_LEAVES_NO_COPY, None)
                yield connection
                leaves_no_copy = connection.info.pop(_LEAVES_NO_COPY, False)
            if leaves_no_copy:
                self._empty_log()

    def _empty_log(self) -> None:
        """Empty SQLite's log of what was written, in which what was deleted stands as it was.

        Where readers stay for long, that is done as soon as the log begins anew.
        """
        connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout = {1000 * EMPTYING_TIMEOUT_S}")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            cursor.execute(f"PRAGMA busy_timeout = {1000 * BUSY_TIMEOUT_S}")
            cursor.close()
        finally:
            connection.close()

    def _migrate(self) -> None:
        with self.read() as connection:
            if _revision(connection) == _newest_revision():
                return
        # Slow to load, for what most processes find done.
        from archive.upgrade import upgrade

        with _migrating, self.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(
                    f"SELECT pg_advisory_xact_lock({_POSTGRESQL_MIGRATION_LOCK})"
                )
            upgrade(connection)


def leave_no_copy(connection: sa.Connection) -> None:
    """Have no copy stay on disk of what this transaction deletes, once it is committed.

    PostgreSQL does that by itself, when it vacuums the table and uses a segment of its log again.
    """
    if connection.dialect.name == "sqlite":
        connection.info[_LEAVES_NO_COPY] = True


def deferring(connection: sa.Connection) -> None:
    """Have foreign keys checked at the transaction's end, where they may wait until then.

    SQLite lets all of them wait; PostgreSQL those that are made so.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET CONSTRAINTS ALL DEFERRED")
    else:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")


def _newest_revision() -> str:
    """The last of the migrations, whose files are named by their revisions: r0001_name.py."""
    return max(path.name[1:5] for path in MIGRATIONS.glob("versions/r????_*.py"))


def _revision(connection: sa.Connection) -> str | None:
    """What the tables are, as Alembic has written it down; None before there are any."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


def _file_of(engine: sa.Engine) -> tuple[int, int] | None:
    """Which file SQLite has open, whatever its name; None for other databases."""
    if engine.dialect.name != "sqlite":
        return None
    found = Path(str(engine.url.database)).stat()
    return found.st_dev, found.st_ino


def _engine(url: str) -> sa.Engine:
    parsed = sa.make_url(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    if sqlite:
        _make_private_file(parsed)
    engine = sa.create_engine(
        parsed,
        # A failing statement's values may be a patient's; they must reach no log and no message.
        hide_parameters=True,
        json_serializer=partial(json.dumps, allow_nan=False, ensure_ascii=False),
        connect_args={"timeout": BUSY_TIMEOUT_S} if sqlite else {},
        pool_pre_ping=not sqlite,
    )
    if sqlite:
        sa.event.listen(engine, "connect", _set_up_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private_file(url: sa.URL) -> None:
    if not url.database or url.database == ":memory:":
        raise StorageFailure("The catalogue needs a file: sqlite:////folder/catalog.sqlite")
    path = Path(url.database)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        return
    # SQLite gives its -wal and -shm files the permissions of this one. It is made under another
    # name, as closing SQLite's own file lets go of all locks that this process has on it.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def _set_up_sqlite(connection: DBAPIConnection, _record: Any) -> None:
    # The driver's own implicit BEGIN is a deferred one: leave transactions to _begin_sqlite.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")
    # What is deleted, as a national identifier is, leaves the file; the log is cut when it begins
    # anew, as it holds what was written before.
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.execute("PRAGMA journal_size_limit = 0")
    # As every other database has it; what is to be found in any case is folded.
    cursor.execute("PRAGMA case_sensitive_like = ON")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _write_ahead(engine: sa.Engine) -> None:
    """Switch the file to WAL, which it stays in: SQLite's busy timeout does not wait for this."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    with _named_failures():
        connection = engine.raw_connection()
        try:
            while True:
                try:
                    connection.cursor().execute("PRAGMA journal_mode = WAL").close()
                except sqlite3.OperationalError as error:
                    busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                    if not busy or time.monotonic() > deadline:
                        raise
                    time.sleep(0.01)
                else:
                    return
        finally:
            connection.close()


@contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, sqlite3.Error, FileNotFoundError) as error:
        raise StorageFailure(
            "The catalogue's database does not answer as it must; "
            "check its disk, its permissions and the address."
        ) from error
