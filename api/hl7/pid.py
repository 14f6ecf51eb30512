"""What PID and MRG say of a patient, as PAM-FR writes them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from api.errors import BadMessage
from api.hl7.message import DELETED, Message, Segment
from archive.cases.order import Numbered, Stay, Visit
from archive.errors import InvalidIdentity
from archive.identities.ins import AUTHORITIES, INS_ISSUER, Ins
from archive.identities.stated import Flag, Stated, Status
from archive.identity import (
    LO_CHARACTERS,
    PatientIdentity,
    Sex,
    checked_name,
    checked_text,
    read_birth_date,
)

SEXES: dict[str, Sex] = {"F": "F", "M": "M", "O": "O", "A": "O", "N": "O"}
"""HL7 table 0001 as DICOM has it: what is neither, or both, is other; U says nothing."""


@dataclass(frozen=True, slots=True, repr=False)
class Numbers:
    """The numbers of a patient: the establishment's own, and the national one."""

    patient_id: str = field(repr=False)
    issuer: str
    issuer_oid: str | None
    ins: Ins | None = None
    withdraws_ins: bool = False
    names_ins: bool = False
    """Whether one stands there at all, sound or not."""

    @property
    def given(self) -> tuple[str, str, str | None]:
        """The establishment's own number, who gave it, and that one's OID."""
        return self.patient_id, self.issuer, self.issuer_oid


def read_pid(message: Message, pid: Segment) -> Stated:
    """What a PID says; raises BadMessage, and InvalidIdentity for what DICOM cannot carry."""
    numbers = read_numbers(message, pid, 3, "PID^1^3")
    traits = {**_names(pid), **_born(pid), **_proof(pid)}
    if numbers.issuer_oid:
        traits["issuer_oid"] = numbers.issuer_oid
    # Refused here and not later, as a header is made of it.
    PatientIdentity(
        numbers.patient_id,
        numbers.issuer,
        traits.get("name") or "",
        traits.get("birth_date"),
        traits.get("sex"),
    )
    return Stated(
        patient_id=numbers.patient_id,
        issuer=numbers.issuer,
        traits=traits,
        at=message.stated_at,
        by=message.sender,
        ins=numbers.ins,
        # An identity of which the status is emptied is none that is qualified.
        withdraws_ins=numbers.withdraws_ins or DELETED in _codes(pid),
        has_unsound_ins=numbers.names_ins and numbers.ins is None and not numbers.withdraws_ins,
    )


def given(said: Stated) -> tuple[str, str, str | None]:
    """As `Numbers.given`, of what a whole PID says."""
    return said.patient_id, said.issuer, said.traits.get("issuer_oid")


def read_numbers(message: Message, segment: Segment, number: int, where: str) -> Numbers:
    """The numbers in a field of CX; raises BadMessage where none is the hospital's own."""
    found = read_any_numbers(message, segment, number, where)
    if not found.patient_id:
        raise BadMessage("no number of the patient is the hospital's own", 101, where)
    return found


def read_any_numbers(message: Message, segment: Segment, number: int, where: str) -> Numbers:
    """The numbers in a field of CX, of which the hospital's own may be missing ("")."""
    own: list[tuple[str, str, str]] = []
    ins: Ins | None = None
    names_ins = withdraws = False
    for one in segment.repetitions(number):
        value = segment.value(number, repetition=one)
        authority = segment.value(number, 4, 1, one), segment.value(number, 4, 2, one)
        kind = segment.value(number, 5, 1, one)
        if kind.startswith("INS") or authority[0] == INS_ISSUER or authority[1] in AUTHORITIES:
            names_ins, withdraws = True, withdraws or value == DELETED
            ins = ins or _ins(value, authority[1])
        elif kind in {"", "PI"} and value not in {"", DELETED}:
            own.append(
                (value, authority[0] or authority[1] or message.default_issuer, authority[1])
            )
    ours = [one for one in own if message.own_issuers & {one[1], one[2]}]
    # By its name and by its OID one issuer may give one number twice; others do not.
    if len({one[0] for one in ours} if ours else own) > 1:
        raise BadMessage("more than one number of the patient is the hospital's own", 204, where)
    value, issuer, oid = next(iter(ours or own), ("", "", ""))
    patient_id = checked_text("patient's number", value, LO_CHARACTERS)
    given_by = checked_text("issuer of the patient's number", issuer, LO_CHARACTERS)
    return Numbers(patient_id, given_by, oid or None, ins, withdraws, names_ins)


