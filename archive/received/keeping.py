"""What is taken of others' instances: under whom, in which image, and never twice.

Everything is decided in the transaction that records it, with the establishment's row held, so
that of two who send the same at once one is second.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import sqlalchemy as sa

from archive import instance_rows, reading, schema
from archive.cases import scans
from archive.database import Database
from archive.errors import NotFound, NotKept
from archive.identities.issuers import named
from archive.ownership import owned
from archive.received.arrived import Arrived
from archive.received.images import Fits, add, image_of
from archive.received.outcome import Failure
from archive.received.whose import exam_of, patient_of, require_not_moved, require_own_series
from archive.reception import establishment_row, patient_row_of, remember_number
from archive.record import ImageState
from archive.storage import Storage

_instance, _series, _image = schema.instance.c, schema.series.c, schema.image.c
_exam, _object = schema.exam.c, schema.stored_object.c
_LOOKS = ("transfer_syntax_uid", "rows", "columns", "frames", "bits_allocated")
_HELD = (
    schema.instance.join(schema.exam, _instance.exam_id == _exam.id)
    .join(schema.establishment)
    .join(schema.series, _instance.series_id == _series.id)
    .join(schema.stored_object, _instance.key == _object.key)
)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where an instance is; `is_new` is False where the object that was given is not its own."""

    image_id: str
    is_new: bool
    is_coerced: bool


@dataclass(frozen=True, slots=True)
class Held:
    """An instance that is held under the same names, and the object that it is to lie in."""

    kept: Kept
    key: str
    length_bytes: int

    def is_whole(self, storage: Storage) -> bool:
        """Whether its object is there, with its whole length; raises StorageFailure."""
        return _is_whole(storage, self.key, self.length_bytes)


