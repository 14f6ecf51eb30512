"""What the catalogue knows of a slide that was scanned, and of the cases that it may be of."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.cases.decide import CaseFacts, Patient, SlideFacts
from archive.cases.label import Position, one_place, readings
from archive.cases.laboratories import read_laboratory
from archive.cases.laboratory import Laboratory
from archive.cases.orders import find_case
from archive.cases.schema import container, lab_case, lab_order, scan, scan_text
from archive.cases.visited import has_left, is_asked_about, moved_orders
from archive.identities.acts import flags_of, known_traits
from archive.identities.pointers import survivor, survivors
from archive.identities.stated import Agreement, Person, agreement, person_of
from archive.identity import PatientIdentity, folded_name
from archive.move_plans import identities_of
from archive.reception import numbered
from archive.record import ImageState

BY_BARCODE = "barcode"
"""Who links, and moves, where nobody did."""

_scan, _case, _order, _container = scan.c, lab_case.c, lab_order.c, container.c
_exam, _image, _move = schema.exam.c, schema.image.c, schema.move.c


@dataclass(frozen=True, slots=True)
class ScanRow:
    """A slide that was scanned, where it lies, and what it is linked to."""

    image_id: str
    state: ImageState
    owner: int
    accession_number: str | None
    position: Position
    case_id: str | None
    linked_by: str | None
    exam_id: str
    patient_row: int | None
    exam_number: str | None
    exam_issuer: str
    is_provisional: bool
    grew_at: datetime | None
    """When the last of its instances came, where a device sent them."""


def scan_row(connection: sa.Connection, image_id: str, *, hold: bool = False) -> ScanRow | None:
    """A scan by its image; None for what is no slide. `hold` keeps others from changing it."""
    query = (
        sa.select(
            scan,
            _image.state,
            _image.facts,
            _exam.id.label("exam_id"),
            _exam.patient_row,
            _exam.accession_number.label("exam_number"),
            _exam.issuer_of_accession_number.label("exam_issuer"),
            _exam.is_provisional,
        )
        .select_from(
            scan.join(schema.image, _image.id == _scan.image_id).join(
                schema.exam, _exam.id == _image.exam_id
            )
        )
        .where(_scan.image_id == image_id)
    )
    if hold:
        query = query.with_for_update(of=scan)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    grew_at = row["facts"].get("grew_at")
    return ScanRow(
        image_id=image_id,
        state=row["state"],
        owner=row["establishment_id"],
        accession_number=row["accession_number"],
        position=Position(row["specimen"], row["block"], row["slide"]),
        case_id=row["case_id"],
        linked_by=row["linked_by"],
        exam_id=row["exam_id"],
        patient_row=row["patient_row"],
        exam_number=row["exam_number"],
        exam_issuer=row["exam_issuer"] or "",
        is_provisional=row["is_provisional"],
        grew_at=datetime.fromisoformat(grew_at) if grew_at else None,
    )


def texts_of(connection: sa.Connection, image_id: str) -> tuple[str, ...]:
    """The barcodes of a slide's label."""
    query = sa.select(scan_text.c.text).where(scan_text.c.image_id == image_id)
    return tuple(connection.scalars(query.order_by(scan_text.c.place)))


def slide_facts(connection: sa.Connection, row: ScanRow) -> SlideFacts:
    """All that the decision about a slide needs."""
    texts = texts_of(connection, row.image_id)
    found = meant(connection, row.owner, texts, row.accession_number, row.position)
    own = case_of_exam(connection, row)
    return SlideFacts(
        is_readable=row.accession_number is not None,
        cases=found.cases,
        is_foreign=found.is_foreign,
        is_divided=found.is_divided,
        position=found.position,
        patient=row.patient_row,
        case_of_exam=own,
        has_other_order=own is None and row.exam_number is not None and not row.is_provisional,
        was_moved=_was_moved(connection, row.image_id),
    )


@dataclass(frozen=True, slots=True)
class Meant:
    """What a label may mean."""

    cases: tuple[CaseFacts, ...]
    position: Position
    is_foreign: bool
    is_divided: bool


