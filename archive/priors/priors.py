"""Exams that were done already, found when an order comes and kept with its case.

What was found is shown as long as the case is of whom it was looked for, and what others hold as
long as they show it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from archive import schema
from archive.cases.facts import NOBODY, identities
from archive.cases.schema import lab_case
from archive.database import Database
from archive.identity import PatientIdentity
from archive.ownership import owned
from archive.priors.schema import prior_search
from archive.sharing.patients import patients_shown

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
    """What is known to have been done already; `is_over` once nobody is asked any more."""

    exams: tuple[Prior, ...]
    unanswered: tuple[str, ...]
    is_over: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """A case for which somebody is to look; `key` is None for a patient who is new here."""

    case: str
    attempt: int
    establishment: str
    patient: PatientIdentity
    key: str | None
    accession: tuple[str, str]


def look_for(connection: sa.Connection, case_id: str) -> None:
    """Have earlier exams looked for, in the transaction in which an order comes."""
    values = {"due_at": datetime.now(UTC), "attempt": 0}
    known = sa.update(prior_search).where(_search.case_id == case_id).values(values)
    if connection.execute(known).rowcount == 0:
        empty = {"patient_id": "", "patient_issuer": "", "found": [], "unanswered": []}
        connection.execute(sa.insert(prior_search).values(case_id=case_id, **values, **empty))


class Priors:
    """What was done already, reached as `catalog.priors`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self) -> Wanted | None:
        """A case for which it is time to look; another looks once this one is lost."""
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
            connection.execute(held.values(due_at=now + LEASE, attempt=row.attempt + 1))
            who = _whose(connection, row.case_id)
            if who is None:
                # Of nobody, or of two: there is nobody to look for until that is settled.
                connection.execute(held.values(due_at=None, found=[], unanswered=[]))
                return None
            patient, key = who
            case = connection.execute(_CASES.where(lab_case.c.id == row.case_id)).one()
            accession = (case.issuer, case.accession_number)
            return Wanted(row.case_id, row.attempt + 1, case.name, patient, key, accession)

    def keep(self, wanted: Wanted, found: Sequence[Prior], unanswered: Sequence[str]) -> None:
        """Keep what was found; who did not answer is asked again, later and later."""
        now = datetime.now(UTC)
        again = bool(unanswered) and wanted.attempt < MOST_ATTEMPTS
        pause = _FIRST_PAUSE * 4 ** (wanted.attempt - 1)
        kept = sa.update(prior_search).where(
            # An order that came meanwhile has it looked for anew.
            _search.case_id == wanted.case,
            _search.attempt == wanted.attempt,
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
        self, case_ids: Sequence[str], *, establishment: str | None
    ) -> Mapping[str, Before]:
        """What was done before each of these cases, as far as it may still be shown."""
        query = (
            sa.select(prior_search)
            .select_from(prior_search.join(lab_case).join(schema.establishment))
            .where(_search.case_id.in_(list(case_ids)))
        )
        with self._database.read() as connection:
            rows = connection.execute(owned(query, establishment)).mappings().all()
            return {row["case_id"]: _before(connection, row) for row in rows}


_CASES = sa.select(
    lab_case.c.id, lab_case.c.issuer, lab_case.c.accession_number, schema.establishment.c.name
).select_from(lab_case.join(schema.establishment))


def _whose(connection: sa.Connection, case_id: str) -> tuple[PatientIdentity, str | None] | None:
    """Of whom a case is today, where that is one; their key where they are known."""
    known = identities(connection, case_id)
    if len(known) != 1:
        return None
    ((who, patient),) = known.items()
    if patient is NOBODY:
        return None
    if isinstance(who, int):
        return patient, connection.scalar(sa.select(_patient.key).where(_patient.id == who))
    return patient, None


def _before(connection: sa.Connection, row: sa.RowMapping) -> Before:
    is_over = row["due_at"] is None
    who = _whose(connection, row["case_id"])
    if who is None or row["searched_at"] is None:
        return Before((), (), is_over)
    patient, key = who
    if (patient.patient_id, patient.issuer) != (row["patient_id"], row["patient_issuer"]):
        return Before((), (), is_over)
    found = [_prior(one) for one in row["found"]]
    case = connection.execute(_CASES.where(lab_case.c.id == row["case_id"])).one()
    shown = patients_shown(connection, case.name, key) if key else ()
    places = {case.name, *(one.establishment for one in shown)}
    theirs = _exams_of(connection, [one.key for one in shown])
    return Before(
        tuple(
            one
            for one in found
            if one.establishment in places and (one.exam is None or one.exam in theirs)
        ),
        tuple(row["unanswered"]),
        is_over,
    )


def _prior(told: Mapping[str, object]) -> Prior:
    names = {one.name for one in fields(Prior)} - {"kinds"}
    kinds = told["kinds"]
    assert isinstance(kinds, list)
    return Prior(kinds=tuple(kinds), **{name: told[name] for name in names})  # type: ignore[arg-type]


def _exams_of(connection: sa.Connection, keys: Sequence[str]) -> set[str]:
    query = sa.select(_exam.id).join(schema.patient, _patient.id == _exam.patient_row)
    return set(connection.scalars(query.where(_patient.key.in_(list(keys)))))