class Received:
    """Instances that others made, reached as `catalog.received`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def held(self, arrived: Arrived, *, establishment: str) -> Held | None:
        """The same instance where it is held already; raises NotKept for another of its UID.

        That it is in the store, and how it is told to look, is the caller's to see.
        """
        with self._database.read() as connection:
            return _held(connection, arrived, establishment)

    def keep(
        self,
        arrived: Arrived,
        key: str,
        length_bytes: int,
        fits: Fits,
        *,
        establishment: str,
        lost: str | None = None,
    ) -> Kept:
        """Record an instance whose object is durable already, as published; raises NotKept.

        The object is nobody's where `is_new` is False, and where this raises NotKept: the caller
        deletes it. After any other exception it may be somebody's. `fits` tells which sizes are
        levels of one picture. Of an instance that is held already it takes the place of the
        object `lost`, which the store no longer has.
        """
        now = datetime.now(UTC)
        with self._database.write() as connection:
            owner = establishment_row(connection, establishment)
            if arrived.patient is not None:
                arrived = replace(arrived, patient=named(connection, owner, arrived.patient))
            known = _held(connection, arrived, establishment)
            if known is not None and known.key == lost:
                _replace(connection, known, arrived, key, length_bytes)
                return replace(known.kept, is_new=True)
            if known is not None:
                return known.kept
            require_not_moved(connection, owner, arrived, fits)
            patient_row = patient_of(connection, owner, arrived.patient)
            exam_id = exam_of(connection, owner, patient_row, arrived, now)
            remember_number(connection, exam_id, owner, arrived.patient)
            require_own_series(connection, owner, exam_id, arrived)
            image = image_of(connection, exam_id, arrived, fits, now)
            remember_number(connection, exam_id, owner, arrived.patient, image.id)
            add(connection, image, arrived, key, length_bytes, now)
            scans.record(connection, reading.image(connection, image.id, None))
            connection.execute(
                sa.insert(schema.arrival).values(
                    establishment_id=owner,
                    sop_instance_uid=arrived.sop_instance_uid,
                    series_instance_uid=arrived.described.series.series_instance_uid,
                    arrived_at=now,
                )
            )
            return Kept(image.id, True, _is_coerced(connection, exam_id, arrived))

    def committed(
        self, references: Sequence[tuple[str, str]], storage: Storage, *, establishment: str | None
    ) -> tuple[Failure | None, ...]:
        """For each (SOP Class UID, SOP Instance UID): None where it is held safely, or why not.

        Safely means durable, in the store with its whole length, and found by DICOM's queries.
        """
        wanted = {uid for _, uid in references}
        held = self._places(wanted, establishment)
        return tuple(_commitment(one, held.get(one[1]), storage) for one in references)

    def _places(self, uids: Collection[str], establishment: str | None) -> dict[str, sa.RowMapping]:
        query = owned(
            sa.select(
                _instance.sop_instance_uid,
                _instance.sop_class_uid,
                _object.key,
                _object.length_bytes,
            )
            .select_from(_HELD.join(schema.image, _instance.image_id == _image.id))
            .where(_image.state == ImageState.PUBLISHED),
            establishment,
        )
        found: dict[str, sa.RowMapping] = {}
        asked = sorted(uids)
        with self._database.read() as connection:
            for at in range(0, len(asked), 500):
                some = query.where(_instance.sop_instance_uid.in_(asked[at : at + 500]))
                rows = connection.execute(some).mappings()
                found |= {row["sop_instance_uid"]: row for row in rows}
        return found


def _commitment(
    reference: tuple[str, str], held: sa.RowMapping | None, storage: Storage
) -> Failure | None:
    if held is None:
        return Failure.NO_SUCH_INSTANCE
    if held["sop_class_uid"] != reference[0]:
        return Failure.OF_ANOTHER_CLASS
    is_whole = _is_whole(storage, held["key"], held["length_bytes"])
    return None if is_whole else Failure.PROCESSING


def _is_whole(storage: Storage, key: str, length_bytes: int) -> bool:
    try:
        return storage.size(key) == length_bytes
    except NotFound:
        return False


def _replace(
    connection: sa.Connection, lost: Held, arrived: Arrived, key: str, length_bytes: int
) -> None:
    """Let an instance lie in another object than the one that was lost."""
    image = reading.image(connection, lost.kept.image_id, None, hold=True)
    if image.state is not ImageState.PUBLISHED:
        raise NotKept("what is done with its image has to end first", Failure.PROCESSING)
    (old,) = (one for one in image.objects if one.key == lost.key)
    new = replace(old, key=key, length_bytes=length_bytes, described=arrived.described)
    # A published image never is without one that shows it, and no row of one ever changes.
    between = replace(new, key=f"{key}-", sop_instance_uid=None, described=None)
    for given, gone in ((between, lost.key), (new, between.key)):
        instance_rows.add_objects(connection, image.id, [given])
        connection.execute(sa.delete(schema.stored_object).where(_object.key == gone))


def _held(connection: sa.Connection, arrived: Arrived, establishment: str) -> Held | None:
    query = owned(
        sa.select(
            _instance.image_id,
            _instance.sop_class_uid,
            _instance.exam_id,
            _exam.study_instance_uid,
            _series.series_instance_uid,
            _object.pixel_sha256,
            _object.key,
            _object.length_bytes,
            *(_instance[name] for name in _LOOKS),
            _exam.establishment_id,
            _exam.patient_row,
        )
        .select_from(_HELD)
        .where(_instance.sop_instance_uid == arrived.sop_instance_uid),
        establishment,
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    same = (
        row["sop_class_uid"] == arrived.sop_class_uid
        and row["study_instance_uid"] == arrived.study_instance_uid
        and row["series_instance_uid"] == arrived.described.series.series_instance_uid
        and row["pixel_sha256"] == arrived.pixel_sha256
        and all(row[name] == getattr(arrived.described, name) for name in _LOOKS)
    )
    if not same:
        raise another()
    whose = patient_row_of(connection, row["establishment_id"], arrived.patient)
    if whose != row["patient_row"]:
        raise NotKept("it is held under another patient, or none", Failure.OF_ANOTHER_PATIENT)
    kept = Kept(row["image_id"], False, _is_coerced(connection, row["exam_id"], arrived))
    return Held(kept, row["key"], row["length_bytes"])


def another() -> NotKept:
    """What is said of an instance whose UID is another's."""
    return NotKept(
        "another instance is held under its SOP Instance UID, and stays", Failure.DUPLICATE
    )


def _is_coerced(connection: sa.Connection, exam_id: str, arrived: Arrived) -> bool:
    """Whether what leaves says otherwise than it did whose it is, or by which order."""
    exam = reading.exam_alone(connection, exam_id)
    said = (arrived.patient, arrived.accession_number, arrived.issuer)
    return said != (exam.patient, exam.accession_number, exam.issuer_of_accession_number)
