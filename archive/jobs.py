"""Work to be done, kept as leased rows: the catalogue remembers, whoever executes may die."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.cases.schema import scan
from archive.database import Database
from archive.errors import LeaseLost, NotFound
from archive.record import TRANSITIONS, ImageState, JobState

UNFINISHED = (JobState.WAITING, JobState.LEASED)
STOPPED_EACH_TIME = "Processing stopped without an answer each time this file was tried."


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at one piece of work; `attempt` is the fence that a later claim raises."""

    id: int
    kind: str
    image_id: str
    payload: Mapping[str, Any]
    state: JobState
    attempt: int
    max_attempts: int
    lease_until: datetime | None
    reason: str | None
    """Why the attempt before gave it back; None where none did, or another is under way."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Work that is asked for."""

    kind: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    max_attempts: int = 3


_job = schema.job.c
_COLUMNS = [_job[one.name] for one in fields(Job)]
_REFUSABLE = [before for before, after in TRANSITIONS if after is ImageState.REFUSED]


class Jobs:
    """The queue of a catalogue, reached as `catalog.jobs`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enqueue(
        self, kind: str, image_id: str, payload: Mapping[str, Any], *, max_attempts: int = 3
    ) -> Job:
        """Ask for work on an image; while the same kind is still unfinished, that job is given.

        One that waits for its next attempt is due at once: who asks again has seen to the trouble.
        Raises NotFound for an image the catalogue does not hold.
        """
        with self._database.write() as connection:
            return enqueue(connection, image_id, Wanted(kind, payload, max_attempts))

    def claim(self, worker: str, lease_s: float, *, kinds: Collection[str] = ()) -> Job | None:
        """Take the most urgent job that is due, then the oldest; None when there is none.

        A job whose last attempt was lost becomes failed here and its unpublished image refused.
        """
        now = datetime.now(UTC)
        due = sa.or_(
            sa.and_(_job.state == JobState.WAITING, _job.due_at <= now),
            sa.and_(_job.state == JobState.LEASED, _job.lease_until <= now),
        )
        if kinds:
            due = sa.and_(due, _job.kind.in_(kinds))
        first = (_job.urgency.desc(), _job.due_at, _job.id)
        oldest = sa.select(*_COLUMNS).where(due).order_by(*first).limit(1)
        # An idle worker asks often: it must not take the one writer's place to learn of nothing.
        with self._database.read() as connection:
            if connection.execute(oldest).one_or_none() is None:
                return None
        with self._database.write() as connection:
            free = oldest.with_for_update(skip_locked=True)
            while row := connection.execute(free).mappings().one_or_none():
                job = Job(**row)
                if job.attempt < job.max_attempts:
                    return _take(connection, job, worker, now + timedelta(seconds=lease_s))
                _give_up(connection, job, STOPPED_EACH_TIME)
        return None

    def holders(self) -> frozenset[str]:
        """The workers that hold a lease."""
        held = sa.select(_job.worker).where(_job.state == JobState.LEASED).distinct()
        with self._database.read() as connection:
            return frozenset(str(worker) for worker in connection.scalars(held))

    def lapse(self, worker: str) -> None:
        """Let the leases of a worker that is known to be dead run out at once."""
        held = (_job.state == JobState.LEASED, _job.worker == worker)
        ended = sa.update(schema.job).where(*held).values(lease_until=datetime.now(UTC))
        with self._database.write() as connection:
            connection.execute(ended)

    def renew(self, job: Job, lease_s: float) -> Job:
        """Keep the job for longer; raises LeaseLost once another attempt has it."""
        until = datetime.now(UTC) + timedelta(seconds=lease_s)
        with self._database.write() as connection:
            require_lease(connection, job, job.image_id)
            longer = sa.update(schema.job).where(_job.id == job.id).values(lease_until=until)
            return Job(**connection.execute(longer.returning(*_COLUMNS)).mappings().one())

    def finish(self, job: Job) -> None:
        """Mark the job done; raises LeaseLost once another attempt has it."""
        with self._database.write() as connection:
            require_lease(connection, job, job.image_id)
            _release(connection, job, state=JobState.DONE)

    def give_back(self, job: Job) -> None:
        """Leave the job to whoever comes, at once; raises LeaseLost once another attempt has it.

        A job whose last attempt this was is failed when it is next claimed.
        """
        with self._database.write() as connection:
            require_lease(connection, job, job.image_id)
            _release(connection, job, state=JobState.WAITING, due_at=datetime.now(UTC))

    def fail(self, job: Job, *, retry_in_s: float | None, reason: str) -> JobState:
        """Put the job off: waiting again, or failed when None is given or attempts are spent.

        A failed job refuses its image for `reason` (shown to people) unless it is published.
        Raises LeaseLost once another attempt has it.
        """
        with self._database.write() as connection:
            require_lease(connection, job, job.image_id)
            if retry_in_s is None or job.attempt >= job.max_attempts:
                _give_up(connection, job, reason)
                return JobState.FAILED
            due_at = datetime.now(UTC) + timedelta(seconds=retry_in_s)
            _release(connection, job, state=JobState.WAITING, due_at=due_at, reason=reason)
            return JobState.WAITING

    def job(self, job_id: int) -> Job:
        """Look a job up as it stands; raises NotFound."""
        with self._database.read() as connection:
            query = sa.select(*_COLUMNS).where(_job.id == job_id)
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise NotFound("There is no such job.")
        return Job(**row)

    def counts(self) -> dict[JobState, int]:
        """Count the jobs in each state, for a status page."""
        by_state = sa.select(_job.state, sa.func.count().label("jobs")).group_by(_job.state)
        with self._database.read() as connection:
            found = {row.state: row.jobs for row in connection.execute(by_state)}
        return {state: found.get(state, 0) for state in JobState}


def enqueue(connection: sa.Connection, image_id: str, wanted: Wanted) -> Job:
    """Ask for work on an image in the caller's transaction, as `Jobs.enqueue` does."""
    # The image's row is the queue's lock for this image, where rows can be locked.
    image = sa.select(schema.image.c.id).where(schema.image.c.id == image_id)
    if connection.scalar(image.with_for_update()) is None:
        raise NotFound("There is no such image.")
    unfinished = sa.select(*_COLUMNS).where(
        _job.kind == wanted.kind,
        _job.image_id == image_id,
        _job.state.in_([JobState.WAITING, JobState.LEASED]),
    )
    row = connection.execute(unfinished).mappings().one_or_none()
    if row is None:
        new = sa.insert(schema.job).values(
            kind=wanted.kind,
            image_id=image_id,
            payload=dict(wanted.payload),
            state=JobState.WAITING,
            attempt=0,
            max_attempts=wanted.max_attempts,
            due_at=datetime.now(UTC),
            urgency=_urgency_of(connection, image_id),
        )
        row = connection.execute(new.returning(*_COLUMNS)).mappings().one()
    elif row["state"] is JobState.WAITING:
        again = sa.update(schema.job).where(_job.id == row["id"])
        again = again.values(due_at=datetime.now(UTC), reason=None)
        row = connection.execute(again.returning(*_COLUMNS)).mappings().one()
    return Job(**row)


