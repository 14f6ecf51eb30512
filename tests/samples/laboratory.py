"""What a laboratory sends of the demonstration's patient: an order, its reports, and a visit.

    python -m tests.samples.laboratory

The slides that are ordered are those of `tests.samples.slide` by their labels: the archive finds
by itself which place in the case a scanned slide has.
"""

from datetime import UTC, date, datetime, timedelta

from api.establishment import ESTABLISHMENT
from api.settings import read_settings
from api.work import Workplace, open_workplace
from archive.cases.day import Announced
from archive.cases.label import Position
from archive.cases.order import Container, Numbered, OrderPlaced, Priority
from archive.identity import PatientIdentity
from archive.reports.content import Document, document_of, text_document
from archive.reports.report import ReportStatus
from archive.reports.said import ReportSaid
from archive.reports.storing import stored
from tests.samples.report import pdf

PATIENT = PatientIdentity(
    "DEMO-0001", "DEMONSTRATION", "DEMONSTRATION^Patient", date(1900, 1, 1), "O"
)
ACCESSION = Numbered("DEMO-CASE", "DEMONSTRATION")
GLASSES = (
    (Position("A", "1", "1"), "HES"),
    (Position("A", "1", "2"), "Ki67"),
    (Position("A", "2", "1"), "PAS"),
    (Position("B", "1", "1"), "HES"),
)
"""The last is not scanned yet."""
TITLE = "Compte rendu d'anatomie pathologique"


def send(place: Workplace, now: datetime) -> None:
    """Bring all of it, as if it had come in the hour before `now`."""
    place.catalog.cases.place(_order(now))
    _report(place, ReportStatus.PRELIMINARY, text_document(_TEXT), now - timedelta(minutes=40))
    _report(place, ReportStatus.FINAL, document_of(pdf(*_PAGES)), now - timedelta(minutes=10))
    visit = Numbered("DEMO-VISIT", "DEMONSTRATION")
    place.catalog.cases.day.announce(
        Announced(ESTABLISHMENT, visit, PATIENT, now, now, what="Contrôle dermatologique")
    )


def label(number: int) -> str:
    """What the label of the sample slide with this seed reads."""
    return f"SV24-{number:05d};1"


def _order(now: datetime) -> OrderPlaced:
    slides = tuple(
        Container(position, stain, barcode=label(number))
        for number, (position, stain) in enumerate(GLASSES, 1)
    )
    specimens = (
        Container(Position("A"), description="Peau, avant-bras gauche"),
        Container(Position("B"), description="Ganglion sentinelle axillaire gauche"),
    )
    return OrderPlaced(
        establishment=ESTABLISHMENT,
        order=Numbered("DEMO-ORDER", ACCESSION.issuer),
        accession=ACCESSION,
        patient=PATIENT,
        said_at=now - timedelta(hours=1),
        priority=Priority.URGENT,
        containers=specimens + slides,
    )


_TEXT = "Aspect de nævus, à confirmer après les colorations demandées."
_PAGES = ("Conclusion : naevus sans atypie.", "Annexe : les colorations.")


def _report(place: Workplace, status: ReportStatus, document: Document, at: datetime) -> None:
    said = ReportSaid(
        ESTABLISHMENT,
        Numbered("DEMO-REPORT", ACCESSION.issuer),
        PATIENT,
        status,
        at,
        accession=ACCESSION,
        title=TITLE,
        code="11526-1",
    )
    stored(place.catalog.reports, place.storage, said, [document])


if __name__ == "__main__":
    with open_workplace(read_settings()) as workplace:
        send(workplace, datetime.now(UTC))
