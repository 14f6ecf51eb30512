"""One thing that one archive is to be told, and how the catalogue writes it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.concatenation import Part
from archive.ownership import owned
from archive.record import OutboxState, Sent
from archive.telling.rules import Form
from archive.telling.told import Told

_row, _remote = schema.outbox.c, schema.remote.c


@dataclass(frozen=True, slots=True)
class Telling:
    """One thing that one archive is to be told; `attempt` is the fence that a later claim raises.

    `exam_id` is the exam under which the archive knows the instance: that of the patient before,
    for a rejection, which also names the series. `coerced` are keywords of what the archive keeps
    otherwise than it was sent; None as long as it was not compared. `object_uid` is our object's
    SOP Instance UID, from which the archive's may differ by `form` and `incarnation`; `told` are
    the identities under which it left and may be shown there; `revision` counts how often it was
    asked anew, last at `asked_at`. What is cut into `parts` is told by those, each by a row of its
    own, whose `part` says which.
    """

    id: int
    remote: str
    image_id: str
    exam_id: str
    kind: Sent
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str | None
    state: OutboxState
    attempt: int
    reason: str | None
    created_at: datetime
    object_uid: str
    form: Form
    incarnation: int
    revision: int
    asked_at: datetime
    told: tuple[Told, ...] = ()
    coerced: Sequence[str] | None = None
    parts: int = 0
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How far an archive has been told; `coerced` are keywords of what it keeps otherwise."""

    state: OutboxState
    reason: str | None = None
    coerced: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether nobody has to see to it."""
        return self.state not in {OutboxState.TASK, OutboxState.WAITING}


ROWS = sa.select(
    _remote.name.label("remote"),
    *(_row[one.name] for one in fields(Telling) if one.name != "remote"),
).select_from(schema.outbox.join(schema.remote))
"""Reads what `read_row` makes of a row."""


def rows_of(
    states: Collection[OutboxState], establishment: str | None, remote: str | None
) -> sa.Select[Any]:
    """`ROWS` in these states: of one establishment or all, and of one archive or all.

    Of what is cut its parts, and not the whole beside them.
    """
    owner = schema.establishment
    rows = ROWS.join(owner, _remote.establishment_id == owner.c.id)
    rows = rows.where(_row.state.in_(list(states)), _row.parts == 0)
    if remote is not None:
        rows = rows.where(_remote.name == remote)
    return owned(rows, establishment)


def tellings(
    connection: sa.Connection, image_ids: Collection[str]
) -> dict[str, tuple[Telling, ...]]:
    """As `Outbox.of_images`, within a transaction."""
    query = ROWS.where(_row.image_id.in_(list(image_ids))).order_by(_row.id)
    rows = [read_row(dict(one)) for one in connection.execute(query).mappings()]
    return {id_: tuple(one for one in rows if one.image_id == id_) for id_ in image_ids}


def new_row(
    image_id: str, exam_id: str, sop_class_uid: str, sop_instance_uid: str, now: datetime
) -> dict[str, Any]:
    """What a row says that waits from `now` on, but for its archive and its kind."""
    return {
        "image_id": image_id,
        "exam_id": exam_id,
        "sop_class_uid": sop_class_uid,
        "sop_instance_uid": sop_instance_uid,
        "object_uid": sop_instance_uid,
        "form": Form.AS_IT_IS,
        "incarnation": 0,
        "state": OutboxState.WAITING,
        "attempt": 0,
        "revision": 0,
        "due_at": now,
        "asked_at": now,
        "created_at": now,
        "told": [],
        "parts": 0,
        "part": None,
    }


LET_GO: Mapping[str, Any] = {"lease_until": None, "worker": None}
"""What a row says that nobody holds."""


def changed_row(row: int, **values: Any) -> sa.Update:
    """What changes a row of the queue."""
    return sa.update(schema.outbox).where(_row.id == row).values(**values)


def read_row(row: Mapping[str, Any]) -> Telling:
    """A row that `ROWS` found."""
    part = Part.read(row["part"]) if row["part"] else None
    return Telling(**{**row, "told": tuple(Told.read(one) for one in row["told"]), "part": part})
