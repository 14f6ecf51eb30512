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
from archive.reports.reading import is_read
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
_IS_READ = sa.and_(read_thing.c.exam_id == _image.exam_id, read_thing.c.thing == _image.id)


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))


def _images(exams: sa.ColumnElement[bool]) -> sa.Subquery:
    """What is in each of these exams, and what is new of that."""
    is_slide = _image.kind == ImageKind.SLIDE
    is_new = read_thing.c.thing.is_(None)
    # One that was scanned twice is one slide, as in its case; one of no case is a slide of its own.
    place = _scan.to_specimen + "\n" + _scan.to_block + "\n" + _scan.to_slide
    slide = sa.case((is_slide, sa.func.coalesce(_scan.case_id + "\n" + place, _image.id)))
    is_linked = sa.exists().where(
        _case.id == _scan.case_id, _exam.id == _image.exam_id, _is_case_of(_exam)
    )
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

    return (
        sa.select(
            _image.exam_id,
            sa.func.count(slide.distinct()).label("slides"),
            _count(~is_slide).label("photographs"),
            _count(is_slide & is_new & ~is_rescan).label("new_slides"),
            _count(is_slide & is_new & is_rescan).label("new_rescans"),
            _count(~is_slide & is_new).label("new_photographs"),
            sa.func.max(_image.created_at).label("arrived_at"),
        )
        .select_from(
            schema.image.outerjoin(read_thing, _IS_READ).outerjoin(
                scan, sa.and_(_scan.image_id == _image.id, is_linked)
            )
        )
        .where(exams, MAY_BE_SEEN)
        .group_by(_image.exam_id)
        .subquery()
    )


_OF_CASE = sa.and_(_order.case_id == _case.id, ~_order.is_cancelled, _order.said_at.is_not(None))
_URGENCY = sa.func.coalesce(
    sa.select(
        sa.func.max(
            sa.case({Priority.FROZEN: 2, Priority.URGENT: 1}, value=_order.priority, else_=0)
        )
    )
    .where(_OF_CASE)
    .scalar_subquery(),
    0,
)


def _is_mine(reader: Reader) -> sa.ColumnElement[bool]:
    """Whether the reader has taken it; whether it is ordered of them, where nobody has."""
    return sa.case(
        (_reading.taken_by.is_not(None), _reading.taken_by == reader.subject),
        else_=sa.exists().where(_OF_CASE, _order.reader == reader.subject),
    )


def _is_case_of(exams: Any) -> sa.ColumnElement[bool]:
    """Whether a case has the accession number of one of these exams."""
    return sa.and_(
        _case.establishment_id == exams.establishment_id,
        _case.accession_number == exams.accession_number,
        _case.issuer == sa.func.coalesce(exams.issuer_of_accession_number, ""),
    )


def _new_reports() -> sa.Select[Any]:
    """The reports of an exam that were not there when it was read."""
    # Not by the exam's own id: a report that went to another exam is news there.
    is_known = sa.exists().where(
        read_thing.c.exam_id == _report.exam_id, read_thing.c.thing == _report.id
    )
    return sa.select(sa.func.count()).where(_report.exam_id == _exam.id, is_read(report), ~is_known)


def _rows(images: sa.Subquery, reader: Reader) -> sa.Select[Any]:
    """All that is told of exams."""
    # All versions of a report have its number.
    number = _report.number_issuer + "\n" + _report.number
    reports = sa.select(sa.func.count(number.distinct())).where(
        _report.exam_id == _exam.id, is_read(report)
    )
    query = sa.select(
        _exam.id,
        _owner.name.label("establishment"),
        _exam.establishment_id,
        _exam.accession_number,
        _case.id.label("case_id"),
        *_PATIENT_COLUMNS,
        *[one for one in images.c if one.name != "exam_id"],
        _new_reports().scalar_subquery().label("new_reports"),
        reports.scalar_subquery().label("reports"),
        _URGENCY.label("urgency"),
        sa.exists().where(_OF_CASE, _order.is_consult).label("is_consult"),
        _is_mine(reader).label("is_mine"),
        *[one for one in _reading if one.name != "exam_id"],
    ).select_from(
        schema.exam.join(images, images.c.exam_id == _exam.id)
        .join(schema.establishment, _owner.id == _exam.establishment_id)
        .outerjoin(schema.patient, _patient.id == _exam.patient_row)
        .outerjoin(reading, _reading.exam_id == _exam.id)
        .outerjoin(lab_case, _is_case_of(_exam))
    )
    return owned(query, reader.establishment)


