"""Questions that DICOM asks of an archive, and what answers them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from archive.described import Described, DescribedSeries
from archive.identity import PatientIdentity


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for: values by keyword, in DICOM's own words."""

    matches: Mapping[str, str] = field(default_factory=dict, repr=False)
    limit: int = 100
    offset: int = 0
    fuzzy: bool = False
    """Whether names are matched word by word (PS3.18 8.3.4.2)."""
    combined: bool = False
    """Whether dates and times are those of one moment (PS3.4 C.2.2.2.5.3)."""


@dataclass(frozen=True, slots=True)
class FoundPatient:
    """A patient of whom something is published, and in how many studies."""

    patient: PatientIdentity
    studies: int


@dataclass(frozen=True, slots=True)
class FoundStudy:
    """A study with something published in it."""

    exam_id: str
    study_instance_uid: str
    created_at: datetime
    accession_number: str | None = field(repr=False)
    issuer_of_accession_number: str | None
    patient: PatientIdentity | None
    modalities: tuple[str, ...] = ()
    series: int = 0
    instances: int = 0


@dataclass(frozen=True, slots=True)
class FoundSeries:
    """A series with something published in it."""

    study: FoundStudy
    described: DescribedSeries
    instances: int = 0


@dataclass(frozen=True, slots=True)
class FoundInstance:
    """A published instance, and where it lies."""

    study: FoundStudy
    image_id: str
    sop_class_uid: str
    sop_instance_uid: str
    key: str
    length_bytes: int
    described: Described
