"""A change of identities as data: as it was, as it becomes, and the one way to make it so.

`into` has whom a patient is merged into, `home` whose an exam is by its own number, `visit` whose a
visit is since it went to another patient, `traits` what is known of a patient. As every act is
written down so, every act can be taken back.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from archive import outbox, schema
from archive.errors import TransitionRefused
from archive.identities.pointers import Settled, forget_image_homes, settle, survivor
from archive.identities.schema import home, identity_state, merged
from archive.identities.stated import DETAILS, TRAITS
from archive.identities.visits import point, pointer
from archive.identity import folded_name

Change = dict[str, dict[str, Any]]
"""Rows are named by texts, as JSON has no other keys."""

_patient, _exam = schema.patient.c, schema.exam.c
_COLUMNS = ("patient_id", "issuer", *TRAITS)
_DETAILS = (*DETAILS, "stated_at", "said_at")


def traits_of(connection: sa.Connection, whom: int) -> dict[str, Any]:
    """All that is known of a patient but their national identifier, as JSON holds it."""
    return traits_of_all(connection, [whom])[whom]


def traits_of_all(connection: sa.Connection, whom: Collection[int]) -> dict[int, dict[str, Any]]:
    """The same of several patients, in one query."""
    known, beside = (_patient[one] for one in _COLUMNS), (identity_state.c[one] for one in _DETAILS)
    query = (
        sa.select(_patient.id, *known, *beside)
        .select_from(schema.patient.outerjoin(identity_state, identity_state.c.whom == _patient.id))
        .where(_patient.id.in_(list(whom)))
    )
    return {
        row["id"]: {name: as_json(row[name]) for name in (*_COLUMNS, *_DETAILS)}
        for row in connection.execute(query).mappings()
    }


def as_json(value: Any) -> Any:
    """A trait as JSON holds it."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, set | frozenset | list | tuple):
        return sorted(str(one) for one in value) or None
    return value or None


def from_json(name: str, value: Any) -> Any:
    """A trait as the catalogue holds it."""
    if value is None:
        # What the tables want written is never missing, but empty.
        return "" if name in {"patient_id", "issuer", "name"} else None
    if name == "birth_date":
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if name == "stated_at" else value


def as_it_is(connection: sa.Connection, like: Change) -> Change:
    """What stands in the place of all that a change names."""
    return {
        "into": {one: _into(connection, int(one)) for one in like.get("into", {})},
        "home": {one: _home(connection, one) for one in like.get("home", {})},
        "visit": {one: pointer(connection, one) for one in like.get("visit", {})},
        "traits": {one: traits_of(connection, int(one)) for one in like.get("traits", {})},
    }


def make(connection: sa.Connection, change: Change) -> Settled:
    """Make a change true, with all that follows, and have archives told of what was published."""
    into, traits = change.get("into", {}), change.get("traits", {})
    involved = {int(one) for one in into}
    for one, there in change.get("home", {}).items():
        stands = connection.scalar(sa.select(_exam.patient_row).where(_exam.id == one))
        involved |= {int(stands or 0), int(there)}
    involved |= {survivor(connection, one) for one in involved}
    connection.execute(sa.delete(merged).where(merged.c.whom.in_([int(one) for one in into])))
    for one, there in into.items():
        if there is not None:
            connection.execute(sa.insert(merged).values(whom=int(one), into_whom=there))
    for one, there in change.get("home", {}).items():
        mine = (home.c.kind == "exam", home.c.row_id == one)
        connection.execute(sa.delete(home).where(*mine))
        connection.execute(sa.insert(home).values(kind="exam", row_id=one, whom=there))
        held = sa.select(schema.image.c.id).where(schema.image.c.exam_id == one)
        forget_image_homes(connection, list(connection.scalars(held)))
    for one, to in change.get("visit", {}).items():
        point(connection, one, to)
    settled = settle(connection, involved)
    write_traits(connection, traits)
    renamed = {survivor(connection, int(one)) for one in traits}
    tell(connection, {*settled.exams, *exams_of(connection, renamed)})
    return settled


def tell(connection: sa.Connection, exams: Iterable[str]) -> None:
    """Have archives corrected that were told of these exams: the one place that asks for it."""
    if exams := sorted(exams):
        outbox.identity_changed(connection, exams)


def exams_of(connection: sa.Connection, whom: Iterable[int]) -> list[str]:
    """The exams that stand under these patients."""
    return list(connection.scalars(sa.select(_exam.id).where(_exam.patient_row.in_(list(whom)))))


def take_back(connection: sa.Connection, before: Change, after: Change) -> Settled:
    """Make a change undone; raises TransitionRefused where something has changed since."""
    now = as_it_is(connection, after)
    if any(now[name] != after.get(name, {}) for name in now):
        raise TransitionRefused("Something was changed since; undo that first.")
    return make(connection, before)


def write_traits(connection: sa.Connection, traits: dict[str, dict[str, Any]]) -> None:
    """Write what is known of patients, by row, as JSON has it."""
    if len(traits) > 1:
        # Numbers may change hands, and are unique at every moment.
        for one in traits:
            away = sa.update(schema.patient).where(_patient.id == int(one))
            connection.execute(away.values(patient_id=f"-{one}", issuer="-"))
    for one, told in traits.items():
        values = {name: from_json(name, told.get(name)) for name in _COLUMNS}
        values["folded_name"] = folded_name(values["name"])
        values["folded_birth_name"] = folded_name(values["birth_name"] or "") or None
        connection.execute(
            sa.update(schema.patient).where(_patient.id == int(one)).values(**values)
        )
        details = {name: from_json(name, told.get(name)) for name in _DETAILS}
        put_state(connection, int(one), details)


def put_state(connection: sa.Connection, whom: int, values: dict[str, Any]) -> None:
    """Write columns beside a patient's, whose row there may be still to come."""
    change = sa.update(identity_state).where(identity_state.c.whom == whom).values(**values)
    if connection.execute(change).rowcount == 0:
        connection.execute(sa.insert(identity_state).values(whom=whom, **values))


def _into(connection: sa.Connection, whom: int) -> int | None:
    return connection.scalar(sa.select(merged.c.into_whom).where(merged.c.whom == whom))


def _home(connection: sa.Connection, exam_id: str) -> int | None:
    kept = sa.select(home.c.whom).where(home.c.kind == "exam", home.c.row_id == exam_id)
    stands = sa.select(_exam.patient_row).where(_exam.id == exam_id)
    return connection.scalar(kept) or connection.scalar(stands)
