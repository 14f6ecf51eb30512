"""Programs that read a running server's slides: zarr-python, dask and zarrita in Node.

What they read is held against the file that was ingested, at every level, edges included; levels
that the file has not, against its own pixels as the archive keeps them.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dask.array as da
import numpy as np
import obstore.store
import pytest
import zarr
from zarr.storage import ObjectStore

from api.doors import Doors
from api.ingest import Order, ingest
from api.opened import open_image
from api.policies import Role
from api.renderer import Renderers
from api.settings import read_settings, signing_key
from api.work import open_workplace
from slides.open import open_slide
from tests.samples.dicom_planes import Cut, smooth, write_stack
from tests.samples.slide import small_svs
from tests.serving import running
from tiles.pyramid import Box
from tiles.source import Pixels, TileSource
from tiles.zarr_codec import register

WEB = Path(__file__).parents[3] / "web"
VIEWS = ["", "/stored"]


def planes_of(source: TileSource, level: int) -> Pixels:
    """A whole level as zarr has it: (c, y, x), or (c, z, y, x) where there are focal planes."""
    grid = source.pyramid.level(level)
    box = Box(0, 0, grid.width, grid.height)
    planes = source.pyramid.planes
    stacked = np.stack([source.pixels(level, box, plane) for plane in planes])
    paths = 1 + max(plane.optical_path for plane in planes)
    deep = stacked.reshape(paths, len(planes) // paths, *stacked.shape[1:])
    channels_first = np.moveaxis(deep, 4, 1).reshape(-1, *deep.shape[1:4])
    return channels_first if len(planes) > paths else channels_first[:, 0]


@dataclass(frozen=True)
class Served:
    address: str
    token: str
    images: dict[str, str]
    expected: dict[str, list[Pixels]]
    """Of each image the levels, largest first."""

    def group(self, name: str, view: str) -> zarr.Group:
        store = obstore.store.HTTPStore.from_url(
            f"{self.address}/zarr/{self.images[name]}{view}",
            client_options={
                "allow_http": True,
                "default_headers": {"authorization": f"Bearer {self.token}"},
            },
        )
        return zarr.open_group(ObjectStore(store, read_only=True), mode="r", zarr_format=3)


def files(folder: Path) -> dict[str, Path]:
    """A slide in colour, 16 bits in two channels on three focal planes, and focal planes alone."""
    measured = smooth(2, 3, 900, 600, np.uint16)
    (stack,) = write_stack(folder, "stack", measured, Cut("JPEG-LS", tile=256))
    deep = smooth(1, 4, 700, 500, np.uint8, 3)
    (depth,) = write_stack(folder, "depth", deep, Cut("JPEG", tile=256, fluorescent=False))
    colour = small_svs(folder / "colour.svs", 1100, 700, 240, seed=3)
    return {"colour": colour, "stack": stack, "depth": depth}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    register()
    folder = tmp_path_factory.mktemp("clients")
    environment = {
        "SANSVERRE_DATA": str(folder / "data"),
        "SANSVERRE_SECRETS": str(folder / "keys"),
    }
    settings = read_settings(environment)
    images: dict[str, str] = {}
    expected: dict[str, list[Pixels]] = {}
    with pytest.MonkeyPatch.context() as patch, open_workplace(settings) as place:
        # The child processes that read files find their place by it.
        for variable, value in environment.items():
            patch.setenv(variable, value)
        renderers = Renderers(place.storage, settings.data / "scratch")
        for name, path in files(folder).items():
            images[name] = ingest(place, path, Order("north")).image
            kept = open_image(
                place.catalog.image(images[name], establishment=None), place.storage, renderers
            ).kept
            assert kept is not None
            levels = [planes_of(kept, level) for level in range(len(kept.pyramid.levels))]
            with open_slide(path) as slide:
                levels[0] = planes_of(slide.source, 0)
            expected[name] = levels
        renderers.close()
    with running(environment, workers=1) as server:
        token = Doors(signing_key(settings)).issue(Role.READER, "north")
        yield Served(server.address, token, images, expected)


@pytest.fixture(params=["colour", "stack", "depth"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_files_are_of_different_shapes(served: Served) -> None:
    shapes = {name: levels[0].shape for name, levels in served.expected.items()}
    assert shapes == {
        "colour": (3, 700, 1100),
        "stack": (2, 3, 600, 900),
        "depth": (3, 4, 500, 700),
    }
    assert served.expected["stack"][0].dtype == np.uint16
    assert len(served.expected["colour"]) > 1


@pytest.mark.parametrize("view", VIEWS)
def test_zarr_python_reads_what_was_ingested(served: Served, name: str, view: str) -> None:
    group = served.group(name, view)
    for number, expected in enumerate(served.expected[name]):
        array = group[str(number)]
        assert isinstance(array, zarr.Array)
        assert np.array_equal(np.asarray(array[:]), expected)
        # Across tiles and to the last pixel, which a padded edge must not shift.
        assert np.array_equal(np.asarray(array[..., 200:, 250:]), expected[..., 200:, 250:])


@pytest.mark.parametrize("view", VIEWS)
def test_dask_reads_what_was_ingested(served: Served, name: str, view: str) -> None:
    group = served.group(name, view)
    for number, expected in enumerate(served.expected[name]):
        array = da.from_zarr(group[str(number)])
        assert array.chunks[-1][0] <= expected.shape[-1]
        assert np.array_equal(array.compute(scheduler="threads"), expected)


def strided(values: Pixels, shape: list[int], stride: list[int]) -> Pixels:
    """Values as an array whose axes have these strides, counted in values."""
    at = sum(
        np.arange(extent).reshape(-1, *[1] * (len(shape) - 1 - axis)) * step
        for axis, (extent, step) in enumerate(zip(shape, stride, strict=True))
    )
    assert sorted(np.ravel(at)[[0, -1]]) == [0, values.size - 1]
    return values[at]


def test_zarrita_in_node_reads_what_was_ingested(served: Served, name: str, tmp_path: Path) -> None:
    address = f"{served.address}/zarr/{served.images[name]}"
    command = ["node", str(WEB / "tests" / "read_zarr.mjs"), address, str(tmp_path)]
    told = subprocess.run(
        command, input=served.token, check=True, capture_output=True, text=True, cwd=WEB
    ).stdout
    read = [
        strided(np.fromfile(tmp_path / f"{number}", one["dtype"]), one["shape"], one["stride"])
        for number, one in enumerate(json.loads(told))
    ]
    assert len(read) == len(served.expected[name])
    for level, expected in zip(read, served.expected[name], strict=True):
        assert level.dtype == expected.dtype
        assert np.array_equal(level, expected)
