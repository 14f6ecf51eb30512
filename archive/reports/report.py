"""A report as it is kept: one document of one version, and how sure the laboratory is of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from archive.identity import PatientIdentity
from archive.reports.decide import Verdict


class ReportStatus(StrEnum):
    """How far a version of a report has come, as its laboratory says."""

    PRELIMINARY = "preliminary"
    FINAL = "final"
    AMENDED = "amended"
    """A correction of what was final, or an addendum to it."""
    WITHDRAWN = "withdrawn"
    """It does not count any more; what it said before is kept."""

    @property
    def rank(self) -> int:
        """Which of two that were said at one moment comes after the other."""
        return list(ReportStatus).index(self)


PDF, CDA, TEXT = "application/pdf", "text/xml", "text/plain"
"""The media types in which reports are kept; text is UTF-8."""


@dataclass(frozen=True, slots=True)
class Report:
    """One document of one version of a report, and where it stands.

    `version` counts from 1 by the versions' own times, whatever the order in which they came; a
    version of several documents (`part`) has each of them under one number. `replaces` is the
    version before, of which this one is a correction or to which it adds. While a newer one waits,
    for a person or its order, none of those that stand is the newest. `media_type` and
    `digest` (SHA-256 of what is kept) are None where a version says its status alone.
    """

    id: str
    establishment: str
    patient: PatientIdentity = field(repr=False)
    patient_key: str
    """What addresses name the patient by."""
    accession_number: str | None = field(repr=False)
    issuer_of_accession_number: str | None
    exam_id: str
    study_instance_uid: str
    number: str = field(repr=False)
    """The laboratory's own of the report, the same for all its versions."""
    number_issuer: str
    version: int
    is_newest: bool
    part: int
    replaces: int | None
    is_addendum: bool
    status: ReportStatus
    title: str
    code: str
    """LOINC, as `11526-1` (pathology study)."""
    media_type: str | None
    length_bytes: int
    digest: str | None
    said_at: datetime
    received_at: datetime
    image_id: str | None = None
    """What archives and DICOM have it as."""
    sop_instance_uid: str | None = None


@dataclass(frozen=True, slots=True)
class WaitingReport:
    """A report that stands nowhere yet: whom it names, and whom those name who have its number."""

    id: str
    title: str
    why: Verdict
    status: ReportStatus
    accession_number: str = field(repr=False)
    said_at: datetime
    named: PatientIdentity = field(repr=False)
    ordered: tuple[PatientIdentity, ...] = field(repr=False)
    case: str | None


@dataclass(frozen=True, slots=True)
class Content:
    """What a report says, as it is handed out today."""

    media_type: str
    data: bytes = field(repr=False)
