"""A report as a message says it: whose, about which order, how sure, and its documents."""

from dataclasses import dataclass, field
from datetime import datetime

from archive.cases.order import TIE_CHARACTERS, Numbered
from archive.identity import LO_CHARACTERS, SH_CHARACTERS, PatientIdentity, checked_text
from archive.reports.report import ReportStatus

MOST_DOCUMENTS = 20
"""Of one version: more is a mistake."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A document whose bytes are in the store, without national identifiers."""

    media_type: str
    key: str
    length_bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class ReportSaid:
    """One version of a report, whole, with the documents that it is written in."""

    establishment: str
    number: Numbered
    """The laboratory's own of the report, or else its document's."""
    patient: PatientIdentity = field(repr=False)
    status: ReportStatus
    said_at: datetime
    said_in: str = ""
    accession: Numbered | None = None
    """None where it is not said: the order's numbers tell which it is."""
    orders: tuple[Numbered, ...] = ()
    """The numbers of the order (filler's, then placer's)."""
    document: str = ""
    """The number of this very document, by which others name what they replace."""
    replaces: str = ""
    """That of the document before."""
    is_addendum: bool = False
    title: str = ""
    code: str = ""
    documents: tuple[Kept, ...] = ()
    national: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """The national identifiers (number, authority) that documents name; kept nowhere."""

    def checked(self) -> "ReportSaid":
        """The same as it is kept; raises InvalidIdentity."""
        if self.said_at.tzinfo is None:
            raise ValueError("a moment without a time zone")
        accession = self.accession
        return ReportSaid(
            checked_text("establishment's name", self.establishment, LO_CHARACTERS, required=True),
            self.number.checked("report's number", required=True),
            self.patient,
            self.status,
            self.said_at,
            self.said_in[:TIE_CHARACTERS],
            accession.checked("accession number", SH_CHARACTERS, required=True)
            if accession
            else None,
            tuple(one.checked("order's number", required=True) for one in self.orders),
            checked_text("document's number", self.document, LO_CHARACTERS),
            checked_text("number of the document before", self.replaces, LO_CHARACTERS),
            self.is_addendum,
            checked_text("report's title", _shown(self.title)[:LO_CHARACTERS], LO_CHARACTERS),
            checked_text("report's code", self.code, SH_CHARACTERS),
            self.documents,
            self.national,
        )


def _shown(title: str) -> str:
    """A title without the signs that DICOM's texts cannot hold: it identifies nothing."""
    signs = (one if one.isprintable() and one != "\\" else " " for one in title)
    return " ".join("".join(signs).split())
