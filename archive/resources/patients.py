"""Patients as they are asked for: who they are today, and whom they were merged with."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.identities.issuers import is_given_by
from archive.identities.schema import identity_event, identity_state, merged
from archive.identity import PatientIdentity
from archive.matching import fuzzy_names
from archive.ownership import owned
from archive.resources.asked import Criterion, How, Search, Token, Value, Words
from archive.resources.conditions import (
    Condition,
    all_of,
    code_in,
    day,
    family,
    given,
    moment,
    name_part,
    token,
)

GENDERS = {"female": "F", "male": "M", "other": "O", "unknown": None}
"""The sexes of the catalogue by FHIR's genders."""
ADMINISTRATIVE_GENDER = "http://hl7.org/fhir/administrative-gender"

_patient, _state, _event = schema.patient.c, identity_state.c, identity_event.c
_into, _from = merged.alias("into"), merged.alias("out_of")
_survivor, _gone = schema.patient.alias("survivor"), schema.patient.alias("gone")
_DETAILS = ("used_name", "first_names", "birthplace", "status", "flags")


@dataclass(frozen=True, slots=True, repr=False)
class FoundPatient:
    """A patient of the catalogue, by the key that addresses name them by.

    Who was merged has no status and no national identifier any more: who survives may have them.
    """

    key: str
    row: int
    establishment: str
    identity: PatientIdentity
    used_name: str | None
    first_names: str | None
    birthplace: str | None
    """The INSEE code."""
    status: str | None
    flags: tuple[str, ...]
    changed_at: datetime | None
    """None where nobody wrote down when."""
    replaced_by: str | None = None
    """The key of whom they were merged into."""
    replaces: tuple[str, ...] = ()

    @property
    def mark(self) -> dict[str, Any]:
        """Where a page ends with them."""
        return {"row": self.row}


_IS_MERGED = sa.exists().where(merged.c.whom == _patient.id)


def _numbered(asked: Token) -> Condition:
    own: list[Condition] = []
    # Of who was merged it is told no more: whose it is today, who survives says.
    national: list[Condition] = [_patient.ins.is_not(None), ~_IS_MERGED]
    if asked.value is not None:
        own.append(_patient.patient_id == asked.value)
        national.append(_patient.ins == asked.value)
    if asked.system is not None:
        own.append(is_given_by(asked.system))
        national.append(_patient.ins_authority == asked.system)
    return sa.or_(sa.and_(sa.true(), *own), sa.and_(*national))


def _active(asked: Token) -> Condition:
    return {"true": ~_IS_MERGED, "false": _IS_MERGED}.get(asked.value or "", sa.false())


_IS_OF_PATIENT = sa.or_(_event.whom == _patient.id, _event.other == _patient.id)
_touched = moment(lambda at: sa.exists().where(_event.recorded_at >= at, _IS_OF_PATIENT))


def _changed(value: Value) -> Condition:
    """When somebody wrote it down: who is known by images alone was changed at no time."""
    return sa.and_(sa.exists().where(_IS_OF_PATIENT), _touched(value))


_NAMES = (
    (_patient.name, _patient.folded_name),
    (_patient.birth_name, _patient.folded_birth_name),
)
_family, _given = name_part(_NAMES, family), name_part(_NAMES, given)


def _name(value: Value) -> Condition:
    if isinstance(value, Words) and value.how is How.BEGINS:
        words = [fuzzy_names(folded)(value.text) for _, folded in _NAMES]
        return sa.or_(*(sa.false() if one is None else one for one in words))
    return sa.or_(_family(value), _given(value))


MATCHED = {
    "_id": token(lambda asked: _patient.key == asked.value),
    "_lastUpdated": _changed,
    "identifier": token(_numbered),
    "family": _family,
    "given": _given,
    "name": _name,
    "birthdate": day(_patient.birth_date),
    "gender": code_in(_patient.sex, ADMINISTRATIVE_GENDER, GENDERS),
    "active": token(_active),
    # Nothing of this is kept: whoever asks for it finds nobody, rather than everybody.
    **dict.fromkeys(("telecom", "address", "mothersMaidenName"), lambda _: sa.false()),
}
"""What patients are looked for by."""

_COLUMNS = [
    _patient.id,
    _patient.key,
    schema.establishment.c.name.label("establishment"),
    *(_patient[one.name].label(f"patient__{one.name}") for one in fields(PatientIdentity)),
    *(_state[one] for one in _DETAILS),
]


