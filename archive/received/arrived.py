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
    facts: Mapping[str, Any]
    patient: PatientIdentity | None
    accession_number: str | None = field(default=None, repr=False)
    issuer: str | None = None
    """Who gave the accession number."""
    study_at: datetime | None = None
