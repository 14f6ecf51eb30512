"""Links to an image are written down with what left, and a move names them."""

import pytest

from archive.body_site import Side, site_of_code
from archive.capture import Capture, View
from archive.catalog import Catalog
from archive.errors import MayNotLeave, NotFound
from archive.leaving import Leaving, Way
from archive.lesion import Photograph
from archive.move import Destination
from archive.record import Image, ImageKind
from archive.session import Purpose
from tests.archive.conftest import ELSEWHERE, HERE, digest
from tests.archive.test_lesions import ANNE, BRUNO
from tests.archive.test_moves import publish, slide

FOREARM = Capture(View.CLOSE_UP, site_of_code("70559009"), Side.LEFT)
FACE = Capture(View.OVERVIEW, site_of_code("73897004"), None)


def photographed(catalog: Catalog, capture: Capture) -> Image:
    image = catalog.receive(
        establishment=HERE,
        kind=ImageKind.PHOTO,
        source_sha256=digest(str(capture)),
        plan="full",
        patient=ANNE,
        accession_number="P1",
    )
    catalog.photographs.state(Photograph(image.id, capture), establishment=HERE)
    return publish(catalog, image)


def test_a_link_has_left_and_a_move_names_it(catalog: Catalog) -> None:
    photo = photographed(catalog, FOREARM)
    export = Leaving(Way.JPEG, Purpose.CARE, (photo.id,))
    catalog.departures.record(export, by="user-a", establishment=HERE)
    assert catalog.departures.record_link(photo.id, by="user-b", establishment=HERE).id == photo.id
    latest, _ = catalog.departures.latest(establishment=HERE, limit=5)
    assert (latest.by, latest.leaving.way, latest.leaving.is_named) == ("user-b", Way.LINK, True)
    plan = catalog.moves.plan([photo.id], Destination(BRUNO), establishment=HERE)
    assert [one.way for one in plan.corrections[0].left] == [Way.JPEG, Way.LINK]
    assert plan.corrections[0].left[1].at == latest.at


def test_links_keep_to_the_rule_and_to_their_establishment(catalog: Catalog) -> None:
    face = photographed(catalog, FACE)
    with pytest.raises(MayNotLeave):
        catalog.departures.record_link(face.id, by="user-a", establishment=HERE)
    with pytest.raises(NotFound):
        catalog.departures.record_link(face.id, by="user-a", establishment=ELSEWHERE)
    # A slide is shown by links while it is built: what was seen of it has left too.
    received = catalog.receive(
        establishment=HERE, kind=ImageKind.SLIDE, source_sha256=digest("early"), plan="full"
    )
    for one in (received, slide(catalog, "built")):
        catalog.departures.record_link(one.id, by="user-a", establishment=HERE)
    found = catalog.departures.latest(establishment=HERE, limit=5)
    assert [one.leaving.way for one in found] == [Way.LINK, Way.LINK]
    assert catalog.departures.latest(establishment=ELSEWHERE, limit=5) == ()
