"""Merges as pointers: whom a number leads to now, and what stands under whom because of it.

What is under a patient has a *home*: whose it is by its own number. It stands under whomever the
home was merged into, and follows from the pointers alone, so that a merge that is taken back
restores what was, in whichever order merges were done and undone.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa

from archive import schema
from archive.columns import metadata
from archive.database import deferring
from archive.identities.schema import home, merged
from archive.lesion_schema import biopsy, comparison

_exam, _lesion, _photo, _pin = (
    schema.exam.c,
    schema.lesion.c,
    schema.photograph.c,
    schema.pin.c,
)
WHOSE = "patient_row"
"""The column of every table whose rows are of a patient."""
IMAGE = "image"
"""The kind of home that an image has of its own, where it is not its exam's."""


def survivor(connection: sa.Connection, whom: int) -> int:
    """Whom a patient was merged into, however often; themselves where they were not."""
    while (into := _into(connection, whom)) is not None:
        whom = into
    return whom


def survivors(connection: sa.Connection, whom: Collection[int]) -> dict[int, int]:
    """Whom each of these was merged into, as `survivor`: a query for each step of the longest."""
    found = {one: one for one in whom}
    last = set(whom)
    while last:
        rows = connection.execute(sa.select(merged).where(merged.c.whom.in_(last)))
        step = {row.whom: row.into_whom for row in rows}
        found = {one: step.get(there, there) for one, there in found.items()}
        last = set(step.values())
    return found


def _into(connection: sa.Connection, whom: int) -> int | None:
    return connection.scalar(sa.select(merged.c.into_whom).where(merged.c.whom == whom))


def chain(connection: sa.Connection, whom: int) -> list[int]:
    """A patient, whom they were merged into, and so on to who survives."""
    found = [whom]
    while (into := _into(connection, found[-1])) is not None:
        found.append(into)
    return found


def numbers_of(connection: sa.Connection, whom: Collection[int]) -> list[int]:
    """These patients and all who were merged into them, over however many steps."""
    found, last = set(whom), set(whom)
    while last:
        into = sa.select(merged.c.whom).where(merged.c.into_whom.in_(last))
        last = set(connection.scalars(into)) - found
        found |= last
    return sorted(found)


def current_key(connection: sa.Connection, key: str) -> str:
    """What addresses name a patient by who is named so, or was before a merge."""
    row = connection.scalar(
        sa.select(schema.patient.c.id)
        .join_from(schema.patient, merged, merged.c.whom == schema.patient.c.id)
        .where(schema.patient.c.key == key)
    )
    if row is None:
        return key
    there = sa.select(schema.patient.c.key).where(
        schema.patient.c.id == survivor(connection, int(row))
    )
    return str(connection.scalar(there))


def remember_home(
    connection: sa.Connection, exam_id: str, whom: int | None, image_id: str | None = None
) -> None:
    """Keep by whose number an exam came, or an image of one that came by another number.

    An image is asked about once the exam holds it, and an exam before it holds any.
    """
    exam_home = sa.select(home.c.whom).where(home.c.kind == "exam", home.c.row_id == exam_id)
    known = connection.scalar(exam_home)
    stands = connection.scalar(sa.select(_exam.patient_row).where(_exam.id == exam_id))
    if whom is None or whom == (known or stands) or survivor(connection, whom) != stands:
        return
    has_images = sa.select(sa.exists().where(schema.image.c.exam_id == exam_id))
    if known is None and not connection.scalar(has_images):
        connection.execute(sa.insert(home).values(kind="exam", row_id=exam_id, whom=whom))
    elif image_id is not None:
        forget_image_homes(connection, [image_id])
        connection.execute(sa.insert(home).values(kind=IMAGE, row_id=image_id, whom=whom))


def forget_image_homes(connection: sa.Connection, image_ids: Collection[str]) -> None:
    """Let images be at home where their exam is."""
    connection.execute(
        sa.delete(home).where(home.c.kind == IMAGE, home.c.row_id.in_(list(image_ids)))
    )


@dataclass(slots=True)
class Settled:
    """What stands under another patient than before, and the links that had to end for it."""

    exams: set[str] = field(default_factory=set)
    ended: dict[str, list[str]] = field(default_factory=dict)


def settle(connection: sa.Connection, whom: Collection[int]) -> Settled:
    """Let all that stands under these patients stand where its home leads to now."""
    deferring(connection)
    done = Settled()
    involved = {*whom, *(survivor(connection, one) for one in whom)}
    for table in _homed():
        moved = _settle_table(connection, table, involved)
        if table is schema.exam:
            done.exams = set(moved)
        involved |= set(moved.values())
    _follow(connection, done.exams)
    done.ended = _end_links(connection, involved)
    return done


def _homed() -> list[sa.Table]:
    """The tables whose rows have a home of their own: of a patient, and not of an exam's."""
    found = [
        table
        for table in metadata.sorted_tables
        if WHOSE in table.c
        and "id" in table.c
        and (table is schema.exam or "exam_id" not in table.c)
    ]
    return sorted(found, key=lambda table: table is not schema.exam)


