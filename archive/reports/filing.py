"""Versions of reports become rows, and stand in the exam of their order, or wait."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.cases.decide import Patient
from archive.cases.facts import case_facts
from archive.cases.laboratories import read_laboratory
from archive.cases.order import Numbered, OrderPlaced
from archive.cases.orders import find_case
from archive.cases.schema import lab_case
from archive.errors import DifferentPatient
from archive.identities.acts import flags_of, known_traits
from archive.identities.issuers import named
from archive.identities.stated import Agreement, Person, agreement, person_of
from archive.identity import PatientIdentity, folded_name
from archive.move_plans import identity_of
from archive.reception import (
    establishment_row,
    exam_row,
    new_id,
    new_patient,
    patient_row_of,
    remember_number,
    study_of_order,
)
from archive.reports.decide import ReportFacts, Verdict, decide
from archive.reports.numbering import accession_of, number_of, same_report
from archive.reports.publishing import goes_with_an_instance, take_back_withdrawn
from archive.reports.report import ReportStatus
from archive.reports.said import Kept, ReportSaid
from archive.reports.schema import report

_report, _exam = report.c, schema.exam.c
_SAYS = (
    *("status", "is_addendum", "title", "code", "digest", "part", "document"),
    *("patient_id", "patient_issuer", "accession_number", "accession_issuer"),
)
"""What a version says: of whom, and by which order, as well; said of another it is another."""
LATELY = timedelta(hours=2)
"""Longer than from one look at all that waits to the next."""
_HAS_ITS_NUMBER = sa.and_(
    _exam.establishment_id == _report.establishment_id,
    _exam.accession_number == _report.accession_number,
    sa.func.coalesce(_exam.issuer_of_accession_number, "") == _report.accession_issuer,
)


def keep(connection: sa.Connection, said: ReportSaid) -> tuple[str, ...]:
    """Keep a version of a report that was checked, and file it; gives the keys of what is new.

    A version that says what the one before it said is that one, sent again.
    """
    owner = establishment_row(connection, said.establishment)
    said = replace(said, patient=named(connection, owner, said.patient))
    _require_same_ins(connection, owner, said)
    number = number_of(connection, owner, said)
    accession = accession_of(connection, owner, said, number)
    rows = [
        _row(owner, said, number, accession, one) for one in enumerate(said.documents or (None,))
    ]
    if _is_known(connection, rows):
        return ()
    connection.execute(sa.insert(report), rows)
    for one in [*(row["id"] for row in rows), *_unsaid(connection, rows[0], said)]:
        file_one(connection, one)
    return tuple(one.key for one in said.documents)


def _row(
    owner: int,
    said: ReportSaid,
    number: Numbered,
    accession: Numbered,
    one: tuple[int, Kept | None],
) -> dict[str, Any]:
    part, document = one
    patient = said.patient
    return {
        "id": new_id(),
        "establishment_id": owner,
        "number": number.number,
        "number_issuer": number.issuer,
        "document": said.document,
        "replaces": said.replaces or None,
        "part": part,
        "accession_number": accession.number,
        "accession_issuer": accession.issuer,
        "patient_id": patient.patient_id,
        "patient_issuer": patient.issuer,
        "patient_name": patient.name,
        "birth_date": patient.birth_date,
        "sex": patient.sex,
        "is_addendum": said.is_addendum,
        "status": said.status,
        "title": said.title,
        "code": said.code,
        "media_type": document.media_type if document else None,
        "key": document.key if document else None,
        "length_bytes": document.length_bytes if document else 0,
        "digest": document.digest if document else None,
        "said_at": said.said_at,
        "said_in": said.said_in,
        "received_at": datetime.now(UTC),
        "exam_id": None,
        "waits": Verdict.UNKNOWN,
    }


def _require_same_ins(connection: sa.Connection, owner: int, said: ReportSaid) -> None:
    known = identity_of(connection, patient_row_of(connection, owner, said.patient))
    if known is None or not known.ins:
        return
    if any(
        authority == known.ins_authority != "" and number != known.ins
        for number, authority in said.national
    ):
        raise DifferentPatient(
            "A document names another national identifier than is known of its patient."
        )


def _unsaid(connection: sa.Connection, row: dict[str, Any], said: ReportSaid) -> Sequence[str]:
    """The versions that wait as they did not say by which order they are; now this one does."""
    if not row["accession_number"]:
        return ()
    number = Numbered(row["number"], row["number_issuer"])
    none = ["", number.number, *(one.number for one in said.orders)]
    unsaid = sa.update(report).where(
        *same_report(row["establishment_id"], number, said.patient),
        _report.waits == Verdict.UNKNOWN,
        _report.accession_number.in_(none),
        _report.accession_number != row["accession_number"],
    )
    values = {one: row[one] for one in ("accession_number", "accession_issuer")}
    return connection.scalars(unsaid.values(values).returning(_report.id)).all()


def _is_known(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> bool:
    """Whether the version before, by its time, or one of the same moment, says the same."""
    first = rows[0]
    mine = sa.select(report).where(
        *(_report[one] == first[one] for one in ("establishment_id", "number", "number_issuer")),
        _report.said_at <= first["said_at"],
    )
    known = connection.execute(mine).mappings().all()
    stamps = {(one["said_at"], one["said_in"]) for one in known}
    same_moment = {one for one in stamps if one[0] == first["said_at"]}
    said = {tuple(one[name] for name in _SAYS) for one in rows}
    for stamp in {*same_moment, *([max(stamps)] if stamps else [])}:
        there = [one for one in known if (one["said_at"], one["said_in"]) == stamp]
        if said == {tuple(one[name] for name in _SAYS) for one in there}:
            return True
    return False


def file_one(connection: sa.Connection, report_id: str) -> Verdict:
    """Let a report that waits stand in the exam of its number, if nothing speaks against it."""
    row = connection.execute(sa.select(report).where(_report.id == report_id)).mappings().one()
    verdict = decide(facts_of(connection, row))
    if verdict is Verdict.FILED:
        stand(connection, row, None)
    elif row["waits"] is not verdict:
        waits = sa.update(report).where(_report.id == report_id)
        connection.execute(waits.values(waits=verdict))
    return verdict


def facts_of(connection: sa.Connection, row: sa.RowMapping) -> ReportFacts:
    """What is known of a report that waits, for the decision."""
    owner, said = row["establishment_id"], patient_said(row)
    whom = patient_row_of(connection, owner, said)
    found: set[Patient | None] = set()
    doubtful = False
    if row["accession_number"]:
        case_id = find_case(connection, owner, row["accession_issuer"], row["accession_number"])
        if case_id is not None:
            facts = case_facts(connection, case_id, read_laboratory(connection, owner))
            found |= {None if one == ("", "") else one for one in facts.patients}
            doubtful = facts.is_doubtful
        found |= set(connection.scalars(owners(row)))
    if whom is not None:
        doubtful = doubtful or bool(flags_of(connection, whom)) or _differs(connection, whom, said)
    mine: Patient = (said.issuer, said.patient_id) if whom is None else whom
    return ReportFacts(mine, found, doubtful)


def owners(row: sa.RowMapping) -> sa.Select[Any]:
    """Whose the exams of a report's number are; None for nobody's."""
    given, issuer = _exam.issuer_of_accession_number, row["accession_issuer"]
    return (
        sa.select(_exam.patient_row)
        .where(
            _exam.establishment_id == row["establishment_id"],
            _exam.accession_number == row["accession_number"],
            given == issuer if issuer else given.is_(None),
        )
        .distinct()
    )


def _differs(connection: sa.Connection, whom: int, said: PatientIdentity) -> bool:
    here = Person(frozenset({folded_name(said.name)} - {""}), said.birth_date, said.sex)
    known = person_of(known_traits(connection, whom))
    return agreement(here, known) is Agreement.DIFFERENT


def patient_said(row: sa.RowMapping) -> PatientIdentity:
    """Whom a report names, as it came."""
    return PatientIdentity(
        row["patient_id"], row["patient_issuer"], row["patient_name"], row["birth_date"], row["sex"]
    )


def stand(
    connection: sa.Connection,
    row: sa.RowMapping,
    by: str | None,
    patient: PatientIdentity | None = None,
) -> None:
    """Let a report stand in the exam of its number, of the patient whom it names, or of another.

    Raises DifferentPatient where the exam is somebody else's.
    """
    owner = row["establishment_id"]
    whose = patient or patient_said(row)
    whom = patient_row_of(connection, owner, whose)
    if whom is None:
        whom = new_patient(connection, owner, whose)
    name = schema.establishment.c
    establishment = connection.scalar(sa.select(name.name).where(name.id == owner))
    issuer = row["accession_issuer"] or None
    study = study_of_order(str(establishment), issuer, row["accession_number"])
    exam_id = exam_row(connection, owner, whom, study, datetime.now(UTC))
    remember_number(connection, exam_id, owner, whose)
    filed = sa.update(report).where(_report.id == row["id"])
    connection.execute(filed.values(exam_id=exam_id, waits=None, filed_by=by))
    if row["status"] is ReportStatus.WITHDRAWN:
        take_back_withdrawn(connection, exam_id)


def decide_anew(connection: sa.Connection, patients: Collection[int]) -> None:
    """Have what is no instance wait again that names somebody else than its exam is of.

    As a merge was taken back. What a person filed stays, and what goes home with an instance.
    """
    query = sa.select(report, _exam.patient_row).join(schema.exam, _exam.id == _report.exam_id)
    query = query.where(
        _exam.patient_row.in_(list(patients)),
        _report.image_id.is_(None),
        _report.filed_by.is_(None),
    )
    for row in connection.execute(query).mappings().all():
        named = patient_row_of(connection, row["establishment_id"], patient_said(row))
        if named != row["patient_row"] and not goes_with_an_instance(connection, row):
            waits = sa.update(report).where(_report.id == row["id"])
            connection.execute(waits.values(exam_id=None, waits=Verdict.UNKNOWN))
            file_one(connection, row["id"])


def waiting(connection: sa.Connection, *more: sa.ColumnElement[bool]) -> Sequence[str]:
    """The reports that wait, and for which these hold, the oldest first."""
    query = sa.select(_report.id).where(_report.waits.is_not(None), *more)
    return connection.scalars(query.order_by(_report.received_at, _report.id)).all()


def settle_number(connection: sa.Connection, order: OrderPlaced) -> None:
    """Look again at the reports that wait for an order that has come, or was changed."""
    if order.accession is None:
        return
    owner = establishment_row(connection, order.establishment)
    number, named = order.accession.number, order.order.number
    given_by = order.order.issuer
    # What came before its order, and did not say by which accession number it was ordered.
    unsaid = sa.update(report).where(
        _report.establishment_id == owner,
        _report.waits.is_not(None),
        _report.number == named,
        _report.number_issuer == given_by if given_by else sa.true(),
        _report.accession_number.in_(["", named]),
    )
    issuer = order.accession.issuer
    connection.execute(unsaid.values(accession_number=number, accession_issuer=issuer))
    mine = (_report.establishment_id == owner, _report.accession_number == number)
    for one in waiting(connection, *mine):
        file_one(connection, one)


def exam_has_come() -> sa.Select[Any]:
    """The reports that no order and no exam had, and that an exam of the last hours has.

    By the exams: reports for which nothing ever comes are many, and this is asked all the time.
    """
    # Out of an index's sight, for the same reason.
    waits = sa.type_coerce(_report.waits, sa.String).concat("")
    return (
        sa.select(_report.id)
        .select_from(schema.exam.join(report, _HAS_ITS_NUMBER))
        .where(_exam.created_at >= datetime.now(UTC) - LATELY, waits == Verdict.UNKNOWN.value)
    )


def worth_another_look(connection: sa.Connection) -> Sequence[str]:
    """The reports that wait, but those of which there is still neither an order nor an exam."""
    has_case = sa.exists().where(
        lab_case.c.establishment_id == _report.establishment_id,
        lab_case.c.issuer == _report.accession_issuer,
        lab_case.c.accession_number == _report.accession_number,
    )
    has_exam = sa.exists(sa.select(_exam.id).where(_HAS_ITS_NUMBER).correlate(report))
    return waiting(connection, sa.or_(_report.waits != Verdict.UNKNOWN, has_case, has_exam))
