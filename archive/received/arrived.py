"""An instance as it was found to be, before anything of it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from archive.described import Described
from archive.identity import PatientIdentity
from archive.record import ImageKind, ObjectRole


@dataclass(frozen=True, slots=True)
class Shown:
    """What instances have in common that are levels of one picture."""

    samples: int
    bits: int
    planes: int
    pyramid_uid: str = ""
    """Empty where it is not said."""


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a concatenation an instance is (PS3.3 C.7.6.16.1)."""

    concatenation_uid: str
    number: int
    total: int
    """Of how many, 0 where it is not said."""
    first: int
    """How many frames of the whole come before its own."""
    frames: int
    alike: str
    """A digest of what all parts of one level have in common."""

    def is_beside(self, known: "Part") -> bool:
        """Whether it may be another part of the same level as one that came."""
        totals = {one.total for one in (self, known) if one.total}
        ends = self.first + self.frames, known.first + known.frames
        return (
            self.alike == known.alike
            and self.number != known.number
            and len(totals) < 2
            and (self.first >= ends[1] or known.first >= ends[0])
        )


@dataclass(frozen=True, slots=True)
class Arrived:
    """One instance that is sent; its UIDs are well-formed, its frames are all there.

    `facts` are those of an image of which it is all; `width` and `height` are of the whole matrix.
    """

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    described: Described
    kind: ImageKind
    role: ObjectRole
    width: int
    height: int
    shown: Shown
    pixel_sha256: str
    looks_sha256: str
    """Of what in its header decides how its pixels look."""
    facts: Mapping[str, Any]
    patient: PatientIdentity | None
    accession_number: str | None = field(default=None, repr=False)
    issuer: str | None = None
    """Who gave the accession number."""
    study_at: datetime | None = None
    part: Part | None = None
    """None for a whole instance."""
