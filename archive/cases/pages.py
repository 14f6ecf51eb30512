"""Cases read for pages: one with all that is in it, those of the last days, and what waits."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from archive import reading, schema
from archive.cases.case import Case, CaseOrder, Scanned, Waiting, arranged
from archive.cases.decide import Patient, decide
from archive.cases.facts import (
    NOBODY,
    ScanRow,
    case_of_exam,
    identities,
    identities_of_cases,
    scan_row,
    slide_facts,
    texts_of,
)
from archive.cases.label import Position
from archive.cases.order import Numbered, Priority
from archive.cases.orders import container_of
from archive.cases.schema import container, lab_case, lab_order, scan
from archive.cases.versions import TO_COME
from archive.errors import NotFound
from archive.identity import PatientIdentity
from archive.move_plans import identity_of
from archive.ownership import owned

_scan, _case, _order, _container = scan.c, lab_case.c, lab_order.c, container.c
_owner, _exam, _image, _move = (
    schema.establishment.c,
    schema.exam.c,
    schema.image.c,
    schema.move.c,
)

_newest, _recent = container.alias(), lab_order.alias()
_IS_NAMED = sa.and_(
    ~_order.is_cancelled,
    _container.named_at
    == sa.select(sa.func.max(_newest.c.named_at))
    .where(_newest.c.order_id == _container.order_id)
    .scalar_subquery(),
)
"""Whether its order names a container still: by its newest version that names any."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A case in a list."""

    id: str
    accession: Numbered
    priority: Priority
    patients: tuple[PatientIdentity, ...]
    is_cancelled: bool
    said_at: datetime
    expected: int
    """How many slides its orders name."""
    scanned: int
    """How many slides were scanned, rescans not counted."""


def read_case(connection: sa.Connection, case_id: str, establishment: str | None) -> Case:
    """A case with its tree; raises NotFound."""
    query = sa.select(lab_case, _owner.name).select_from(lab_case.join(schema.establishment))
    query = query.where(_case.id == case_id, _case.issuer != TO_COME.issuer)
    row = connection.execute(owned(query, establishment)).one_or_none()
    if row is None:
        raise NotFound("There is no such case.")
    orders = connection.execute(
        sa.select(lab_order).where(_order.case_id == case_id).order_by(_order.status_at, _order.id)
    )
    containers = connection.execute(
        sa.select(container, _IS_NAMED.label("is_named"))
        .join(lab_order)
        .where(_order.case_id == case_id)
    )
    known = identities(connection, case_id)
    only = next(iter(known)) if len(known) == 1 else None
    return Case(
        id=case_id,
        establishment=row.name,
        accession=Numbered(row.accession_number, row.issuer),
        patients=_named(known),
        orders=tuple(_order_of(one) for one in orders.mappings()),
        specimens=arranged(
            [(container_of(one), one["is_named"]) for one in containers.mappings()],
            _linked(connection, case_id),
        ),
        waiting=_meaning(connection, row.establishment_id, row.accession_number),
        patient_key=_key_of(connection, only),
    )


def _named(known: Mapping[Patient, PatientIdentity]) -> tuple[PatientIdentity, ...]:
    """Whom a case is said to be of, sorted; nobody left out."""
    found = [one for one in known.values() if one is not NOBODY]
    return tuple(sorted(found, key=lambda one: (one.issuer, one.patient_id)))


def _order_of(row: sa.RowMapping) -> CaseOrder:
    placer = row["placer_number"]
    return CaseOrder(
        Numbered(row["number"], row["number_issuer"]),
        None if placer is None else Numbered(placer, row["placer_issuer"] or ""),
        PatientIdentity(
            row["patient_id"],
            row["patient_issuer"],
            row["patient_name"],
            row["birth_date"],
            row["sex"],
        ),
        row["priority"],
        row["is_cancelled"],
        row["is_consult"],
        row["said_at"] or row["status_at"],
    )


def _key_of(connection: sa.Connection, patient: Patient | None) -> str | None:
    """What addresses name a patient by; None for who is not known here yet."""
    column = schema.patient.c
    if not isinstance(patient, int):
        return None
    return connection.scalar(sa.select(column.key).where(column.id == patient))


def _linked(connection: sa.Connection, case_id: str) -> list[Scanned]:
    query = sa.select(scan).where(_scan.case_id == case_id).order_by(_scan.image_id)
    rows = connection.execute(query).mappings().all()
    images = {one.id: one for one in reading.images(connection, [one["image_id"] for one in rows])}
    found = []
    for row in rows:
        own = scan_row(connection, row["image_id"])
        if own is None:
            continue
        is_there = case_of_exam(connection, own) == case_id
        # Who was moved elsewhere is linked no more.
        if is_there or is_moving(connection, own):
            found.append(
                Scanned(
                    images[own.image_id],
                    Position(row["to_specimen"], row["to_block"], row["to_slide"]),
                    row["stain"],
                    row["recut"],
                    is_moving=not is_there,
                    linked_by=row["linked_by"],
                )
            )
    return found


def is_moving(connection: sa.Connection, row: ScanRow) -> bool:
    """Whether a slide is about to come to another exam."""
    undone = sa.select(_move.id).where(_move.image_id == row.image_id, _move.done_at.is_(None))
    return connection.scalar(undone.limit(1)) is not None


