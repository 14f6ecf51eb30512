"""A server with a case of three blocks and seven slides, one of them scanned twice.

Of its patient a real Orthanc has radiology, and the laboratory has sent two versions of a report.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from api.establishment import ESTABLISHMENT
from api.ingest import Order, receive
from api.settings import read_settings
from api.work import Workplace, open_workplace
from archive.body_site import Side, site_of_code
from archive.capture import Capture, View
from archive.cases.label import Position
from archive.cases.order import Container, Numbered, OrderPlaced, Priority
from archive.identity import PatientIdentity
from archive.lesion import Photograph
from archive.record import ImageKind
from archive.reports.content import Document, document_of, text_document
from archive.reports.report import ReportStatus
from archive.reports.said import ReportSaid
from archive.reports.storing import stored
from dermato.ingest import ingest_photo
from slides.ingest import ingest_slide
from tests.api.asking.radiology import Radiology, give
from tests.browser import DESKTOP, chromium
from tests.dermato.archived import received
from tests.orthanc import Orthanc, free_ports, orthanc
from tests.samples.photo import make_photo
from tests.samples.report import cda, pdf
from tests.samples.slide import small_svs
from tests.serving import running

PATIENT = PatientIdentity("1234", "SERVICE", "ESSAI^Élodie", date(1957, 3, 7), "F")
OTHER = PatientIdentity("77", "SERVICE", "MODÈLE^Bruno", date(1980, 5, 6), "M")
GLASSES = ("A1-1", "A1-2", "A2-1", "A2-2", "A2-3", "B1-1", "B1-2")
STAINS = ("HES", "PAS", "HES", "CD20", "Ki67", "HES", "HES")
NUMBER = "26H00012"
STRANGER = 9
"""What is on the label of the slide that no order names."""


REPORTS = (
    (ReportStatus.PRELIMINARY, text_document("Aspect de nævus, à confirmer.")),
    (ReportStatus.FINAL, document_of(pdf("Conclusion", "Annexe"))),
    (ReportStatus.AMENDED, document_of(cda(person=("ESSAI", "Élodie", "19570307")))),
)
"""The versions of the case's report, in the order in which they were written."""


@dataclass(frozen=True)
class Laboratory:
    """A running server, and what is in it."""

    address: str
    state: Path
    """Cookies of somebody who has come in by the printed link."""
    case: str
    conflict: str
    rescans: tuple[str, str]
    """The images of the slide that was scanned twice, the latest first."""
    stranger: str
    patient: str


def label(seed: int) -> str:
    """What a sample's label reads."""
    return f"SV24-{seed:05d};1"


def placed(
    place: Workplace,
    number: str,
    patient: PatientIdentity,
    containers: tuple[Container, ...] = (),
    priority: Priority = Priority.ROUTINE,
    order: str = "O1",
) -> str:
    return place.catalog.cases.place(
        OrderPlaced(
            establishment=ESTABLISHMENT,
            order=Numbered(order, "LABO"),
            accession=Numbered(number, "LABO"),
            patient=patient,
            said_at=datetime.now(UTC) - timedelta(hours=1),
            priority=priority,
            containers=containers,
        )
    )


def scanned(place: Workplace, file: Path, seed: int | None = None) -> str:
    """A slide as a scanner brings it: nobody says whose it is, but its label.

    Where that is known, no child is started to read it: it takes as long as all else.
    """
    if seed is None:
        image = receive(place, file, Order(ESTABLISHMENT))
    else:
        known = place.catalog.cases.expected(ESTABLISHMENT, [label(seed)])
        assert known is not None
        image = place.catalog.receive(
            establishment=ESTABLISHMENT,
            kind=ImageKind.SLIDE,
            source_sha256=sha256(file.read_bytes()).hexdigest(),
            plan="full",
            patient=known.patient,
            accession_number=known.accession_number,
            issuer=known.issuer,
        )
    ingest_slide(file, image, place.catalog, place.storage, place.drafts)
    return image.id


def photographed(place: Workplace, file: Path) -> None:
    image = received(place.catalog, place.storage, file, PATIENT, ESTABLISHMENT)
    capture = Capture(View.OVERVIEW, site_of_code("70559009"), Side.LEFT)
    place.catalog.photographs.state(Photograph(image.id, capture), establishment=ESTABLISHMENT)
    ingest_photo(file, image, place.catalog, place.storage)


