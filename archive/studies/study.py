"""A study as an archive tells of it: what it is, and of whom it is said to be."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

from archive.errors import LinkDown
from archive.identities.ins import AUTHORITIES
from archive.identities.stated import Person, person_of

MOST = 500
"""Studies of one number; what tells of more is not read to its end."""
MOST_TEXT = 200

TAGS = {
    "StudyInstanceUID": "0020000D",
    "StudyDate": "00080020",
    "StudyTime": "00080030",
    "StudyDescription": "00081030",
    "ModalitiesInStudy": "00080061",
    "AccessionNumber": "00080050",
    "InstitutionName": "00080080",
    "BodyPartExamined": "00180015",
    "NumberOfStudyRelatedSeries": "00201206",
    "NumberOfStudyRelatedInstances": "00201208",
    "PatientID": "00100020",
    "IssuerOfPatientID": "00100021",
    "PatientName": "00100010",
    "PatientBirthName": "00101005",
    "PatientBirthDate": "00100030",
    "PatientSex": "00100040",
}
"""What is asked of a study at whatever way, by keyword."""
SEQUENCES = {
    "OtherPatientIDsSequence": "00101002",
    "IssuerOfPatientIDQualifiersSequence": "00100024",
    "IssuerOfAccessionNumberSequence": "00080051",
    "UniversalEntityID": "00400032",
    "LocalNamespaceEntityID": "00400031",
}
INS_ISSUER = "ASIP-SANTE-INS"
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*", re.ASCII)


@dataclass(frozen=True, slots=True, repr=False)
class Whose:
    """Of whom an archive says that a study is."""

    patient_id: str
    issuer: str
    issuer_oid: str
    person: Person
    ins: str | None = None
    """The national identifier's number, where it says one."""

    def __repr__(self) -> str:
        return "Whose(…)"


@dataclass(frozen=True, slots=True, repr=False)
class Study:
    """One study; what the archive does not say is "", None or 0."""

    study_instance_uid: str
    whose: Whose
    on: date | None = None
    at: time | None = None
    description: str = ""
    modalities: tuple[str, ...] = ()
    body_part: str = ""
    accession_number: str = ""
    issuer_of_accession_number: str = ""
    institution: str = ""
    series: int = 0
    instances: int = 0

    def __repr__(self) -> str:
        return "Study(…)"


@dataclass(frozen=True, slots=True)
class Told:
    """An answer as it came, whatever the way: texts by keyword, and what stands in sequences."""

    texts: Mapping[str, str] = field(repr=False)
    """Several values are parted by a backslash."""
    modalities: tuple[str, ...] = ()
    issuer_oid: str = ""
    accession_issuer: str = ""
    others: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)
    """Of other numbers the number, its issuer, and that one's universal name."""


@dataclass(frozen=True, slots=True)
class Said:
    """What an archive tells of a number; not `is_whole` where it tells of more than is read."""

    studies: tuple[Study, ...]
    is_whole: bool


def said_of(answers: Collection[Told]) -> Said:
    """The studies of what may be one more answer than MOST.

    One that names its study as no UID is left out, so that it hides no other. Raises LinkDown
    where all of them are so: then that is no answer.
    """
    named = [one for one in list(answers)[:MOST] if _names_a_study(one)]
    if answers and not named:
        raise LinkDown("The archive's answer is no answer.")
    return Said(tuple(map(study_of, named)), len(named) == len(answers))


def _names_a_study(told: Told) -> bool:
    uid = _plain(told.texts.get("StudyInstanceUID", ""))
    return len(uid) <= 64 and _UID.fullmatch(uid) is not None


def study_of(told: Told) -> Study:
    """The study of an answer that names one by a UID."""

    def text(keyword: str) -> str:
        return _plain(told.texts.get(keyword, ""))

    traits = {
        "name": told.texts.get("PatientName", "").partition("=")[0],
        "birth_name": told.texts.get("PatientBirthName", "").partition("=")[0],
        "birth_date": _date(text("PatientBirthDate")),
        "sex": text("PatientSex") if text("PatientSex") in {"F", "M", "O"} else None,
    }
    whose = Whose(
        text("PatientID"),
        text("IssuerOfPatientID"),
        told.issuer_oid,
        person_of(traits),
        next((number for number, *issuers in told.others if _is_national(*issuers)), None),
    )
    return Study(
        study_instance_uid=text("StudyInstanceUID"),
        whose=whose,
        on=_date(text("StudyDate")),
        at=_time(text("StudyTime")),
        description=text("StudyDescription"),
        modalities=tuple(sorted({_plain(one) for one in told.modalities} - {""}))[:16],
        body_part=text("BodyPartExamined"),
        accession_number=text("AccessionNumber"),
        issuer_of_accession_number=_plain(told.accession_issuer),
        institution=text("InstitutionName"),
        series=_count(text("NumberOfStudyRelatedSeries")),
        instances=_count(text("NumberOfStudyRelatedInstances")),
    )


def _is_national(issuer: str, oid: str) -> bool:
    return oid in AUTHORITIES or issuer.startswith(INS_ISSUER)


def _plain(said: str) -> str:
    """A text without what is not to be shown, of bounded length."""
    shown = "".join(one if one.isprintable() else " " for one in said[: 4 * MOST_TEXT])
    return " ".join(shown.split())[:MOST_TEXT]


def _date(said: str) -> date | None:
    # Older archives part it by dots (PS3.5 6.2, DA).
    try:
        return datetime.strptime(said.replace(".", ""), "%Y%m%d").date()  # noqa: DTZ007
    except ValueError:
        return None


def _time(said: str) -> time | None:
    digits = said.replace(":", "").partition(".")[0]
    try:
        return datetime.strptime(digits[:4], "%H%M").time()  # noqa: DTZ007
    except ValueError:
        return None


def _count(said: str) -> int:
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0
