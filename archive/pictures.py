"""The pictures of sessions: announced, taken in, sorted, pinned, checked, taken back."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from archive import schema, session_rows
from archive.capture import LOCATING
from archive.database import Database
from archive.errors import InvalidCapture, NotFound, TransitionRefused
from archive.jobs import Job, Wanted, enqueue, require_lease
from archive.lesion import Photograph
from archive.partial import Partial, kept
from archive.photographs import earlier_of, of_one_patient, state
from archive.reception import new_id
from archive.record import DepositState, FileState, ImageState, Upload
from archive.session import Checks, Pin, Session, SessionState
from archive.uploads import Allowance, Announced, announce, checked_path

_picture, _pin, _photo = schema.picture.c, schema.pin.c, schema.photograph.c
_image, _deposit, _upload = schema.image.c, schema.deposit.c, schema.upload.c
_UNBUILT = frozenset({ImageState.RECEIVED, ImageState.REFUSED})

LINKS = frozenset({"overview", "earlier"})
"""What of a photograph the server may choose, where it is not said."""


class Pictures:
    """The pictures of the sessions of a catalogue, reached as `catalog.pictures`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def announce(
        self,
        session_id: str,
        file: Announced,
        allowance: Allowance,
        *,
        establishment: str | None,
    ) -> Upload:
        """The upload of a picture of an open session: new, or as it already stands.

        A refused one begins anew. Raises NotFound, TransitionRefused for a session that is sent or
        has another file by that path, InvalidIdentity, OverQuota and NoRoom.
        """
        file = replace(file, path=checked_path(file.path))
        with self._database.write() as connection:
            row = session_rows.held(connection, session_id, establishment)
            same_path = sa.select(_upload.deposit_id, _upload.state).select_from(
                schema.upload.join(schema.deposit)
            )
            same_path = same_path.where(
                _deposit.session_id == session_id, _upload.path == file.path
            )
            known = connection.execute(same_path).one_or_none()
            if known is not None and known.state is not FileState.REFUSED:
                return announce(connection, known.deposit_id, file, allowance, establishment)
            _require_open(row)
            if known is not None:
                _forget_deposits(connection, [known.deposit_id])
            deposit_id, now = new_id(), datetime.now(UTC)
            connection.execute(
                sa.insert(schema.deposit).values(
                    id=deposit_id,
                    establishment_id=row["establishment_id"],
                    state=DepositState.OPEN,
                    created_at=now,
                    due_at=now,
                    attempt=0,
                    session_id=session_id,
                )
            )
            return announce(connection, deposit_id, file, allowance, establishment)

    def add(self, session_id: str, image_id: str, check: Wanted) -> bool:
        """Make a received image one of the session's, and ask for it to be checked.

        Doing it again changes nothing. False for an image of another exam, or of another session.
        """
        with self._database.write() as connection:
            exam_id = session_rows.held(connection, session_id, None)["exam_id"]
            image = connection.execute(
                sa.select(_image.exam_id, _image.state).where(_image.id == image_id)
            ).one_or_none()
            if image is None or image.exam_id != exam_id:
                return False
            mine = sa.select(_picture.session_id, _picture.checks)
            known = connection.execute(mine.where(_picture.image_id == image_id)).one_or_none()
            if known is None:
                connection.execute(
                    sa.insert(schema.picture).values(
                        image_id=image_id,
                        exam_id=exam_id,
                        session_id=session_id,
                        kept_despite=False,
                    )
                )
            elif known.session_id != session_id:
                return False
            if image.state is ImageState.RECEIVED and (known is None or known.checks is None):
                enqueue(connection, image_id, check)
            return True

    def state(
        self,
        session_id: str,
        said: Photograph,
        *,
        kept_despite: bool,
        choose: Collection[str] = LINKS,
        establishment: str | None,
    ) -> Session:
        """State what a picture of an open session shows; `choose` are links left to the server.

        The overview chosen is one of the session with a pin of the lesion; the earlier picture the
        last that is published of the lesion, in the same view, of another visit. Raises NotFound,
        TransitionRefused for a session that is sent, and InvalidCapture.
        """
        with of_one_patient(), self._database.write() as connection:
            row = session_rows.held(connection, session_id, establishment)
            _require_open(row)
            _require_picture(connection, session_id, said.image_id)
            if "overview" in choose:
                said = replace(said, overview=_overview_of(connection, session_id, said))
            if "earlier" in choose:
                said = replace(said, earlier=earlier_of(connection, said))
            state(connection, said, row["establishment"])
            sorted_out = sa.update(schema.picture).where(_picture.image_id == said.image_id)
            connection.execute(sorted_out.values(kept_despite=kept_despite, partial=None))
            return session_rows.read(connection, session_id, None)

    def state_partly(
        self,
        session_id: str,
        image_id: str,
        said: Partial,
        *,
        kept_despite: bool,
        establishment: str | None,
    ) -> Session:
        """Keep what is said so far of a picture of an open session, in place of all said before.

        It is unsorted again, and its pins are gone. Raises NotFound, also for another patient's
        lesion, and TransitionRefused for a session that is sent.
        """
        with self._database.write() as connection:
            row = session_rows.held(connection, session_id, establishment)
            _require_open(row)
            _require_picture(connection, session_id, image_id)
            if said.lesion is not None:
                _require_lesion(connection, said.lesion, row["patient_row"])
            _unstate(connection, session_id, image_id)
            so_far = sa.update(schema.picture).where(_picture.image_id == image_id)
            connection.execute(so_far.values(kept_despite=kept_despite, partial=kept(said)))
            return session_rows.read(connection, session_id, None)

    def pin(
        self, session_id: str, image_id: str, pins: Sequence[Pin], *, establishment: str | None
    ) -> Session:
        """Say where lesions are in an overview of a session that is not signed.

        They replace those that were there, and the pictures of these lesions that name no overview
        name this one, as long as they are not sent. Raises NotFound for another patient's lesion,
        InvalidCapture for a picture that is no overview, and TransitionRefused.
        """
        if len({one.lesion for one in pins}) != len(pins):
            raise InvalidCapture("A lesion has two pins in one picture; leave one.")
        with self._database.write() as connection:
            row = session_rows.held(connection, session_id, establishment)
            if row["state"] is SessionState.SIGNED:
                raise TransitionRefused("The session is signed.")
            _require_picture(connection, session_id, image_id)
            shown = connection.scalar(sa.select(_photo.view).where(_photo.image_id == image_id))
            if shown not in LOCATING:
                raise InvalidCapture("Pins are set in an overview or a pose of the total body.")
            connection.execute(sa.delete(schema.pin).where(_pin.image_id == image_id))
            for one in pins:
                _set_pin(connection, image_id, row["patient_row"], one)
            if row["state"] is SessionState.OPEN:
                _locate(connection, session_id, image_id, [one.lesion for one in pins])
            return session_rows.read(connection, session_id, None)

    def unsent(self, image_ids: Collection[str]) -> frozenset[str]:
        """Those of the images that are pictures of open sessions, and no record of anybody yet."""
        sessions = schema.session.c
        query = (
            sa.select(_picture.image_id)
            .select_from(schema.picture.join(schema.session, _picture.session_id == sessions.id))
            .where(_picture.image_id.in_(list(image_ids)), sessions.state == SessionState.OPEN)
        )
        with self._database.read() as connection:
            return frozenset(connection.scalars(query)) if image_ids else frozenset()

    def keep_checks(self, image_id: str, checks: Checks, *, attempt: Job) -> None:
        """Keep what a worker found of a picture, if it is one still; raises LeaseLost."""
        kept = {
            "version": checks.version,
            "found": [dict(one) for one in checks.found],
            "codes": list(checks.codes),
        }
        with self._database.write() as connection:
            require_lease(connection, attempt, image_id)
            connection.execute(
                sa.update(schema.picture).where(_picture.image_id == image_id).values(checks=kept)
            )

    def hand_over(
        self, session_id: str, image_ids: Collection[str], to: str, *, establishment: str | None
    ) -> Session:
        """Make pictures another open session's, whoever its patient is; gives that session.

        What was stated of them is forgotten with the patient it was stated of. Raises NotFound,
        and TransitionRefused where one of the sessions is sent or a picture cannot go.
        """
        try:
            with self._database.write() as connection:
                # Always in one order, so that two who hand over do not wait for one another.
                rows = {
                    one: session_rows.held(connection, one, establishment)
                    for one in sorted({session_id, to})
                }
                for row in rows.values():
                    _require_open(row)
                if rows[session_id]["establishment_id"] != rows[to]["establishment_id"]:
                    raise NotFound("There is no such session.")
                for image_id in dict.fromkeys(image_ids) if session_id != to else ():
                    _require_picture(connection, session_id, image_id)
                    _hand_over(connection, session_id, image_id, rows[to])
                return session_rows.read(connection, to, None)
        except IntegrityError as error:
            raise TransitionRefused("Something else refers to this picture.") from error

    def take_back(
        self, session_id: str, image_id: str, *, establishment: str | None
    ) -> tuple[str, ...]:
        """Forget a picture and all that was said of it; gives its objects' keys for deletion.

        Raises NotFound, and TransitionRefused for one that is sent (unless it was refused since),
        or that another photograph refers to.
        """
        try:
            with self._database.write() as connection:
                row = session_rows.held(connection, session_id, establishment)
                _require_picture(connection, session_id, image_id)
                reached = connection.scalar(sa.select(_image.state).where(_image.id == image_id))
                if reached is not ImageState.REFUSED:
                    _require_open(row)
                if reached not in _UNBUILT:
                    raise TransitionRefused("The picture is in the archive already.")
                return _forget(connection, session_id, image_id)
        except IntegrityError as error:
            raise TransitionRefused("Something else refers to this picture.") from error


