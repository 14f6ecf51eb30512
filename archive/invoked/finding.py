"""Finding what another system asks to be shown: exactly, or not at all.

What is not here, what is another establishment's and what could mean two patients raise the same
NotFound: whoever asks learns nothing of the difference.
"""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.cases.schema import lab_case, scan, scan_text
from archive.errors import NotFound
from archive.identities.acts import flags_of, ins_of
from archive.identities.issuers import is_given_by, is_told_apart
from archive.identities.pointers import chain, survivor
from archive.invoked.asked import Asked, Bounds, Found, PatientNumber
from archive.ownership import owned
from archive.reading import MAY_BE_SEEN

MOST_EXAMS = 200
_exam, _patient, _image = schema.exam.c, schema.patient.c, schema.image.c
_owner, _series = schema.establishment.c, schema.series.c
_OWNED = schema.exam.join(schema.establishment, _exam.establishment_id == _owner.id)


_PLACE = (
    *(
        sa.func.coalesce(scan.c[f"to_{name}"], scan.c[name]).label(name)
        for name in ("specimen", "block", "slide")
    ),
    scan.c.recut,
)
"""Of a slide: where it was linked to, else what its label says."""


def find(connection: sa.Connection, asked: Asked, establishment: str | None) -> Found:
    """What is asked for, as it is known today; raises NotFound."""
    whom = _whom(connection, asked.patient, establishment) if asked.patient else None
    if asked.barcode:
        return _by_barcode(connection, asked.barcode, whom, establishment)
    if asked.studies:
        named = [_exam.study_instance_uid == one for one in asked.studies]
    elif asked.orders:
        named = [_is_of_order(one.number, one.issuer) for one in asked.orders]
    elif whom is None:
        raise NotFound("Nothing is asked for.")
    else:
        rows = _exams(connection, _exam.patient_row == whom, asked.bounds, establishment)
        return _found(connection, rows, missing=0)
    sets = [_exams(connection, one, asked.bounds, establishment) for one in named]
    if asked.orders:
        _require_one_issuer(sets)
    rows = [row for rows in sets for row in rows]
    if whom is not None and any(row.patient_row != whom for row in rows):
        raise _none()
    return _found(connection, rows, missing=sum(not rows for rows in sets))


def _none() -> NotFound:
    return NotFound("Nothing is found by what was asked, or not exactly one patient.")


def _whom(
    connection: sa.Connection, numbers: Collection[PatientNumber], establishment: str | None
) -> int:
    """The one patient whom all of these numbers that are known mean, today."""
    found = {
        survivor(connection, row)
        for number in numbers
        for row in _known_by(connection, number, establishment)
    }
    if len(found) != 1:
        raise _none()
    whom = found.pop()
    known, told = ins_of(connection, whom), [one for one in numbers if one.is_national]
    if known and told and not any(one.is_ins(*known) for one in told):
        # The number that is known was given to somebody else, here or there.
        raise _none()
    return whom


def _known_by(
    connection: sa.Connection, number: PatientNumber, establishment: str | None
) -> list[int]:
    query = sa.select(_patient.id).select_from(
        schema.patient.join(schema.establishment, _patient.establishment_id == _owner.id)
    )
    if number.is_national:
        query = query.where(_patient.ins == number.number)
        if number.oid:
            query = query.where(_patient.ins_authority == number.oid)
    else:
        query = query.where(_patient.patient_id == number.number, *_given_by(number))
    rows = connection.scalars(owned(query, establishment)).all()
    # A flagged identity is nobody to be found by a number that the whole country shares.
    if not number.is_national:
        return list(rows)
    return [
        one
        for one in rows
        if not any(flags_of(connection, each) for each in chain(connection, one))
    ]


def _given_by(number: PatientNumber) -> list[sa.ColumnElement[bool]]:
    """The conditions that say who gave a number; none where nobody says."""
    by_oid, by_name = is_given_by(number.oid), is_given_by(number.issuer)
    if number.issuer and number.oid:
        # A name alone is ambiguous: an OID that is known to be another one rules it out.
        unknown = sa.and_(_patient.issuer_oid.is_(None), ~is_told_apart(number.oid))
        return [sa.or_(by_oid, sa.and_(by_name, unknown))]
    return [by_oid] if number.oid else [by_name] if number.issuer else []


