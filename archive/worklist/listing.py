"""The list of what is to be read: a few queries, however many exams there are."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.cases.order import Priority
from archive.cases.schema import lab_case, lab_order, scan
from archive.identity import PatientIdentity, folded
from archive.ownership import owned
from archive.reading import MAY_BE_SEEN
from archive.record import ImageKind
from archive.reports.schema import report
from archive.worklist.item import Counts, Item, News, Read, Reader, Wanted, Which, version_of
from archive.worklist.schema import read_thing, reading

_exam, _image, _patient = schema.exam.c, schema.image.c, schema.patient.c
_owner, _reading, _case, _order = schema.establishment.c, reading.c, lab_case.c, lab_order.c
_scan, _card, _report = scan.c, schema.card.c, report.c
_PATIENT_COLUMNS = [
    _patient[one.name].label(f"patient__{one.name}") for one in fields(PatientIdentity)
]
_PRIORITIES = {one.urgency: one for one in Priority}


def _images(exams: sa.ColumnElement[bool]) -> sa.Subquery:
    """What is in each of these exams, and what is new of that."""
    is_slide = _image.kind == ImageKind.SLIDE
    is_new = read_thing.c.thing.is_(None)
    other, known = scan.alias(), read_thing.alias()
    is_rescan = sa.exists().where(
        _scan.image_id == _image.id,
        other.c.case_id == _scan.case_id,
        other.c.to_specimen == _scan.to_specimen,
        other.c.to_block == _scan.to_block,
        other.c.to_slide == _scan.to_slide,
        known.c.exam_id == _image.exam_id,
        known.c.thing == other.c.image_id,
    )

    def count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.sum(sa.case((condition, 1), else_=0))

    return (
        sa.select(
            _image.exam_id,
            count(is_slide).label("slides"),
            count(~is_slide).label("photographs"),
            count(is_slide & is_new & ~is_rescan).label("new_slides"),
            count(is_slide & is_new & is_rescan).label("new_rescans"),
            count(~is_slide & is_new).label("new_photographs"),
            sa.func.max(_image.created_at).label("arrived_at"),
        )
        .select_from(
            schema.image.outerjoin(
                read_thing,
                sa.and_(read_thing.c.exam_id == _image.exam_id, read_thing.c.thing == _image.id),
            )
        )
        .where(exams, MAY_BE_SEEN)
        .group_by(_image.exam_id)
        .subquery()
    )


def _recent(wanted: Wanted, reader: Reader) -> sa.Subquery:
    """The exams into which an image came in these days, as far as they are the reader's to see."""
    recent = sa.select(_image.exam_id).where(_image.created_at >= wanted.since, MAY_BE_SEEN)
    rows = _rows(_images(_image.exam_id.in_(recent)), reader)
    return rows.subquery()


def _rows(images: sa.Subquery, reader: Reader) -> sa.Select[Any]:
    """All that is told of exams."""
    issuer = sa.func.coalesce(_exam.issuer_of_accession_number, "")
    of_case = sa.and_(_order.case_id == _case.id, ~_order.is_cancelled, _order.said_at.is_not(None))
    urgency = sa.case({Priority.FROZEN: 2, Priority.URGENT: 1}, value=_order.priority, else_=0)
    said = sa.select(sa.func.max(urgency)).where(of_case).scalar_subquery()
    consult = sa.exists().where(of_case, _order.is_consult)
    # Not by the exam's own id: a report that went to another exam is news there.
    is_report_read = sa.exists().where(
        read_thing.c.exam_id == _report.exam_id, read_thing.c.thing == _report.id
    )
    new_reports = (
        sa.select(sa.func.count())
        .where(_report.exam_id == _exam.id, ~is_report_read)
        .scalar_subquery()
    )
    # All versions of a report have its number.
    number = _report.number_issuer + "\n" + _report.number
    reports = (
        sa.select(sa.func.count(number.distinct()))
        .where(_report.exam_id == _exam.id)
        .scalar_subquery()
    )
    asked_of_reader = sa.exists().where(of_case, _order.reader == reader.subject)
    is_unread = (
        images.c.new_slides + images.c.new_rescans + images.c.new_photographs + new_reports > 0
    )
    query = sa.select(
        _exam.id,
        _owner.name.label("establishment"),
        _exam.establishment_id,
        _exam.accession_number,
        _case.id.label("case_id"),
        *_PATIENT_COLUMNS,
        _patient.folded_name,
        _patient.folded_birth_name,
        *[one for one in images.c if one.name != "exam_id"],
        new_reports.label("new_reports"),
        reports.label("reports"),
        is_unread.label("is_unread"),
        sa.func.coalesce(said, 0).label("urgency"),
        consult.label("is_consult"),
        sa.case(
            (_reading.taken_by.is_not(None), _reading.taken_by == reader.subject),
            else_=asked_of_reader,
        ).label("is_mine"),
        *[one for one in _reading if one.name != "exam_id"],
    ).select_from(
        schema.exam.join(images, images.c.exam_id == _exam.id)
        .join(schema.establishment, _owner.id == _exam.establishment_id)
        .outerjoin(schema.patient, _patient.id == _exam.patient_row)
        .outerjoin(reading, _reading.exam_id == _exam.id)
        .outerjoin(
            lab_case,
            sa.and_(
                _case.establishment_id == _exam.establishment_id,
                _case.accession_number == _exam.accession_number,
                _case.issuer == issuer,
            ),
        )
    )
    return owned(query, reader.establishment)


