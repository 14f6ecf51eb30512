"""Where a file belongs: the rows of establishment, patient and exam that it is received under."""

import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from archive import schema
from archive.errors import DifferentPatient, InvalidIdentity
from archive.identities.issuers import named
from archive.identities.pointers import remember_home, survivor
from archive.identities.sent import is_somebody_else
from archive.identity import (
    LO_CHARACTERS,
    SH_CHARACTERS,
    PatientIdentity,
    checked_text,
    folded_name,
    study_instance_uid,
    study_instance_uid_without_order,
)
from archive.record import ImageKind, ImageState

PLAN_CHARACTERS = 200
_TYPED = ("patient_id", "issuer", "name", "birth_date", "sex")
"""What whoever brings images says; the rest is stated by messages alone."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that arrives, with what was said about it; raises InvalidIdentity."""

    establishment: str
    kind: ImageKind
    source_sha256: str
    plan: str
    patient: PatientIdentity | None
    accession_number: str | None
    issuer: str | None

    def checked(self) -> "Arrival":
        """Give the same with its text as DICOM holds it, "" for no order being None."""
        if len(self.source_sha256) != 64 or not set(self.source_sha256) <= set("0123456789abcdef"):
            raise ValueError("source_sha256 is not a lower-case hexadecimal SHA-256")
        if not 0 < len(self.plan) <= PLAN_CHARACTERS:
            raise ValueError(f"a plan is named in 1 to {PLAN_CHARACTERS} characters")
        number = checked_text("accession number", self.accession_number or "", SH_CHARACTERS)
        issuer = checked_text("issuer of the accession number", self.issuer or "", LO_CHARACTERS)
        if issuer and not number:
            raise InvalidIdentity("An issuer is given without an accession number; give both.")
        return replace(
            self,
            establishment=checked_text(
                "establishment's name", self.establishment, LO_CHARACTERS, required=True
            ),
            accession_number=number or None,
            issuer=issuer or None,
        )

    def study(self) -> "Study":
        """The study it belongs to: the order's when there is one."""
        if self.accession_number is None:
            uid = study_instance_uid_without_order(
                self.establishment, self.patient, self.source_sha256
            )
            return Study(uid)
        return study_of_order(self.establishment, self.issuer, self.accession_number)


@dataclass(frozen=True, slots=True, repr=False)
class Study:
    """What an exam is found by, or made of."""

    uid: str
    accession_number: str | None = None
    issuer: str | None = None
    is_provisional: bool = False
    """Whether the accession number is ours, as no order was known."""

    def __repr__(self) -> str:
        return f"Study({self.uid!r}, …)"


def study_of_order(establishment: str, issuer: str | None, accession_number: str) -> Study:
    """The study of an order; its texts are as DICOM holds them."""
    uid = study_instance_uid(establishment, issuer, accession_number)
    return Study(uid, accession_number, issuer)


def checked_order(accession_number: str, issuer: str | None) -> tuple[str, str | None]:
    """An order's number and who gave it, as DICOM holds them; raises InvalidIdentity."""
    number = checked_text("accession number", accession_number, SH_CHARACTERS, required=True)
    given = checked_text("issuer of the accession number", issuer or "", LO_CHARACTERS)
    return number, given or None


def new_id() -> str:
    """Draw a public identifier: derived from nothing, safe in a URL, without `-` or `_`."""
    return secrets.token_hex(16)


def receive(connection: sa.Connection, arrival: Arrival, now: datetime) -> str:
    """Find the image of this file for this patient, or make it; gives its id."""
    establishment_id = establishment_row(connection, arrival.establishment)
    if arrival.patient is not None:
        arrival = replace(arrival, patient=named(connection, establishment_id, arrival.patient))
    patient_row = patient_row_of(connection, establishment_id, arrival.patient)
    known = _known_image(connection, arrival, establishment_id, patient_row)
    if known is not None:
        return known
    if arrival.patient is not None:
        _require_same_person(connection, establishment_id, arrival.patient)
    if patient_row is None and arrival.patient is not None:
        patient_row = new_patient(connection, establishment_id, arrival.patient)
    image_id = new_id()
    exam_id = exam_row(connection, establishment_id, patient_row, arrival.study(), now)
    remember_number(connection, exam_id, establishment_id, arrival.patient)
    connection.execute(
        sa.insert(schema.image).values(
            id=image_id,
            exam_id=exam_id,
            kind=arrival.kind,
            state=ImageState.RECEIVED,
            source_sha256=arrival.source_sha256,
            plan=arrival.plan,
            incarnation=0,
            facts={},
            created_at=now,
        )
    )
    remember_number(connection, exam_id, establishment_id, arrival.patient, image_id)
    return image_id


def _require_same_person(
    connection: sa.Connection, establishment_id: int, patient: PatientIdentity
) -> None:
    row = numbered(connection, establishment_id, patient.issuer, patient.patient_id)
    if row is not None and is_somebody_else(connection, patient, row):
        raise DifferentPatient(
            "This number is that of a patient with another name, birth date or sex; check whose "
            "the file is."
        )


