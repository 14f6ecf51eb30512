"""Exams that were done already, found when an order comes and kept with its case.

What was found is shown as long as the case is of whom it was looked for, and what others hold as
long as they show it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from archive import schema
from archive.cases.facts import NOBODY, identities, identities_of_cases, names_another
from archive.cases.schema import lab_case
from archive.database import Database
from archive.identity import PatientIdentity
from archive.ownership import owned
from archive.priors.schema import prior_search
from archive.sharing.patients import PatientKey, patients_shown

LEASE = timedelta(minutes=2)
MOST_ATTEMPTS = 5
_FIRST_PAUSE = timedelta(seconds=30)
_search, _patient, _exam = prior_search.c, schema.patient.c, schema.exam.c


@dataclass(frozen=True, slots=True)
class Prior:
    """An exam that was done: here or elsewhere (`exam`), or held by an archive alone."""

    establishment: str
    on: str | None
    """The day, YYYY-MM-DD."""
    kinds: tuple[str, ...]
    description: str = ""
    exam: str | None = None
    archive: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Before:
    """What is known to have been done already; `is_over` once nobody is asked any more.

    `others` are records of other establishments of which something is among it.
    """

    establishment: str
    exams: tuple[Prior, ...]
    unanswered: tuple[str, ...]
    is_over: bool
    others: tuple[PatientKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A case for which somebody is to look; `key` is None for a patient who is new here."""

    case: str
    attempt: int
    until: datetime
    """To when it is held; whoever holds it after that, or again, holds another."""
    establishment: str
    patient: PatientIdentity
    key: str | None
    accession: tuple[str, str]