def _require_open(row: sa.RowMapping) -> None:
    if row["state"] is not SessionState.OPEN:
        raise TransitionRefused("The session is sent; open another one for more pictures.")


def _require_picture(connection: sa.Connection, session_id: str, image_id: str) -> None:
    query = sa.select(_picture.image_id).where(
        _picture.image_id == image_id, _picture.session_id == session_id
    )
    if connection.scalar(query) is None:
        raise NotFound("This session has no such picture.")


def _overview_of(connection: sa.Connection, session_id: str, said: Photograph) -> str | None:
    """The session's overview with a pin of the lesion."""
    if said.lesion is None or said.capture.view in LOCATING:
        return None
    pinned = (
        sa.select(_pin.image_id)
        .select_from(schema.pin.join(schema.picture, _pin.image_id == _picture.image_id))
        .where(_picture.session_id == session_id, _pin.lesion_id == said.lesion)
        .order_by(_pin.image_id)
        .limit(1)
    )
    found: str | None = connection.scalar(pinned)
    return found


def _set_pin(connection: sa.Connection, image_id: str, patient_row: int, pin: Pin) -> None:
    _require_lesion(connection, pin.lesion, patient_row)
    connection.execute(
        sa.insert(schema.pin).values(
            image_id=image_id,
            lesion_id=pin.lesion,
            patient_row=patient_row,
            x=pin.x,
            y=pin.y,
        )
    )