def patient_row_of(
    connection: sa.Connection, establishment_id: int, patient: PatientIdentity | None
) -> int | None:
    """Find the row of a patient by number and issuer: of who survives, where two were merged."""
    if patient is None:
        return None
    found = numbered(connection, establishment_id, patient.issuer, patient.patient_id)
    return None if found is None else survivor(connection, found)


def numbered(
    connection: sa.Connection, establishment_id: int, issuer: str, patient_id: str
) -> int | None:
    """Find the row of a number itself, whatever it was merged into."""
    column = schema.patient.c
    return connection.scalar(
        sa.select(column.id).where(
            column.establishment_id == establishment_id,
            column.issuer == issuer,
            column.patient_id == patient_id,
        )
    )


def remember_number(
    connection: sa.Connection,
    exam_id: str,
    establishment_id: int,
    patient: PatientIdentity | None,
    image_id: str | None = None,
) -> None:
    """Keep under whose number an exam or image came, where that was merged: `remember_home`."""
    if patient is not None:
        whom = numbered(connection, establishment_id, patient.issuer, patient.patient_id)
        remember_home(connection, exam_id, whom, image_id)


def new_patient(connection: sa.Connection, establishment_id: int, patient: PatientIdentity) -> int:
    """Make the row of a patient that has none."""
    new = sa.insert(schema.patient).values(
        establishment_id=establishment_id, key=new_id(), **traits_of(patient)
    )
    return int(connection.execute(new.returning(schema.patient.c.id)).scalar_one())


def traits_of(patient: PatientIdentity) -> dict[str, Any]:
    """The columns of a patient's row that follow from who they are."""
    said = {one: getattr(patient, one) for one in _TYPED}
    return {**said, "folded_name": folded_name(patient.name)}


def is_study(study: Study) -> sa.ColumnElement[bool]:
    """The condition on an establishment's exam to be of the study, by its UID or its order.

    An exam that was made before its order was known keeps the UID of what is published.
    """
    exam = schema.exam.c
    if study.accession_number is None:
        return exam.study_instance_uid == study.uid
    same_issuer = (
        exam.issuer_of_accession_number.is_(None)
        if study.issuer is None
        else exam.issuer_of_accession_number == study.issuer
    )
    return sa.or_(
        exam.study_instance_uid == study.uid,
        sa.and_(exam.accession_number == study.accession_number, same_issuer),
    )


def establishment_row(connection: sa.Connection, name: str) -> int:
    """The row of an establishment, made at its first use and held to the transaction's end."""
    column = schema.establishment.c
    # The establishment's row, held to the end, puts its arrivals one after the other.
    held = sa.select(column.id).where(column.name == name).with_for_update()
    found = connection.execute(held).scalar_one_or_none()
    if found is None:
        # Another process may make it in between: then its row is the one to hold.
        with suppress(IntegrityError), connection.begin_nested():
            connection.execute(sa.insert(schema.establishment).values(name=name))
        found = connection.execute(held).scalar_one()
    return int(found)


def _known_image(
    connection: sa.Connection, arrival: Arrival, establishment_id: int, patient_row: int | None
) -> str | None:
    image, exam = schema.image.c, schema.exam.c
    same_file = connection.execute(
        sa.select(image.id, image.plan, exam.patient_row)
        .select_from(schema.image.join(schema.exam))
        .where(
            exam.establishment_id == establishment_id, image.source_sha256 == arrival.source_sha256
        )
        .order_by(image.created_at, image.id)
    ).all()
    unknown_patient = arrival.patient is not None and patient_row is None
    others = [row for row in same_file if unknown_patient or row.patient_row != patient_row]
    if others:
        raise DifferentPatient(
            "This file is already archived here under another patient, or under none; "
            "check whose it is, then move it instead of sending it again: "
            f"image {others[0].id}.",
            others[0].id,
        )
    return next((row.id for row in same_file if row.plan == arrival.plan), None)


def exam_row(
    connection: sa.Connection,
    establishment_id: int,
    patient_row: int | None,
    study: Study,
    now: datetime,
) -> str:
    """Find the exam of a study of this patient, or make it; raises DifferentPatient."""
    exam = schema.exam.c
    # Others' studies keep their UIDs, so that an order may have several: its own comes first.
    found = connection.execute(
        sa.select(exam.id, exam.patient_row)
        .where(exam.establishment_id == establishment_id, is_study(study))
        .order_by(exam.study_instance_uid != study.uid, exam.created_at, exam.id)
    ).all()
    if not found:
        new = sa.insert(schema.exam).values(
            id=new_id(),
            establishment_id=establishment_id,
            patient_row=patient_row,
            accession_number=study.accession_number,
            issuer_of_accession_number=study.issuer,
            study_instance_uid=study.uid,
            is_provisional=study.is_provisional,
            created_at=now,
        )
        return str(connection.execute(new.returning(exam.id)).scalar_one())
    if any(one.patient_row != patient_row for one in found):
        raise DifferentPatient(
            "This accession number is already used here for another patient, or for none; "
            "check the number and the patient."
        )
    return str(found[0].id)
