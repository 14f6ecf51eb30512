"""Deposits: what one person brings at once, and the worker's lease on a closed one."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from archive import schema, uploads
from archive.database import Database
from archive.errors import Incomplete, InvalidIdentity, LeaseLost, NotFound, TransitionRefused
from archive.identity import LO_CHARACTERS, SH_CHARACTERS, PatientIdentity, checked_text
from archive.ownership import owned
from archive.reception import establishment_row, new_id
from archive.record import (
    RECEIVING,
    Assignment,
    Deposit,
    DepositState,
    FileState,
    Reason,
    Upload,
)

_deposit, _upload, _owner = schema.deposit.c, schema.upload.c, schema.establishment.c
_ROWS = sa.select(
    _deposit.id,
    _deposit.state,
    _deposit.patient,
    _deposit.accession_number,
    _deposit.issuer_of_accession_number,
    _deposit.created_at,
    _deposit.attempt,
    _deposit.session_id,
    _owner.name.label("establishment"),
).select_from(schema.deposit.join(schema.establishment))


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as whoever closes the deposit knows it."""

    path: str
    size_bytes: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file that was examined; `companions` share it."""

    upload: Upload
    state: FileState
    companions: tuple[Upload, ...] = ()
    image_id: str | None = None
    reason: Reason | None = None
    detail: str | None = None


class Deposits:
    """The deposits of a catalogue, reached as `catalog.deposits`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, establishment: str, assignment: Assignment | None = None) -> Deposit:
        """Begin a deposit; raises InvalidIdentity."""
        now = datetime.now(UTC)
        name = checked_text("establishment's name", establishment, LO_CHARACTERS, required=True)
        with self._database.write() as connection:
            deposit_id = new_id()
            connection.execute(
                sa.insert(schema.deposit).values(
                    id=deposit_id,
                    establishment_id=establishment_row(connection, name),
                    state=DepositState.OPEN,
                    created_at=now,
                    due_at=now,
                    attempt=0,
                    **_columns(assignment),
                )
            )
            return _read(connection, deposit_id, name)

    def deposit(self, deposit_id: str, *, establishment: str | None) -> Deposit:
        """Look a deposit up, with its files; raises NotFound."""
        with self._database.read() as connection:
            return _read(connection, deposit_id, establishment)

    def recent(self, *, establishment: str | None, limit: int = 50) -> tuple[Deposit, ...]:
        """The newest deposits with their files, unfinished ones first."""
        unfinished = sa.exists().where(
            _upload.deposit_id == _deposit.id,
            _upload.state.not_in([FileState.TAKEN, FileState.REFUSED, FileState.COMPANION]),
        )
        query = _ROWS.where(_deposit.session_id.is_(None))
        query = query.order_by(sa.desc(unfinished), _deposit.created_at.desc(), _deposit.id)
        query = owned(query, establishment)
        with self._database.read() as connection:
            return _with_files(connection, connection.execute(query.limit(limit)).mappings().all())

    def assign(
        self, deposit_id: str, assignment: Assignment | None, *, establishment: str | None
    ) -> Deposit:
        """Say whose the files are, and have those looked at again that wait for it.

        Raises NotFound, InvalidIdentity, and TransitionRefused once something was taken.
        """
        values = _columns(assignment)
        with self._database.write() as connection:
            known = _read(connection, deposit_id, establishment, hold=True)
            if any(one.state is FileState.TAKEN for one in known.files):
                raise TransitionRefused("Files of this deposit are in the archive already.")
            # A worker that is at it is told that it lost its lease, and begins anew.
            values |= {"lease_until": None, "worker": None, "due_at": datetime.now(UTC)}
            connection.execute(_change(deposit_id, attempt=known.attempt + 1, **values))
            waiting = {FileState.UNASSIGNED}
            connection.execute(
                uploads.change_to(waiting, deposit_id, FileState.CHECKING, reason=None, detail=None)
            )
            _free_companions(connection, deposit_id)
            return _read(connection, deposit_id, establishment)

    def close(
        self, deposit_id: str, listed: Sequence[Listed], *, establishment: str | None
    ) -> Deposit:
        """Say that these files are all; doing it again changes nothing.

        Raises Incomplete for files that have not wholly come, NotFound, and InvalidIdentity for a
        digest that is none.
        """
        with self._database.write() as connection:
            known = _read(connection, deposit_id, establishment, hold=True)
            files = {one.path: one for one in known.files}
            missing = tuple(
                one.path
                for one in listed
                if (found := files.get(one.path)) is None
                or found.length_bytes != one.size_bytes
                or found.state in RECEIVING
                or found.reason is Reason.EXPIRED
            )
            if missing:
                raise Incomplete("Files of this deposit have not come.", missing)
            for one in listed:
                if one.sha256 is not None:
                    _compare(connection, files[one.path], checked_sha256(one.sha256))
            if known.state is DepositState.OPEN:
                # What was begun and is not among them was given up by whoever began it.
                connection.execute(
                    sa.delete(schema.upload).where(
                        _upload.deposit_id == deposit_id, _upload.state.in_(RECEIVING)
                    )
                )
                connection.execute(
                    _change(deposit_id, state=DepositState.CLOSED, due_at=datetime.now(UTC))
                )
            return _read(connection, deposit_id, establishment)

    def remove(self, deposit_id: str, *, establishment: str | None) -> Deposit:
        """Forget a deposit, and give it for its drafts to be deleted; images that it gave stay.

        Raises NotFound, and TransitionRefused while a worker is at it.
        """
        with self._database.write() as connection:
            known = _read(connection, deposit_id, establishment, hold=True)
            leased = sa.select(_deposit.id).where(
                _deposit.id == deposit_id, _deposit.lease_until > datetime.now(UTC)
            )
            if connection.scalar(leased) is not None:
                raise TransitionRefused("The files are being examined; try again in a moment.")
            connection.execute(sa.delete(schema.upload).where(_upload.deposit_id == deposit_id))
            connection.execute(sa.delete(schema.deposit).where(_deposit.id == deposit_id))
            return known

    def claim(self, worker: str, lease_s: float) -> Deposit | None:
        """Take the closed deposit with files to examine that is due first; None without any."""
        now = datetime.now(UTC)
        due = (
            sa.select(_deposit.id)
            .where(
                _deposit.state == DepositState.CLOSED,
                _deposit.due_at <= now,
                sa.or_(_deposit.lease_until.is_(None), _deposit.lease_until <= now),
                sa.exists().where(
                    _upload.deposit_id == _deposit.id, _upload.state == FileState.CHECKING
                ),
            )
            .order_by(_deposit.due_at, _deposit.id)
            .limit(1)
        )
        # Whoever has nothing to do asks often: it must not take the one writer's place for it.
        with self._database.read() as connection:
            if connection.scalar(due) is None:
                return None
        with self._database.write() as connection:
            found = connection.scalar(due.with_for_update(skip_locked=True))
            if found is None:
                return None
            until = now + timedelta(seconds=lease_s)
            connection.execute(
                _change(found, attempt=_deposit.attempt + 1, worker=worker, lease_until=until)
            )
            return _read(connection, found, None)

    def renew(self, deposit: Deposit, lease_s: float) -> None:
        """Keep the deposit for longer; raises LeaseLost once it is another's."""
        until = datetime.now(UTC) + timedelta(seconds=lease_s)
        with self._database.write() as connection:
            _require_lease(connection, deposit)
            connection.execute(_change(deposit.id, lease_until=until))

    def settle(self, deposit: Deposit, outcome: Outcome) -> None:
        """Record what became of a file and of its companions; raises LeaseLost."""
        with self._database.write() as connection:
            _require_lease(connection, deposit)
            # A file that is refused needs nobody; those it named are looked at by themselves.
            refused = outcome.state is FileState.REFUSED
            for one in () if refused else outcome.companions:
                connection.execute(
                    _change_file(one.id, state=FileState.COMPANION, image_id=outcome.image_id)
                )
            connection.execute(
                _change_file(
                    outcome.upload.id,
                    state=outcome.state,
                    image_id=outcome.image_id,
                    reason=outcome.reason,
                    detail=outcome.detail,
                )
            )

    def release(self, deposit: Deposit, again_in_s: float = 0.0) -> None:
        """Let go of the lease; what is still to be examined is due after that time."""
        due = datetime.now(UTC) + timedelta(seconds=again_in_s)
        with self._database.write() as connection:
            _require_lease(connection, deposit)
            connection.execute(_change(deposit.id, lease_until=None, worker=None, due_at=due))

    def holders(self) -> frozenset[str]:
        """The workers that hold a lease."""
        held = sa.select(_deposit.worker).where(_deposit.lease_until.is_not(None)).distinct()
        with self._database.read() as connection:
            return frozenset(str(worker) for worker in connection.scalars(held))

    def lapse(self, worker: str) -> None:
        """Let the leases of a worker that is known to be dead run out at once."""
        ended = sa.update(schema.deposit).where(
            _deposit.worker == worker, _deposit.lease_until.is_not(None)
        )
        with self._database.write() as connection:
            connection.execute(ended.values(lease_until=datetime.now(UTC)))


