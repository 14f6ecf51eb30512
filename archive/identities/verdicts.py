"""What follows when a person has decided about an identity that waited."""

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from archive.identities.acts import (
    Desk,
    is_ins_outdated,
    not_outdated,
    updated,
    withdraw_ins,
)
from archive.identities.changes import from_json, put_state, traits_of
from archive.identities.issuer import PROVISIONAL_ISSUER
from archive.identities.schema import Act, DoubtKind, Verdict
from archive.identities.stated import DETAILS, TRAITS, Stated
from archive.identities.statements import join, moves_of, stated
from archive.identities.visits import asked_visits
from archive.identity import PatientIdentity
from archive.reception import new_id, new_patient


def carry_out(desk: Desk, row: sa.RowMapping, verdict: Verdict, now: datetime) -> None:
    """Do what was decided now about a row of `doubt`."""
    whom, other, is_same = row["whom"], row["other"], verdict is Verdict.SAME
    if row["kind"] is DoubtKind.CONFLICT:
        _settle(desk, row, is_same=is_same)
    elif row["kind"] is DoubtKind.MERGE and is_same:
        join(desk, whom, other, Act.MERGED)
    elif row["kind"] is DoubtKind.SAME_INS:
        if is_same:
            # Who was known first survives; the hospital's own merge may turn it round.
            join(desk, other, whom, Act.MERGED)
        else:
            withdraw_ins(desk, whom)
            # What was said before that, and comes again, does not bring it back.
            put_state(desk.connection, whom, {"ins_at": now})
    elif row["kind"] is DoubtKind.VISIT and is_same:
        # Its exams were moved by hand; its orders go along.
        change = {"home": {}, "visit": moves_of(desk, other, whom, asked_visits(row["stated"]))}
        desk.change(Act.VISIT_MOVED, other, whom, change)


def _settle(desk: Desk, row: sa.RowMapping, *, is_same: bool) -> None:
    """Somebody else was stated under a number, which may have changed hands since."""
    whom, said = row["whom"], _stated(desk, row)
    holder = desk.find(said.patient_id, said.issuer)
    if holder != whom:
        # The number is somebody else's by now: it is about them, as the tables have it.
        stated(desk, said)
        if is_same and holder is not None:
            desk.ask(DoubtKind.MERGE, holder, whom, {})
    elif is_same:
        # Something newer may have been stated, or answered, since it was asked.
        left = not_outdated(desk.connection, whom, said)
        if left is not None:
            updated(desk, whom, left)
        if row["stated"].get("has_other_ins") and not is_ins_outdated(
            desk.connection, whom, said.at
        ):
            withdraw_ins(desk, whom)
    else:
        _split(desk, whom, row["stated"])


def _stated(desk: Desk, row: sa.RowMapping) -> Stated:
    told = row["stated"]
    traits = {name: from_json(name, told[name]) for name in (*TRAITS, *DETAILS) if name in told}
    return Stated(told["patient_id"], told["issuer"], traits, row["stated_at"], desk.by)


def _split(desk: Desk, whom: int, told: dict[str, object]) -> None:
    """The number is who was stated; the images stay with whom they were brought for."""
    known = traits_of(desk.connection, whom)
    away = PatientIdentity(new_id()[:16].upper(), PROVISIONAL_ISSUER)
    newcomer = new_patient(
        desk.connection, desk.establishment_id, replace(away, patient_id=new_id()[:16].upper())
    )
    desk.write(Act.CREATED, newcomer, None, {}, {})
    after = {
        str(whom): {**known, "patient_id": away.patient_id, "issuer": away.issuer},
        str(newcomer): {**told, "stated_at": desk.at.isoformat()},
    }
    desk.change(Act.SPLIT, whom, newcomer, {"traits": after})
