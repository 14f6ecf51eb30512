"""What is done to identities, in one transaction each: decided, made so, written down."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from archive import outbox, schema
from archive.cases.versions import bring_together
from archive.database import leave_no_copy
from archive.identities.changes import (
    Change,
    as_it_is,
    as_json,
    exams_of,
    make,
    put_state,
    tell,
    traits_of,
    write_traits,
)
from archive.identities.decisions import Holder, Identifier, Proof, Then, decided
from archive.identities.ins import Ins
from archive.identities.issuers import known_as
from archive.identities.pointers import survivor
from archive.identities.schema import (
    Act,
    DoubtKind,
    doubt,
    identity_event,
    identity_state,
    merged,
)
from archive.identities.stated import (
    DETAILS,
    TRAITS,
    Agreement,
    Flag,
    Stated,
    Status,
    agreement,
    person_of,
)
from archive.identity import PatientIdentity
from archive.messages.inbox import blank
from archive.priors.due import look_again
from archive.reception import new_patient, numbered

_patient = schema.patient.c
ALL_TRAITS = (*TRAITS, *DETAILS)
PROVEN = frozenset({Status.VALIDATED, Status.QUALIFIED})


@dataclass(frozen=True, slots=True)
class Desk:
    """Where acts are done: a transaction, one establishment, and who states it and when."""

    connection: sa.Connection
    establishment_id: int
    by: str
    at: datetime

    def named(self, said: Stated) -> Stated:
        """What is stated, as its number is kept here; raises InvalidIdentity."""
        oid = said.traits.get("issuer_oid")
        issuer, oid = known_as(self.connection, self.establishment_id, said.issuer, oid)
        traits = {**said.traits, "issuer_oid": oid} if oid else said.traits
        return replace(said, issuer=issuer, traits=traits)

    def number(
        self, patient_id: str, issuer: str, issuer_oid: str | None = None
    ) -> tuple[str, str]:
        """A number, and its issuer as it is kept here; raises InvalidIdentity."""
        return patient_id, known_as(self.connection, self.establishment_id, issuer, issuer_oid)[0]

    def find(self, patient_id: str, issuer: str) -> int | None:
        """The row of a number, whatever it was merged into."""
        return numbered(self.connection, self.establishment_id, issuer, patient_id)

    def create(self, patient_id: str, issuer: str) -> int:
        """A patient of whom nothing but the number is known."""
        identity = PatientIdentity(patient_id, issuer)
        whom = new_patient(self.connection, self.establishment_id, identity)
        self.write(Act.CREATED, whom, None, {}, {})
        return whom

    def key(self, whom: int) -> str:
        """What addresses name a patient by."""
        query = sa.select(_patient.key).where(_patient.id == whom)
        return str(self.connection.scalar(query))

    def change(self, act: Act, whom: int, other: int | None, after: Change) -> int:
        """Make a change and write it down, so that it can be taken back; gives the event."""
        before = as_it_is(self.connection, after)
        settled = make(self.connection, after)
        after = {**as_it_is(self.connection, after), "ended": settled.ended}
        if other is not None:
            # What was said of one order under two numbers, before these were one patient's.
            after["orders"] = {"ended": bring_together(self.connection, {whom, other})}
        return self.write(act, whom, other, before, after)

    def write(self, act: Act, whom: int, other: int | None, before: Change, after: Change) -> int:
        """Write down what was done; gives the event."""
        new = sa.insert(identity_event).values(
            establishment_id=self.establishment_id,
            whom=whom,
            other=other,
            act=act,
            before=before,
            after=after,
            by_whom=self.by,
            stated_at=self.at,
            recorded_at=datetime.now(UTC),
        )
        look_again(self.connection, {whom} if other is None else {whom, other})
        return int(self.connection.execute(new.returning(identity_event.c.id)).scalar_one())

    def ask(self, kind: DoubtKind, whom: int, other: int | None, stated: dict[str, Any]) -> int:
        """Have a person look at it; the same again is the same question."""
        column = doubt.c
        same = (
            column.kind == kind,
            column.whom == whom,
            column.other.is_not_distinct_from(other),
            column.verdict.is_(None),
        )
        for row in self.connection.execute(sa.select(column.id, column.stated).where(*same)):
            if row.stated == stated:
                return int(row.id)
        new = sa.insert(doubt).values(
            establishment_id=self.establishment_id,
            kind=kind,
            whom=whom,
            other=other,
            stated=stated,
            by_whom=self.by,
            stated_at=self.at,
            recorded_at=datetime.now(UTC),
        )
        return int(self.connection.execute(new.returning(column.id)).scalar_one())


def is_settled(
    desk: Desk, kind: DoubtKind, whom: int, other: int | None, stated: dict[str, Any]
) -> bool:
    """Whether a person has answered that since: a repetition has nothing new to say."""
    column = doubt.c
    answered = sa.select(column.stated).where(
        column.kind == kind,
        column.whom == whom,
        column.other.is_not_distinct_from(other),
        column.decided_at > desk.at,
    )
    return any(one == stated for one in desk.connection.scalars(answered))


def proof_of(connection: sa.Connection, whom: int) -> Proof:
    """What stands behind what is known of a patient."""
    state = connection.execute(
        sa.select(identity_state.c.status, identity_state.c.stated_at).where(
            identity_state.c.whom == whom
        )
    ).one_or_none()
    if state is None or state.stated_at is None:
        return Proof.BROUGHT
    return Proof.PROVEN if state.status in PROVEN else Proof.STATED


def known_traits(connection: sa.Connection, whom: int) -> dict[str, Any]:
    """The comparable traits of a patient, as they are in the catalogue."""
    columns = (_patient.name, _patient.birth_name, _patient.birth_date, _patient.sex)
    row = connection.execute(sa.select(*columns).where(_patient.id == whom)).mappings().one()
    used = sa.select(identity_state.c.used_name).where(identity_state.c.whom == whom)
    return {**row, "used_name": connection.scalar(used)}


def agree(connection: sa.Connection, one: int, other: int) -> Agreement:
    """How far two patients agree."""
    return agreement(
        person_of(known_traits(connection, one)), person_of(known_traits(connection, other))
    )


def flags_of(connection: sa.Connection, whom: int) -> frozenset[str]:
    """What the identity of a patient is flagged with."""
    query = sa.select(identity_state.c.flags).where(identity_state.c.whom == whom)
    return frozenset(connection.scalar(query) or ())


def ins_of(connection: sa.Connection, whom: int) -> tuple[str, str] | None:
    """The national identifier of a patient and its authority."""
    query = sa.select(_patient.ins, _patient.ins_authority).where(_patient.id == whom)
    row = connection.execute(query).one()
    return None if row.ins is None else (row.ins, row.ins_authority)


def not_outdated(connection: sa.Connection, whom: int, said: Stated) -> Stated | None:
    """What is stated without the traits of which something newer was; None if none is left."""
    columns = (identity_state.c.stated_at, identity_state.c.said_at)
    row = connection.execute(sa.select(*columns).where(identity_state.c.whom == whom)).one_or_none()
    if row is None or row.stated_at is None or said.at >= row.stated_at:
        return said
    if row.said_at is None:
        return None
    never = datetime.min.replace(tzinfo=UTC).isoformat()
    left = {
        name: value
        for name, value in said.traits.items()
        if datetime.fromisoformat(row.said_at.get(name, never)) <= said.at
    }
    return replace(said, traits=left) if left else None


def is_ins_outdated(connection: sa.Connection, whom: int, at: datetime) -> bool:
    """Whether something newer was said of a patient's national identifier."""
    query = sa.select(identity_state.c.ins_at).where(identity_state.c.whom == whom)
    known = connection.scalar(query)
    return known is not None and at < known


