"""Overviews lead to lesions: those of one patient, once they are published."""

import pytest

from archive.catalog import Catalog
from archive.errors import NotFound
from archive.overviews import Marked
from archive.session import Pin
from tests.archive.conftest import ELSEWHERE, HERE
from tests.archive.sessions import CLOSE_UP, OVERVIEW, begun, built, lesion_of, sent, shot, stated


def test_an_overview_leads_to_the_lesions_that_are_pinned_in_it(catalog: Catalog) -> None:
    session = begun(catalog)
    overview, close, other = (shot(catalog, session, name) for name in ("one", "two", "three"))
    pinned, beside, alone = (lesion_of(catalog, session.patient_key) for _ in range(3))
    stated(catalog, session, overview, OVERVIEW)
    stated(catalog, session, close, CLOSE_UP, pinned.id)
    stated(catalog, session, other, OVERVIEW)
    pins = [Pin(pinned.id, 0.25, 0.5), Pin(beside.id, 0.75, 0.125)]
    catalog.pictures.pin(session.id, overview.id, pins, establishment=HERE)
    assert catalog.photographs.overviews(pinned.id, establishment=HERE) == ()
    sent(catalog, session)
    for one in (overview, close, other):
        built(catalog, one)
    marked = (Marked(pinned.id, 1, 0.25, 0.5), Marked(beside.id, 2, 0.75, 0.125))
    for lesion in (pinned, beside):
        ((taken, found),) = catalog.photographs.overviews(lesion.id, establishment=HERE)
        assert (taken.photograph.image_id, found) == (overview.id, marked)
    assert catalog.photographs.overviews(alone.id, establishment=HERE) == ()
    with pytest.raises(NotFound):
        catalog.photographs.overviews(pinned.id, establishment=ELSEWHERE)
