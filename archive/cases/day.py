"""Who is expected when: appointments and admissions, as the hospital announces them."""

from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from archive import schema
from archive.cases.order import TIE_CHARACTERS, Numbered
from archive.cases.orders import is_newer
from archive.cases.schema import appointment
from archive.database import Database
from archive.identity import LO_CHARACTERS, PatientIdentity, checked_text
from archive.move_plans import identity_of
from archive.ownership import owned
from archive.reception import establishment_row, patient_row_of

_row, _owner = appointment.c, schema.establishment.c


@dataclass(frozen=True, slots=True)
class Announced:
    """One version of an appointment or an admission; the newest by its own time counts."""

    establishment: str
    appointment: Numbered
    patient: PatientIdentity = field(repr=False)
    starts_at: datetime
    said_at: datetime
    said_in: str = ""
    what: str = ""
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """Somebody who is expected; `key` is what addresses name them by, where they are known here."""

    patient: PatientIdentity = field(repr=False)
    key: str | None
    starts_at: datetime
    what: str
    is_cancelled: bool


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
        patient, said_in = said.patient, said.said_in[:TIE_CHARACTERS]
        values = {
            "patient_id": patient.patient_id,
            "patient_issuer": patient.issuer,
            "patient_name": patient.name,
            "birth_date": patient.birth_date,
            "sex": patient.sex,
            "starts_at": said.starts_at,
            "what": what,
            "is_cancelled": said.is_cancelled,
            "said_at": said.said_at,
            "said_in": said_in,
        }
        with self._database.write() as connection:
            owner = establishment_row(connection, said.establishment)
            same = (
                _row.establishment_id == owner,
                _row.number == number.number,
                _row.number_issuer == number.issuer,
            )
            known = connection.execute(sa.select(_row.said_at, _row.said_in).where(*same))
            before = known.one_or_none()
            if before is None:
                own = {"number": number.number, "number_issuer": number.issuer}
                new = sa.insert(appointment).values(establishment_id=owner, **own, **values)
                connection.execute(new)
            elif is_newer((said.said_at, said_in), (before.said_at, before.said_in)):
                connection.execute(sa.update(appointment).where(*same).values(values))

    def between(
        self, start: datetime, end: datetime, *, establishment: str | None
    ) -> tuple[Expected, ...]:
        """Who is expected from `start` until before `end`, those who were cancelled last."""
        query = (
            owned(
                sa.select(appointment).join(schema.establishment),
                establishment,
            )
            .where(_row.starts_at >= start, _row.starts_at < end)
            .order_by(_row.is_cancelled, _row.starts_at, _row.id)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            return tuple(_expected(connection, one) for one in rows)


def _expected(connection: sa.Connection, one: sa.Row[tuple[object, ...]]) -> Expected:
    said = PatientIdentity(
        one.patient_id, one.patient_issuer, one.patient_name, one.birth_date, one.sex
    )
    row = patient_row_of(connection, one.establishment_id, said)
    key = sa.select(schema.patient.c.key).where(schema.patient.c.id == row)
    return Expected(
        identity_of(connection, row) or said,
        connection.scalar(key),
        one.starts_at,
        one.what,
        one.is_cancelled,
    )