def read_visit(segment: Segment, number: int, kind: Stay) -> tuple[Visit, ...]:
    """The account or visit that a field names; none where it is empty."""
    value = segment.value(number)
    if value in {"", DELETED}:
        return ()
    issuer = segment.value(number, 4, 1) or segment.value(number, 4, 2)
    return (Visit(kind, Numbered(value, issuer)),)


def pairs(message: Message) -> Iterator[tuple[Segment, Segment]]:
    """Each MRG with the PID before it; raises BadMessage where there is none."""
    pid: Segment | None = None
    count = 0
    for one in message.parts:
        if one.name == "PID":
            pid = one
        if one.name == "MRG":
            if pid is None:
                raise BadMessage("MRG stands before any PID", 100, "MRG")
            count += 1
            yield pid, one
    if not count:
        raise BadMessage("the segment MRG is missing", 100, "MRG")


def _ins(value: str, authority: str) -> Ins | None:
    try:
        return Ins(value, authority) if authority else None
    except InvalidIdentity:
        return None


def _names(pid: Segment) -> dict[str, Any]:
    """PID-5: L is the birth name, D the used one; the field says all of them or nothing."""
    if not pid.repetitions(5):
        return {}
    birth = used = first_names = ""
    for one in pid.repetitions(5):
        name = _name(pid.value(5, 1, 1, one), pid.value(5, 2, 1, one))
        if pid.value(5, 7, 1, one) in {"", "L"} and not birth:
            birth, first_names = name, pid.value(5, 3, 1, one)
        elif pid.value(5, 7, 1, one) == "D":
            used = name
    if used.startswith("^"):
        raise InvalidIdentity("The used name has no family name; give one.")
    return {
        "name": checked_name("patient's name", used or birth),
        "birth_name": checked_name("patient's birth name", birth) or None,
        "used_name": checked_name("patient's used name", used) or None,
        "first_names": checked_text("patient's first names", _plain(first_names), 200) or None,
    }


def _name(family: str, given: str) -> str:
    return f"{_plain(family)}^{_plain(given)}".rstrip("^")


def _plain(text: str) -> str:
    # What separates the parts of a name in DICOM is no letter of one.
    return "" if text == DELETED else " ".join(text.translate(dict.fromkeys(b"^=\\", " ")).split())


def _born(pid: Segment) -> dict[str, Any]:
    told: dict[str, Any] = {}
    born = pid.value(7)
    if born == DELETED:
        told["birth_date"] = None
    elif born and born[4:8] != "0000" and len(born) >= 8:
        told["birth_date"] = read_birth_date(born[:8])
    sex = pid.value(8)
    if sex == DELETED:
        told["sex"] = None
    elif sex in SEXES:
        told["sex"] = SEXES[sex]
    for one in pid.repetitions(11):
        if pid.value(11, 7, 1, one) == "BDL":
            told["birthplace"] = checked_text("birthplace", pid.value(11, 9, 1, one), 8) or None
    return told


def _codes(pid: Segment) -> list[str]:
    return [pid.value(32, repetition=one) for one in pid.repetitions(32)]


def _proof(pid: Segment) -> dict[str, Any]:
    """PID-32: how far it is proven, and flags; the field says all of them or nothing."""
    codes = [one for one in _codes(pid) if one in {*Status, *Flag, DELETED}]
    if not codes:
        # One that is not known here lifts no warning.
        return {}
    statuses = [Status(one) for one in codes if one in set(Status)]
    # Where two are stated, the lesser one is true.
    order = list(Status)
    status = min(statuses, key=order.index) if statuses else None
    return {
        "status": status,
        "flags": sorted(Flag(one) for one in codes if one in set(Flag)) or None,
    }
