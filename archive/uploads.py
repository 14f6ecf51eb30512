"""Files on their way in: rows that say how much of each is durable."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.database import Database
from archive.errors import (
    Expired,
    InvalidIdentity,
    NoRoom,
    NotFound,
    OverQuota,
    TransitionRefused,
)
from archive.ownership import owned
from archive.reception import new_id
from archive.record import RECEIVING, DepositState, FileState, ImageState, Reason, Upload
from archive.storage import Storage

PATH_CHARACTERS = 512
PATH_BYTES = 1024
"""What any file system and any index takes."""
NAME_BYTES = 255
FILES = 20_000
"""Of one deposit: a MIRAX slide has thirty, a folder of DICOM some hundreds."""

_upload, _deposit, _owner, _image = (
    schema.upload.c,
    schema.deposit.c,
    schema.establishment.c,
    schema.image.c,
)
_OWN = [_upload[one.name] for one in fields(Upload) if one.name != "exam_id"]
_FROM = (
    schema.upload.join(schema.deposit)
    .join(schema.establishment)
    .outerjoin(schema.image, _image.id == _upload.image_id)
)
ROWS = sa.select(
    *_OWN,
    _image.exam_id,
    _image.state.label("image_state"),
    _image.reason.label("image_reason"),
).select_from(_FROM)
"""The rows of uploads; conditions on deposit and establishment may be added."""

# What takes room in the spool: the files of taken ones are the store's.
_SPOOLED = sa.or_(
    _upload.state.in_([*RECEIVING, FileState.CHECKING, FileState.UNASSIGNED]),
    sa.and_(_upload.state == FileState.COMPANION, _upload.image_id.is_(None)),
)


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much may come: `room_bytes` is what the disk has beyond what is kept free."""

    room_bytes: int
    expires_in_s: float
    quota_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Announced:
    """A file that is to come: `path` is one that can be kept."""

    path: str = field(repr=False)
    length_bytes: int
    sha256: str | None


