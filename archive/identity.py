"""Who an image belongs to, and the UIDs that follow from it."""

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

from archive.errors import InvalidIdentity

Sex = Literal["F", "M", "O"]

LO_CHARACTERS = 64
SH_CHARACTERS = 16
# Control characters, halves of surrogate pairs, line and paragraph separators.
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def checked_text(trait: str, value: str, characters: int, *, required: bool = False) -> str:
    """A value as DICOM's LO or SH holds it: composed, without the padding that does not count.

    `trait` names the value in the message of InvalidIdentity, which never repeats the value.
    """
    value = unicodedata.normalize("NFC", value).strip()
    if required and not value:
        raise InvalidIdentity(f"The {trait} is empty; give one.")
    if len(value) > characters:
        raise InvalidIdentity(
            f"The {trait} has {len(value)} characters; DICOM holds {characters}. Shorten it."
        )
    if "\\" in value:
        raise InvalidIdentity(f"The {trait} holds a backslash, which separates values in DICOM.")
    if any(unicodedata.category(one) in _FORBIDDEN_CATEGORIES for one in value):
        raise InvalidIdentity(f"The {trait} holds a character that DICOM text cannot carry.")
    return value


def checked_name(trait: str, value: str) -> str:
    """A DICOM Person Name, composed and trimmed; raises InvalidIdentity as `checked_text`."""
    # PS3.5 6.2 PN: up to three groups (alphabetic, ideographic, phonetic) of 64 characters,
    # each of up to five components.
    groups = unicodedata.normalize("NFC", value).strip().split("=")
    if len(groups) > 3 or any(group.count("^") > 4 for group in groups):
        raise InvalidIdentity(f'The {trait} is not a DICOM name; write it "FAMILY^GIVEN".')
    return "=".join(checked_text(trait, group, LO_CHARACTERS) for group in groups)


def folded(text: str) -> str:
    """A text as it is looked for: without accents, in small letters."""
    # No normal form takes these letters apart.
    plain = text.casefold().replace("œ", "oe").replace("æ", "ae")
    letters = unicodedata.normalize("NFKD", plain)
    return "".join(one for one in letters if not unicodedata.combining(one))


def folded_name(name: str) -> str:
    """A Person Name as it is looked for: components folded, without what separates their words.

    Trailing delimiters mean nothing (PS3.5 6.2.1).
    """
    groups = (folded(group).split("^") for group in name.split("="))
    return "=".join("^".join(map(_words_of, group)).rstrip("^") for group in groups).rstrip("=")


def _words_of(component: str) -> str:
    return " ".join(
        "".join(one if one.isalnum() or one in "*?" else " " for one in component).split()
    )


@dataclass(frozen=True, slots=True, repr=False)
class PatientIdentity:
    """A patient as one issuer knows them; validated for the DICOM attributes it becomes.

    `name` is a DICOM Person Name ("FAMILY^GIVEN"), "" when unknown. Text is composed (NFC) and
    trimmed. Raises InvalidIdentity, whose message names the trait and never repeats its value;
    the representation, which ends in logs, shows no trait either.
    """

    patient_id: str
    issuer: str = ""
    name: str = ""
    birth_date: date | None = None
    sex: Sex | None = None
    birth_name: str | None = None
    """As `name`; None where it is the same, or not known."""
    issuer_oid: str | None = None
    """What the issuer is named by everywhere."""
    ins: str | None = None
    """The national identifier (INS), while the identity is qualified, and of which authority."""
    ins_authority: str | None = None

    def __post_init__(self) -> None:
        patient_id = checked_text("patient's number", self.patient_id, LO_CHARACTERS, required=True)
        object.__setattr__(self, "patient_id", patient_id)
        issuer = checked_text("issuer of the patient's number", self.issuer, LO_CHARACTERS)
        object.__setattr__(self, "issuer", issuer)
        object.__setattr__(self, "name", checked_name("patient's name", self.name))
        if self.sex is not None and self.sex not in get_args(Sex):
            raise InvalidIdentity("The patient's sex is not one of F, M, O.")

    def __repr__(self) -> str:
        return "PatientIdentity(…)"


def read_birth_date(text: str) -> date | None:
    """A birth date written YYYYMMDD (DICOM's DA); None for an empty one."""
    text = text.strip()
    if not text:
        return None
    # strptime alone would take "1970111" and guess.
    if len(text) == 8 and text.isascii() and text.isdigit():
        try:
            return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 -- a date has no zone
        except ValueError:
            pass
    raise InvalidIdentity("The birth date is not a date; write it YYYYMMDD, as 19700131.")


def uid_from(*parts: str) -> str:
    """A UID that is a function of its parts: "2.25." and a UUID made from them (PS3.5 B.2).

    All are of one length, so that a header's is known before the UIDs are: the UUID is of version
    8 (RFC 9562), which leaves its first bit to us, and with that set it has 39 decimal digits.
    """
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        # The length in front keeps ("a", "bc") apart from ("ab", "c").
        digest.update(len(data).to_bytes(8, "big") + data)
    number = int.from_bytes(digest.digest()[:16], "big") | 1 << 127
    version_and_variant = 0xF << 76 | 0x3 << 62
    return f"2.25.{number & ~version_and_variant | 0x8 << 76 | 0x2 << 62}"


def uid_of_move(before: str, establishment: str, study_instance_uid: str, number: int) -> str:
    """What a UID of an image becomes by a move, its `number`-th, to the exam with that study."""
    return uid_from("moved", before, establishment, study_instance_uid, str(number))


def study_instance_uid(establishment: str, issuer: str | None, accession_number: str) -> str:
    """The Study Instance UID of an order."""
    return uid_from("study of an order", establishment, issuer or "", accession_number)


def study_instance_uid_without_order(
    establishment: str, patient: PatientIdentity | None, source_sha256: str
) -> str:
    """The Study Instance UID of a file that came without an accession number."""
    who = ("patient", patient.issuer, patient.patient_id) if patient else ("nobody",)
    return uid_from("study of a file", establishment, source_sha256, *who)