class Priors:
    """What was done already, reached as `catalog.priors`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self) -> Wanted | None:
        """A case for which it is time to look; another looks once this one is lost.

        One that was lost as often as archives are asked is given up.
        """
        now = datetime.now(UTC)
        due = sa.select(_search.case_id, _search.attempt).where(_search.due_at <= now)
        due = due.order_by(_search.due_at).limit(1)
        with self._database.read() as connection:
            if connection.execute(due).one_or_none() is None:
                return None
        with self._database.write() as connection:
            row = connection.execute(due.with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return None
            held = sa.update(prior_search).where(_search.case_id == row.case_id)
            if row.attempt >= MOST_ATTEMPTS:
                connection.execute(held.values(due_at=None))
                return None
            until = now + LEASE
            connection.execute(held.values(due_at=until, attempt=row.attempt + 1))
            who = _whose(connection, row.case_id)
            if who is None:
                # There is nobody to look for until it is settled who is meant, which is heard of.
                connection.execute(held.values(due_at=None, found=[], unanswered=[]))
                return None
            patient, key = who
            case = connection.execute(_CASES.where(lab_case.c.id == row.case_id)).one()
            accession = (case.issuer, case.accession_number)
            return Wanted(row.case_id, row.attempt + 1, until, case.name, patient, key, accession)

    def keep(self, wanted: Wanted, found: Sequence[Prior], unanswered: Sequence[str]) -> None:
        """Keep what was found; who did not answer is asked again, later and later."""
        now = datetime.now(UTC)
        again = bool(unanswered) and wanted.attempt < MOST_ATTEMPTS
        pause = _FIRST_PAUSE * 4 ** (wanted.attempt - 1)
        kept = sa.update(prior_search).where(
            # Where something else is known meanwhile, it is looked for anew.
            _search.case_id == wanted.case,
            _search.due_at == wanted.until,
        )
        kept = kept.values(
            due_at=now + pause if again else None,
            searched_at=now,
            patient_id=wanted.patient.patient_id,
            patient_issuer=wanted.patient.issuer,
            found=[asdict(one) for one in found],
            unanswered=list(unanswered),
        )
        with self._database.write() as connection:
            connection.execute(kept)

    def of_cases(
        self, case_ids: Collection[str], *, establishment: str | None
    ) -> Mapping[str, Before]:
        """What was done before each of these cases, as far as it may still be shown."""
        query = (
            sa.select(prior_search, schema.establishment.c.name)
            .select_from(prior_search.join(lab_case).join(schema.establishment))
            .where(_search.case_id.in_(list(case_ids)))
        )
        with self._database.read() as connection:
            rows = connection.execute(owned(query, establishment)).mappings().all()
            return _before(connection, rows)


_CASES = sa.select(
    lab_case.c.id, lab_case.c.issuer, lab_case.c.accession_number, schema.establishment.c.name
).select_from(lab_case.join(schema.establishment))


def _whose(connection: sa.Connection, case_id: str) -> tuple[PatientIdentity, str | None] | None:
    """Of whom a case is today, where that is one; their key where they are known."""
    known = identities(connection, case_id)
    if len(known) != 1 or names_another(connection, case_id):
        return None
    ((who, patient),) = known.items()
    if patient is NOBODY:
        return None
    if isinstance(who, int):
        return patient, connection.scalar(sa.select(_patient.key).where(_patient.id == who))
    return patient, None


def _before(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> dict[str, Before]:
    """What was found before cases, in as few queries for many as for one.

    Only where others hold something are they asked for each, whether they show it still.
    """
    whose = identities_of_cases(connection, [row["case_id"] for row in rows])
    found = {
        row["case_id"]: [_prior(one) for one in row["found"]]
        for row in rows
        if _is_of(row, list(whose[row["case_id"]].values()))
    }
    holders = _holders(
        connection, [one.exam for some in found.values() for one in some if one.exam]
    )
    keys = _keys(connection, [who for one in found for who in whose[one] if isinstance(who, int)])
    told = {}
    for row in rows:
        case_id, place = row["case_id"], row["name"]
        exams = found.get(case_id, [])
        (key,) = [keys.get(who) for who in whose[case_id]] if exams else [None]
        seen = [] if key is None else [PatientKey(place, key)]
        if key is not None and any(one.establishment != place for one in exams):
            seen = list(patients_shown(connection, place, key))
        shown = [one for one in exams if _is_shown(one, place, seen, holders)]
        theirs = {one.establishment for one in shown} - {place}
        told[case_id] = Before(
            place,
            tuple(shown),
            tuple(row["unanswered"]) if case_id in found else (),
            row["due_at"] is None,
            tuple(one for one in seen if one.establishment in theirs),
        )
    return told


def _is_of(row: sa.RowMapping, whose: Sequence[PatientIdentity]) -> bool:
    """Whether what was found was looked for by the number of whom the case is of today."""
    number = (row["patient_id"], row["patient_issuer"])
    is_one = [(one.patient_id, one.issuer) for one in whose] == [number]
    return row["searched_at"] is not None and is_one


def _is_shown(
    one: Prior, place: str, seen: Sequence[PatientKey], holders: Mapping[str, PatientKey]
) -> bool:
    if one.exam is not None:
        return holders.get(one.exam) in seen
    return one.establishment in {place, *(each.establishment for each in seen)}


def _prior(told: Mapping[str, object]) -> Prior:
    names = {one.name for one in fields(Prior)} - {"kinds"}
    kinds = told["kinds"]
    assert isinstance(kinds, list)
    return Prior(kinds=tuple(kinds), **{name: told[name] for name in names})  # type: ignore[arg-type]


def _holders(connection: sa.Connection, exams: Collection[str]) -> dict[str, PatientKey]:
    """Under whom these exams stand today."""
    query = (
        sa.select(_exam.id, _patient.key, schema.establishment.c.name)
        .select_from(schema.exam)
        .join(schema.patient, _patient.id == _exam.patient_row)
        .join(schema.establishment, schema.establishment.c.id == _patient.establishment_id)
        .where(_exam.id.in_(list(exams)))
    )
    return {row.id: PatientKey(row.name, row.key) for row in connection.execute(query)}


def _keys(connection: sa.Connection, whom: Collection[int]) -> dict[int | tuple[str, str], str]:
    rows = connection.execute(
        sa.select(_patient.id, _patient.key).where(_patient.id.in_(list(whom)))
    )
    return {row.id: row.key for row in rows}