class Uploads:
    """The files of all deposits, reached as `catalog.uploads`.

    `establishment` is as for the catalogue: what is another's is answered as what does not exist.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def announce(
        self,
        deposit_id: str,
        path: str,
        length_bytes: int,
        sha256: str | None,
        allowance: Allowance,
        *,
        establishment: str | None,
    ) -> Upload:
        """The upload of this file of the deposit: new, or as it already stands.

        A refused one begins anew. Raises NotFound for no such deposit, TransitionRefused for one
        that is closed or has another file there, InvalidIdentity for a path that cannot be kept,
        OverQuota and NoRoom.
        """
        file = Announced(checked_path(path), length_bytes, sha256)
        with self._database.write() as connection:
            return announce(connection, deposit_id, file, allowance, establishment)

    def upload(self, upload_id: str, *, establishment: str | None) -> Upload:
        """Look an upload up; raises NotFound, and Expired for one that was swept."""
        with self._database.read() as connection:
            return _alive(_read(connection, upload_id, establishment))

    def grew(
        self,
        upload_id: str,
        offset_bytes: int,
        expires_in_s: float,
        *,
        sha256: str | None = None,
    ) -> Upload:
        """Record how much is durable; a file that is complete waits to be examined.

        `sha256` is the digest of a complete file, where it is known: unlike the one announced it
        refuses the file. Raises NotFound and Expired for an upload that was given up meanwhile.
        """
        with self._database.write() as connection:
            known = _alive(_read(connection, upload_id, None))
            if known.state not in RECEIVING:
                raise TransitionRefused("The file is complete already.")
            values: dict[str, Any] = {
                "offset_bytes": offset_bytes,
                "state": FileState.UPLOADING if offset_bytes else known.state,
                "expires_at": datetime.now(UTC) + timedelta(seconds=expires_in_s),
            }
            if offset_bytes == known.length_bytes:
                values |= {"received_sha256": sha256, **_arrived(known.sha256, sha256)}
            connection.execute(_change(upload_id, **values))
            if values["state"] is FileState.CHECKING:
                # Of a session's picture nothing else is to come.
                closed = sa.update(schema.deposit).where(
                    _deposit.id == known.deposit_id, _deposit.session_id.is_not(None)
                )
                now = datetime.now(UTC)
                connection.execute(closed.values(state=DepositState.CLOSED, due_at=now))
            return _read(connection, upload_id, None)

    def remove(self, upload_id: str, *, establishment: str | None) -> Upload:
        """Give an upload up, and give it for its draft to be deleted.

        Raises NotFound, and TransitionRefused for a file of a closed deposit, or a session's
        picture that is taken, or is being examined.
        """
        with self._database.write() as connection:
            known = _read(connection, upload_id, establishment)
            deposit = _deposit_row(connection, known.deposit_id, establishment)
            is_picture = deposit["session_id"] is not None
            if is_picture:
                _require_not_taken(connection, known)
            elif deposit["state"] is not DepositState.OPEN:
                raise TransitionRefused("The deposit is closed; delete the whole of it.")
            connection.execute(sa.delete(schema.upload).where(_upload.id == upload_id))
            if is_picture:
                connection.execute(sa.delete(schema.deposit).where(_deposit.id == known.deposit_id))
            return known

    def expire(self, now: datetime) -> int:
        """Refuse the uploads of open deposits that nobody went on with; gives how many.

        An open deposit lives as long as its youngest upload: nothing of it was ever said to be all.
        """
        alive = (
            sa.select(_upload.deposit_id)
            .where(_upload.expires_at > now)
            .distinct()
            .scalar_subquery()
        )
        abandoned = sa.select(_deposit.id).where(
            _deposit.state == DepositState.OPEN, _deposit.id.not_in(alive)
        )
        change = sa.update(schema.upload).where(
            _upload.deposit_id.in_(abandoned), _upload.state != FileState.REFUSED
        )
        with self._database.write() as connection:
            done = connection.execute(
                change.values(state=FileState.REFUSED, reason=Reason.EXPIRED, detail=None)
            )
            return int(done.rowcount)

    def with_drafts(self) -> frozenset[str]:
        """The uploads whose drafts are needed; all other drafts may be deleted."""
        with self._database.read() as connection:
            return frozenset(connection.scalars(sa.select(_upload.id).where(_SPOOLED)))


def announce(
    connection: sa.Connection,
    deposit_id: str,
    file: Announced,
    allowance: Allowance,
    establishment: str | None,
) -> Upload:
    """The upload of a file in the caller's transaction, as `Uploads.announce` gives it."""
    deposit = _deposit_row(connection, deposit_id, establishment)
    rows = ROWS.where(_upload.deposit_id == deposit_id, _upload.path == file.path)
    known = connection.execute(rows).mappings().one_or_none()
    if known is not None and known["state"] is not FileState.REFUSED:
        if known["length_bytes"] != file.length_bytes:
            raise TransitionRefused("Another file of this deposit has this path.")
        return from_row(known)
    if deposit["state"] is not DepositState.OPEN:
        raise TransitionRefused("The deposit is closed; open another one.")
    if known is not None:
        connection.execute(sa.delete(schema.upload).where(_upload.id == known["id"]))
    _require_free_path(connection, deposit_id, file.path)
    _require_room(connection, deposit["establishment_id"], file.length_bytes, allowance)
    upload_id = new_id()
    connection.execute(
        sa.insert(schema.upload).values(
            id=upload_id,
            deposit_id=deposit_id,
            path=file.path,
            length_bytes=file.length_bytes,
            offset_bytes=0,
            key=Storage.new_key(),
            state=FileState.WAITING,
            sha256=file.sha256,
            expires_at=datetime.now(UTC) + timedelta(seconds=allowance.expires_in_s),
        )
    )
    return _read(connection, upload_id, establishment)


def checked_path(path: str) -> str:
    """A file's path in its deposit; raises InvalidIdentity for one that leads out of it."""
    parts = path.split("/")
    if (
        not 0 < len(path) <= PATH_CHARACTERS
        or any(part in {"", ".", ".."} for part in parts)
        or any(ord(one) < 32 or 0x7F <= ord(one) < 0xA0 for one in path)
        or any("\ud800" <= one <= "\udfff" for one in path)
        or len(path.encode()) > PATH_BYTES
        or any(len(part.encode()) > NAME_BYTES for part in parts)
    ):
        raise InvalidIdentity("A file's path is not one that can be kept; rename the file.")
    return path


