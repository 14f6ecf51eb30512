"""What establishments show one another, reached as `catalog.sharing`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from archive import schema
from archive.database import Database
from archive.errors import NotFound
from archive.homeward import IS_HERE
from archive.identities.pointers import numbers_of
from archive.reception import establishment_row
from archive.record import ImageKind, ImageState
from archive.sharing.patients import (
    PatientKey,
    is_exam_shown,
    patients_shown,
    row_of,
)
from archive.sharing.schema import Looked, look, objection, share

ONE_LOOK = timedelta(minutes=15)
"""Within which what somebody is shown again and again, as lists are, is one look."""
_patient, _exam, _image = schema.patient.c, schema.exam.c, schema.image.c


@dataclass(frozen=True, slots=True)
class Look:
    """That somebody saw something of another establishment's; no trait of anybody."""

    looked_at: datetime
    subject: str
    establishment: str
    looked: Looked
    exam: str | None


class Sharing:
    """The rules, the objections, and who looked across."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def declare(self, stated: Mapping[str, frozenset[str]]) -> None:
        """Keep which establishment shows its exams to which others, and those alone.

        Processes that start together state it together: the first to hold all rows does it.
        """
        wanted = {name: others for name, others in stated.items() if others}
        with self._database.read() as connection:
            if _declared(connection) == wanted:
                return
        with self._database.write() as connection:
            owners = {name: establishment_row(connection, name) for name in sorted(wanted)}
            if _declared(connection) == wanted:
                return
            connection.execute(sa.delete(share))
            told = [
                {"establishment_id": owners[name], "to_whom": one}
                for name, others in wanted.items()
                for one in sorted(others)
            ]
            if told:
                connection.execute(sa.insert(share), told)

    def patients_shown(self, patient: str, *, establishment: str | None) -> tuple[PatientKey, ...]:
        """As `archive.sharing.patients.patients_shown`."""
        with self._database.read() as connection:
            return patients_shown(connection, establishment, patient)

    def is_exam_shown(self, exam_id: str, seer: str) -> bool:
        """As `archive.sharing.patients.is_exam_shown`."""
        with self._database.read() as connection:
            return is_exam_shown(connection, exam_id, seer)

    def objects(self, patient: str, *, establishment: str | None) -> bool:
        """Whether the patient objects to being shown elsewhere; raises NotFound.

        Said to this establishment, under whichever of their numbers.
        """
        with self._database.read() as connection:
            return bool(_objections(connection, row_of(connection, establishment, patient)))

    def object(self, patient: str, by: str, *, establishment: str | None) -> None:
        """Show the patient nowhere else from now on; again changes nothing. Raises NotFound."""
        with self._database.write() as connection:
            whom = row_of(connection, establishment, patient)
            if _objections(connection, whom):
                return
            said = {"whom": whom, "said_at": datetime.now(UTC), "said_to": by}
            connection.execute(sa.insert(objection).values(said))

    def withdraw_objection(self, patient: str, by: str, *, establishment: str | None) -> None:
        """The patient objects no more; raises NotFound."""
        with self._database.write() as connection:
            known = _objections(connection, row_of(connection, establishment, patient))
            ended = sa.update(objection).where(objection.c.id.in_(known))
            connection.execute(ended.values(ended_at=datetime.now(UTC), ended_by=by))

    def listed(self, seer: str, by: str, records: Collection[PatientKey]) -> None:
        """Write down that somebody of an establishment was shown what there is of these records.

        Its own are nobody's concern; who is shown the same again within ONE_LOOK looks once.
        """
        keys = {one.key for one in records if one.establishment != seer}
        if not keys:
            return
        since = datetime.now(UTC) - ONE_LOOK
        written = (
            sa.select(_patient.key)
            .select_from(look.join(schema.patient, _patient.id == look.c.whom))
            .join(schema.establishment, schema.establishment.c.id == look.c.establishment_id)
            .where(
                _patient.key.in_(keys),
                schema.establishment.c.name == seer,
                look.c.subject == by,
                look.c.looked == Looked.LISTED,
                look.c.looked_at > since,
            )
        )
        with self._database.read() as connection:
            new = keys - set(connection.scalars(written))
        if new:
            with self._database.write() as connection:
                _write(connection, seer, new, by, Looked.LISTED, None)

    def open_exam(self, exam_id: str, seer: str, by: str) -> str:
        """Write down that somebody opens another establishment's exam, and give whose it is.

        Raises NotFound for one that is not shown to the seer, or has nothing published.
        """
        with self._database.write() as connection:
            if not is_exam_shown(connection, exam_id, seer):
                raise NotFound("There is no such exam.")
            query = (
                sa.select(_patient.key, schema.establishment.c.name)
                .select_from(schema.exam)
                .join(schema.patient, _patient.id == _exam.patient_row)
                .join(schema.establishment, schema.establishment.c.id == _exam.establishment_id)
                .where(
                    _exam.id == exam_id,
                    sa.exists().where(
                        _image.exam_id == _exam.id,
                        _image.state == ImageState.PUBLISHED,
                        _image.kind != ImageKind.REPORT,
                        IS_HERE,
                    ),
                )
            )
            row = connection.execute(query).one_or_none()
            if row is None:
                raise NotFound("There is no such exam.")
            _write(connection, seer, [row.key], by, Looked.OPENED, exam_id)
            return str(row.name)

    def looks(self, patient: str, *, establishment: str | None) -> tuple[Look, ...]:
        """Who of other establishments saw this one's record of a patient, the latest first."""
        with self._database.read() as connection:
            whom = numbers_of(connection, [row_of(connection, establishment, patient)])
            query = (
                sa.select(look, schema.establishment.c.name)
                .select_from(look.join(schema.establishment))
                .where(look.c.whom.in_(whom))
                .order_by(look.c.id.desc())
            )
            return tuple(
                Look(one.looked_at, one.subject, one.name, one.looked, one.exam_id)
                for one in connection.execute(query)
            )


def _declared(connection: sa.Connection) -> dict[str, frozenset[str]]:
    query = sa.select(schema.establishment.c.name, share.c.to_whom).select_from(
        share.join(schema.establishment)
    )
    found: dict[str, frozenset[str]] = {}
    for name, to_whom in connection.execute(query):
        found[name] = found.get(name, frozenset()) | {to_whom}
    return found


def _objections(connection: sa.Connection, whom: int) -> list[int]:
    numbers = numbers_of(connection, [whom])
    query = sa.select(objection.c.id).where(
        objection.c.whom.in_(numbers), objection.c.ended_at.is_(None)
    )
    return list(connection.scalars(query))


def _write(
    connection: sa.Connection,
    seer: str,
    keys: Collection[str],
    by: str,
    looked: Looked,
    exam_id: str | None,
) -> None:
    rows = connection.scalars(sa.select(_patient.id).where(_patient.key.in_(list(keys))))
    told = {
        "looked_at": datetime.now(UTC),
        "subject": by,
        "establishment_id": establishment_row(connection, seer),
        "looked": looked,
        "exam_id": exam_id,
    }
    connection.execute(sa.insert(look), [{**told, "whom": whom} for whom in sorted(rows)])
