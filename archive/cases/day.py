"""Who is expected when: appointments and admissions, as the hospital announces them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import sqlalchemy as sa

from archive import schema
from archive.cases.order import TIE_CHARACTERS, Numbered, Stay, Visit
from archive.cases.schema import appointment, worklist_source
from archive.cases.versions import is_newer
from archive.database import Database
from archive.identities.issuers import named
from archive.identities.pointers import survivors
from archive.identities.schema import moved_visit
from archive.identities.visits import owner_of
from archive.identity import LO_CHARACTERS, SH_CHARACTERS, PatientIdentity, checked_text
from archive.move_plans import identities_of
from archive.ownership import owned
from archive.reception import establishment_row

_row, _owner, _patient = appointment.c, schema.establishment.c, schema.patient.c
_source = worklist_source.c


class Listed(Protocol):
    """A step of a worklist, as whoever asks it understands it."""

    @property
    def number(self) -> str:
        """What the list calls it."""

    @property
    def patient(self) -> PatientIdentity:
        """Whose it is."""

    @property
    def starts_at(self) -> datetime:
        """When it begins."""

    @property
    def accession_number(self) -> str:
        """Of its order; "" where the list does not say."""

    @property
    def what(self) -> str:
        """What is to be done."""


@dataclass(frozen=True, slots=True)
class Announced:
    """One version of an appointment or an admission; the newest by its own time counts."""

    establishment: str
    appointment: Numbered
    patient: PatientIdentity = field(repr=False)
    starts_at: datetime | None
    """None where it is not said, as in cancellations: then it is when it was."""
    said_at: datetime
    said_in: str = ""
    what: str = ""
    """"" where it is not said: then it is what it was."""
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """Somebody who is expected; `key` is what addresses name them by, where they are known here."""

    patient: PatientIdentity = field(repr=False)
    key: str | None
    starts_at: datetime
    what: str
    is_cancelled: bool
    accession_number: str | None = field(default=None, repr=False)
    """Of the order, where a worklist says it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A worklist that is asked again and again, and whether it answered the last time."""

    name: str
    answered_at: datetime | None
    answers: bool


class Day:
    """The days of a catalogue's establishments, reached as `catalog.cases.day`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def announce(self, said: Announced) -> None:
        """Keep a version; versions may come in any order, and more than once.

        Raises InvalidIdentity.
        """
        number = said.appointment.checked("appointment's number", required=True)
        what = checked_text("reason of the appointment", said.what[:LO_CHARACTERS], LO_CHARACTERS)
        said_in = said.said_in[:TIE_CHARACTERS]
        with self._database.write() as connection:
            owner = establishment_row(connection, said.establishment)
            values: dict[str, Any] = {
                **_whom(named(connection, owner, said.patient)),
                "is_cancelled": said.is_cancelled,
                "said_at": said.said_at,
                "said_in": said_in,
            }
            same = (
                _row.establishment_id == owner,
                _row.number == number.number,
                _row.number_issuer == number.issuer,
            )
            before = connection.execute(sa.select(appointment).where(*same)).one_or_none()
            if before is None:
                values |= {"starts_at": said.starts_at or said.said_at, "what": what}
                own = {"number": number.number, "number_issuer": number.issuer}
                new = sa.insert(appointment).values(establishment_id=owner, **own, **values)
                connection.execute(new)
            elif is_newer((said.said_at, said_in), (before.said_at, before.said_in)):
                values["starts_at"] = said.starts_at or before.starts_at
                values["what"] = what or before.what
                connection.execute(sa.update(appointment).where(*same).values(values))

    def between(
        self, start: datetime, end: datetime, *, establishment: str | None
    ) -> tuple[Expected, ...]:
        """Who is expected from `start` until before `end`, those who were cancelled last."""
        query = (
            owned(
                sa.select(appointment, _patient.id.label("whom"))
                .select_from(appointment.join(schema.establishment))
                .outerjoin(
                    schema.patient,
                    sa.and_(
                        _patient.establishment_id == _row.establishment_id,
                        _patient.issuer == _row.patient_issuer,
                        _patient.patient_id == _row.patient_id,
                    ),
                ),
                establishment,
            )
            .where(_row.starts_at >= start, _row.starts_at < end)
            .order_by(_row.is_cancelled, _row.starts_at, _row.id)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            whose = _owners(connection, rows)
            into = survivors(connection, set(whose.values()))
            known = identities_of(connection, set(into.values()))
            keys = _keys(connection, set(into.values()))
        return tuple(_expected(one, into.get(whose.get(one.id, 0)), known, keys) for one in rows)

    def take_list(
        self, establishment: str, name: str, day: tuple[datetime, datetime], steps: Sequence[Listed]
    ) -> None:
        """Keep what a worklist says of a day, whole.

        What it named before and names no more is cancelled while it lies ahead; once it has
        begun, a worklist need not name it.
        """
        now = datetime.now(UTC)
        issuer = _issuer_of(name)
        with self._database.write() as connection:
            owner = establishment_row(connection, establishment)
            _note(connection, owner, name, now, answers=True)
            of_list = (_row.establishment_id == owner, _row.number_issuer == issuer)
            known = {
                one["number"]: one
                for one in connection.execute(
                    sa.select(appointment).where(
                        *of_list, _row.starts_at >= day[0], _row.starts_at < day[1]
                    )
                ).mappings()
            }
            listed = {one.number for one in steps}
            for one in steps:
                values = _values_of(one, named(connection, owner, one.patient))
                before = known.get(one.number)
                if before and all(before[key] == value for key, value in values.items()):
                    continue
                same = (*of_list, _row.number == one.number)
                stamp = {"said_at": now, "said_in": ""}
                changed = connection.execute(
                    sa.update(appointment).where(*same).values(**values, **stamp)
                )
                if not changed.rowcount:
                    own = {"number": one.number, "number_issuer": issuer}
                    new = sa.insert(appointment).values(establishment_id=owner, **own)
                    connection.execute(new.values(**values, **stamp))
            gone = [
                number
                for number, one in known.items()
                if number not in listed and one["starts_at"] > now
            ]
            ended = sa.update(appointment).where(*of_list, _row.number.in_(gone))
            connection.execute(ended.values(is_cancelled=True, said_at=now))

    def list_failed(self, establishment: str, name: str) -> None:
        """Keep that a worklist does not answer; what it said before stands."""
        with self._database.write() as connection:
            owner = establishment_row(connection, establishment)
            _note(connection, owner, name, datetime.now(UTC), answers=False)

    def keep_sources(self, stated: Collection[tuple[str, str]]) -> None:
        """Keep which worklists are asked, by establishment and name, and forget all others.

        One that is asked for the first time has not answered yet.
        """
        with self._database.read() as connection:
            if _asked(connection).keys() == set(stated):
                return
        with self._database.write() as connection:
            known = _asked(connection)
            for gone in known.keys() - set(stated):
                same = (_source.establishment_id == known[gone], _source.name == gone[1])
                connection.execute(sa.delete(worklist_source).where(*same))
            for establishment, name in sorted(set(stated) - known.keys()):
                owner = establishment_row(connection, establishment)
                _note(connection, owner, name, datetime.now(UTC), answers=False)

    def sources(self, *, establishment: str | None) -> tuple[Source, ...]:
        """The worklists that are asked, by name."""
        query = owned(
            sa.select(worklist_source).join(schema.establishment), establishment
        ).order_by(_source.name)
        with self._database.read() as connection:
            return tuple(
                Source(one.name, one.answered_at, one.answers) for one in connection.execute(query)
            )


def _issuer_of(name: str) -> str:
    return f"worklist {name}"[:LO_CHARACTERS]


def _asked(connection: sa.Connection) -> dict[tuple[str, str], int]:
    """The establishment of each worklist, by its name and the worklist's."""
    query = sa.select(_owner.name.label("owner"), _source.name, _source.establishment_id)
    rows = connection.execute(query.select_from(worklist_source.join(schema.establishment)))
    return {(row.owner, row.name): row.establishment_id for row in rows}


def _note(
    connection: sa.Connection, owner: int, name: str, now: datetime, *, answers: bool
) -> None:
    values: dict[str, Any] = {"asked_at": now, "answers": answers}
    if answers:
        values["answered_at"] = now
    same = (_source.establishment_id == owner, _source.name == name)
    changed = connection.execute(sa.update(worklist_source).where(*same).values(**values))
    if not changed.rowcount:
        own = {"establishment_id": owner, "name": name}
        connection.execute(sa.insert(worklist_source).values(**own, **values))


def _whom(patient: PatientIdentity) -> dict[str, Any]:
    return {
        "patient_id": patient.patient_id,
        "patient_issuer": patient.issuer,
        "patient_name": patient.name,
        "birth_date": patient.birth_date,
        "sex": patient.sex,
    }


def _values_of(one: Listed, patient: PatientIdentity) -> dict[str, Any]:
    return {
        **_whom(patient),
        "starts_at": one.starts_at,
        "what": one.what,
        # A longer one is none that DICOM holds; what is cut is another number.
        "accession_number": one.accession_number
        if 0 < len(one.accession_number) <= SH_CHARACTERS
        else None,
        "is_cancelled": False,
    }


def _keys(connection: sa.Connection, rows: Collection[int]) -> dict[int, str]:
    column = schema.patient.c
    found = connection.execute(sa.select(column.id, column.key).where(column.id.in_(rows)))
    return {row.id: row.key for row in found} if rows else {}


def _owners(connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> dict[int, int]:
    """Who is expected by each row, where they are known: who has the visit that it is of by now."""
    known = [one for one in rows if one.whom is not None]
    went = set(
        connection.scalars(
            sa.select(moved_visit.c.number).where(
                moved_visit.c.number.in_({one.number for one in known}),
                moved_visit.c.kind == Stay.VISIT,
            )
        )
    )

    def owner(one: sa.Row[Any]) -> int:
        if one.number not in went:
            return int(one.whom)
        visit = Visit(Stay.VISIT, Numbered(one.number, one.number_issuer))
        return owner_of(connection, one.whom, [visit], one.said_at)

    return {one.id: owner(one) for one in known}


def _expected(
    one: sa.Row[Any],
    row: int | None,
    known: Mapping[int, PatientIdentity],
    keys: Mapping[int, str],
) -> Expected:
    said = PatientIdentity(
        one.patient_id, one.patient_issuer, one.patient_name, one.birth_date, one.sex
    )
    return Expected(
        said if row is None else known[row],
        None if row is None else keys[row],
        one.starts_at,
        one.what,
        one.is_cancelled,
        one.accession_number,
    )