def meant(
    connection: sa.Connection,
    owner: int,
    texts: Sequence[str],
    accession_number: str | None,
    position: Position,
) -> Meant:
    """The cases that a label may mean: by its number, or as the barcode of a container."""
    laboratory = read_laboratory(connection, owner)
    ids = set()
    if accession_number is not None:
        by_number = find_case(connection, owner, laboratory.issuer, accession_number)
        ids |= {by_number} - {None}
    own = (
        sa.select(_order.case_id, _container.specimen, _container.block, _container.slide)
        .select_from(container.join(lab_order).join(lab_case))
        .where(_case.establishment_id == owner)
    )
    by_barcode = _container.barcode.in_(list(texts))
    marked = {
        (case_id, Position(*where)) for case_id, *where in connection.execute(own.where(by_barcode))
    }
    # A label that says a number of its own is never overruled by another code beside it.
    is_other = accession_number is not None and any(one not in ids for one, _ in marked)
    ids |= {one for one, _ in marked}
    container_of = one_place({where for _, where in marked})
    if marked and container_of is not None:
        position = container_of
    said = list(readings(texts, laboratory.pattern)) if laboratory.pattern else []
    numbers = {one.accession_number for one in said}
    are_several = len(numbers) > 1 or one_place({one.position for one in said}) is None
    for number in sorted(numbers):
        ids |= {find_case(connection, owner, laboratory.issuer, number)} - {None}
    foreign = connection.execute(own.where(_container.foreign_number.in_(list(texts)))).first()
    cases = tuple(case_facts(connection, one, laboratory) for one in sorted(filter(None, ids)))
    return Meant(
        cases, position, foreign is not None, is_other or are_several or container_of is None
    )


def case_facts(connection: sa.Connection, case_id: str, laboratory: Laboratory) -> CaseFacts:
    """What is known of a case, for the decision."""
    slides = (
        sa.select(container.c.order_id, _container.specimen, _container.block, _container.slide)
        .select_from(container.join(lab_order))
        .where(_order.case_id == case_id, _container.slide != "")
    )
    named = [(order, Position(*where)) for order, *where in connection.execute(slides)]
    active = {one.id for one in _active(connection, case_id)}
    expected = frozenset(where for order, where in named if order in active)
    return CaseFacts(
        case_id,
        expected,
        frozenset(identities(connection, case_id)),
        is_doubtful=_is_doubtful(connection, case_id),
        takes_any=not laboratory.names_slides,
        withdrawn=frozenset(where for _, where in named) - expected,
    )


def identities(connection: sa.Connection, case_id: str) -> Mapping[Patient, PatientIdentity]:
    """Everybody whom a case is said to be of: one, unless it is a conflict.

    That is whom its orders name, those that are cancelled only where all are, and whom the exams
    under its number are of: devices begin several. ("", "") is nobody, where one is nobody's.
    """
    return identities_of_cases(connection, [case_id])[case_id]


def identities_of_cases(
    connection: sa.Connection, case_ids: Collection[str]
) -> dict[str, dict[Patient, PatientIdentity]]:
    """The same of several cases, in as few queries as of one."""
    said = _named_by_orders(connection, case_ids)
    owners = _owners_of_exams(connection, case_ids)
    rows = {row for one in said.values() for _, row in one if row is not None}
    into = survivors(connection, rows)
    known = identities_of(connection, {*into.values(), *(row for _, row in owners if row)})
    found: dict[str, dict[Patient, PatientIdentity]] = {one: {} for one in case_ids}
    for case_id, named in said.items():
        for patient, row in named:
            if row is None:
                found[case_id][patient.issuer, patient.patient_id] = patient
            else:
                found[case_id][into[row]] = known.get(into[row], patient)
    for case_id, row in owners:
        if row is None:
            found[case_id]["", ""] = NOBODY
        elif row in known:
            found[case_id][row] = known[row]
    return found


def _named_by_orders(
    connection: sa.Connection, case_ids: Collection[str]
) -> dict[str, list[tuple[PatientIdentity, int | None]]]:
    """Whom the orders of cases name, and the row of each number, whatever it was merged into."""
    patient = schema.patient.c
    query = (
        sa.select(lab_order, patient.id.label("whom"))
        .select_from(
            lab_order.join(lab_case).outerjoin(
                schema.patient,
                sa.and_(
                    patient.establishment_id == _case.establishment_id,
                    patient.issuer == _order.patient_issuer,
                    patient.patient_id == _order.patient_id,
                ),
            )
        )
        .where(_order.case_id.in_(list(case_ids)), _order.said_at.is_not(None))
        .order_by(_order.status_at, _order.id)
    )
    came: dict[str, list[sa.Row[Any]]] = defaultdict(list)
    for row in connection.execute(query):
        came[row.case_id].append(row)
    moved = moved_orders(connection, _order.case_id.in_(list(case_ids)))
    return {
        case_id: [
            (_said(one), moved.get(one.id, one.whom))
            for one in [one for one in orders if not one.is_cancelled] or orders
        ]
        for case_id, orders in came.items()
    }


NOBODY = PatientIdentity("-")


