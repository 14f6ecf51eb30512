"""From rows to sessions: a visit with its pictures, what is still to come, and its consents."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.capture import Operator
from archive.errors import NotFound
from archive.identity import PatientIdentity
from archive.ownership import owned
from archive.partial import from_kept
from archive.photographs import stated_of, taken_at
from archive.record import Upload
from archive.session import (
    ON_THEIR_WAY,
    Checks,
    Consent,
    Listed,
    Picture,
    Pin,
    Session,
    SessionPage,
    SessionState,
)
from archive.uploads import ROWS as UPLOADS
from archive.uploads import from_row as upload_from_row

_session, _exam, _patient = schema.session.c, schema.exam.c, schema.patient.c
_owner, _image, _upload = schema.establishment.c, schema.image.c, schema.upload.c
_picture, _pin, _consent = schema.picture.c, schema.pin.c, schema.consent.c
_deposit = schema.deposit.c

_TRAITS = [_patient[one.name].label(f"patient__{one.name}") for one in fields(PatientIdentity)]
ROWS = sa.select(
    schema.session,
    _owner.name.label("establishment"),
    _patient.key.label("patient_key"),
    *_TRAITS,
    _exam.accession_number,
    _exam.issuer_of_accession_number,
    _exam.study_instance_uid,
    _exam.is_provisional,
).select_from(
    schema.session.join(schema.establishment, _session.establishment_id == _owner.id)
    .join(schema.patient, _session.patient_row == _patient.id)
    .join(schema.exam, _session.exam_id == _exam.id)
)
"""The rows of sessions; conditions on them and on their establishment may be added."""


_COUNT = sa.select(sa.func.count()).where(_picture.session_id == _session.id).scalar_subquery()
_ARRIVING = (
    sa.select(sa.func.count())
    .select_from(schema.upload.join(schema.deposit))
    .where(_deposit.session_id == _session.id, _upload.state.in_(list(ON_THEIR_WAY)))
    .scalar_subquery()
)


def read(connection: sa.Connection, session_id: str, establishment: str | None) -> Session:
    """Look a session up with all that is in it; raises NotFound."""
    row = _row(connection, session_id, establishment, hold=False)
    return _with_pictures(connection, row)


def held(connection: sa.Connection, session_id: str, establishment: str | None) -> sa.RowMapping:
    """The session's row, which nobody else changes until the end; raises NotFound."""
    return _row(connection, session_id, establishment, hold=True)


def _row(
    connection: sa.Connection, session_id: str, establishment: str | None, *, hold: bool
) -> sa.RowMapping:
    query = owned(ROWS, establishment).where(_session.id == session_id)
    if hold:
        query = query.with_for_update(of=schema.session)
    found = connection.execute(query).mappings().one_or_none()
    if found is None:
        raise NotFound("There is no such session.")
    return found


def patient_of(row: sa.RowMapping) -> PatientIdentity:
    """Whose session it is."""
    traits = {one.name: row[f"patient__{one.name}"] for one in fields(PatientIdentity)}
    return PatientIdentity(**traits)


def _with_pictures(connection: sa.Connection, row: sa.RowMapping) -> Session:
    pictures = _pictures(connection, row["id"])
    arrivals = _arrivals(connection, row["id"], {one.image_id for one in pictures})
    consents = consents_of(connection, {row["exam_id"]})[row["exam_id"]]
    last = {one.purpose: one for one in consents}
    return _from_row(row, pictures, arrivals, tuple(last.values()))


def page(
    connection: sa.Connection,
    query: sa.Select[Any],
    establishment: str | None,
    limit: int,
    after: str | None,
) -> SessionPage:
    """Up to `limit` of the sessions of a query on ROWS, the newest first, in one read.

    Raises NotFound for an `after` that names none.
    """
    if after is not None:
        last = _row(connection, after, establishment, hold=False)
        query = query.where(
            sa.tuple_(_session.created_at, _session.id)
            < sa.tuple_(
                sa.literal(last["created_at"], schema.UtcDateTime), sa.literal(after, sa.String)
            )
        )
    counted = query.add_columns(_COUNT.label("count"), _ARRIVING.label("arriving"))
    newest = counted.order_by(_session.created_at.desc(), _session.id.desc())
    # One more than asked for tells whether another page follows.
    rows = connection.execute(newest.limit(limit + 1)).mappings().all()
    listed = tuple(
        Listed(_from_row(row, (), (), ()), row["count"], row["arriving"]) for row in rows[:limit]
    )
    return SessionPage(listed, listed[-1].session.id if len(rows) > limit else None)


