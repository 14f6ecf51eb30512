"""Whether a study that an archive tells of is this patient's: one table, read from the top.

An archive may ignore who gave a number, give another patient's studies, or say next to nothing of
whose they are. The same table is in docs/timeline.md, which the tests hold against this one.
Nothing here reads or writes anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from archive.identities.stated import Agreement, Person, agreement
from archive.studies.study import Study


class Then(StrEnum):
    """What is done with a study."""

    SHOW = "show"
    ASK = "ask"
    """It is not shown; that there is one to be looked into is said."""
    LEAVE = "leave"
    """It is another patient's, and is not shown."""


class Said(StrEnum):
    """How what is said of something stands to what we know."""

    SAME = "same"
    UNSAID = "unsaid"
    OTHER = "other"


class Likeness(StrEnum):
    """How far the traits of a study and of the patient agree."""

    SAME = "same"
    """Name and birth date are said by both and agree; nothing differs."""
    UNSAID = "unsaid"
    """Nothing differs, and too little is said."""
    CLOSE = "close"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a study's patient and of ours."""

    is_number: bool
    issuer: Said
    ins: Said
    traits: Likeness
    is_flagged: bool
    is_ambiguous: bool
    """Of another patient with this number nothing that is said is wrong.

    Who is said to have given it proves nothing: some archives repeat what they are asked.
    """


Row = Mapping[str, Any]
JUDGED: Sequence[tuple[Row, Then, str]] = (
    ({"is_number": False}, Then.LEAVE, "it has another number"),
    ({"issuer": Said.OTHER}, Then.LEAVE, "somebody else gave that number"),
    ({"ins": Said.OTHER}, Then.LEAVE, "it has another national identifier"),
    ({"traits": Likeness.DIFFERENT}, Then.LEAVE, "another person, as far as can be seen"),
    ({"is_flagged": True}, Then.ASK, "the identity is flagged"),
    ({"traits": Likeness.CLOSE}, Then.ASK, "one trait differs: a correction, or a twin"),
    ({"is_ambiguous": True}, Then.ASK, "another patient has this number, and may be meant"),
    (
        {"traits": Likeness.UNSAID, "issuer": Said.UNSAID},
        Then.ASK,
        "it says too little of whose it is",
    ),
    ({}, Then.SHOW, "it is the patient's"),
)


@dataclass(frozen=True, slots=True, repr=False)
class Number:
    """A number of the patient, now or before a merge, and whom it was known to be of."""

    patient_id: str
    issuer: str
    issuer_oid: str
    persons: tuple[Person, ...]
    issuers: frozenset[str] = frozenset()
    """All names and OIDs of who gave it, where the site says them."""

    def __repr__(self) -> str:
        return "Number(…)"


@dataclass(frozen=True, slots=True, repr=False)
class Patient:
    """Whose studies are asked for."""

    establishment: str
    numbers: tuple[Number, ...]
    ins: str | None = None
    is_flagged: bool = False
    rivals: tuple[tuple[str, Person], ...] = field(default=())
    """Others of the same establishment who have one of the numbers from somebody else."""

    def __repr__(self) -> str:
        return "Patient(…)"


def judged(
    patient: Patient, number: Number, study: Study, issuers: Mapping[str, str]
) -> tuple[Then, str]:
    """What is done with a study, held against one of the patient's numbers, and why.

    `issuers` translates what the archive calls those who give numbers.
    """
    facts = facts_of(patient, number, study, issuers)
    for row, then, why in JUDGED:
        if all(getattr(facts, name) == wanted for name, wanted in row.items()):
            return then, why
    raise AssertionError("the last row fits anything")


def facts_of(patient: Patient, number: Number, study: Study, issuers: Mapping[str, str]) -> Facts:
    """What the table is asked about."""
    whose = study.whose
    said = issuers.get(whose.issuer, whose.issuer)
    return Facts(
        is_number=whose.patient_id == number.patient_id,
        issuer=_issuer(number, said, whose.issuer_oid),
        ins=_said(patient.ins, whose.ins),
        traits=min((likeness(one, whose.person) for one in number.persons), key=_ORDER.index),
        is_flagged=patient.is_flagged,
        is_ambiguous=any(
            patient_id == number.patient_id and agreement(rival, whose.person) is Agreement.SAME
            for patient_id, rival in patient.rivals
        ),
    )


_ORDER = tuple(Likeness)


def likeness(known: Person, said: Person) -> Likeness:
    """How far a study's traits are those of a person who is known."""
    found = agreement(known, said)
    if found is not Agreement.SAME:
        return Likeness.CLOSE if found is Agreement.CLOSE else Likeness.DIFFERENT
    is_said = known.names and said.names and known.birth_date and said.birth_date
    return Likeness.SAME if is_said else Likeness.UNSAID


def _issuer(number: Number, said: str, oid: str) -> Said:
    if oid in number.issuers:
        return Said.SAME
    if number.issuer_oid and oid:
        return Said.SAME if number.issuer_oid == oid else Said.OTHER
    return _said(number.issuer, number.issuer if said in number.issuers else said)


def _said(ours: str | None, theirs: str | None) -> Said:
    if not ours or not theirs:
        return Said.UNSAID
    return Said.SAME if ours == theirs else Said.OTHER