def reported(
    place: Workplace,
    patient: PatientIdentity,
    status: ReportStatus,
    document: Document,
    hours: int,
    number: str = "O1",
) -> None:
    said = ReportSaid(
        ESTABLISHMENT,
        Numbered(number, "LABO"),
        patient,
        status,
        datetime.now(UTC) - timedelta(hours=10 - hours),
        accession=Numbered(NUMBER, "LABO"),
        title="Compte rendu d'anatomie pathologique",
        code="11526-1",
    )
    stored(place.catalog.reports, place.storage, said, [document])


def with_radiology(archive: Orthanc, study_of_case: str) -> None:
    """Two studies of the patient, one of another with the same number, and the case itself."""
    other = replace(OTHER, patient_id=PATIENT.patient_id, issuer="AUTRE")
    for one in (
        Radiology("1.2.3.1", PATIENT, "CT", "Scanner thoracique", date(2025, 1, 5), "R1"),
        Radiology("1.2.3.2", PATIENT, "MR", "IRM cérébrale", date(2019, 6, 1), "R2"),
        Radiology("1.2.3.3", other, "CT", "Scanner du bassin", date(2025, 2, 3), "R3"),
        Radiology(study_of_case, PATIENT, "SM", "", date(2026, 3, 2), NUMBER),
    ):
        give(archive, one)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all pages of a case."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="package")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as running_archive:
        yield running_archive


def told_of_archives(folder: Path, archive: Orthanc) -> Path:
    """A table of an archive that is asked and never told, and of one that does not answer."""
    (port,) = free_ports(1)
    silent = f"http://127.0.0.1:{port}/dicom-web"
    table = folder / "archives.toml"
    table.write_text(
        f"""
[archives.PACS]
establishment = "{ESTABLISHMENT}"
url = "{archive.dicomweb_url}"
viewer = "https://pacs.example.org/see?study={{study}}"
takes = []
[archives.Ancien]
establishment = "{ESTABLISHMENT}"
url = "{silent}"
takes = []
"""
    )
    return table


@pytest.fixture(scope="package")
def laboratory(
    browser: Browser, archive: Orthanc, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Laboratory]:
    folder = tmp_path_factory.mktemp("cases")
    own = {
        "SANSVERRE_DATA": str(folder / "data"),
        "SANSVERRE_SECRETS": str(folder / "secrets"),
        "SANSVERRE_ARCHIVES": str(told_of_archives(folder, archive)),
    }

    def slide(seed: int, width: int = 320) -> Path:
        return small_svs(folder / f"{os.urandom(4).hex()}.svs", width, 240, 160, seed=seed)

    containers = tuple(
        Container(Position(one[0], one[1], one[3]), stain, barcode=label(seed))
        for seed, (one, stain) in enumerate(zip(GLASSES, STAINS, strict=True), 1)
    )
    containers += (Container(Position("A"), description="Peau, avant-bras gauche"),)
    with open_workplace(read_settings(own)) as place:
        case = placed(place, NUMBER, PATIENT, containers, Priority.FROZEN)
        conflict = placed(place, "26H00013", PATIENT, order="O3")
        placed(place, "26H00013", OTHER, order="O2")
        # B1-2 is not scanned yet; what lies on its glass came with a label of nobody's.
        first, *_ = [scanned(place, slide(seed), seed) for seed in range(1, 7)]
        again = scanned(place, slide(1, 336))
        stranger = scanned(place, slide(STRANGER))
        for version, (status, document) in enumerate(REPORTS):
            reported(place, PATIENT, status, document, version)
        reported(place, OTHER, ReportStatus.FINAL, text_document("Un autre"), 9, "O9")
        for seed in range(6):
            photo = folder / f"{seed}.jpg"
            photographed(place, make_photo(photo, width=96, height=64, seed=seed))
        exam = place.catalog.image(first, establishment=None).exam_id
        found = place.catalog.exam(exam, establishment=None)
        with_radiology(archive, found.study_instance_uid)
    with running(own, workers=1) as server:
        context = browser.new_context(**DESKTOP)
        page = context.new_page()
        page.goto(server.link)
        page.wait_for_selector(".exam-link")
        context.storage_state(path=folder / "state.json")
        context.close()
        state = folder / "state.json"
        patient = found.patient_key or ""
        yield Laboratory(server.address, state, case, conflict, (again, first), stranger, patient)