def hurry(connection: sa.Connection, image_id: str, urgency: int) -> None:
    """Let unfinished work on an image go before all that is less urgent."""
    unfinished = sa.update(schema.job).where(
        _job.image_id == image_id, _job.state.in_(UNFINISHED), _job.urgency != urgency
    )
    connection.execute(unfinished.values(urgency=urgency))


def _urgency_of(connection: sa.Connection, image_id: str) -> int:
    """As urgent as the order of the slide, where it has one."""
    known = sa.select(scan.c.urgency).where(scan.c.image_id == image_id)
    return connection.scalar(known) or 0


def has_unfinished(connection: sa.Connection, image_ids: Collection[str]) -> bool:
    """Whether work on any of these images is asked for and not done."""
    unfinished = sa.select(_job.id).where(
        _job.image_id.in_(list(image_ids)),
        _job.state.in_([JobState.WAITING, JobState.LEASED]),
    )
    return connection.scalar(unfinished.limit(1)) is not None


def call_off(connection: sa.Connection, kind: str, image_ids: Collection[str]) -> None:
    """End unfinished work of a kind; whoever is at it loses the lease."""
    unfinished = sa.update(schema.job).where(
        _job.kind == kind,
        _job.image_id.in_(list(image_ids)),
        _job.state.in_([JobState.WAITING, JobState.LEASED]),
    )
    ended = unfinished.values(state=JobState.DONE, lease_until=None, worker=None)
    connection.execute(ended)


def require_lease(connection: sa.Connection, job: Job, image_id: str) -> None:
    """Hold the row of this attempt at this image for the transaction, or raise LeaseLost.

    What counts is the attempt, not the clock: a late worker may still finish what nobody took over,
    and two clocks that disagree cannot let two workers write.
    """
    held = sa.select(_job.id).where(
        _job.id == job.id,
        _job.image_id == image_id,
        _job.attempt == job.attempt,
        _job.state == JobState.LEASED,
    )
    if connection.scalar(held.with_for_update()) is None:
        raise LeaseLost("This work was taken over by another worker; leave it.")


def _take(connection: sa.Connection, job: Job, worker: str, until: datetime) -> Job:
    lease = sa.update(schema.job).where(_job.id == job.id)
    lease = lease.values(
        state=JobState.LEASED,
        attempt=job.attempt + 1,
        worker=worker,
        lease_until=until,
        reason=None,
    )
    return Job(**connection.execute(lease.returning(*_COLUMNS)).mappings().one())


def _release(connection: sa.Connection, job: Job, **values: Any) -> None:
    change = sa.update(schema.job).where(_job.id == job.id)
    connection.execute(change.values(lease_until=None, worker=None, **values))


def _give_up(connection: sa.Connection, job: Job, reason: str) -> None:
    _release(connection, job, state=JobState.FAILED, reason=reason)
    image = schema.image.c
    connection.execute(
        sa.update(schema.image)
        .where(image.id == job.image_id, image.state.in_(_REFUSABLE))
        .values(state=ImageState.REFUSED, reason=reason)
    )
