"""Measured light on its way out: seen in colours, given out as the values that were stored."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from api.app import create_app
from api.ingest import Order, ingest
from api.policies import Role
from api.settings import read_settings
from api.work import open_workplace
from tests.api.conftest import Installation, Web, opened
from tests.samples.dicom_planes import Cut, Stack, smooth, write_stack

WIDTH, HEIGHT = 900, 600


def taken(stack: Stack, cut: Cut, folder: Path, patch: pytest.MonkeyPatch) -> Installation:
    """An archive that holds one stack."""
    patch.setenv("SANSVERRE_DATA", str(folder / "data"))
    patch.setenv("SANSVERRE_SECRETS", str(folder / "secrets"))
    settings = read_settings()
    (path,) = write_stack(folder, "a", stack, cut)
    with open_workplace(settings) as place:
        image = ingest(place, path, Order("north")).image
    return Installation(settings, {"north": image}, {})


@pytest.fixture
def measured() -> Stack:
    """Two channels, the first in the left half alone, on three focal planes."""
    stack = smooth(2, 3, WIDTH, HEIGHT, np.uint16) + 1000
    stack[0, :, :, WIDTH // 2 :] = 0
    stack[1, :, :, : WIDTH // 2] = 0
    return stack


@pytest.fixture
def reader(
    measured: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Web, str]]:
    installation = taken(measured, Cut("JPEG-LS", tile=256), tmp_path, monkeypatch)
    with opened(create_app(installation.settings)) as web:
        web.headers.update(installation.bearer(Role.READER, "north"))
        yield web, installation.images["north"]


def picture(web: Web, address: str) -> "np.ndarray[Any, Any]":
    answer = web.get(address)
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_channels_are_seen_in_their_colours(reader: tuple[Web, str]) -> None:
    web, image = reader
    whole = picture(web, f"/deepzoom/{image}_files/10/0_0.jpeg")
    assert whole.shape == (256, 256, 3)
    left = whole.mean((0, 1))
    right = picture(web, f"/deepzoom/{image}_files/10/3_0.jpeg").mean((0, 1))
    assert left[2] > 60 > left[0]  # excited at 400 nm: blue
    assert right[1] > 60 > right[2]  # excited at 480 nm: green
    small = picture(web, f"/deepzoom/{image}_files/7/0_0.jpeg")
    assert small.shape == (75, 113, 3)
    assert small[:, :50, 2].mean() > 60
    assert small[:, 65:, 1].mean() > 60  # excited at 480 nm: green
    assert small[:, 65:, 2].mean() < 20
    thumbnail = picture(web, f"/images/{image}/thumbnail")
    assert thumbnail[:, : thumbnail.shape[1] // 3, 2].mean() > 60


def test_zarr_gives_the_values(reader: tuple[Web, str], measured: Stack) -> None:
    web, image = reader
    told = web.get(f"/zarr/{image}/zarr.json").json()["attributes"]["ome"]
    channels = told["omero"]["channels"]
    assert [one["label"] for one in channels] == ["Dye 0", "Dye 1"]
    assert [one["color"] for one in channels] == ["0000FF", "00FF00"]
    assert all(one["window"]["end"] > 2000 for one in channels)
    array = web.get(f"/zarr/{image}/0/zarr.json").json()
    assert array["shape"] == [2, 3, HEIGHT, WIDTH]
    for path in range(2):
        for focal in range(3):
            answer = web.get(f"/zarr/{image}/0/c/{path}/{focal}/0/1")
            values = np.frombuffer(answer.content, "<u2").reshape(512, 512)
            assert np.array_equal(values[:, : WIDTH - 512], measured[path, focal, :512, 512:, 0])
    assert web.get(f"/zarr/{image}/0/c/2/0/0/0").status_code == 404


def test_of_focal_planes_in_colour_the_middle_one_is_seen_as_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = smooth(1, 3, WIDTH, HEIGHT, np.uint8, 3)
    cut = Cut("JPEG", tile=256, fluorescent=False)
    installation = taken(stack, cut, tmp_path, monkeypatch)
    with opened(create_app(installation.settings)) as web:
        web.headers.update(installation.bearer(Role.READER, "north"))
        image = installation.images["north"]
        tile = picture(web, f"/deepzoom/{image}_files/10/1_1.jpeg").astype(int)
        assert np.abs(tile - stack[0, 1, 256:512, 256:512]).mean() < 3
        assert np.abs(tile - stack[0, 0, 256:512, 256:512]).mean() > 5
        edge = picture(web, f"/deepzoom/{image}_files/10/3_2.jpeg").astype(int)
        assert np.abs(edge - stack[0, 1, 512:, 768:]).mean() < 3
