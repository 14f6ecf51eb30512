"""What a report is known by as an instance: its class and its UIDs. None is opened here."""

from archive.identity import uid_from
from archive.reports.report import CDA, PDF, Report

ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
ENCAPSULATED_CDA = "1.2.840.10008.5.1.4.1.1.104.2"
DOCUMENTS = frozenset({ENCAPSULATED_PDF, ENCAPSULATED_CDA})
CLASS_OF = {PDF: ENCAPSULATED_PDF, CDA: ENCAPSULATED_CDA}


def sop_instance_uid(one: Report) -> str:
    """The UID of a report's instance: of where it stands, and of which version of what it is."""
    said = (one.number_issuer, one.number, str(one.part), one.status, one.said_at.isoformat())
    return uid_from("report", one.establishment, one.study_instance_uid, *said, str(one.digest))


def series_instance_uid(one: Report) -> str:
    """The series of all versions of a report."""
    named = (one.establishment, one.study_instance_uid, one.number_issuer, one.number)
    return uid_from("series of reports", *named)
