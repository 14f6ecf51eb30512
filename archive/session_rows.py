"""From rows to sessions: a visit with its pictures, what is still to come, and its consents."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
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
from archive.session import Checks, Consent, Picture, Pin, Session, SessionState
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


def read(connection: sa.Connection, session_id: str, establishment: str | None) -> Session:
    """Look a session up with all that is in it; raises NotFound."""
    row = _row(connection, session_id, establishment, hold=False)
    return with_pictures(connection, [row])[0]


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


def with_pictures(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> tuple[Session, ...]:
    """The sessions of these rows, in their order."""
    if not rows:
        return ()
    ids = [row["id"] for row in rows]
    pictures = _pictures(connection, ids)
    shown = {one.image_id for each in pictures.values() for one in each}
    arrivals = _arrivals(connection, ids, shown)
    consents = consents_of(connection, {row["exam_id"] for row in rows})
    return tuple(
        _from_row(
            row,
            tuple(pictures[row["id"]]),
            tuple(arrivals[row["id"]]),
            tuple({one.purpose: one for one in consents[row["exam_id"]]}.values()),
        )
        for row in rows
    )


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


def _pictures(connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[Picture]]:
    query = (
        sa.select(schema.picture, _image.state, _image.reason, _image.created_at, _image.facts)
        .select_from(schema.picture.join(schema.image, _picture.image_id == _image.id))
        .where(_picture.session_id.in_(ids))
        .order_by(_image.created_at, _image.id)
    )
    rows = connection.execute(query).mappings().all()
    images = [row["image_id"] for row in rows]
    stated = stated_of(connection, images)
    pins: dict[str, list[Pin]] = defaultdict(list)
    of_these = sa.select(schema.pin).where(_pin.image_id.in_(images)).order_by(_pin.lesion_id)
    for pin in connection.execute(of_these).mappings() if rows else ():
        pins[pin["image_id"]].append(Pin(pin["lesion_id"], pin["x"], pin["y"]))
    found: dict[str, list[Picture]] = defaultdict(list)
    for row in rows:
        image_id = row["image_id"]
        found[row["session_id"]].append(
            Picture(
                image_id,
                row["state"],
                row["reason"],
                taken_at(row["facts"], row["created_at"]),
                stated.get(image_id),
                tuple(pins[image_id]),
                _checks(row["checks"]),
                row["kept_despite"],
                from_kept(row["partial"]),
            )
        )
    return found


def _checks(kept: Mapping[str, Any] | None) -> Checks | None:
    if kept is None:
        return None
    return Checks(kept["version"], tuple(kept["found"]), tuple(kept.get("codes", ())))


def _arrivals(
    connection: sa.Connection, ids: Sequence[str], shown: set[str]
) -> dict[str, list[Upload]]:
    # What was moved or handed over is told of with the patient whose it is.
    of_another = (
        sa.exists()
        .where(_session.id == _deposit.session_id, _exam.id == _image.exam_id)
        .where(_exam.patient_row.is_distinct_from(_session.patient_row))
    )
    query = UPLOADS.add_columns(_deposit.session_id)
    query = query.where(_deposit.session_id.in_(ids), ~of_another)
    found: dict[str, list[Upload]] = defaultdict(list)
    for row in connection.execute(query.order_by(_deposit.created_at, _upload.id)).mappings():
        if row["image_id"] not in shown:
            values = {name: value for name, value in row.items() if name != "session_id"}
            found[row["session_id"]].append(upload_from_row(values))
    return found


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