def _meaning(connection: sa.Connection, owner: int, accession_number: str) -> tuple[Waiting, ...]:
    """What waits, and has this number on its label."""
    query = _unlinked().where(
        _scan.establishment_id == owner, _scan.accession_number == accession_number
    )
    return _waiting(connection, connection.scalars(query).all())


def read_waiting(
    connection: sa.Connection, establishment: str | None, limit: int
) -> tuple[Waiting, ...]:
    """The slides that are linked to nothing, the newest first."""
    query = owned(_unlinked(), establishment)
    return _waiting(connection, connection.scalars(query.limit(limit)).all())


def _unlinked() -> sa.Select[Any]:
    case = lab_case.alias()
    issuer = sa.func.coalesce(_exam.issuer_of_accession_number, "")
    undone = sa.exists().where(_move.image_id == _scan.image_id, _move.done_at.is_(None))
    return (
        sa.select(_scan.image_id)
        .select_from(
            scan.join(schema.image, _image.id == _scan.image_id)
            .join(schema.exam, _exam.id == _image.exam_id)
            .join(schema.establishment, _owner.id == _exam.establishment_id)
            .outerjoin(case, case.c.id == _scan.case_id)
        )
        .where(
            sa.or_(
                _scan.case_id.is_(None),
                # Linked once, and moved elsewhere since.
                sa.and_(
                    sa.or_(
                        _exam.accession_number.is_(None),
                        _exam.accession_number != case.c.accession_number,
                        issuer != case.c.issuer,
                    ),
                    ~undone,
                ),
            ),
            _image.state != "refused",
        )
        .order_by(_scan.urgency.desc(), _image.created_at.desc(), _image.id)
    )


def _waiting(connection: sa.Connection, image_ids: Sequence[str]) -> tuple[Waiting, ...]:
    images = {one.id: one for one in reading.images(connection, image_ids)}
    found = []
    for image_id in image_ids:
        row = scan_row(connection, image_id)
        if row is None:
            continue
        facts = slide_facts(connection, row)
        found.append(
            Waiting(
                images[image_id],
                decide(facts),
                texts_of(connection, image_id),
                row.accession_number,
                facts.position,
                facts.cases[0].id if len(facts.cases) == 1 else None,
                identity_of(connection, row.patient_row),
            )
        )
    return tuple(found)


def read_cases(
    connection: sa.Connection,
    establishment: str | None,
    since: datetime,
    limit: int,
    offset: int = 0,
) -> tuple[Summary, ...]:
    """The cases of which something was said since then: frozen sections first, then the newest."""
    urgency = sa.case({Priority.FROZEN: 2, Priority.URGENT: 1}, value=_order.priority, else_=0)
    most = sa.func.max(sa.case((_order.is_cancelled, 0), else_=urgency)).label("urgency")
    last = sa.func.max(_order.status_at).label("last")
    query = (
        sa.select(
            lab_case, most, last, sa.func.min(sa.cast(_order.is_cancelled, sa.Integer)).label("off")
        )
        .select_from(
            lab_case.join(lab_order).join(schema.establishment, _owner.id == _case.establishment_id)
        )
        # What was cancelled before it came, and never came, is nothing to look at.
        .where(
            _order.said_at.is_not(None),
            _case.id.in_(
                sa.select(_recent.c.case_id).where(
                    _recent.c.status_at >= since, _recent.c.said_at.is_not(None)
                )
            ),
        )
        .group_by(*lab_case.c)
        .order_by(most.desc(), last.desc(), _case.id)
        .limit(limit)
        .offset(offset)
    )
    rows = connection.execute(owned(query, establishment)).all()
    ids = [one.id for one in rows]
    expected, scanned = _expected(connection, ids), _came(connection, ids)
    whose = identities_of_cases(connection, ids)
    priorities = {one.urgency: one for one in Priority}
    return tuple(
        Summary(
            row.id,
            Numbered(row.accession_number, row.issuer),
            priorities[row.urgency],
            _named(whose[row.id]),
            bool(row.off),
            row.last,
            len(expected[row.id]),
            len(scanned[row.id]),
        )
        for row in rows
    )


def _expected(connection: sa.Connection, ids: Sequence[str]) -> dict[str, set[Position]]:
    query = (
        sa.select(_order.case_id, _container.specimen, _container.block, _container.slide)
        .select_from(container.join(lab_order))
        .where(_order.case_id.in_(ids), _container.slide != "", _IS_NAMED)
    )
    found: dict[str, set[Position]] = defaultdict(set)
    for case_id, *where in connection.execute(query):
        found[case_id].add(Position(*where))
    return found


def _came(connection: sa.Connection, ids: Sequence[str]) -> dict[str, set[Position]]:
    issuer = sa.func.coalesce(_exam.issuer_of_accession_number, "")
    query = (
        sa.select(_scan.case_id, _scan.to_specimen, _scan.to_block, _scan.to_slide)
        .select_from(
            scan.join(schema.image, _image.id == _scan.image_id)
            .join(schema.exam, _exam.id == _image.exam_id)
            .join(lab_case, _case.id == _scan.case_id)
        )
        .where(
            _scan.case_id.in_(ids),
            _exam.accession_number == _case.accession_number,
            issuer == _case.issuer,
        )
    )
    found: dict[str, set[Position]] = defaultdict(set)
    for case_id, *where in connection.execute(query):
        found[case_id].add(Position(*where))
    return found
