"""Modality Worklist, asked of others (PS3.4 K): who is expected for which examination."""

import hashlib
import socket
import time as clock
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from archive.dimse.calling import CONNECT_S, Called, associated
from archive.errors import InvalidIdentity, LinkDown, LinkRefused
from archive.identity import (
    LO_CHARACTERS,
    PatientIdentity,
    Sex,
    checked_text,
    read_birth_date,
)

FIND = "1.2.840.10008.5.1.4.31"
MOST_STEPS = 2000
"""Answers that are read: more is not one establishment's day."""
ANSWER_S, LASTS_S = 30.0, 120.0
"""For one answer, and for all of them."""
_PENDING, _SUCCESS = frozenset({0xFF00, 0xFF01}), 0x0000
_SEXES: dict[str, Sex] = {"F": "F", "M": "M", "O": "O"}


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A step that is scheduled: whose, when, and by which order.

    A step's own number counts within its order alone (PS3.3 C.4.10): `number` says both.
    """

    number: str
    patient: PatientIdentity = field(repr=False)
    starts_at: datetime
    accession_number: str = field(default="", repr=False)
    what: str = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """What of a list is asked for, and how its answers are to be understood.

    `issuer` gave the numbers of patients where an answer does not say who did; `zone` is where
    its clocks are. Without `modalities` all are asked for.
    """

    issuer: str = ""
    modalities: tuple[str, ...] = ()
    zone: str = "UTC"


def scheduled(own_title: str, called: Called, day: date, asking: Asking) -> tuple[Scheduled, ...]:
    """What is scheduled on a day, each step once, whatever else the list answers.

    Left out are steps of other days and modalities, and those that name nobody or cannot be read.
    Raises LinkDown and LinkRefused. Bounded in time and in the number of answers.
    """
    context = build_context(UID(FIND), [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
    found: dict[str, Scheduled] = {}
    answers, ends = 0, clock.monotonic() + LASTS_S
    _require_there(called)
    with associated(own_title, called, [context]) as association:
        association.dimse_timeout = ANSWER_S
        for modality in asking.modalities or ("",):
            for one in _answers(association, _question(day, modality)):
                answers += 1
                if answers > MOST_STEPS or clock.monotonic() > ends:
                    raise LinkRefused("The worklist holds more than a day of one establishment.")
                step = None if one is None else _step(one, day, modality, asking)
                if step is not None:
                    found[step.number] = step
    return tuple(found.values())


def _require_there(called: Called) -> None:
    """Raise LinkDown where nobody listens: pynetdicom would leave its socket to the collector."""
    try:
        with socket.create_connection((called.host, called.port), CONNECT_S):
            pass
    except OSError as error:
        raise LinkDown("The worklist does not answer.") from error


def _question(day: date, modality: str) -> Dataset:
    """The keys of K.6.1.2.2 that are used here; empty ones are wanted."""
    step = Dataset()
    step.ScheduledProcedureStepStartDate = day.strftime("%Y%m%d")
    step.ScheduledProcedureStepStartTime = ""
    step.Modality = modality
    step.ScheduledStationAETitle = ""
    step.ScheduledProcedureStepDescription = ""
    step.ScheduledProcedureStepID = ""
    asked = Dataset()
    asked.SpecificCharacterSet = "ISO_IR 192"
    for keyword in (
        *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
        *("AccessionNumber", "RequestedProcedureID", "RequestedProcedureDescription"),
        "StudyInstanceUID",
    ):
        setattr(asked, keyword, "")
    asked.ScheduledProcedureStepSequence = Items([step])
    return asked


def _answers(association: Association, asked: Dataset) -> Iterator[Dataset | None]:
    """What is answered, one by one; None for what is no data set."""
    status = -1
    try:
        for told, one in association.send_c_find(asked, UID(FIND)):
            if "Status" not in told:
                raise LinkDown("The worklist broke off.")
            status = int(told.Status)
            if status in _PENDING:
                yield one
    except ValueError as error:
        raise LinkRefused("The peer has no worklist.") from error
    except (RuntimeError, AttributeError) as error:
        raise LinkDown("The worklist does not answer as it must.") from error
    if status != _SUCCESS:
        raise LinkDown(f"The worklist does not answer a question ({status:04X}).")


def _step(one: Dataset, day: date, modality: str, asking: Asking) -> Scheduled | None:
    """A step of an answer; None for one that was not asked for, names nobody or cannot be read."""
    try:
        step = _item(one)
        if _text(step, "ScheduledProcedureStepStartDate") != day.strftime("%Y%m%d"):
            return None
        if modality and _text(step, "Modality") not in {"", modality}:
            return None
        number = _number(one, step)
        if not number:
            return None
        what = _text(step, "ScheduledProcedureStepDescription") or _text(
            one, "RequestedProcedureDescription"
        )
        return Scheduled(
            number,
            PatientIdentity(
                _text(one, "PatientID"),
                _text(one, "IssuerOfPatientID") or asking.issuer,
                _text(one, "PatientName"),
                read_birth_date(_text(one, "PatientBirthDate")),
                _SEXES.get(_text(one, "PatientSex")),
            ),
            _moment(step, day, asking.zone),
            _text(one, "AccessionNumber"),
            checked_text("examination", what[:LO_CHARACTERS], LO_CHARACTERS),
        )
    except (InvalidIdentity, ValueError, TypeError, LookupError, NotImplementedError):
        # As pydicom raises them for what it cannot decode.
        return None


def _item(one: Dataset) -> Dataset:
    steps = one.get("ScheduledProcedureStepSequence")
    if not isinstance(steps, Items) or len(steps) != 1:
        raise ValueError("an answer has one step")
    return steps[0]


def _number(one: Dataset, step: Dataset) -> str:
    order = [_text(one, "AccessionNumber"), _text(one, "RequestedProcedureID")]
    order = [*filter(None, order)] or [_text(one, "StudyInstanceUID")]
    whole = "/".join(filter(None, (*order, _text(step, "ScheduledProcedureStepID"))))
    # Cut, it would be another one.
    return whole if len(whole) <= LO_CHARACTERS else hashlib.sha256(whole.encode()).hexdigest()


def _moment(step: Dataset, day: date, zone: str) -> datetime:
    said = _text(step, "ScheduledProcedureStepStartTime").replace(":", "")
    digits = f"{said.partition('.')[0]:0<6}"[:6]
    at = time(int(digits[:2]), int(digits[2:4]), min(59, int(digits[4:])))
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


def _text(one: Dataset, keyword: str) -> str:
    """A value; raises TypeError where there are several, as none of them is the one."""
    value = one.get(keyword)
    if isinstance(value, MultiValue | Items):
        raise TypeError("several values")
    text = str(value or "").strip()
    if "\0" in text:
        raise ValueError("no text")
    return text
