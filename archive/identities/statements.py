"""What messages state, carried out as the tables of decisions say, within a transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.cases.order import Visit
from archive.identities import reading
from archive.identities.acts import (
    Desk,
    agree,
    blocking,
    flags_of,
    ins_of,
    is_ins_outdated,
    is_qualified,
    is_settled,
    is_withdrawn,
    known_traits,
    not_outdated,
    proof_of,
    take_ins,
    updated,
)
from archive.identities.changes import Change, as_it_is, as_json
from archive.identities.decisions import Between, Demographics, Merge, Then, decided
from archive.identities.pointers import chain, survivor
from archive.identities.records import Outcome
from archive.identities.schema import Act, DoubtKind, identity_event
from archive.identities.stated import Agreement, Stated, agreement, person_of
from archive.identities.visits import asked_about, named, owner_of
from archive.lesion_schema import biopsy

_event, _exam = identity_event.c, schema.exam.c


def stated(desk: Desk, said: Stated) -> Outcome:
    """As `Identities.state`, within a transaction."""
    connection = desk.connection
    whom = desk.find(said.patient_id, said.issuer)
    left = said if whom is None else not_outdated(connection, whom, said)
    asked = Demographics(
        is_known=whom is not None,
        is_outdated=left is None,
        proof=None if whom is None else proof_of(connection, whom),
        traits=Agreement.SAME if whom is None else _agreement(connection, whom, said),
        is_merged_into_another=whom is not None
        and (into := survivor(connection, whom)) != whom
        and _agreement(connection, into, said) is Agreement.DIFFERENT,
    )
    then, why = decided(asked)
    question = None
    if whom is None:
        whom = desk.create(said.patient_id, said.issuer)
    if then in {Then.CREATE, Then.UPDATE} and left is not None:
        updated(desk, whom, left)
    if then is Then.WAIT:
        told = {name: as_json(value) for name, value in said.traits.items()}
        told |= {"patient_id": said.patient_id, "issuer": said.issuer}
        if said.ins is not None and is_qualified(said):
            # Neither of the two is written here, as each may have to leave every question.
            held = ins_of(connection, whom)
            if held not in {None, (said.ins.number, said.ins.authority)}:
                told["has_other_ins"] = True
        question = desk.ask(DoubtKind.CONFLICT, whom, None, told)
        if not is_withdrawn(said):
            return Outcome(then, why, desk.key(whom), doubt=question)
        # It leaves at once, as nobody is harmed by an identifier that is missing.
    outdated = is_ins_outdated(connection, whom, said.at)
    ins, because, more = take_ins(desk, whom, said, outdated=outdated)
    key = desk.key(whom if then is Then.WAIT else survivor(connection, whom))
    return Outcome(then, why, key, (ins, because), more or question)


def _agreement(connection: sa.Connection, whom: int, said: Stated) -> Agreement:
    return agreement(person_of(known_traits(connection, whom)), person_of(said.traits))


def merged(
    desk: Desk, into: Stated, gone: tuple[str, str], first: Outcome, *, renumbers: bool
) -> Outcome:
    """As `Identities.merge`, once what is said of who survives was taken."""
    connection = desk.connection
    there = desk.find(into.patient_id, into.issuer)
    here = desk.find(*gone)
    if there is None or there == here:
        return first
    proof = None if here is None else proof_of(connection, here)
    if here is None:
        # What comes under that number later comes to who survives.
        here = desk.create(*gone)
    asked = Merge(
        between=_between(connection, there, here),
        is_outdated=_is_newer_known(connection, there, here, desk.at)
        or is_settled(desk, DoubtKind.MERGE, there, here, {}),
        has_two_ins=_have_two_ins(connection, there, here),
        is_flagged=blocking(flags_of(connection, there) | flags_of(connection, here)),
        proof=proof,
        traits=Agreement.SAME if renumbers else agree(connection, there, here),
    )
    then, why = decided(asked)
    if first.then is Then.WAIT and then in {Then.MERGE, Then.TURN}:
        then, why = Then.WAIT, first.why
    question = first.doubt
    if then is Then.WAIT:
        question = desk.ask(DoubtKind.MERGE, there, here, {})
    elif then is Then.MERGE:
        join(desk, there, here, Act.RENUMBERED if renumbers else Act.MERGED)
    elif then is Then.TURN:
        join(desk, there, here, Act.TURNED)
    return Outcome(then, why, desk.key(survivor(connection, there)), first.ins, question)


def join(desk: Desk, there: int, here: int, act: Act) -> None:
    """Merge a patient into another, who survives, whoever did before."""
    from_there, from_here = chain(desk.connection, there), chain(desk.connection, here)
    if here in from_there:
        # Who was merged into the other survives now; what was merged besides comes along.
        into: dict[str, int | None] = {str(there): None, str(from_there[-1]): there}
    elif from_here[-1] == from_there[-1]:
        return
    else:
        into = {str(from_here[-1]): there}
    desk.change(act, there, here, {"into": into})


def _between(connection: sa.Connection, there: int, here: int) -> Between:
    from_here, from_there = chain(connection, here), chain(connection, there)
    if here in from_there:
        return Between.REVERSED
    if from_here[-1] == from_there[-1]:
        return Between.DONE
    return Between.ELSEWHERE if len(from_here) > 1 else Between.APART


def _is_newer_known(connection: sa.Connection, one: int, other: int, at: datetime) -> bool:
    """Whether these two were merged or parted by something newer."""
    pair = sa.or_(
        sa.and_(_event.whom == one, _event.other == other),
        sa.and_(_event.whom == other, _event.other == one),
    )
    joins = _event.act.in_([Act.MERGED, Act.TURNED, Act.RENUMBERED])
    newest = sa.select(sa.func.max(_event.stated_at), sa.func.max(_event.undone_at))
    done, undone = connection.execute(newest.where(pair, joins)).one()
    return any(moment is not None and moment > at for moment in (done, undone))


def _have_two_ins(connection: sa.Connection, one: int, other: int) -> bool:
    held = [ins_of(connection, one), ins_of(connection, other)]
    return None not in held and held[0] != held[1]


def visit_moved(
    desk: Desk, there: int, here: int, visits: Sequence[Visit], first: Outcome
) -> Outcome:
    """As `Identities.move_visit`, once what is said of the one patient was taken."""
    connection = desk.connection
    of_visit = reading.exams_of_visit(connection, desk.establishment_id, visits)
    theirs = reading.exams_under(connection, here)
    # It may have gone on since, by a message that came before.
    whose = owner_of(connection, there, visits, desk.at)
    goes = survivor(connection, whose) != survivor(connection, here)
    exams = sorted(of_visit.keys() & theirs) if goes else []
    change = {"home": dict.fromkeys(exams, whose), "visit": moves_of(desk, there, here, visits)}
    key = desk.key(survivor(connection, there))
    if _was_moved_since(desk, there, here, change) or is_settled(
        desk, DoubtKind.VISIT, here, there, asked_about(visits)
    ):
        return Outcome(Then.IGNORE, "something newer was done", key, first.ins)
    why = None
    if first.then is Then.WAIT:
        why = first.why
    elif goes and theirs and not of_visit:
        why = "which exams are of it is not known"
    elif not all(of_visit[one] for one in exams):
        why = "an exam of it was ordered in another visit too"
    elif _is_linked(connection, exams):
        why = "lesions are shown in it"
    if why is not None:
        question = desk.ask(DoubtKind.VISIT, here, there, asked_about(visits))
        return Outcome(Then.WAIT, why, key, first.ins, first.doubt or question)
    if as_it_is(connection, change) == {**as_it_is(connection, {}), **change}:
        return Outcome(Then.IGNORE, "the visit is that patient's already", key, first.ins)
    desk.change(Act.VISIT_MOVED, there, here, change)
    return Outcome(Then.UPDATE, "who keeps the visits says so", key, first.ins)


def moves_of(desk: Desk, there: int, here: int, visits: Sequence[Visit]) -> dict[str, Any]:
    """That visits are another patient's from that moment on, as a change has it."""
    return {named(desk.connection, here, one): [there, as_json(desk.at)] for one in visits}


