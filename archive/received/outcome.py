"""What becomes of an instance that is sent, in DICOM's own numbers.

Source: PS3.4 Table B.2-1 (C-STORE), PS3.18 Tables 10.5.3-1 and I.2-2 (STOW-RS), PS3.3 C.14.1.1
(storage commitment).
"""

from dataclasses import dataclass
from enum import IntEnum


class Failure(IntEnum):
    """Why an instance is not kept, or is not held."""

    PROCESSING = 0x0110
    """This software failed, for now; the same may be sent again."""
    DUPLICATE = 0x0111
    """Another instance has its UID; the first one stays."""
    NO_SUCH_INSTANCE = 0x0112
    OF_ANOTHER_CLASS = 0x0119
    CLASS_NOT_SUPPORTED = 0x0122
    OUT_OF_RESOURCES = 0xA700
    DOES_NOT_MATCH = 0xA900
    """It is not what its class, its study or its series says that it is."""
    CANNOT_UNDERSTAND = 0xC000
    """It is damaged, cut short, or written in a way that is not read here."""
    OF_ANOTHER_PATIENT = 0xC001
    """Its patient, study or order is another one's here; a person has to see to it."""
    MOVED = 0xC002
    """It was held, and was moved to another patient since."""
    SYNTAX_NOT_SUPPORTED = 0xC122


class Warned(IntEnum):
    """What whoever sent an instance that is kept should know."""

    COERCED = 0xB000
    """What leaves says of patient and order what is known here, which it said otherwise."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one instance; its names are empty where they could not be read.

    `failure` is None for what is kept, or was held already. `reason` is a line for people in which
    nothing identifies anybody.
    """

    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    failure: Failure | None = None
    warning: Warned | None = None
    reason: str = ""
    image_id: str | None = None

    @property
    def is_kept(self) -> bool:
        """Whether it is held, and durable."""
        return self.failure is None