def consents_of(
    connection: sa.Connection, exam_ids: set[str] | frozenset[str]
) -> dict[str, list[Consent]]:
    """All answers that were recorded with these exams, oldest first."""
    found: dict[str, list[Consent]] = defaultdict(list)
    query = sa.select(schema.consent).where(_consent.exam_id.in_(exam_ids)).order_by(_consent.id)
    for row in connection.execute(query).mappings():
        found[row["exam_id"]].append(
            Consent(row["purpose"], row["answer"], row["given_by"], row["recorded_at"])
        )
    return found


def _pictures(connection: sa.Connection, session_id: str) -> tuple[Picture, ...]:
    query = (
        sa.select(schema.picture, _image.state, _image.reason, _image.created_at, _image.facts)
        .select_from(schema.picture.join(schema.image, _picture.image_id == _image.id))
        .where(_picture.session_id == session_id)
        .order_by(_image.created_at, _image.id)
    )
    rows = connection.execute(query).mappings().all()
    images = [row["image_id"] for row in rows]
    stated = stated_of(connection, images)
    pins: dict[str, list[Pin]] = defaultdict(list)
    of_these = sa.select(schema.pin).where(_pin.image_id.in_(images)).order_by(_pin.lesion_id)
    for pin in connection.execute(of_these).mappings() if rows else ():
        pins[pin["image_id"]].append(Pin(pin["lesion_id"], pin["x"], pin["y"]))
    return tuple(
        Picture(
            row["image_id"],
            row["state"],
            row["reason"],
            taken_at(row["facts"], row["created_at"]),
            stated.get(row["image_id"]),
            tuple(pins[row["image_id"]]),
            _checks(row["checks"]),
            row["kept_despite"],
            from_kept(row["partial"]),
        )
        for row in rows
    )


def _checks(kept: Mapping[str, Any] | None) -> Checks | None:
    if kept is None:
        return None
    return Checks(kept["version"], tuple(kept["found"]), tuple(kept.get("codes", ())))


def _arrivals(connection: sa.Connection, session_id: str, shown: set[str]) -> tuple[Upload, ...]:
    # What was moved or handed over is told of with the patient whose it is.
    of_another = (
        sa.exists()
        .where(_session.id == _deposit.session_id, _exam.id == _image.exam_id)
        .where(_exam.patient_row.is_distinct_from(_session.patient_row))
    )
    query = UPLOADS.where(_deposit.session_id == session_id, ~of_another)
    rows = connection.execute(query.order_by(_deposit.created_at, _upload.id)).mappings()
    return tuple(upload_from_row(row) for row in rows if row["image_id"] not in shown)


def _from_row(
    row: sa.RowMapping,
    pictures: tuple[Picture, ...],
    arrivals: tuple[Upload, ...],
    consents: tuple[Consent, ...],
) -> Session:
    return Session(
        id=row["id"],
        establishment=row["establishment"],
        state=SessionState(row["state"]),
        patient=patient_of(row),
        patient_key=row["patient_key"],
        exam_id=row["exam_id"],
        accession_number=row["accession_number"],
        issuer_of_accession_number=row["issuer_of_accession_number"],
        is_provisional=row["is_provisional"],
        operator=_person(row["operator_name"], row["operator_rpps"]),
        created_at=row["created_at"],
        sent_at=row["sent_at"],
        signed_at=row["signed_at"],
        signed_by=_person(row["signed_name"], row["signed_rpps"]),
        pictures=pictures,
        arrivals=arrivals,
        consents=consents,
    )


def _person(name: str | None, rpps: str | None) -> Operator | None:
    return None if name is None else Operator(name, rpps)