def _was_moved_since(desk: Desk, one: int, other: int, change: Change) -> bool:
    """Whether something newer moved any of this with a visit, or took that back."""
    rows = desk.connection.execute(
        sa.select(_event.after).where(
            sa.or_(_event.whom.in_([one, other]), _event.other.in_([one, other])),
            _event.act == Act.VISIT_MOVED,
            sa.or_(_event.stated_at > desk.at, _event.undone_at > desk.at),
        )
    )
    return any(
        not change[name].keys().isdisjoint(row.after.get(name, ()))
        for row in rows
        for name in ("home", "visit")
    )


def _is_linked(connection: sa.Connection, exams: Sequence[str]) -> bool:
    """Whether something of these exams is linked with what stays with the patient."""
    photo, pin = schema.photograph.c, schema.pin.c
    shows = sa.select(photo.image_id).where(photo.exam_id.in_(exams), photo.lesion_id.is_not(None))
    pinned = (
        sa.select(pin.image_id)
        .join(schema.photograph, photo.image_id == pin.image_id)
        .where(photo.exam_id.in_(exams))
    )
    biopsies = sa.select(biopsy.c.exam_id).where(biopsy.c.exam_id.in_(exams))
    return any(connection.execute(one.limit(1)).first() for one in (shows, pinned, biopsies))