def patient_named(connection: sa.Connection, case_id: str) -> PatientIdentity:
    """Whom a case of one identity is of, by the number that its newest order gives.

    That may have been merged into another: what comes by it goes home with it if it is undone.
    """
    (patient,) = identities(connection, case_id).values()
    newest = max(_active(connection, case_id), key=lambda one: one.status_at)
    number = newest.patient_id, newest.patient_issuer
    whom = moved_orders(connection, _order.id == newest.id).get(newest.id)
    if whom is not None:
        column = schema.patient.c
        by_row = sa.select(column.patient_id, column.issuer).where(column.id == whom)
        number = connection.execute(by_row).one()
    return replace(patient, patient_id=number[0], issuer=number[1])


def _active(connection: sa.Connection, case_id: str) -> Sequence[sa.Row[Any]]:
    """The orders of a case that are not cancelled; all that ever came, where all are."""
    came = sa.select(lab_order).where(_order.case_id == case_id, _order.said_at.is_not(None))
    orders = connection.execute(came).all()
    return [one for one in orders if not one.is_cancelled] or orders


def names_another(connection: sa.Connection, case_id: str) -> bool:
    """Whether an order gives somebody's number and, as far as can be seen, another's traits."""
    stated = _stated(connection, case_id)
    return any(agreement(said, known) is Agreement.DIFFERENT for _, said, known in stated)


def _is_doubtful(connection: sa.Connection, case_id: str) -> bool:
    active, owner = _active(connection, case_id), _owner(connection, case_id)
    if is_asked_about(connection, owner, active) or has_left(connection, owner, active):
        return True
    return any(
        flags_of(connection, whom) or agreement(said, known) is Agreement.DIFFERENT
        for whom, said, known in _stated(connection, case_id)
    )


def _stated(connection: sa.Connection, case_id: str) -> Iterator[tuple[int, Person, Person]]:
    """Each patient whom orders of a case are of and who is known: as they are said, and known."""
    moved = moved_orders(connection, _order.case_id == case_id)
    owner = _owner(connection, case_id)
    for one in _active(connection, case_id):
        row = numbered(connection, owner, one.patient_issuer, one.patient_id)
        if row is None:
            continue
        now = survivor(connection, moved.get(one.id, row))
        names = frozenset({folded_name(one.patient_name)} - {""})
        # What an order says of whom its visit was is not said of whose it is since.
        is_of_them = one.id not in moved
        said = Person(names, one.birth_date, one.sex or None) if is_of_them else Person()
        yield now, said, person_of(known_traits(connection, now))


def _owner(connection: sa.Connection, case_id: str) -> int:
    owner = sa.select(_case.establishment_id).where(_case.id == case_id)
    return int(connection.execute(owner).scalar_one())


def _said(order: sa.Row[Any]) -> PatientIdentity:
    return PatientIdentity(
        order.patient_id,
        order.patient_issuer,
        order.patient_name,
        order.birth_date,
        order.sex,
    )


def _owners_of_exams(
    connection: sa.Connection, case_ids: Collection[str]
) -> list[tuple[str, int | None]]:
    """Whom the exams under the numbers of cases are of, each once; None for nobody."""
    issuer = sa.func.coalesce(_exam.issuer_of_accession_number, "")
    query = (
        sa.select(_case.id, _exam.patient_row)
        .select_from(
            lab_case.join(
                schema.exam,
                sa.and_(
                    _exam.establishment_id == _case.establishment_id,
                    _exam.accession_number == _case.accession_number,
                    issuer == _case.issuer,
                ),
            )
        )
        .where(_case.id.in_(list(case_ids)))
        .distinct()
        .order_by(_case.id, _exam.patient_row)
    )
    return [(row.id, row.patient_row) for row in connection.execute(query)]


def case_of_exam(connection: sa.Connection, row: ScanRow) -> str | None:
    """The case under whose number a slide is already; None where that is no case's."""
    if row.exam_number is None:
        return None
    return find_case(connection, row.owner, row.exam_issuer, row.exam_number)


def urgency_of(connection: sa.Connection, case_id: str) -> int:
    """How urgent a case is: as the most urgent of its orders that is not cancelled."""
    query = sa.select(_order.priority).where(_order.case_id == case_id, ~_order.is_cancelled)
    return max((one.urgency for one in connection.scalars(query)), default=0)


def _was_moved(connection: sa.Connection, image_id: str) -> bool:
    by_hand = sa.select(_move.id).where(_move.image_id == image_id, _move.subject != BY_BARCODE)
    return connection.scalar(by_hand.limit(1)) is not None
