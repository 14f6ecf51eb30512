"""The lesions of a catalogue: made, read, and their history written."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from archive import schema
from archive.body_site import site_of_code
from archive.database import Database
from archive.errors import InvalidCapture, NotFound
from archive.identities.issuers import named
from archive.identities.pointers import current_key
from archive.identity import PatientIdentity
from archive.lesion import (
    Lesion,
    LesionEvent,
    LesionSaid,
    MapPosition,
    require_history,
    tracking_uid,
)
from archive.ownership import owned
from archive.reception import new_id, numbered

_lesion, _event = schema.lesion.c, schema.lesion_event.c
_patient, _owner = schema.patient.c, schema.establishment.c

_ROWS = sa.select(
    schema.lesion, _owner.name.label("establishment"), _patient.key.label("patient_key")
).select_from(
    schema.lesion.join(schema.establishment).join(
        schema.patient, _lesion.patient_row == _patient.id
    )
)


class Lesions:
    """The lesions of a catalogue, reached as `catalog.lesions`.

    `establishment=None` means every establishment, as in the catalogue.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        patient_key: str,
        said: LesionSaid,
        first_seen: LesionEvent,
        *,
        establishment: str | None,
    ) -> Lesion:
        """A new lesion of a patient; raises NotFound for no such patient, and InvalidCapture."""
        now = datetime.now(UTC)
        require_history((), first_seen, _today(now))
        position = said.position
        with self._database.write() as connection:
            row, identity, owner_id, owner = _held_patient(connection, patient_key, establishment)
            number = _next_number(connection, row, owner, identity)
            lesion_id = new_id()
            connection.execute(
                sa.insert(schema.lesion).values(
                    id=lesion_id,
                    establishment_id=owner_id,
                    patient_row=row,
                    number=number,
                    tracking_uid=tracking_uid(owner, identity, number),
                    label=said.label,
                    site=said.site.code,
                    side=said.side,
                    map_view=position.view if position else None,
                    map_x=position.x if position else None,
                    map_y=position.y if position else None,
                    created_at=now,
                )
            )
            _add_event(connection, lesion_id, first_seen, now)
            return read_lesion(connection, lesion_id, None)

    def lesion(self, lesion_id: str, *, establishment: str | None) -> Lesion:
        """Look a lesion up, with its history; raises NotFound."""
        with self._database.read() as connection:
            return read_lesion(connection, lesion_id, establishment)

    def of_patient(self, patient_key: str, *, establishment: str | None) -> tuple[Lesion, ...]:
        """The lesions of a patient by number; raises NotFound for no such patient."""
        with self._database.read() as connection:
            patient_key = current_key(connection, patient_key)
            _require_patient(connection, patient_key, establishment)
            query = _ROWS.where(_patient.key == patient_key).order_by(_lesion.number)
            return _with_events(connection, connection.execute(query).mappings().all())

    def record(self, lesion_id: str, event: LesionEvent, *, establishment: str | None) -> Lesion:
        """Add a day to the history; the same again changes nothing.

        Raises NotFound, and InvalidCapture for what cannot follow on what is known.
        """
        now = datetime.now(UTC)
        try:
            with self._database.write() as connection:
                known = read_lesion(connection, lesion_id, establishment, hold=True)
                if (event.kind, event.on) in {(one.kind, one.on) for one in known.events}:
                    return known
                require_history(known.events, event, _today(now))
                _add_event(connection, lesion_id, event, now)
                return read_lesion(connection, lesion_id, None)
        except IntegrityError as error:
            raise InvalidCapture("The history already says otherwise; look at it again.") from error

    def patient_key(self, patient: PatientIdentity, *, establishment: str) -> str:
        """What addresses name a known patient by; raises NotFound."""
        owned_by = sa.select(_owner.id).where(_owner.name == establishment)
        with self._database.read() as connection:
            owner = connection.scalar(owned_by) or 0
            meant = named(connection, owner, patient)
            row = numbered(connection, owner, meant.issuer, meant.patient_id)
            found = connection.scalar(sa.select(_patient.key).where(_patient.id == row))
        if found is None:
            raise NotFound("There is no such patient.")
        return str(found)