def _recent(wanted: Wanted, reader: Reader) -> sa.CTE:
    """The exams into which an image came in these days, as they are counted and sorted.

    No more of each than that takes, as there may be ten thousand: the rest is told of one page's.
    """
    came = sa.select(_image.exam_id).where(_image.created_at >= wanted.since, MAY_BE_SEEN)
    is_slide = _image.kind == ImageKind.SLIDE
    # What was there when the exam was read is a thing of it.
    has_news = sa.func.count() > sa.func.count(read_thing.c.thing)
    query = (
        sa.select(
            _exam.id,
            _exam.establishment_id,
            _exam.patient_row,
            _exam.accession_number,
            _exam.issuer_of_accession_number,
            _count(is_slide).label("slides"),
            _count(~is_slide).label("photographs"),
            sa.func.max(_image.created_at).label("arrived_at"),
            (has_news | (_new_reports().scalar_subquery() > 0)).label("is_unread"),
        )
        .select_from(
            schema.exam.join(schema.establishment, _owner.id == _exam.establishment_id)
            .join(schema.image, _image.exam_id == _exam.id)
            .outerjoin(read_thing, _IS_READ)
        )
        .where(_exam.id.in_(came), MAY_BE_SEEN)
        .group_by(_exam.id)
    )
    exams = owned(query, reader.establishment).cte("exams")
    # What was read is neither urgent nor anybody's: no order of it is looked for.
    is_case = sa.and_(exams.c.is_unread, _is_case_of(exams.c))
    return (
        sa.select(exams, _URGENCY.label("urgency"), _is_mine(reader).label("is_mine"))
        .select_from(
            exams.outerjoin(reading, _reading.exam_id == exams.c.id).outerjoin(lab_case, is_case)
        )
        .cte("recent")
    )


def page(
    connection: sa.Connection, wanted: Wanted, reader: Reader
) -> tuple[tuple[Item, ...], Counts]:
    """The exams that are wanted: unread ones first, urgent ones before, the longest waiting.

    And how many there are of each sort, in one query with them, whatever words are searched for.
    """
    recent = _recent(wanted, reader)
    row = recent.c
    sorts = {
        Which.UNREAD: row.is_unread,
        Which.URGENT: sa.and_(row.is_unread, row.urgency > 0),
        Which.MINE: sa.and_(row.is_unread, row.is_mine),
        Which.ALL: sa.true(),
    }
    counts = sa.select(*(_count(one).label(which) for which, one in sorts.items())).subquery()
    in_order = (
        row.is_unread.desc(),
        row.urgency.desc(),
        sa.case((row.is_unread, row.arrived_at)).asc(),
        row.arrived_at.desc(),
        row.id,
    )
    of_kind = {None: row.id, ImageKind.SLIDE: row.slides, ImageKind.PHOTO: row.photographs}
    found = (
        sa.select(row.id, sa.func.row_number().over(order_by=in_order).label("place"))
        .select_from(
            recent.outerjoin(schema.patient, _patient.id == row.patient_row)
            if wanted.words
            else recent
        )
        .where(sorts[wanted.which], *(_says(row, one) for one in wanted.words))
        .where(of_kind[wanted.kind] > 0 if wanted.kind else sa.true())
        .order_by("place")
        .limit(wanted.limit)
        .offset(wanted.offset)
        .subquery()
    )
    whole = sa.select(counts, found.c.id).select_from(counts.outerjoin(found, sa.true()))
    rows = connection.execute(whole.order_by(found.c.place)).mappings().all()
    counted = Counts(**{which: rows[0][which] or 0 for which in Which})
    return _items(connection, [one["id"] for one in rows if one["id"]], reader), counted


def _items(connection: sa.Connection, exam_ids: Sequence[str], reader: Reader) -> tuple[Item, ...]:
    """These exams, in this order, as far as something of them can be looked at."""
    query = _rows(_images(_image.exam_id.in_(exam_ids)), reader)
    rows = {row["id"]: row for row in connection.execute(query).mappings()}
    things, names = things_in(connection, rows.keys()), _names(connection, rows.values())
    return tuple(_item(rows[one], things[one], names) for one in exam_ids if one in rows)


def item(connection: sa.Connection, exam_id: str, reader: Reader) -> Item | None:
    """One exam, however old, as the list has it; None where nothing of it can be looked at."""
    return next(iter(_items(connection, [exam_id], reader)), None)


def _says(row: Any, word: str) -> sa.ColumnElement[bool]:
    """Whether a word occurs in a name, without accents, or in a number."""
    plain = folded(word)
    conditions = [
        column.contains(plain, autoescape=True)
        for column in (_patient.folded_name, _patient.folded_birth_name)
    ]
    conditions += [
        sa.func.lower(column).contains(plain, autoescape=True)
        for column in (_patient.patient_id, row.accession_number)
    ]
    return sa.or_(*conditions)


def things_in(connection: sa.Connection, exam_ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The images and reports that can be looked at in each of these exams."""
    ids = list(exam_ids)
    query = sa.union_all(
        sa.select(_image.exam_id, _image.id).where(_image.exam_id.in_(ids), MAY_BE_SEEN),
        sa.select(_report.exam_id, _report.id).where(_report.exam_id.in_(ids), is_read(report)),
    )
    found: dict[str, list[str]] = defaultdict(list)
    for exam_id, thing in connection.execute(query):
        found[exam_id].append(thing)
    return {exam_id: tuple(found[exam_id]) for exam_id in ids}


def _names(
    connection: sa.Connection, rows: Collection[sa.RowMapping]
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
    counted = {
        News.SLIDE: row["new_slides"],
        News.RESCAN: row["new_rescans"],
        News.PHOTOGRAPH: row["new_photographs"],
        News.REPORT: row["new_reports"],
    }
    news = tuple(one for one, number in counted.items() if number)
    return (News.FIRST,) if news and row["read_by"] is None else news