def _patients(criteria: Collection[Criterion]) -> sa.Select[Any]:
    """Patients with whose they are, to be found by what a search names, if that is of few."""
    # Then the house is kept out of an index's sight: it has many.
    is_few = any(map(_names_few, criteria))
    owner = _patient.establishment_id + 0 if is_few else _patient.establishment_id
    return sa.select(*_COLUMNS).select_from(
        schema.patient.join(schema.establishment, owner == schema.establishment.c.id).outerjoin(
            identity_state, _state.whom == _patient.id
        )
    )


def _names_few(one: Criterion) -> bool:
    if one.name == "family":
        return all(isinstance(value, Words) and value.how is How.BEGINS for value in one.values)
    return one.name in {"_id", "identifier"} and not one.is_not


def search(
    connection: sa.Connection, asked: Search, establishment: str | None
) -> list[FoundPatient]:
    """The patients that match, in the order in which they were first known."""
    rows = _patients(asked.criteria).where(*all_of(asked.criteria, MATCHED)).order_by(_patient.id)
    if asked.after is not None:
        rows = rows.where(_patient.id > asked.after["row"])
    return _read(connection, owned(rows, establishment).limit(asked.limit))


def by_keys(
    connection: sa.Connection, keys: Collection[str], establishment: str | None
) -> list[FoundPatient]:
    """The patients of these keys, as far as they may be seen."""
    named = [Criterion("_id", ())]
    rows = _patients(named).where(_patient.key.in_(list(keys))).order_by(_patient.id)
    return _read(connection, owned(rows, establishment)) if keys else []


def count(connection: sa.Connection, asked: Search, establishment: str | None) -> int:
    """How many match."""
    rows = sa.select(sa.func.count()).select_from(schema.patient.join(schema.establishment))
    rows = rows.where(*all_of(asked.criteria, MATCHED))
    return int(connection.execute(owned(rows, establishment)).scalar_one())


def lineage(*conditions: Condition) -> sa.Select[tuple[int]]:
    """The rows of the patients for whom these hold, and of those they were merged into."""
    found = sa.select(_patient.id).where(*conditions).cte("lineage", recursive=True)
    merges = merged.alias()
    onwards = sa.select(merges.c.into_whom).join(found, merges.c.whom == found.c.id)
    return sa.select(found.union(onwards).c.id)


def _read(connection: sa.Connection, page: sa.Select[Any]) -> list[FoundPatient]:
    """The patients of a page, with both ends of their merges, in one query."""
    these = page.cte("page")
    # Of a page alone, and not of all that are put in order for it.
    changed_at = (
        sa.select(sa.func.max(_event.recorded_at))
        .where(sa.or_(_event.whom == these.c.id, _event.other == these.c.id))
        .scalar_subquery()
    )
    query = (
        sa.select(
            these,
            changed_at.label("changed_at"),
            _survivor.c.key.label("replaced_by"),
            _gone.c.key.label("replaces"),
        )
        .select_from(
            these.outerjoin(_into, _into.c.whom == these.c.id)
            .outerjoin(_survivor, _survivor.c.id == _into.c.into_whom)
            .outerjoin(_from, _from.c.into_whom == these.c.id)
            .outerjoin(_gone, _gone.c.id == _from.c.whom)
        )
        .order_by(these.c.id, _gone.c.id)
    )
    found: dict[int, FoundPatient] = {}
    for row in connection.execute(query).mappings():
        known = found.get(row["id"]) or _patient_of(row)
        if row["replaces"] is not None:
            known = replace(known, replaces=(*known.replaces, row["replaces"]))
        found[row["id"]] = known
    return list(found.values())


def _patient_of(row: sa.RowMapping) -> FoundPatient:
    flags: Sequence[str] = row["flags"] or ()
    identity = {one.name: row[f"patient__{one.name}"] for one in fields(PatientIdentity)}
    is_merged = row["replaced_by"] is not None
    if is_merged:
        identity |= {"ins": None, "ins_authority": None}
    return FoundPatient(
        key=row["key"],
        row=row["id"],
        establishment=row["establishment"],
        identity=PatientIdentity(**identity),
        used_name=row["used_name"],
        first_names=row["first_names"],
        birthplace=row["birthplace"],
        status=None if is_merged else row["status"],
        flags=tuple(flags),
        changed_at=row["changed_at"],
        replaced_by=row["replaced_by"],
    )