def _settle_table(
    connection: sa.Connection, table: sa.Table, involved: Collection[int]
) -> dict[str, int]:
    """Re-point the rows of a table; gives where those went that moved."""
    at_home = sa.and_(home.c.kind == table.name, home.c.row_id == sa.cast(table.c.id, sa.String))
    rows = connection.execute(
        sa.select(table.c.id, table.c[WHOSE], home.c.whom)
        .select_from(table.outerjoin(home, at_home))
        .where(table.c[WHOSE].in_(list(involved)))
    ).all()
    moved: dict[str, int] = {}
    for row_id, stands, whom in rows:
        of = stands if whom is None else whom
        there = survivor(connection, of)
        if there != stands and table is not schema.lesion:
            _point(connection, table, row_id, there)
        if there != stands:
            moved[str(row_id)] = there
        if there != of and whom is None:
            number = None
            if table is schema.lesion:
                number = connection.scalar(sa.select(_lesion.number).where(_lesion.id == row_id))
            new = {"kind": table.name, "row_id": str(row_id), "whom": of, "number": number}
            connection.execute(sa.insert(home).values(new))
    if table is schema.lesion:
        _settle_lesions(connection, moved)
    _forget_homes(connection, table)
    return moved


def _point(connection: sa.Connection, table: sa.Table, row_id: object, there: int) -> None:
    change = sa.update(table).where(table.c.id == row_id)
    connection.execute(change.values({WHOSE: there}))


def _settle_lesions(connection: sa.Connection, moved: dict[str, int]) -> None:
    """Lesions keep their numbers where those are free; who is at home again has them back."""
    homes = {
        row.row_id: row
        for row in connection.execute(sa.select(home).where(home.c.kind == "lesion"))
        if row.row_id in moved
    }
    numbers = {
        row.id: row.number
        for row in connection.execute(
            sa.select(_lesion.id, _lesion.number).where(_lesion.id.in_(list(moved)))
        )
    }
    own = {one: homes[one].number if one in homes else number for one, number in numbers.items()}
    for place, one in enumerate(sorted(moved), 1):
        # Out of the way of each other, as numbers are unique at every moment.
        change = sa.update(schema.lesion).where(_lesion.id == one)
        connection.execute(change.values(patient_row=moved[one], number=-place))
    back = [one for one in moved if one in homes and homes[one].whom == moved[one]]
    for one in (*sorted(back), *sorted(set(moved) - set(back), key=lambda one: (own[one], one))):
        taken = set(
            connection.scalars(sa.select(_lesion.number).where(_lesion.patient_row == moved[one]))
        )
        number = own[one] if own[one] not in taken else max(0, *taken) + 1
        connection.execute(sa.update(schema.lesion).where(_lesion.id == one).values(number=number))


def _forget_homes(connection: sa.Connection, table: sa.Table) -> None:
    """What stands at home needs no row that says so."""
    stands = sa.select(sa.cast(table.c.id, sa.String)).where(table.c[WHOSE] == home.c.whom)
    connection.execute(sa.delete(home).where(home.c.kind == table.name, home.c.row_id.in_(stands)))


def _follow(connection: sa.Connection, exams: Iterable[str]) -> None:
    """Let what is of an exam, and pins in its photographs, be of the exam's patient."""
    exams = list(exams)
    whose = sa.select(_exam.patient_row)
    for table in metadata.sorted_tables:
        if WHOSE in table.c and "exam_id" in table.c:
            there = whose.where(_exam.id == table.c.exam_id).scalar_subquery()
            change = sa.update(table).where(table.c.exam_id.in_(exams))
            connection.execute(change.values({WHOSE: there}))
    shown = sa.select(_photo.image_id).where(_photo.exam_id.in_(exams))
    there = sa.select(_photo.patient_row).where(_photo.image_id == _pin.image_id).scalar_subquery()
    pins = sa.update(schema.pin).where(_pin.image_id.in_(shown))
    connection.execute(pins.values(patient_row=there))


def _end_links(connection: sa.Connection, whom: Collection[int]) -> dict[str, list[str]]:
    """End the links between what is not of one patient any more; gives images and lesions."""
    of_lesion = sa.select(_lesion.patient_row)
    here = _photo.patient_row.in_(list(whom))
    shows = sa.select(_photo.image_id).where(
        here,
        of_lesion.where(_lesion.id == _photo.lesion_id).scalar_subquery() != _photo.patient_row,
    )
    lesions = list(connection.scalars(shows))
    connection.execute(
        sa.delete(comparison).where(
            sa.or_(comparison.c.first_id.in_(lesions), comparison.c.second_id.in_(lesions))
        )
    )
    cut = sa.update(schema.photograph)
    connection.execute(cut.where(_photo.earlier_id.in_(lesions)).values(earlier_id=None))
    connection.execute(
        cut.where(_photo.image_id.in_(lesions)).values(lesion_id=None, earlier_id=None)
    )
    other = schema.photograph.alias()
    located = sa.select(_photo.image_id).where(
        here,
        sa.select(other.c.patient_row)
        .where(other.c.image_id == _photo.overview_id)
        .scalar_subquery()
        != _photo.patient_row,
    )
    overviews = list(connection.scalars(located))
    connection.execute(cut.where(_photo.image_id.in_(overviews)).values(overview_id=None))
    pins = _cut(connection, schema.pin, whom)
    biopsies = _cut(connection, biopsy, whom)
    ended = {"lesion": lesions, "overview": overviews, "pins": pins, "biopsies": biopsies}
    return {name: sorted(ids) for name, ids in ended.items() if ids}


def _cut(connection: sa.Connection, table: sa.Table, whom: Collection[int]) -> list[str]:
    owner = sa.select(_lesion.patient_row).where(_lesion.id == table.c.lesion_id)
    gone = sa.delete(table).where(
        table.c[WHOSE].in_(list(whom)), owner.scalar_subquery() != table.c[WHOSE]
    )
    return [str(one) for one in connection.scalars(gone.returning(table.c.lesion_id))]