def updated(desk: Desk, whom: int, said: Stated) -> None:
    """Let what is stated be what is known; nothing is written where it says nothing new."""
    before = traits_of(desk.connection, whom)
    told = {name: as_json(value) for name, value in said.traits.items()}
    known = dict.fromkeys(ALL_TRAITS, before["stated_at"]) if before["stated_at"] else {}
    said_at = {**(before["said_at"] or known), **dict.fromkeys(told, as_json(said.at))}
    newest = max(as_json(said.at), before["stated_at"] or "")
    after = {**before, **told, "stated_at": newest, "said_at": said_at}
    silent = {"stated_at": None, "said_at": None}
    if {**after, **silent} == {**before, **silent}:
        write_traits(desk.connection, {str(whom): after})
        return
    desk.change(Act.UPDATED, whom, None, {"traits": {str(whom): after}})


def is_qualified(said: Stated) -> bool:
    """Whether it is stated of a qualified identity; older messages say VALI, with an INS."""
    return said.status == Status.QUALIFIED or (
        said.status == Status.VALIDATED and said.ins is not None
    )


def is_withdrawn(said: Stated) -> bool:
    """Whether what is stated leaves no national identifier to the patient."""
    return said.withdraws_ins or (said.status is not None and not is_qualified(said))


def take_ins(
    desk: Desk, whom: int, said: Stated, *, outdated: bool
) -> tuple[Then, str, int | None]:
    """Decide about a national identifier, and do it; gives the doubt that came of it."""
    connection = desk.connection
    holders = _holders(desk, whom, said.ins)
    asked = Identifier(
        is_outdated=outdated,
        is_withdrawn=is_withdrawn(said),
        is_stated=said.ins is not None or said.has_unsound_ins,
        is_sound=said.ins is not None,
        is_qualified=is_qualified(said),
        is_flagged=bool(said.flags or flags_of(connection, whom)),
        holder=_holder(desk, whom, holders),
    )
    then, why = decided(asked)
    if then in {Then.REMOVE, Then.TAKE, Then.TAKE_AND_ASK}:
        put_state(connection, whom, {"ins_at": said.at})
    if then is Then.REMOVE:
        withdraw_ins(desk, whom)
    if then in {Then.TAKE, Then.TAKE_AND_ASK} and said.ins is not None:
        _set_ins(desk, whom, said.ins)
    elif (then is Then.REMOVE or outdated) and said.ins is not None and not holders:
        _forget_messages(desk, whom, said.ins)
    question = None
    if then in {Then.TAKE_AND_ASK, Then.LEAVE_AND_ASK}:
        question = desk.ask(DoubtKind.SAME_INS, whom, holders[0], {})
    return then, why, question


