"""Visits to fill a catalogue with: whose they are, their pictures, what is said of them."""

from datetime import UTC, date, datetime
from typing import Any

from archive.body_site import Side, site_of_code
from archive.capture import Capture, Operator, View
from archive.catalog import Catalog
from archive.identity import PatientIdentity
from archive.jobs import Wanted
from archive.lesion import Lesion, LesionEvent, LesionEventKind, LesionSaid, Photograph
from archive.record import Image, ImageKind, ImageState, ObjectRole
from archive.session import Answer, Confirmed, Consent, Giver, Purpose, Session
from archive.sessions import Opening
from archive.uploads import Allowance
from tests.archive.conftest import HERE, digest, stored

ANNE = PatientIdentity("1", "CHU", "DOE^ANNE", date(1970, 1, 31), "F")
BRUNO = PatientIdentity("2", "CHU", "DOE^BRUNO")
CONFIRMED = Confirmed("DOE^ANNE", date(1970, 1, 31), "F")
FOREARM = site_of_code("70559009")
OVERVIEW = Capture(View.OVERVIEW, FOREARM, Side.LEFT)
CLOSE_UP = Capture(View.CLOSE_UP, FOREARM, Side.LEFT)
CHECK, BUILD = Wanted("check"), Wanted("build")
ROOM = Allowance(1 << 40, 3600.0)
DOCTOR = Operator("ESSAI^DERMATOLOGUE")


def begun(catalog: Catalog, **more: Any) -> Session:
    return catalog.sessions.open(HERE, Opening(ANNE, **more))


def shot(catalog: Catalog, session: Session, name: str) -> Image:
    """A picture that came, as the taker leaves it."""
    whose = catalog.sessions.assignment(session.id)
    image = catalog.receive(
        establishment=session.establishment,
        kind=ImageKind.PHOTO,
        source_sha256=digest(name),
        plan="full",
        patient=whose.patient,
        accession_number=whose.accession_number,
        issuer=whose.issuer,
    )
    image = catalog.keep_original(image.id, [stored(ObjectRole.ORIGINAL)], facts={"original": {}})
    assert catalog.pictures.add(session.id, image.id, CHECK)
    return image


def stated(
    catalog: Catalog, session: Session, image: Image, capture: Capture, lesion: str | None = None
) -> Session:
    said = Photograph(image.id, capture, lesion)
    return catalog.pictures.state(session.id, said, kept_despite=False, establishment=HERE)


def built(catalog: Catalog, image: Image) -> None:
    catalog.advance(image.id, ImageState.OPENED)
    catalog.advance(image.id, ImageState.BUILT, add_objects=[stored(ObjectRole.PHOTO)])
    catalog.advance(image.id, ImageState.PUBLISHED)


def sent(catalog: Catalog, session: Session) -> Session:
    return catalog.sessions.send(session.id, CONFIRMED, BUILD, establishment=HERE)


def lesion_of(catalog: Catalog, key: str) -> Lesion:
    seen = LesionEvent(LesionEventKind.FIRST_SEEN, date(2025, 3, 1))
    said = LesionSaid(FOREARM, Side.LEFT)
    return catalog.lesions.create(key, said, seen, establishment=HERE)


def answer(
    purpose: Purpose = Purpose.TEACHING,
    said: Answer = Answer.GIVEN,
    by: Giver = Giver.PATIENT,
) -> Consent:
    return Consent(purpose, said, by, datetime.now(UTC))
