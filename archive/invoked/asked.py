"""What another system asks to be shown (IHE RAD-106), as it names it; pure facts, no database."""

from dataclasses import dataclass, field
from datetime import datetime

from archive.cases.order import Numbered
from archive.identities.ins import AUTHORITIES, INS_ISSUER

_INS_NAMES = (INS_ISSUER, "ASIP-SANTE-INS-NIA")


@dataclass(frozen=True, slots=True, repr=False)
class PatientNumber:
    """A patient's number (HL7 CX), and who gave it: by name, by OID, by both or by neither."""

    number: str
    issuer: str = ""
    oid: str = ""

    @property
    def is_national(self) -> bool:
        """Whether it is an INS, and no number of an establishment."""
        return self.oid in AUTHORITIES or self.issuer in _INS_NAMES

    def is_ins(self, ins: str, authority: str) -> bool:
        """Whether it is this INS, as far as it says of which authority."""
        return self.is_national and self.number == ins and self.oid in {"", authority}

    def __repr__(self) -> str:
        return "PatientNumber(…)"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which of a patient's exams are wanted; `most_recent` is 0 for all of them."""

    lower: datetime | None = None
    upper: datetime | None = None
    most_recent: int = 0
    modalities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """A request to show something: by patient, by studies or orders, or by a slide's barcode.

    Several `patient` numbers are of one person. Where studies are named, the patient's numbers
    only confirm whose they are.
    """

    patient: tuple[PatientNumber, ...] = ()
    studies: tuple[str, ...] = ()
    orders: tuple[Numbered, ...] = ()
    barcode: str = ""
    bounds: Bounds = field(default_factory=Bounds)
    key_images_only: bool = False

    def __repr__(self) -> str:
        return "Asked(…)"


@dataclass(frozen=True, slots=True)
class Found:
    """What is shown: exams of one patient, or of nobody known, the newest first.

    `image` is the one that a barcode names, None where it stands on several slides, and `case` the
    one that it is read in. `missing` is how many of the studies that were named are not here.
    """

    establishment: str
    exams: tuple[str, ...]
    patient_key: str | None
    image: str | None = None
    case: str | None = None
    missing: int = 0
