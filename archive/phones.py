"""Phones that were paired: who came in by a code that somebody else's screen showed."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime

import sqlalchemy as sa

from archive import schema
from archive.database import Database
from archive.errors import InvalidIdentity, NotAllowed, NotFound
from archive.identity import LO_CHARACTERS, checked_text
from archive.ownership import owned
from archive.reception import establishment_row, new_id

NAME_CHARACTERS = 64

_phone, _owner = schema.phone.c, schema.establishment.c


@dataclass(frozen=True, slots=True)
class Phone:
    """One pairing: offered until a phone has entered by it, and good until `ends_at`.

    `subject` is the user who showed the code, as their tokens name them; `session` is the only
    one that the phone may take pictures for, None for any of the establishment.
    """

    id: str
    establishment: str
    subject: str
    session: str | None
    name: str | None
    created_at: datetime
    entered_at: datetime | None
    ends_at: datetime


_COLUMNS = {"establishment": _owner.name, "session": _phone.session_id}
_ROWS = sa.select(
    *(
        _COLUMNS[field.name].label(field.name) if field.name in _COLUMNS else _phone[field.name]
        for field in fields(Phone)
    )
).select_from(schema.phone.join(schema.establishment))

_session, _exam, _image = schema.session.c, schema.exam.c, schema.image.c
_lesion, _patient, _picture = schema.lesion.c, schema.patient.c, schema.picture.c
_upload, _deposit = schema.upload.c, schema.deposit.c
_VISIT = sa.select(sa.literal(1)).where(_session.id == sa.bindparam("session"))
_ID: sa.BindParameter[str] = sa.bindparam("id")
_OF_SESSION = {
    "image": _VISIT.where(
        _exam.patient_row == _session.patient_row, _image.exam_id == _exam.id, _image.id == _ID
    ),
    "lesion": _VISIT.where(_lesion.patient_row == _session.patient_row, _lesion.id == _ID),
    "patient": _VISIT.where(_patient.id == _session.patient_row, _patient.key == _ID),
    "picture": _VISIT.where(_picture.session_id == _session.id, _picture.image_id == _ID),
    "upload": _VISIT.where(
        _deposit.session_id == _session.id, _upload.deposit_id == _deposit.id, _upload.id == _ID
    ),
}


class Phones:
    """The pairings of a catalogue, reached as `catalog.phones`; one that has ended is gone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def offer(
        self, establishment: str, subject: str, ends_at: datetime, session: str | None = None
    ) -> Phone:
        """A pairing that no phone has entered by yet; raises InvalidIdentity."""
        now = datetime.now(UTC)
        name = checked_text("establishment's name", establishment, LO_CHARACTERS, required=True)
        with self._database.write() as connection:
            connection.execute(sa.delete(schema.phone).where(_phone.ends_at <= now))
            phone_id = new_id()
            connection.execute(
                sa.insert(schema.phone).values(
                    id=phone_id,
                    establishment_id=establishment_row(connection, name),
                    subject=subject,
                    session_id=session,
                    created_at=now,
                    ends_at=ends_at,
                )
            )
            return _read(connection, phone_id)

    def enter(self, phone_id: str, name: str) -> Phone:
        """Record that a phone came in; raises NotAllowed where it was ended or has entered."""
        if not 0 < len(name) <= NAME_CHARACTERS or not name.isprintable():
            raise InvalidIdentity("A phone's name is of up to 64 letters.")
        now = datetime.now(UTC)
        waiting = sa.and_(_phone.id == phone_id, _phone.entered_at.is_(None), _phone.ends_at > now)
        change = sa.update(schema.phone).where(waiting).values(name=name, entered_at=now)
        with self._database.write() as connection:
            if connection.execute(change).rowcount != 1:
                raise NotAllowed("This pairing was ended; ask for another code.")
            return _read(connection, phone_id)

    def of(self, subject: str | None, *, establishment: str | None) -> tuple[Phone, ...]:
        """The pairings of a user, or of all (None), which have not ended, the newest first."""
        query = _ROWS.where(_phone.ends_at > datetime.now(UTC)).order_by(
            _phone.created_at.desc(), _phone.id
        )
        if subject is not None:
            query = query.where(_phone.subject == subject)
        with self._database.read() as connection:
            rows = connection.execute(owned(query, establishment)).mappings()
            return tuple(Phone(**row) for row in rows)

    def end(self, phone_id: str, subject: str | None, *, establishment: str | None) -> None:
        """End a pairing of that user, or of anybody (None); raises NotFound."""
        query = owned(_ROWS.where(_phone.id == phone_id), establishment)
        if subject is not None:
            query = query.where(_phone.subject == subject)
        with self._database.write() as connection:
            if connection.execute(query).one_or_none() is None:
                raise NotFound("There is no such phone.")
            connection.execute(sa.delete(schema.phone).where(_phone.id == phone_id))

    def is_paired(self, phone_id: str) -> bool:
        """Whether a phone that came in by this pairing may go on, in one keyed read."""
        query = sa.select(_phone.ends_at).where(_phone.id == phone_id)
        with self._database.read() as connection:
            ends_at = connection.scalar(query)
        return ends_at is not None and ends_at > datetime.now(UTC)

    def reaches(self, session_id: str, named: Mapping[str, str | None]) -> bool:
        """Whether what an address names is of the patient of that session, a file of the session.

        `named` has ids by `image`, `lesion`, `patient` (a key), `upload`, and by `picture` those of
        images that are the session's own; others do not count.
        """
        with self._database.read() as connection:
            return all(
                connection.scalar(_OF_SESSION[what].limit(1), {"session": session_id, "id": id_})
                for what, id_ in named.items()
                if what in _OF_SESSION
            )


def _read(connection: sa.Connection, phone_id: str) -> Phone:
    return Phone(**connection.execute(_ROWS.where(_phone.id == phone_id)).mappings().one())
