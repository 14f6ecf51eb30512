"""Orders as a laboratory says them, and slides with labels."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from archive.cases.case import Case
from archive.cases.decide import Verdict
from archive.cases.label import Position
from archive.cases.laboratory import Laboratory
from archive.cases.order import Container, Numbered, OrderPlaced
from archive.catalog import Catalog
from archive.identity import PatientIdentity
from archive.record import Image, ImageKind, ImageState, JobState
from tests.archive.cases.test_decide import PATTERN
from tests.archive.conftest import HERE, digest, stored
from tests.archive.test_lesions import ANNE
from tests.archive.test_moves import done

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LABORATORY = Laboratory("LABO", PATTERN, frozen=("EXT",))
NUMBER = "26H00012"
SLIDES = ("A1-1", "A1-2", "A2-1", "B1-1")


def container(where: str, **more: Any) -> Container:
    block, _, slide = where.partition("-")
    return Container(Position(block[:1], block[1:], slide), **more)


def order(
    slides: Sequence[str] = SLIDES,
    number: str = NUMBER,
    patient: PatientIdentity = ANNE,
    minutes: float = 0,
    **more: Any,
) -> OrderPlaced:
    more.setdefault("order", Numbered(f"O-{number}", "LABO"))
    return OrderPlaced(
        establishment=more.pop("establishment", HERE),
        accession=Numbered(number, more.pop("issuer", "LABO")),
        patient=patient,
        said_at=NOON + timedelta(minutes=minutes),
        containers=tuple(container(one) for one in slides),
        **more,
    )


def scanned(
    catalog: Catalog,
    label: str,
    name: str = "",
    *,
    at: str | None = None,
    establishment: str = HERE,
    **said: Any,
) -> Image:
    """A slide as it is kept when it has come: not built yet. Whoever brings it may say whose."""
    known = catalog.cases.expected(establishment, [label]) if not said else None
    if known is not None:
        said = {
            "patient": known.patient,
            "accession_number": known.accession_number,
            "issuer": known.issuer,
        }
    image = catalog.receive(
        establishment=establishment,
        kind=ImageKind.SLIDE,
        source_sha256=digest(name or label),
        plan="full",
        **said,
    )
    facts = {"barcodes": [label] if label else [], "acquired_at": at}
    return catalog.keep_original(image.id, [stored()], facts=facts)


def published(catalog: Catalog, image: Image) -> Image:
    catalog.advance(image.id, ImageState.OPENED)
    catalog.advance(image.id, ImageState.BUILT)
    return catalog.advance(image.id, ImageState.PUBLISHED)


def label(where: str, number: str = NUMBER) -> str:
    return f"{number}-{where}"


def tree(case: Case) -> dict[str, list[str]]:
    """What came for each slide of a case, the latest first; by the files' digests."""
    return {
        f"{one.position.specimen}{one.position.block}-{one.position.slide}": [
            scan.image.source_sha256 for scan in one.scans
        ]
        for one in case.slides
    }


def read(catalog: Catalog, case_id: str) -> Case:
    return catalog.cases.case(case_id, establishment=HERE)


def verdicts(catalog: Catalog) -> dict[str, Verdict]:
    return {one.image.id: one.verdict for one in catalog.cases.waiting(establishment=HERE)}


def all_done(catalog: Catalog) -> None:
    """What workers do until there is nothing to do."""
    while catalog.cases.settle_some():
        while catalog.jobs.counts()[JobState.WAITING]:
            done(catalog)


@pytest.fixture
def lab(catalog: Catalog) -> Catalog:
    catalog.cases.declare({HERE: LABORATORY})
    return catalog
