"""The list of what is to be read, reached as `catalog.worklist`: seen, taken, read."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.database import Database
from archive.errors import NotFound, TransitionRefused
from archive.ownership import owned
from archive.worklist import listing
from archive.worklist.item import Counts, Item, Reader, Wanted, version_of
from archive.worklist.schema import read_thing, reading

_exam, _reading = schema.exam.c, reading.c


class Worklist:
    """What is to be read in the exams of a catalogue.

    An exam is read by somebody, not by everybody; what came since makes it unread again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, wanted: Wanted, reader: Reader) -> tuple[tuple[Item, ...], Counts]:
        """The exams that are wanted, what is urgent and waits longest first.

        And how many there are of each sort, whatever words are searched for.
        """
        with self._database.read() as connection:
            return listing.page(connection, wanted, reader)

    def item(self, exam_id: str, reader: Reader) -> Item:
        """One exam, however old; raises NotFound."""
        with self._database.read() as connection:
            return _item(connection, exam_id, reader)

    def take(self, exam_id: str, reader: Reader, *, over: bool = False) -> Item:
        """Let an exam be the reader's to read; of two at once, one takes it.

        `over` takes it from whoever has it. Raises NotFound, and TransitionRefused where somebody
        else has it.
        """
        with self._held(exam_id, reader) as (connection, row):
            if not over and row["taken_by"] not in {None, reader.subject}:
                raise TransitionRefused("Somebody else has taken this exam.")
            _put(connection, exam_id, taken_by=reader.subject, taken_at=datetime.now(UTC))
            return _item(connection, exam_id, reader)

    def release(self, exam_id: str, reader: Reader, *, over: bool = False) -> Item:
        """Let an exam be anybody's again; raises as `take`."""
        with self._held(exam_id, reader) as (connection, row):
            if not over and row["taken_by"] not in {None, reader.subject}:
                raise TransitionRefused("Somebody else has taken this exam.")
            _put(connection, exam_id, taken_by=None, taken_at=None)
            return _item(connection, exam_id, reader)

    def mark_read(self, exam_id: str, version: str, reader: Reader) -> Item:
        """Keep that the reader has read an exam as it was in this version.

        Raises NotFound, and TransitionRefused where something came since: that is to be seen first.
        """
        with self._held(exam_id, reader) as (connection, row):
            things = listing.things_in(connection, [exam_id])[exam_id]
            if version_of(things) != version:
                raise TransitionRefused("Something has come since; look at it first.")
            now = datetime.now(UTC)
            values = {"read_by": reader.subject, "read_at": now, "read_version": version}
            if row["taken_by"] is None:
                # What comes later is of interest to who has read it.
                values |= {"taken_by": reader.subject, "taken_at": now}
            _put(connection, exam_id, **values)
            known = sa.select(read_thing.c.thing).where(read_thing.c.exam_id == exam_id)
            new = set(things) - set(connection.scalars(known))
            rows = [{"exam_id": exam_id, "thing": one} for one in sorted(new)]
            if rows:
                connection.execute(sa.insert(read_thing), rows)
            return _item(connection, exam_id, reader)

    def mark_unread(self, exam_id: str, reader: Reader) -> Item:
        """Let an exam be unread again; raises NotFound."""
        with self._held(exam_id, reader) as (connection, _):
            connection.execute(sa.delete(read_thing).where(read_thing.c.exam_id == exam_id))
            _put(connection, exam_id, read_by=None, read_at=None, read_version=None)
            return _item(connection, exam_id, reader)

    @contextmanager
    def _held(self, exam_id: str, reader: Reader) -> Iterator[tuple[sa.Connection, sa.RowMapping]]:
        """The row of an exam's reading, made where there is none, held to the end."""
        query = owned(
            sa.select(_exam.id)
            .select_from(schema.exam.join(schema.establishment))
            .where(_exam.id == exam_id)
            .with_for_update(of=schema.exam),
            reader.establishment,
        )
        with self._database.write() as connection:
            if connection.scalar(query) is None:
                raise NotFound("There is no such exam.")
            own = sa.select(reading).where(_reading.exam_id == exam_id)
            row = connection.execute(own).mappings().one_or_none()
            if row is None:
                connection.execute(sa.insert(reading).values(exam_id=exam_id))
                row = connection.execute(own).mappings().one()
            yield connection, row


def _put(connection: sa.Connection, exam_id: str, **values: Any) -> None:
    connection.execute(sa.update(reading).where(_reading.exam_id == exam_id).values(values))


def _item(connection: sa.Connection, exam_id: str, reader: Reader) -> Item:
    found = listing.item(connection, exam_id, reader)
    if found is None:
        raise NotFound("There is no such exam.")
    return found