def read_lesion(
    connection: sa.Connection, lesion_id: str, establishment: str | None, *, hold: bool = False
) -> Lesion:
    """Read a lesion with its history; `hold` keeps others from changing it until the end."""
    query = owned(_ROWS.where(_lesion.id == lesion_id), establishment)
    if hold:
        query = query.with_for_update(of=schema.lesion)
    found = _with_events(connection, connection.execute(query).mappings().all())
    if not found:
        raise NotFound("There is no such lesion.")
    return found[0]


def _with_events(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> tuple[Lesion, ...]:
    query = (
        sa.select(schema.lesion_event)
        .where(_event.lesion_id.in_([row["id"] for row in rows]))
        .order_by(_event.on_date, _event.id)
    )
    events: dict[str, list[LesionEvent]] = defaultdict(list)
    for one in connection.execute(query).mappings() if rows else ():
        events[one["lesion_id"]].append(LesionEvent(one["kind"], one["on_date"], one["by_whom"]))
    return tuple(_from_row(row, tuple(events[row["id"]])) for row in rows)


def _from_row(row: sa.RowMapping, events: tuple[LesionEvent, ...]) -> Lesion:
    marked = row["map_view"] is not None
    position = MapPosition(row["map_view"], row["map_x"], row["map_y"]) if marked else None
    return Lesion(
        id=row["id"],
        establishment=row["establishment"],
        patient_key=row["patient_key"],
        number=row["number"],
        tracking_uid=row["tracking_uid"],
        said=LesionSaid(site_of_code(row["site"]), row["side"], row["label"], position),
        created_at=row["created_at"],
        events=events,
    )


def _require_patient(
    connection: sa.Connection, patient_key: str, establishment: str | None, *, hold: bool = False
) -> sa.RowMapping:
    query = (
        sa.select(
            _patient.id.label("row"),
            *(_patient[one.name] for one in fields(PatientIdentity)),
            _owner.id.label("owner_id"),
            _owner.name.label("owner"),
        )
        .select_from(schema.patient.join(schema.establishment))
        .where(_patient.key == current_key(connection, patient_key))
    )
    query = owned(query, establishment)
    if hold:
        query = query.with_for_update(of=schema.patient)
    found = connection.execute(query).mappings().one_or_none()
    if found is None:
        raise NotFound("There is no such patient.")
    return found


def _held_patient(
    connection: sa.Connection, patient_key: str, establishment: str | None
) -> tuple[int, PatientIdentity, int, str]:
    """The patient's row, kept by us, so that no two lesions are given one number."""
    found = _require_patient(connection, patient_key, establishment, hold=True)
    identity = PatientIdentity(**{one.name: found[one.name] for one in fields(PatientIdentity)})
    return found["row"], identity, found["owner_id"], found["owner"]


def _next_number(
    connection: sa.Connection, patient_row: int, owner: str, identity: PatientIdentity
) -> int:
    """The first free number; one whose UID another holds, since a number was corrected, is not."""
    last = sa.select(sa.func.max(_lesion.number)).where(_lesion.patient_row == patient_row)
    number = (connection.scalar(last) or 0) + 1
    taken = sa.select(_lesion.id)
    while connection.scalar(
        taken.where(_lesion.tracking_uid == tracking_uid(owner, identity, number))
    ):
        number += 1
    return number


def _add_event(
    connection: sa.Connection, lesion_id: str, event: LesionEvent, now: datetime
) -> None:
    connection.execute(
        sa.insert(schema.lesion_event).values(
            lesion_id=lesion_id,
            kind=event.kind,
            on_date=event.on,
            by_whom=event.by,
            recorded_at=now,
        )
    )


def _today(now: datetime) -> date:
    """The day it is by now, somewhere on the way around the world: no site is ahead of it."""
    return (now + timedelta(hours=14)).date()