def checked_sha256(text: str) -> str:
    """A digest in small hexadecimal letters; raises InvalidIdentity."""
    text = text.lower()
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise InvalidIdentity("A digest is not a SHA-256 in hexadecimal.")
    return text


def _compare(connection: sa.Connection, file: Upload, sha256: str) -> None:
    """Hold the digest against what came; where that is not known yet, who examines it will."""
    if file.state not in {FileState.CHECKING, FileState.UNASSIGNED}:
        return
    wrong = file.received_sha256 not in {None, sha256} or file.sha256 not in {None, sha256}
    values: dict[str, Any] = {"sha256": sha256}
    if wrong:
        values |= {"state": FileState.REFUSED, "reason": Reason.DIGEST}
    connection.execute(_change_file(file.id, **values))


def _free_companions(connection: sa.Connection, deposit_id: str) -> None:
    """Those of files that wait are looked for again, with them."""
    waiting = sa.update(schema.upload).where(
        _upload.deposit_id == deposit_id,
        _upload.state == FileState.COMPANION,
        _upload.image_id.is_(None),
    )
    connection.execute(waiting.values(state=FileState.CHECKING))


def _require_lease(connection: sa.Connection, deposit: Deposit) -> None:
    held = sa.select(_deposit.id).where(
        _deposit.id == deposit.id,
        _deposit.attempt == deposit.attempt,
        _deposit.lease_until.is_not(None),
    )
    if connection.scalar(held.with_for_update()) is None:
        raise LeaseLost("This deposit was taken over by another worker; leave it.")