def withdraw_ins(desk: Desk, whom: int) -> None:
    """Take a national identifier away from all that is kept, and have archives told."""
    held = ins_of(desk.connection, whom)
    if held is None:
        return
    leave_no_copy(desk.connection)
    gone = sa.update(schema.patient).where(_patient.id == whom)
    desk.connection.execute(gone.values(ins=None, ins_authority=None))
    blank(desk.connection, desk.establishment_id, held[0])
    desk.write(Act.INS_REMOVED, whom, None, {}, {})
    exams = exams_of(desk.connection, [whom])
    outbox.ins_withdrawn(desk.connection, exams)
    tell(desk.connection, exams)


def hand_ins_on(desk: Desk, here: int, there: int) -> None:
    """Let a patient's new number have the national identifier in place of the one before."""
    held = ins_of(desk.connection, here)
    said_at = sa.select(identity_state.c.ins_at).where(identity_state.c.whom == here)
    put_state(desk.connection, there, {"ins_at": desk.connection.scalar(said_at)})
    if held is None:
        return
    for whom, (number, authority) in ((here, (None, None)), (there, held)):
        change = sa.update(schema.patient).where(_patient.id == whom)
        desk.connection.execute(change.values(ins=number, ins_authority=authority))
    desk.write(Act.INS_REMOVED, here, None, {}, {})
    desk.write(Act.INS_TAKEN, there, None, {}, {})


def _forget_messages(desk: Desk, whom: int, ins: Ins) -> None:
    """Let no message be kept that names what was withdrawn, also one that comes afterwards."""
    if ins_of(desk.connection, whom) != (ins.number, ins.authority):
        blank(desk.connection, desk.establishment_id, ins.number)


def forget_withdrawn(desk: Desk, whom: int, number: str) -> None:
    """Let no message be kept for an INS of this patient that nobody has, and that was spoken of.

    For messages that state no identity, as orders and reports: they neither give nor take one.
    """
    numbers = {whom, survivor(desk.connection, whom)}
    spoken_of = sa.select(identity_state.c.whom).where(
        identity_state.c.whom.in_(numbers), identity_state.c.ins_at.is_not(None)
    )
    if desk.connection.execute(spoken_of).first() and not _having(desk, number):
        blank(desk.connection, desk.establishment_id, number)


def _set_ins(desk: Desk, whom: int, ins: Ins) -> None:
    held = ins_of(desk.connection, whom)
    if held == (ins.number, ins.authority):
        return
    if held is not None:
        withdraw_ins(desk, whom)
    change = sa.update(schema.patient).where(_patient.id == whom)
    desk.connection.execute(change.values(ins=ins.number, ins_authority=ins.authority))
    desk.write(Act.INS_TAKEN, whom, None, {}, {})
    tell(desk.connection, exams_of(desk.connection, [whom]))


def merged_holders(desk: Desk, whom: Collection[int], ins: Ins) -> set[int]:
    """Who has that identifier and is merged with one of these patients."""
    into = {survivor(desk.connection, one) for one in whom}
    return {one for one, there in _having(desk, ins.number) if there in into}


def _holders(desk: Desk, whom: int, ins: Ins | None) -> list[int]:
    """Who else here has that identifier, and is not merged with this patient."""
    if ins is None:
        return []
    here = survivor(desk.connection, whom)
    return [one for one, there in _having(desk, ins.number) if there != here]


def _having(desk: Desk, number: str) -> list[tuple[int, int]]:
    """Who here has that identifier, and whom each was merged into."""
    having = sa.select(_patient.id).where(
        _patient.establishment_id == desk.establishment_id, _patient.ins == number
    )
    found = desk.connection.scalars(having.order_by(_patient.id)).all()
    return [(one, survivor(desk.connection, one)) for one in found]


def _holder(desk: Desk, whom: int, holders: Collection[int]) -> Holder:
    if not holders:
        return Holder.NOBODY
    same = all(agree(desk.connection, whom, one) is Agreement.SAME for one in holders)
    return Holder.SAME if same else Holder.OTHER


def blocking(flags: Iterable[str]) -> bool:
    """Whether flags speak against a merge: a duplicate is what a merge puts right."""
    return bool(set(flags) - {Flag.DUPLICATE})


def pointer(connection: sa.Connection, whom: int) -> int | None:
    """Whom a patient was merged into last."""
    return connection.scalar(sa.select(merged.c.into_whom).where(merged.c.whom == whom))