def counts(connection: sa.Connection, wanted: Wanted, reader: Reader) -> Counts:
    """How many there are of each sort."""
    row = _recent(wanted, reader).c

    def count(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((sa.and_(*conditions), 1), else_=0)), 0)

    query = sa.select(
        count(row.is_unread),
        count(row.is_unread, row.urgency > 0),
        count(row.is_unread, row.is_mine),
        sa.func.count(row.id),
    )
    return Counts(*connection.execute(query).one())


def items(connection: sa.Connection, wanted: Wanted, reader: Reader) -> tuple[Item, ...]:
    """The exams that are wanted: unread ones first, urgent ones before, the longest waiting."""
    row = _recent(wanted, reader).c
    asked = {
        Which.ALL: sa.true(),
        Which.UNREAD: row.is_unread,
        Which.URGENT: sa.and_(row.is_unread, row.urgency > 0),
        Which.MINE: sa.and_(row.is_unread, row.is_mine),
    }
    of_kind = {None: row.id, ImageKind.SLIDE: row.slides, ImageKind.PHOTO: row.photographs}
    query = (
        sa.select(*row)
        .where(asked[wanted.which], *(_says(row, one) for one in wanted.words))
        .where(of_kind[wanted.kind] > 0 if wanted.kind else sa.true())
        .order_by(
            row.is_unread.desc(),
            sa.case((row.is_unread, row.urgency), else_=0).desc(),
            sa.case((row.is_unread, row.arrived_at)).asc(),
            row.arrived_at.desc(),
            row.id,
        )
        .limit(wanted.limit)
        .offset(wanted.offset)
    )
    found = connection.execute(query).mappings().all()
    return _with_things(connection, found)


def item(connection: sa.Connection, exam_id: str, reader: Reader) -> Item | None:
    """One exam, however old, as the list has it; None where nothing of it can be looked at."""
    query = _rows(_images(_image.exam_id == exam_id), reader)
    found = connection.execute(query).mappings().all()
    return next(iter(_with_things(connection, found)), None)


def _says(row: Any, word: str) -> sa.ColumnElement[bool]:
    """Whether a word occurs in a name, without accents, or in a number."""
    plain = folded(word)
    conditions = [
        column.contains(plain, autoescape=True)
        for column in (row.folded_name, row.folded_birth_name)
    ]
    conditions += [
        sa.func.lower(column).contains(plain, autoescape=True)
        for column in (row.patient__patient_id, row.accession_number)
    ]
    return sa.or_(*conditions)


def things_in(connection: sa.Connection, exam_ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The images and reports that can be looked at in each of these exams."""
    ids = list(exam_ids)
    query = sa.union_all(
        sa.select(_image.exam_id, _image.id).where(_image.exam_id.in_(ids), MAY_BE_SEEN),
        sa.select(_report.exam_id, _report.id).where(_report.exam_id.in_(ids)),
    )
    found: dict[str, list[str]] = defaultdict(list)
    for exam_id, thing in connection.execute(query):
        found[exam_id].append(thing)
    return {exam_id: tuple(found[exam_id]) for exam_id in ids}


def _with_things(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> tuple[Item, ...]:
    things = things_in(connection, [row["id"] for row in rows])
    names = _names(connection, rows)
    return tuple(_item(row, things[row["id"]], names) for row in rows)


def _names(
    connection: sa.Connection, rows: Sequence[sa.RowMapping]
) -> dict[tuple[str, int | None], str]:
    """What users are called who took or read, where they have a card."""
    users = {row[one] for row in rows for one in ("taken_by", "read_by")} - {None}
    if not users:
        return {}
    query = sa.select(_card.subject, _card.establishment_id, _card.name)
    found = connection.execute(query.where(_card.subject.in_(users)))
    return {(row.subject, row.establishment_id): row.name for row in found}


def _item(
    row: sa.RowMapping, things: Sequence[str], names: dict[tuple[str, int | None], str]
) -> Item:
    patient = None
    if row["patient__patient_id"] is not None:
        patient = PatientIdentity(
            **{one.name: row[f"patient__{one.name}"] for one in fields(PatientIdentity)}
        )
    read = None
    if row["read_by"] is not None:
        read = Read(row["read_by"], row["read_at"], row["read_version"])
    called = {}
    for user in {row["taken_by"], row["read_by"]} - {None}:
        name = names.get((user, row["establishment_id"])) or names.get((user, None))
        called.update({user: name} if name else {})
    return Item(
        exam_id=row["id"],
        establishment=row["establishment"],
        patient=patient,
        accession_number=row["accession_number"],
        case_id=row["case_id"],
        priority=_PRIORITIES[row["urgency"]],
        is_consult=bool(row["is_consult"]),
        slides=row["slides"],
        photographs=row["photographs"],
        reports=row["reports"],
        arrived_at=row["arrived_at"],
        news=_news(row),
        taken_by=row["taken_by"],
        is_mine=bool(row["is_mine"]),
        read=read,
        version=version_of(things),
        names=called,
    )


def _news(row: sa.RowMapping) -> tuple[News, ...]:
    if not row["is_unread"]:
        return ()
    if row["read_by"] is None:
        return (News.FIRST,)
    counted = {
        News.SLIDE: row["new_slides"],
        News.RESCAN: row["new_rescans"],
        News.PHOTOGRAPH: row["new_photographs"],
        News.REPORT: row["new_reports"],
    }
    return tuple(one for one, number in counted.items() if number)
