"""Reports become instances of their exam, and archives are told of them."""

import hashlib
import io
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from archive import outbox, reading, schema
from archive.described import described_in
from archive.identities.pointers import remember_home
from archive.instance_rows import add_objects
from archive.reception import new_id, numbered
from archive.record import Exam, ImageKind, ImageState, StoredObject
from archive.reports.instances import CLASS_OF, series_instance_uid, sop_instance_uid
from archive.reports.reading import is_of_the_replaced, of_exam, one_of
from archive.reports.report import CDA, PDF, Report, ReportStatus
from archive.reports.schema import report
from archive.storage import Storage

PLAN = "report"
_report, _image = report.c, schema.image.c
_REPORT = ("establishment_id", "number_issuer", "number")
_NAMED = ("patient_id", "patient_issuer")
_STEPS = (ImageState.OPENED, ImageState.BUILT)


@dataclass(frozen=True, slots=True)
class Due:
    """A report that stands in an exam and is no instance yet."""

    report: Report
    exam: Exam
    key: str = field(repr=False)
    before: tuple[str, str] | None
    """Class and UID of the instance of the version before."""

    def read(self, storage: Storage) -> bytes:
        """What is kept of it."""
        return storage.read_range(self.key, 0, self.report.length_bytes)


def unmade(connection: sa.Connection, but: Collection[str] = ()) -> Due | None:
    """The report, but these, that has waited longest to be an instance; None for none."""
    waiting = (
        sa.select(_report.id, _report.key)
        .where(_report.exam_id.is_not(None), _report.image_id.is_(None), _report.key.is_not(None))
        .where(_report.id.not_in(list(but)))
        .order_by(_report.received_at, _report.part, _report.id)
        .limit(1)
    )
    row = connection.execute(waiting).one_or_none()
    if row is None:
        return None
    one = one_of(connection, row.id, None)
    exam = reading.exam_alone(connection, one.exam_id)
    return Due(one, exam, row.key, _before(connection, one))


def _before(connection: sa.Connection, one: Report) -> tuple[str, str] | None:
    """The instance of the version before, whether it was made already or is to be made."""
    for other in of_exam(connection, one.exam_id, None):
        same = (other.number, other.number_issuer) == (one.number, one.number_issuer)
        is_before = other.version < one.version and other.part == one.part
        if same and is_before and other.media_type is not None:
            kind = CDA if other.media_type == CDA else PDF
            return CLASS_OF[kind], other.sop_instance_uid or sop_instance_uid(other)
    return None


def publish(connection: sa.Connection, report_id: str, made: StoredObject, instance: bytes) -> bool:
    """Record the instance of a report, as published; False where another has done so."""
    held = sa.select(report).where(_report.id == report_id)
    row = connection.execute(held.with_for_update()).one()
    if row.image_id is not None:
        return False
    image_id, now = new_id(), datetime.now(UTC)
    connection.execute(
        sa.insert(schema.image).values(
            id=image_id,
            exam_id=row.exam_id,
            kind=ImageKind.REPORT,
            state=ImageState.RECEIVED,
            source_sha256=hashlib.sha256(f"{PLAN} {report_id}".encode()).hexdigest(),
            plan=PLAN,
            incarnation=0,
            facts={},
            created_at=now,
        )
    )
    if row.filed_by is None:
        # Where a person filed it, the person said whose it is.
        named = numbered(connection, row.establishment_id, row.patient_issuer, row.patient_id)
        remember_home(connection, row.exam_id, named, image_id)
    known = replace(made, described=described_in(io.BytesIO(instance)))
    add_objects(connection, image_id, [known])
    change = sa.update(schema.image).where(_image.id == image_id)
    for state in _STEPS:
        connection.execute(change.values(state=state))
    connection.execute(change.values(state=ImageState.PUBLISHED, published_at=now))
    of_report = sa.update(report).where(_report.id == report_id)
    connection.execute(of_report.values(image_id=image_id))
    outbox.published(connection, reading.image(connection, image_id, None))
    # It may have come after its withdrawal.
    take_back_withdrawn(connection, row.exam_id)
    return True


def take_back_withdrawn(connection: sa.Connection, exam_id: str) -> None:
    """Have archives hear of the reports of an exam whose newest version is withdrawn.

    And of documents that were withdrawn after others had replaced them, which still count. What
    those said stays here, and is shown with a warning.
    """
    found = of_exam(connection, exam_id, None)
    gone = {
        (one.number_issuer, one.number)
        for one in found
        if one.is_newest and one.status is ReportStatus.WITHDRAWN
    }
    replaced = set(connection.scalars(_replaced_and_withdrawn(exam_id)))
    for one in found:
        is_gone = one.id in replaced or (one.number_issuer, one.number) in gone
        if is_gone and one.image_id is not None:
            image = reading.image(connection, one.image_id, None)
            series = {str(one.sop_instance_uid): series_instance_uid(one)}
            outbox.taken_back(connection, image, series)


def _replaced_and_withdrawn(exam_id: str) -> sa.Select[Any]:
    """What an exam holds of documents that were replaced, and withdrawn since."""
    withdrawal = report.alias("withdrawal")
    return sa.select(_report.id).where(
        _report.exam_id == exam_id,
        sa.exists().where(
            *(withdrawal.c[one] == _report[one] for one in ("exam_id", "document", *_REPORT)),
            withdrawal.c.said_at >= _report.said_at,
            is_of_the_replaced(withdrawal),
        ),
    )


def _same(row: sa.RowMapping, *columns: str) -> list[sa.ColumnElement[bool]]:
    return [_report[one] == row[one] for one in columns]


def goes_with_an_instance(connection: sa.Connection, row: sa.RowMapping) -> bool:
    """Whether an instance of the same report, in the same exam, names the same person."""
    query = sa.select(_report.id).where(
        *_same(row, "exam_id", *_REPORT, *_NAMED), _report.image_id.is_not(None)
    )
    return connection.execute(query.limit(1)).first() is not None


def follow(connection: sa.Connection, image_ids: list[str]) -> None:
    """Let reports stand where their instances have moved to.

    What is no instance goes with them: that a report is withdrawn, and what is to be made of it.
    """
    query = sa.select(report, _image.exam_id.label("there")).select_from(
        report.join(schema.image, _image.id == _report.image_id)
    )
    moved = connection.execute(query.where(_image.id.in_(image_ids))).mappings().all()
    for row in moved:
        mine = sa.update(report).where(_report.id == row["id"])
        connection.execute(mine.values(exam_id=row["there"]))
    for row in moved:
        left = (*_same(row, "exam_id", *_REPORT), _report.image_id.is_(None))
        stays = sa.select(_report.id).where(
            *_same(row, "exam_id", *_REPORT), _report.image_id.is_not(None)
        )
        if connection.execute(stays.limit(1)).first() is not None:
            left = (*left, *_same(row, *_NAMED))
        connection.execute(sa.update(report).where(*left).values(exam_id=row["there"]))
    # Archives were told anew of all that moved.
    for exam_id in sorted({row["there"] for row in moved}):
        take_back_withdrawn(connection, exam_id)


def images_of_exam(connection: sa.Connection, exam_id: str) -> list[str]:
    """The images that reports of an exam are."""
    query = sa.select(_report.image_id).where(
        _report.exam_id == exam_id, _report.image_id.is_not(None)
    )
    return [str(one) for one in connection.scalars(query)]
