"""Sessions: a patient's visit, its photographs shot first and sorted after, sent and signed."""

from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Annotated

from fastapi import APIRouter, Query

from api.establishment import ESTABLISHMENT
from api.routes.at_the_door import CallerHere, CatalogHere, StorageHere
from api.routes.session_shapes import (
    CaptureIn,
    ConfirmedIn,
    ConsentIn,
    EncounterIn,
    PartialIn,
    Person,
    PinIO,
    SessionIn,
    SessionOut,
    SessionsOut,
    session_out,
    sessions_out,
)
from api.wanted import BUILT
from archive.pictures import LINKS
from archive.session import Confirmed, Consent, Pin, SessionState
from archive.sessions import Opening

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(9000, 1, 1)
"""Of which sessions may be asked for: what any clock can tell."""

router = APIRouter(tags=["sessions"])


@router.post("/api/sessions", status_code=201)
def open_session(said: SessionIn, caller: CallerHere, catalog: CatalogHere) -> SessionOut:
    """Begin a session; without an accession number its encounter is a provisional one."""
    opening = Opening(
        said.patient.identity() if said.patient else None,
        said.patient_key,
        said.accession,
        said.accession_issuer,
        said.operator.operator() if said.operator else None,
        said.id,
    )
    return session_out(catalog.sessions.open(caller.establishment or ESTABLISHMENT, opening))


@router.get("/api/sessions")
def list_sessions(
    caller: CallerHere,
    catalog: CatalogHere,
    day: Annotated[
        date | None,
        Query(ge=date(1970, 1, 2), le=date(9000, 1, 1), description="On which they began."),
    ] = None,
    state: SessionState | None = None,
    limit: Annotated[int, Query(ge=1, le=200, description="How many at most.")] = 200,
    after: Annotated[
        str | None, Query(max_length=32, description="The `next` of the page before.")
    ] = None,
) -> SessionsOut:
    """The sessions of the caller's establishment, of a day and in a state, the newest first."""
    start = end = None
    if day is not None:
        # A day is the server's own: its time zone is that of the place it serves.
        start = datetime.combine(day, time_of_day()).astimezone()
        end = datetime.combine(day + timedelta(days=1), time_of_day()).astimezone()
    return sessions_out(
        catalog.sessions.between(
            start,
            end,
            establishment=caller.establishment,
            state=state,
            limit=limit,
            after=after,
        )
    )


@router.get("/api/sessions/{session}")
def get_session(session: str, caller: CallerHere, catalog: CatalogHere) -> SessionOut:
    """One session with its photographs, what is still on its way, and its consents."""
    return session_out(catalog.sessions.session(session, establishment=caller.establishment))


@router.put("/api/sessions/{session}/photographs/{image}")
def state_photograph(
    session: str, image: str, said: CaptureIn, caller: CallerHere, catalog: CatalogHere
) -> SessionOut:
    """State what a photograph shows, and that it is kept despite what was found of it."""
    known = catalog.sessions.session(session, establishment=caller.establishment)
    found = catalog.pictures.state(
        session,
        said.photograph(image, known.operator),
        kept_despite=said.kept_despite,
        choose=LINKS - said.model_fields_set,
        establishment=caller.establishment,
    )
    return session_out(found)


@router.put("/api/sessions/{session}/photographs/{image}/partial")
def state_partly(
    session: str, image: str, said: PartialIn, caller: CallerHere, catalog: CatalogHere
) -> SessionOut:
    """Keep what is said so far of a photograph, so that another device can go on with it.

    It replaces all that was said before; the photograph is unsorted until it is stated whole.
    """
    found = catalog.pictures.state_partly(
        session,
        image,
        said.partial(),
        kept_despite=said.kept_despite,
        establishment=caller.establishment,
    )
    return session_out(found)


@router.delete("/api/sessions/{session}/photographs/{image}", status_code=204)
def take_back(
    session: str, image: str, caller: CallerHere, catalog: CatalogHere, storage: StorageHere
) -> None:
    """Take a photograph back, to take it again: all of it is deleted."""
    keys = catalog.pictures.take_back(session, image, establishment=caller.establishment)
    for key in keys:
        storage.delete(key)


@router.put("/api/sessions/{session}/photographs/{image}/pins")
def set_pins(
    session: str, image: str, pins: list[PinIO], caller: CallerHere, catalog: CatalogHere
) -> SessionOut:
    """Say where lesions are in an overview; these replace those that were there."""
    placed = [Pin(one.lesion, one.x, one.y) for one in pins]
    return session_out(
        catalog.pictures.pin(session, image, placed, establishment=caller.establishment)
    )


@router.post("/api/sessions/{session}/send")
def send_session(
    session: str, said: ConfirmedIn, caller: CallerHere, catalog: CatalogHere
) -> SessionOut:
    """Have all photographs built and published; again, those that are left.

    409 where another patient was confirmed, or with what stands in the way: `arriving` and
    `unassigned` uploads, `unstated` and `refused` images.
    """
    confirmed = Confirmed(said.name, said.birth_date, said.sex)
    found = catalog.sessions.send(session, confirmed, BUILT, establishment=caller.establishment)
    return session_out(found)


@router.post("/api/sessions/{session}/sign")
def sign_session(
    session: str, said: Person, caller: CallerHere, catalog: CatalogHere
) -> SessionOut:
    """Sign a session off that was sent; 409 with the `unpublished` images."""
    found = catalog.sessions.sign(session, said.operator(), establishment=caller.establishment)
    return session_out(found)


@router.post("/api/sessions/{session}/consents", status_code=201)
def record_consent(
    session: str, said: ConsentIn, caller: CallerHere, catalog: CatalogHere
) -> SessionOut:
    """Record an answer; the last of each purpose counts, and care is open whatever it is."""
    consent = Consent(said.purpose, said.answer, said.by, datetime.now(UTC))
    return session_out(
        catalog.sessions.consent(session, consent, establishment=caller.establishment)
    )


@router.put("/api/sessions/{session}/encounter")
def reconcile(
    session: str, said: EncounterIn, caller: CallerHere, catalog: CatalogHere
) -> SessionOut:
    """Give the order of a visit that began without one."""
    found = catalog.sessions.reconcile(
        session, said.accession, said.accession_issuer, establishment=caller.establishment
    )
    return session_out(found)