def _require_lesion(connection: sa.Connection, lesion_id: str, patient_row: int) -> None:
    lesion = schema.lesion.c
    owner = sa.select(lesion.patient_row).where(lesion.id == lesion_id)
    # Another patient's is answered as what does not exist.
    if connection.scalar(owner) != patient_row:
        raise NotFound("This patient has no such lesion.")


def _locate(
    connection: sa.Connection, session_id: str, image_id: str, lesions: Collection[str]
) -> None:
    unbuilt = (
        sa.select(_picture.image_id)
        .select_from(schema.picture.join(schema.image, _picture.image_id == _image.id))
        .where(_picture.session_id == session_id, _image.state.in_(_UNBUILT))
    )
    located = sa.update(schema.photograph).where(
        _photo.image_id.in_(unbuilt),
        _photo.lesion_id.in_(list(lesions)),
        _photo.overview_id.is_(None),
    )
    connection.execute(located.values(overview_id=image_id))


def _hand_over(
    connection: sa.Connection, session_id: str, image_id: str, to: sa.RowMapping
) -> None:
    """Move a picture that no header was made for to the exam of another session."""
    kept = connection.execute(sa.select(schema.picture).where(_picture.image_id == image_id)).one()
    reached = connection.scalar(sa.select(_image.state).where(_image.id == image_id))
    if reached not in _UNBUILT:
        raise TransitionRefused("The picture is in the archive already; move it there.")
    _unlink(connection, session_id, image_id)
    # Its upload stays with the session that it was sent to: a phone that asks again finds it there.
    moved = sa.update(schema.image).where(_image.id == image_id)
    connection.execute(moved.values(exam_id=to["exam_id"]))
    connection.execute(
        sa.insert(schema.picture).values(
            image_id=image_id,
            exam_id=to["exam_id"],
            session_id=to["id"],
            checks=kept.checks,
            kept_despite=kept.kept_despite,
        )
    )


def _unlink(connection: sa.Connection, session_id: str, image_id: str) -> None:
    """Delete what was said of a picture, and that it is one of the session."""
    _unstate(connection, session_id, image_id)
    connection.execute(sa.delete(schema.picture).where(_picture.image_id == image_id))


def _unstate(connection: sa.Connection, session_id: str, image_id: str) -> None:
    """Delete what was said of a picture, to which others of its session refer no more."""
    beside = sa.select(_picture.image_id).where(_picture.session_id == session_id)
    lost = sa.update(schema.photograph).where(
        _photo.overview_id == image_id, _photo.image_id.in_(beside)
    )
    connection.execute(lost.values(overview_id=None))
    for table in (schema.pin, schema.photograph):
        connection.execute(sa.delete(table).where(table.c.image_id == image_id))


def _forget(connection: sa.Connection, session_id: str, image_id: str) -> tuple[str, ...]:
    """Delete every row of a picture; gives the keys of its objects."""
    _unlink(connection, session_id, image_id)
    of_image = sa.select(_upload.deposit_id).where(_upload.image_id == image_id)
    mine = sa.select(_deposit.id).where(_deposit.id.in_(of_image), _deposit.session_id.is_not(None))
    _forget_deposits(connection, list(connection.scalars(mine)))
    connection.execute(sa.delete(schema.job).where(schema.job.c.image_id == image_id))
    stored = schema.stored_object
    keys = sa.delete(stored).where(stored.c.image_id == image_id).returning(stored.c.key)
    found = tuple(connection.scalars(keys))
    connection.execute(sa.delete(schema.image).where(_image.id == image_id))
    return found


def _forget_deposits(connection: sa.Connection, ids: Collection[str]) -> None:
    connection.execute(sa.delete(schema.upload).where(_upload.deposit_id.in_(ids)))
    connection.execute(sa.delete(schema.deposit).where(_deposit.id.in_(ids)))
