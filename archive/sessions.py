"""The sessions of a catalogue: begun, sent, signed, reconciled with the order they lacked."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from archive import outbox, schema, session_rows
from archive.capture import Operator
from archive.database import Database
from archive.errors import (
    DifferentPatient,
    InvalidIdentity,
    NotFound,
    NotReady,
    TransitionRefused,
)
from archive.identities.issuers import named
from archive.identities.pointers import current_key, survivor
from archive.identity import LO_CHARACTERS, PatientIdentity, checked_text
from archive.jobs import Wanted, enqueue
from archive.ownership import owned
from archive.reception import (
    Study,
    checked_order,
    establishment_row,
    exam_row,
    is_study,
    new_id,
    new_patient,
    numbered,
    remember_number,
    study_of_order,
)
from archive.record import Assignment, FileState, ImageState
from archive.session import (
    LOCAL_ISSUER,
    Confirmed,
    Consent,
    Session,
    SessionPage,
    SessionState,
    local_accession_number,
    require_confirmed,
)

_session, _exam, _patient = schema.session.c, schema.exam.c, schema.patient.c
_owner, _image = schema.establishment.c, schema.image.c
_deposit = schema.deposit.c
_TO_BE_BUILT = frozenset({ImageState.RECEIVED, ImageState.OPENED, ImageState.BUILT})
_UNBUILT = (ImageState.RECEIVED, ImageState.REFUSED)


@dataclass(frozen=True, slots=True, repr=False)
class Opening:
    """What a session begins with: the patient, or the key of one, or an order that tells whose.

    `id` is 32 small hexadecimal digits that the client drew, so that it may ask twice.
    """

    patient: PatientIdentity | None = None
    patient_key: str | None = None
    accession_number: str | None = None
    issuer: str | None = None
    """Who gave the accession number."""
    operator: Operator | None = None
    id: str | None = None

    def __post_init__(self) -> None:
        if self.patient is not None and self.patient_key is not None:
            raise InvalidIdentity("The patient is named twice; name them once.")
        if self.id is not None and (
            len(self.id) != 32 or not set(self.id) <= set("0123456789abcdef")
        ):
            raise InvalidIdentity("A session's id is 32 hexadecimal digits, or left out.")
        if self.issuer and not self.accession_number:
            raise InvalidIdentity("An issuer is given without an accession number; give both.")


class Sessions:
    """The sessions of a catalogue, reached as `catalog.sessions`.

    `establishment=None` means every establishment, as in the catalogue.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, establishment: str, opening: Opening) -> Session:
        """Begin a session; with the id of one that is there, it is given as it stands.

        Raises NotFound for no such patient or order, DifferentPatient where the number or the
        order is another patient's, InvalidIdentity, and TransitionRefused for another's id.
        """
        now = datetime.now(UTC)
        name = checked_text("establishment's name", establishment, LO_CHARACTERS, required=True)
        session_id = opening.id or new_id()
        study = _study(name, opening, session_id)
        with self._database.write() as connection:
            owner_id = establishment_row(connection, name)
            if opening.patient is not None:
                said = named(connection, owner_id, opening.patient)
                opening = replace(opening, patient=said)
            patient_row = _patient_row(connection, owner_id, opening, study)
            known = connection.execute(
                sa.select(_session.establishment_id, _session.patient_row).where(
                    _session.id == session_id
                )
            ).one_or_none()
            if known is None:
                exam_id = exam_row(connection, owner_id, patient_row, study, now)
                remember_number(connection, exam_id, owner_id, opening.patient)
                connection.execute(
                    sa.insert(schema.session).values(
                        id=session_id,
                        establishment_id=owner_id,
                        patient_row=patient_row,
                        exam_id=exam_id,
                        state=SessionState.OPEN,
                        created_at=now,
                        **_person("operator", opening.operator),
                    )
                )
            elif known != (owner_id, patient_row):
                raise TransitionRefused("Another session has this id; draw another one.")
            return session_rows.read(connection, session_id, name)

    def session(self, session_id: str, *, establishment: str | None) -> Session:
        """Look a session up with its pictures; raises NotFound."""
        with self._database.read() as connection:
            return session_rows.read(connection, session_id, establishment)

    def between(
        self,
        start: datetime | None,
        end: datetime | None,
        *,
        establishment: str | None,
        state: SessionState | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> SessionPage:
        """The sessions that began in a time, the newest first; `after` is `SessionPage.after`.

        Raises NotFound for an `after` that names none.
        """
        query = owned(session_rows.ROWS, establishment)
        if start is not None:
            query = query.where(_session.created_at >= start)
        if end is not None:
            query = query.where(_session.created_at < end)
        if state is not None:
            query = query.where(_session.state == state)
        with self._database.read() as connection:
            return session_rows.page(connection, query, establishment, limit, after)

    def assignment(self, session_id: str) -> Assignment:
        """Whose the pictures of a session are, and by which order; raises NotFound."""
        with self._database.read() as connection:
            found = session_rows.read(connection, session_id, None)
        return Assignment(found.patient, found.accession_number, found.issuer_of_accession_number)

    def send(
        self,
        session_id: str,
        confirmed: Confirmed,
        build: Wanted,
        *,
        establishment: str | None,
    ) -> Session:
        """Ask for every picture to be built and published; again, for those that are left.

        The session is sent and all its work is asked for, or nothing is. Raises DifferentPatient
        where another patient was confirmed, NotReady with what is still to come, to be stated or
        to be taken back, TransitionRefused for a session without pictures, NotFound.
        """
        with self._database.write() as connection:
            row = session_rows.held(connection, session_id, establishment)
            require_confirmed(session_rows.patient_of(row), confirmed)
            known = session_rows.read(connection, session_id, None)
            if known.state is SessionState.OPEN:
                _require_ready(known)
                _change(connection, session_id, state=SessionState.SENT, sent_at=datetime.now(UTC))
            for one in known.pictures:
                if one.state in _TO_BE_BUILT:
                    enqueue(connection, one.image_id, build)
            return session_rows.read(connection, session_id, None)

    def sign(self, session_id: str, by: Operator, *, establishment: str | None) -> Session:
        """Sign a session off; by the same person again, nothing changes.

        Raises TransitionRefused for one that is not sent or was signed by another, NotReady with
        the pictures that are not published, NotFound.
        """
        with self._database.write() as connection:
            session_rows.held(connection, session_id, establishment)
            known = session_rows.read(connection, session_id, None)
            if known.signed_by == by:
                return known
            if known.state is not SessionState.SENT:
                raise TransitionRefused("The session is not sent, or is signed already.")
            unpublished = [
                one.image_id for one in known.pictures if one.state is not ImageState.PUBLISHED
            ]
            if unpublished:
                raise NotReady("Pictures are not published yet.", unpublished=unpublished)
            signed = {"state": SessionState.SIGNED, "signed_at": datetime.now(UTC)}
            _change(connection, session_id, **signed, **_person("signed", by))
            return session_rows.read(connection, session_id, None)

    def consent(self, session_id: str, said: Consent, *, establishment: str | None) -> Session:
        """Record an answer with the visit; the last answer again is no change. Raises NotFound."""
        with self._database.write() as connection:
            exam_id = session_rows.held(connection, session_id, establishment)["exam_id"]
            known = session_rows.read(connection, session_id, None)
            if said not in {replace(one, recorded_at=said.recorded_at) for one in known.consents}:
                connection.execute(
                    sa.insert(schema.consent).values(
                        exam_id=exam_id,
                        purpose=said.purpose,
                        answer=said.answer,
                        given_by=said.by,
                        recorded_at=said.recorded_at,
                    )
                )
            return session_rows.read(connection, session_id, None)

    def reconcile(
        self,
        session_id: str,
        accession_number: str,
        issuer: str | None,
        *,
        establishment: str | None,
    ) -> Session:
        """Give the order of a provisional encounter, once it is known.

        Where nothing is built the exam becomes the order's study, UID and all. What is built keeps
        the Study Instance UID it was published with; the number is corrected in the catalogue.
        Raises DifferentPatient for an order of another patient, TransitionRefused where the exam
        has an order, where the order has an exam already, or while a picture is being examined,
        InvalidIdentity, NotFound.
        """
        number, given_by = checked_order(accession_number, issuer)
        with self._database.write() as connection:
            row = session_rows.held(connection, session_id, establishment)
            of_session = sa.select(_deposit.id).where(_deposit.session_id == session_id)
            # Held, so that none of them is taken in under the number that is about to change.
            connection.execute(of_session.with_for_update()).all()
            known = session_rows.read(connection, session_id, None)
            if not known.is_provisional:
                if (known.accession_number, known.issuer_of_accession_number) == (number, given_by):
                    return known
                raise TransitionRefused("The exam has an order already.")
            # The establishment's exams are made one after the other, and its orders given to them.
            establishment_row(connection, known.establishment)
            study = study_of_order(known.establishment, given_by, number)
            _require_free(connection, row, study)
            if any(one.state is FileState.CHECKING for one in known.arrivals):
                raise TransitionRefused("A picture is being examined; try again in a moment.")
            values: dict[str, Any] = {
                "accession_number": number,
                "issuer_of_accession_number": given_by,
                "is_provisional": False,
            }
            if not _is_built(connection, known.exam_id):
                values["study_instance_uid"] = study.uid
            connection.execute(
                sa.update(schema.exam).where(_exam.id == known.exam_id).values(values)
            )
            outbox.look_again(connection, known.exam_id)
            return session_rows.read(connection, session_id, None)


def _study(establishment: str, opening: Opening, session_id: str) -> Study:
    """The order's study; without an order one of our own, until there is one."""
    if opening.accession_number:
        number, issuer = checked_order(opening.accession_number, opening.issuer)
        return study_of_order(establishment, issuer, number)
    study = study_of_order(establishment, LOCAL_ISSUER, local_accession_number(session_id))
    return replace(study, is_provisional=True)


def _patient_row(connection: sa.Connection, owner_id: int, opening: Opening, study: Study) -> int:
    """The row of the patient who is meant, made where it is a new one."""
    if opening.patient is not None:
        said = opening.patient
        row = numbered(connection, owner_id, said.issuer, said.patient_id)
        if row is None:
            return new_patient(connection, owner_id, said)
        _require_traits(connection, row, said)
        return survivor(connection, row)
    query = sa.select(_patient.id).where(
        _patient.establishment_id == owner_id,
        _patient.key == current_key(connection, opening.patient_key or ""),
    )
    if opening.patient_key is None:
        if study.is_provisional:
            raise InvalidIdentity("A session is of a patient; say of whom.")
        query = sa.select(_exam.patient_row).where(
            _exam.establishment_id == owner_id, is_study(study)
        )
    found = connection.scalar(query)
    if found is None:
        raise NotFound("There is no such patient.")
    return int(found)


def _require_traits(connection: sa.Connection, row: int, said: PatientIdentity) -> None:
    """A number that was mistyped must not open another patient's session."""
    traits = (_patient.name, _patient.birth_date, _patient.sex)
    known = connection.execute(sa.select(*traits).where(_patient.id == row)).one()
    stated = (said.name, said.birth_date, said.sex)
    if any(one and other and one != other for one, other in zip(known, stated, strict=True)):
        raise DifferentPatient(
            "This number is of a patient with another name, birth date or sex; check it, or "
            "choose the patient among those known."
        )


def _require_ready(session: Session) -> None:
    told = {
        "arriving": [one.id for one in session.arriving],
        "unassigned": [one.id for one in session.arrivals if one.state is FileState.UNASSIGNED],
        "unstated": [one.image_id for one in session.pictures if one.stated is None],
        "refused": [one.image_id for one in session.pictures if one.state is ImageState.REFUSED],
    }
    lacking = {why: ids for why, ids in told.items() if ids}
    if lacking:
        raise NotReady("Pictures are on their way, unsorted or refused.", **lacking)
    if not session.pictures:
        raise TransitionRefused("The session has no pictures.")


def _require_free(connection: sa.Connection, row: sa.RowMapping, study: Study) -> None:
    """Raise where the order has an exam: of another patient, or of this one."""
    other = connection.execute(
        sa.select(_exam.patient_row).where(
            _exam.establishment_id == row["establishment_id"],
            _exam.id != row["exam_id"],
            is_study(study),
        )
    ).first()
    if other is None:
        return
    if other.patient_row != row["patient_row"]:
        raise DifferentPatient("This order is of another patient, or of none; check the number.")
    raise TransitionRefused("The order has an exam already, with images of its own.")


def _is_built(connection: sa.Connection, exam_id: str) -> bool:
    """Whether headers say already to which study the exam belongs."""
    # Held, so that none is built with the study's UID while that is changed.
    states = sa.select(_image.state).where(_image.exam_id == exam_id).order_by(_image.id)
    return any(one not in _UNBUILT for one in connection.scalars(states.with_for_update()).all())


def _person(role: str, who: Operator | None) -> dict[str, str | None]:
    return {
        f"{role}_name": who.name if who else None,
        f"{role}_rpps": who.rpps if who else None,
    }


def _change(connection: sa.Connection, session_id: str, **values: Any) -> None:
    change = sa.update(schema.session).where(_session.id == session_id)
    connection.execute(change.values(values))
