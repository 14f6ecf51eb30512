"""What is taken of others' instances: under whom, in which image, and never twice.

Everything is decided in the transaction that records it, with the establishment's row held, so
that of two who send the same at once one is second.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from archive import reading, schema
from archive.database import Database
from archive.errors import NotFound, NotKept
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
_HELD = (
    schema.instance.join(schema.exam, _instance.exam_id == _exam.id)
    .join(schema.establishment)
    .join(schema.series, _instance.series_id == _series.id)
    .join(schema.stored_object, _instance.key == _object.key)
)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where an instance is; `is_new` is False for one that was held already."""

    image_id: str
    is_new: bool
    is_coerced: bool


class Received:
    """Instances that others made, reached as `catalog.received`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def held(self, arrived: Arrived, *, establishment: str) -> Kept | None:
        """The same instance where it is held already; raises NotKept for another of its UID."""
        with self._database.read() as connection:
            return _held(connection, arrived, establishment)

    def keep(
        self, arrived: Arrived, key: str, length_bytes: int, fits: Fits, *, establishment: str
    ) -> Kept:
        """Record an instance whose object is durable already, as published; raises NotKept.

        The object is nobody's where `is_new` is False, and where this raises NotKept: the caller
        deletes it. After any other exception it may be somebody's. `fits` tells which sizes are
        levels of one picture.
        """
        now = datetime.now(UTC)
        with self._database.write() as connection:
            owner = establishment_row(connection, establishment)
            known = _held(connection, arrived, establishment)
            if known is not None:
                return known
            require_not_moved(connection, owner, arrived)
            patient_row = patient_of(connection, owner, arrived.patient)
            exam_id = exam_of(connection, owner, patient_row, arrived, now)
            remember_number(connection, exam_id, owner, arrived.patient)
            require_own_series(connection, owner, exam_id, arrived)
            image = image_of(connection, exam_id, arrived, fits, now)
            remember_number(connection, exam_id, owner, arrived.patient, image.id)
            add(connection, image, arrived, key, length_bytes, now)
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
    try:
        is_whole = storage.size(held["key"]) == held["length_bytes"]
    except NotFound:
        is_whole = False
    return None if is_whole else Failure.PROCESSING


def _held(connection: sa.Connection, arrived: Arrived, establishment: str) -> Kept | None:
    query = owned(
        sa.select(
            _instance.image_id,
            _instance.sop_class_uid,
            _instance.exam_id,
            _exam.study_instance_uid,
            _series.series_instance_uid,
            _object.pixel_sha256,
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
    )
    if not same:
        raise NotKept(
            "another instance is held under its SOP Instance UID, and stays", Failure.DUPLICATE
        )
    whose = patient_row_of(connection, row["establishment_id"], arrived.patient)
    if whose != row["patient_row"]:
        raise NotKept("it is held under another patient, or none", Failure.OF_ANOTHER_PATIENT)
    return Kept(row["image_id"], False, _is_coerced(connection, row["exam_id"], arrived))


def _is_coerced(connection: sa.Connection, exam_id: str, arrived: Arrived) -> bool:
    """Whether what leaves says otherwise than it did whose it is, or by which order."""
    exam = reading.exam_alone(connection, exam_id)
    said = (arrived.patient, arrived.accession_number, arrived.issuer)
    return said != (exam.patient, exam.accession_number, exam.issuer_of_accession_number)