def _is_of_order(number: str, issuer: str) -> sa.ColumnElement[bool]:
    same = _exam.accession_number == number
    return sa.and_(same, _exam.issuer_of_accession_number == issuer) if issuer else same


def _require_one_issuer(sets: Sequence[Sequence[Any]]) -> None:
    """A number without its issuer means something while one issuer alone has given it."""
    if any(len({row.issuer_of_accession_number for row in rows}) > 1 for rows in sets):
        raise _none()


def _exams(
    connection: sa.Connection,
    condition: sa.ColumnElement[bool],
    bounds: Bounds,
    establishment: str | None,
) -> list[Any]:
    query = (
        sa.select(
            _exam.id,
            _exam.patient_row,
            _exam.issuer_of_accession_number,
            _exam.created_at,
            _owner.name,
        )
        .select_from(_OWNED)
        .where(condition, sa.exists().where(_image.exam_id == _exam.id, MAY_BE_SEEN))
        .order_by(_exam.created_at.desc(), _exam.id.desc())
        .limit(min(bounds.most_recent or MOST_EXAMS, MOST_EXAMS))
    )
    if bounds.lower is not None:
        query = query.where(_exam.created_at >= bounds.lower)
    if bounds.upper is not None:
        query = query.where(_exam.created_at <= bounds.upper)
    if bounds.modalities:
        query = query.where(
            sa.exists().where(
                _series.exam_id == _exam.id, _series.modality.in_(list(bounds.modalities))
            )
        )
    return list(connection.execute(owned(query, establishment)))


def _found(connection: sa.Connection, rows: Sequence[Any], *, missing: int) -> Found:
    by_id = {row.id: row for row in rows}
    if not by_id or len({(row.name, row.patient_row) for row in by_id.values()}) > 1:
        raise _none()
    newest = sorted(by_id.values(), key=lambda row: (row.created_at, row.id), reverse=True)
    one = newest[0]
    key = sa.select(_patient.key).where(_patient.id == one.patient_row)
    return Found(
        one.name,
        tuple(row.id for row in newest),
        connection.scalar(key),
        missing=missing,
    )


def _by_barcode(
    connection: sa.Connection, barcode: str, whom: int | None, establishment: str | None
) -> Found:
    """The latest scan of the slide on whose label this stands; the exam of several slides."""
    case = lab_case
    issuer = sa.func.coalesce(_exam.issuer_of_accession_number, "")
    query = (
        sa.select(_image.id.label("image"), _exam.id, _exam.patient_row, case.c.id.label("case"))
        .add_columns(*_PLACE)
        .select_from(
            scan_text.join(scan, scan.c.image_id == scan_text.c.image_id)
            .join(schema.image, _image.id == scan.c.image_id)
            .join(schema.exam, _exam.id == _image.exam_id)
            .join(schema.establishment, _owner.id == _exam.establishment_id)
            .outerjoin(
                case,
                sa.and_(
                    case.c.establishment_id == _exam.establishment_id,
                    case.c.accession_number == _exam.accession_number,
                    case.c.issuer == issuer,
                ),
            )
        )
        .where(scan_text.c.text == barcode, MAY_BE_SEEN)
        .order_by(_image.created_at.desc(), _image.id.desc())
    )
    rows = connection.execute(owned(query.add_columns(_owner.name), establishment)).all()
    # Several are scans of one slide, or the label means more than one thing.
    if len({(row.name, row.patient_row, row.case or row.id) for row in rows}) != 1:
        raise _none()
    one = rows[0]
    if whom is not None and one.patient_row != whom:
        raise _none()
    key = connection.scalar(sa.select(_patient.key).where(_patient.id == one.patient_row))
    # What stands on several slides, as a number of their case, names none of them.
    places = {(row.specimen, row.block, row.slide, row.recut) for row in rows}
    is_one = len(rows) == 1 or (len(places) == 1 and one.slide != "")
    return Found(one.name, (one.id,), key, one.image if is_one else None, one.case)
