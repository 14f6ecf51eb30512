"""What one process remembers of an image that another moved is not asked for again."""

from pathlib import Path

import pytest

from api.moving import move_once
from api.settings import Settings
from api.work import Workplace
from archive.body_site import Side, site_of_code
from archive.capture import Capture, View
from archive.identity import PatientIdentity
from archive.lesion import Photograph
from archive.move import Author, Destination
from archive.record import ObjectRole
from dermato.ingest import ingest_photo
from tests.api.conftest import reading
from tests.dermato.archived import received
from tests.samples.photo import make_photo

HERE = "Hôpital A"


@pytest.mark.parametrize("first", ["/deepzoom/{}.dzi", "/images/{}/thumbnail"])
@pytest.mark.parametrize(
    "address",
    [
        "/deepzoom/{}_files/6/0_0.jpeg",
        "/iiif/3/{}/0,0,8,8/max/0/default.jpg",
    ],
)
def test_it_is_shown_at_once_although_what_was_remembered_of_it_is_gone(
    settings: Settings, place: Workplace, tmp_path: Path, first: str, address: str
) -> None:
    file = make_photo(tmp_path / "photo.jpg", width=96, height=64)
    image = received(place.catalog, place.storage, file, PatientIdentity("1", "R", "FAUX"))
    said = Photograph(image.id, Capture(View.OVERVIEW, site_of_code("70559009"), Side.LEFT))
    place.catalog.photographs.state(said, establishment=HERE)
    image = ingest_photo(file, image, place.catalog, place.storage)
    to = Destination(PatientIdentity("2", "R", "JUSTE"))
    with reading(settings, HERE) as web:
        assert web.get(first.format(image.id)).status_code == 200
        place.catalog.moves.ask([image.id], to, Author("subject", "DOCTEUR"), establishment=HERE)
        assert move_once(place)
        for one in image.objects_as(ObjectRole.PHOTO):
            place.storage.delete(one.key)
        assert web.get(address.format(image.id)).status_code == 200