def _change(deposit_id: str, **values: Any) -> sa.Update:
    return sa.update(schema.deposit).where(_deposit.id == deposit_id).values(**values)


def _change_file(upload_id: str, **values: Any) -> sa.Update:
    return sa.update(schema.upload).where(_upload.id == upload_id).values(**values)


def _read(
    connection: sa.Connection, deposit_id: str, establishment: str | None, *, hold: bool = False
) -> Deposit:
    query = owned(_ROWS.where(_deposit.id == deposit_id), establishment)
    if hold:
        query = query.with_for_update(of=schema.deposit)
    rows = connection.execute(query).mappings().all()
    if not rows:
        raise NotFound("There is no such deposit.")
    return _with_files(connection, rows)[0]


def _with_files(connection: sa.Connection, rows: Collection[sa.RowMapping]) -> tuple[Deposit, ...]:
    files: dict[str, list[Upload]] = defaultdict(list)
    of_these = uploads.ROWS.where(_upload.deposit_id.in_([row["id"] for row in rows]))
    of_these = of_these.add_columns(_of_another().label("of_another")).order_by(_upload.path)
    for file in connection.execute(of_these).mappings() if rows else ():
        known = dict(file)
        if known.pop("of_another"):
            known |= {"image_id": None, "exam_id": None}
        files[file["deposit_id"]].append(uploads.from_row(known))
    return tuple(
        Deposit(
            id=row["id"],
            establishment=row["establishment"],
            state=row["state"],
            assignment=_assignment(row),
            created_at=row["created_at"],
            attempt=row["attempt"],
            session=row["session_id"],
            files=tuple(files[row["id"]]),
        )
        for row in rows
    )


def _of_another() -> sa.ColumnElement[bool]:
    """Whether a file's image was moved since it came, and is another patient's now."""
    moved, then, now = schema.move, schema.exam.alias(), schema.exam.alias()
    came_to = (
        sa.select(then.c.patient_row)
        .select_from(moved.join(then, moved.c.from_exam_id == then.c.id))
        .where(moved.c.image_id == _upload.image_id, moved.c.done_at > _deposit.created_at)
        .order_by(moved.c.id)
        .limit(1)
        .scalar_subquery()
    )
    is_of = sa.select(now.c.patient_row).where(now.c.id == schema.image.c.exam_id).scalar_subquery()
    return sa.and_(came_to.is_not(None), came_to.is_distinct_from(is_of))


def _columns(assignment: Assignment | None) -> dict[str, Any]:
    """An assignment as it is kept; raises InvalidIdentity for what DICOM cannot carry."""
    given = assignment or Assignment()
    number = checked_text("accession number", given.accession_number or "", SH_CHARACTERS)
    issuer = checked_text("issuer of the accession number", given.issuer or "", LO_CHARACTERS)
    if issuer and not number:
        raise InvalidIdentity("An issuer is given without an accession number; give both.")
    return {
        "patient": _as_json(given.patient),
        "accession_number": number or None,
        "issuer_of_accession_number": issuer or None,
    }


def _as_json(patient: PatientIdentity | None) -> dict[str, Any] | None:
    if patient is None:
        return None
    born = patient.birth_date
    return {**asdict(patient), "birth_date": born.isoformat() if born else None}


def _assignment(row: sa.RowMapping) -> Assignment | None:
    if row["patient"] is None and row["accession_number"] is None:
        return None
    patient = None
    if row["patient"] is not None:
        kept = dict(row["patient"])
        born = kept.pop("birth_date")
        patient = PatientIdentity(**kept, birth_date=date.fromisoformat(born) if born else None)
    return Assignment(patient, row["accession_number"], row["issuer_of_accession_number"])
