"""Reports put inside instances, by which archives and DICOM's viewers have them."""

import logging
from dataclasses import dataclass, field
from time import monotonic

from api.report_text import text_as_pdf
from api.version import VERSION
from api.work import Workplace
from archive.errors import ArchiveError
from archive.record import Exam, ObjectRole, StoredObject
from archive.reports.cda import read_cda
from archive.reports.content import as_it_leaves
from archive.reports.encapsulated import Written, encapsulated
from archive.reports.instances import CLASS_OF, sop_instance_uid
from archive.reports.publishing import Due
from archive.reports.report import CDA, PDF, TEXT, Report

LOG = logging.getLogger("sansverre.reporting")
DICOM = "application/dicom"
_LONGEST = 1024
"""Of a short text (PS3.5 6.2)."""


@dataclass(slots=True)
class Reporting:
    """Puts reports inside instances; one that cannot be is tried again, and keeps none waiting."""

    again_s: float = 300.0
    _aside: dict[str, float] = field(default_factory=dict)
    """What is not tried before which moment."""

    def some(self, place: Workplace) -> bool:
        """Do one; False where there is none. Raises StorageFailure where the catalogue fails."""
        now = monotonic()
        self._aside = {one: until for one, until in self._aside.items() if until > now}
        due = place.catalog.reports.unmade(but=self._aside)
        if due is None:
            return False
        try:
            _make(place, due)
        except (ArchiveError, ValueError) as error:
            # Its text could hold what the document says.
            LOG.warning("a report could not be put inside an instance: %s", type(error).__name__)
            self._aside[due.report.id] = now + self.again_s
        return True


def _make(place: Workplace, due: Due) -> None:
    reports = place.catalog.reports
    one, exam, data, before = due.report, due.exam, due.read(place.storage), due.before
    stored = encapsulated(one, written(place, one, exam, data), exam.created_at, VERSION, before)
    key = place.storage.put_bytes(stored)
    made = StoredObject(
        ObjectRole.DOCUMENT,
        key,
        len(stored),
        DICOM,
        sop_class_uid=CLASS_OF[CDA if one.media_type == CDA else PDF],
        sop_instance_uid=sop_instance_uid(one),
    )
    if not reports.publish(one.id, made, stored):
        place.storage.delete(key)
    LOG.info("a report was put inside an instance")


def written(place: Workplace, one: Report, exam: Exam, data: bytes) -> Written:
    """What goes inside: a PDF or CDA document as it came, and plain text as a PDF."""
    if one.media_type == TEXT:
        address = f"{place.public_url}/exam/{exam.id}" if place.public_url else None
        return Written(PDF, text_as_pdf(one, data.decode(), address))
    if one.media_type == CDA:
        named = read_cda(as_it_leaves(data, None)).identifier
        return Written(CDA, data, named.replace("\\", "")[:_LONGEST])
    return Written(PDF, data)