def from_row(row: Mapping[Any, Any]) -> Upload:
    """An upload as it stands; one whose image was refused later is refused for that."""
    values = dict(row)
    refused = values.pop("image_state") is ImageState.REFUSED
    reason = values.pop("image_reason")
    if refused and values["state"] is FileState.TAKEN:
        values |= {"state": FileState.REFUSED, "reason": Reason.BUILD, "detail": reason}
    return Upload(**values)


def change_to(
    states: Collection[FileState], deposit_id: str, state: FileState, **values: Any
) -> sa.Update:
    """The statement that moves the files of a deposit that are in one of the states."""
    change = sa.update(schema.upload).where(
        _upload.deposit_id == deposit_id, _upload.state.in_(states)
    )
    return change.values(state=state, **values)


def _arrived(announced: str | None, received: str | None) -> dict[str, Any]:
    if announced is not None and received is not None and announced != received:
        return {"state": FileState.REFUSED, "reason": Reason.DIGEST}
    return {"state": FileState.CHECKING}


def _change(upload_id: str, **values: Any) -> sa.Update:
    return sa.update(schema.upload).where(_upload.id == upload_id).values(**values)


def _alive(upload: Upload) -> Upload:
    if upload.reason is Reason.EXPIRED:
        raise Expired("Nobody went on with this file in time; send it again.")
    return upload


def _read(connection: sa.Connection, upload_id: str, establishment: str | None) -> Upload:
    query = owned(ROWS.where(_upload.id == upload_id), establishment)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such upload.")
    return from_row(row)


def _deposit_row(
    connection: sa.Connection, deposit_id: str, establishment: str | None
) -> sa.RowMapping:
    """The deposit's row, and its establishment's, which puts what is announced in order."""
    query = (
        sa.select(_deposit.state, _deposit.establishment_id, _deposit.session_id)
        .select_from(schema.deposit.join(schema.establishment))
        .where(_deposit.id == deposit_id)
        .with_for_update()
    )
    query = owned(query, establishment)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such deposit.")
    return row


def _require_not_taken(connection: sa.Connection, upload: Upload) -> None:
    if upload.state is FileState.TAKEN:
        raise TransitionRefused("The picture is in its session; take it back there.")
    leased = sa.select(_deposit.id).where(
        _deposit.id == upload.deposit_id, _deposit.lease_until > datetime.now(UTC)
    )
    if connection.scalar(leased) is not None:
        raise TransitionRefused("The file is being examined; try again in a moment.")


def _require_free_path(connection: sa.Connection, deposit_id: str, path: str) -> None:
    """A file can be no folder of another, and a deposit has an end."""
    parts = path.split("/")
    above = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
    # "0" follows "/": between them lies whatever is in the folder.
    below = sa.and_(_upload.path > f"{path}/", _upload.path < f"{path}0")
    of_deposit = sa.select(sa.func.count()).where(_upload.deposit_id == deposit_id)
    if connection.scalar(of_deposit.where(sa.or_(_upload.path.in_(above), below))):
        raise TransitionRefused("A file and a folder of this deposit have the same path.")
    if (connection.scalar(of_deposit) or 0) >= FILES:
        raise TransitionRefused(f"A deposit holds {FILES} files; open another one.")


def _require_room(
    connection: sa.Connection, establishment_id: int, length_bytes: int, allowance: Allowance
) -> None:
    if allowance.quota_bytes is not None:
        spooled = sa.select(sa.func.coalesce(sa.func.sum(_upload.length_bytes), 0))
        spooled = spooled.select_from(schema.upload.join(schema.deposit)).where(
            _deposit.establishment_id == establishment_id, _SPOOLED
        )
        used = int(connection.scalar(spooled) or 0)
        if used + length_bytes > allowance.quota_bytes:
            raise OverQuota(
                "The establishment has as much on its way as it may.",
                quota_bytes=allowance.quota_bytes,
                used_bytes=used,
                needed_bytes=length_bytes,
            )
    to_come = sa.select(
        sa.func.coalesce(sa.func.sum(_upload.length_bytes - _upload.offset_bytes), 0)
    ).where(_upload.state.in_(RECEIVING))
    needed = int(connection.scalar(to_come) or 0) + length_bytes
    if needed > allowance.room_bytes:
        raise NoRoom(
            "The disk has not enough room.",
            needed_bytes=needed,
            free_bytes=max(0, allowance.room_bytes),
        )
