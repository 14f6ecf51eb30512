"""What zarr-python reads of a running server, and what its documents say."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import obstore.store
import pytest
import zarr
from ome_zarr_models.v05.image import Image as OmeImage
from yaozarrs import validate_zarr_store
from zarr.storage import ObjectStore

from api.dispatch import Dispatcher
from api.ingest import Order, ingest
from api.settings import Settings
from api.work import open_workplace
from archive.record import ObjectRole
from tests.api.conftest import Installation, Web, reading
from tests.api.zarr.conftest import SHARD, stored_image
from tests.samples.photo import make_photo
from tests.serving import running
from tiles.pyramid import Box
from tiles.zarr_codec import register


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[str]:
    environment = {
        "SANSVERRE_DATA": str(installation.settings.data),
        "SANSVERRE_SECRETS": str(installation.settings.secrets),
    }
    with running(environment, workers=1) as served:
        yield served.address


def group_at(address: str, installation: Installation) -> zarr.Group:
    """The group as zarr-python reads it over HTTP."""
    store = obstore.store.HTTPStore.from_url(
        address,
        client_options={
            "allow_http": True,
            "default_headers": {"authorization": f"Bearer {installation.token()}"},
        },
    )
    return zarr.open_group(ObjectStore(store, read_only=True), mode="r", zarr_format=3)


@pytest.mark.parametrize("prefix", ["", "/stored"])
def test_zarr_reads_the_same_pixels_over_http(
    server: str, reader: Web, app: Dispatcher, installation: Installation, image: str, prefix: str
) -> None:
    register()
    source = stored_image(reader, app, image).source
    group = group_at(f"{server}/zarr/{image}{prefix}", installation)
    datasets = OmeImage.from_zarr(group).ome_attributes.multiscales[0].datasets
    assert datasets[0].coordinateTransformations[0].model_dump()["scale"] == [1.0, 0.5, 0.5]
    assert len(datasets) == len(source.pyramid.levels)
    for number, level in enumerate(source.pyramid.levels):
        array = group[datasets[number].path]
        assert isinstance(array, zarr.Array)
        pixels = source.pixels(number, Box(0, 0, level.width, level.height))
        expected = np.moveaxis(pixels, 2, 0)
        assert np.array_equal(np.asarray(array[:]), expected)
        assert np.array_equal(np.asarray(array[:, 100:300:7, 20:]), expected[:, 100:300:7, 20:])


@pytest.mark.parametrize("prefix", ["", "stored/"])
def test_the_documents_are_those_of_an_ome_zarr(
    reader: Web, app: Dispatcher, image: str, prefix: str, tmp_path: Path
) -> None:
    levels = len(stored_image(reader, app, image).stored)
    for key in ("zarr.json", *(f"{number}/zarr.json" for number in range(levels))):
        answer = reader.get(f"/zarr/{image}/{prefix}{key}")
        assert answer.headers["content-type"] == "application/json"
        (tmp_path / key).parent.mkdir(exist_ok=True)
        (tmp_path / key).write_bytes(answer.content)
        for traitor in ("SPECIMEN", "registry", "A1"):
            assert traitor not in answer.text
    validate_zarr_store(str(tmp_path))


def test_no_byte_of_a_stored_header_leaves(reader: Web, app: Dispatcher, image: str) -> None:
    catalog = app._sources._catalog
    stored = catalog.image(image, establishment=None).objects_as(ObjectRole.LEVEL)[0]
    header = app._sources._storage.read_range(stored.key, 0, 4096)
    assert b"SPECIMEN^ONE" in header
    whole = reader.get(f"/zarr/{image}/{SHARD}").content
    assert b"SPECIMEN" not in whole
    assert b"DICM" not in whole


def test_photographs_are_no_zarr(settings: Settings, tmp_path: Path) -> None:
    photo = make_photo(tmp_path / "photo.jpg", width=600, height=500)
    with open_workplace(settings) as place:
        image = ingest(place, photo, Order("north")).image
    with reading(settings) as web:
        assert web.get(f"/deepzoom/{image}.dzi").status_code == 200
        assert web.get(f"/zarr/{image}/zarr.json").status_code == 404
