"""Messages about identities (PAM-FR): stated, merged, renumbered, withdrawn, moved."""

from collections.abc import Collection

from api.errors import BadMessage
from api.hl7.answers import Answer, Code, Note, rejected
from api.hl7.message import Message
from api.hl7.pid import (
    Numbers,
    given,
    pairs,
    read_any_numbers,
    read_numbers,
    read_pid,
    read_visit,
)
from api.work import Workplace
from archive.cases.order import Stay
from archive.identities.decisions import Then
from archive.identities.records import Outcome

WAITS = "taken; a person has to look at it"
ASIDE = {
    Then.LEAVE: "the national identifier is left aside",
    Then.LEAVE_AND_ASK: "the national identifier is left aside: a person has to look at it",
    Then.TAKE_AND_ASK: "another number has this national identifier: a person has to look at it",
}


def state(message: Message, place: Workplace, establishment: str) -> Answer:
    """A28 and A31; A01, A04 and A05 for their PID alone: what is known from now on."""
    said = read_pid(message, message.first("PID"))
    done = place.catalog.identities.state(establishment, said)
    return _answer(done, names_ins=said.ins is not None or said.has_unsound_ins)


def forget_withdrawn(
    named: Numbers, place: Workplace, establishment: str, others: Collection[str] = ()
) -> None:
    """Let no message be kept for the INS of these numbers, or others, once it was withdrawn."""
    ins = {*others, *((named.ins.number,) if named.ins else ())}
    if ins and named.patient_id:
        identities = place.catalog.identities
        identities.forget_withdrawn(establishment, named.given, ins)


def merge(message: Message, place: Workplace, establishment: str) -> Answer:
    """A40: one or several patients are another one."""
    answers = []
    # All of it is read before any of it is done.
    read = [
        (read_pid(message, pid), read_numbers(message, mrg, 1, "MRG^1^1"))
        for pid, mrg in pairs(message)
    ]
    for into, gone in read:
        done = place.catalog.identities.merge(establishment, into, gone.given)
        answers.append(_answer(done, names_ins=into.ins is not None or into.has_unsound_ins))
    return Answer(Code.ACCEPTED, tuple(note for one in answers for note in one.notes))


def renumber(message: Message, place: Workplace, establishment: str) -> Answer:
    """A47: a number is changed, or the national identifier is replaced or withdrawn."""
    identities = place.catalog.identities
    notes: list[Note] = []
    read = [
        (read_pid(message, pid), read_any_numbers(message, mrg, 1, "MRG^1^1"))
        for pid, mrg in pairs(message)
    ]
    for said, before in read:
        if before.names_ins:
            # What was, is not any more, whatever takes its place.
            numbers = [given(said), before.given]
            identities.withdraw(establishment, said, numbers, before.ins)
        if not before.patient_id or before.given == given(said):
            done = identities.state(establishment, said)
        else:
            done = identities.merge(establishment, said, before.given, renumbers=True)
        notes.extend(_answer(done, names_ins=said.ins is not None or said.has_unsound_ins).notes)
    return Answer(Code.ACCEPTED, tuple(notes))


def move_visit(message: Message, place: Workplace, establishment: str) -> Answer:
    """A44: an account is another patient's, with all in it; or a visit, where none is named.

    PID-18 may be the account's new number, so that MRG-3 goes first (HL7 v2.5.1 3.3.44).
    """
    answers = []
    read = [
        (
            read_pid(message, pid),
            read_numbers(message, mrg, 1, "MRG^1^1"),
            read_visit(mrg, 3, Stay.ACCOUNT)
            or read_visit(mrg, 5, Stay.VISIT)
            or read_visit(pid, 18, Stay.ACCOUNT),
        )
        for pid, mrg in pairs(message)
    ]
    if not all(visits for *_, visits in read):
        raise BadMessage("neither an account nor a visit is named", 101, "MRG^1^3")
    for to, source, visits in read:
        done = place.catalog.identities.move_visit(establishment, to, source.given, visits)
        answers.append(_answer(done, names_ins=False))
    return Answer(Code.ACCEPTED, tuple(note for one in answers for note in one.notes))


def not_in_france(*_: object) -> Answer:
    """A08, which PAM-FR leaves out: its meaning depends on the visit."""
    return rejected("A08 is not taken: changes of an identity are sent as A31 (PAM-FR)", 201, "EVN")


def _answer(done: Outcome, *, names_ins: bool) -> Answer:
    notes = []
    if done.then is Then.WAIT:
        notes.append(Note(0, f"{WAITS}: {done.why}", "PID", is_warning=True))
    elif done.then is Then.IGNORE:
        notes.append(Note(0, f"nothing was changed: {done.why}", "PID", is_warning=True))
    then, why = done.ins
    if names_ins and then in ASIDE:
        notes.append(Note(0, f"{ASIDE[then]} ({why})", "PID^1^3", is_warning=True))
    return Answer(Code.ACCEPTED, tuple(notes))
