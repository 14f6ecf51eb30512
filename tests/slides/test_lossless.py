"""Nothing is compressed with loss that need not be: where it would, it can be refused."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from slides.convert import Request, convert
from slides.errors import LossRefused
from tests.samples import vendors
from tests.samples.slide import make_slide
from tiles.plan import Action, Plan

PICTURE = vendors.picture(520, 390)
MPP_UM = (0.5, 0.5)
RAW: dict[str, Any] = {"compression": "lzw", "compressionargs": None}


def oblong(path: Path) -> Path:
    """JPEG tiles that can be copied, but carry no pyramid on their own grid."""
    return vendors.generic(path, PICTURE, tile=(128, 240))


@pytest.mark.parametrize(
    ("make", "asked", "instead"),
    [
        (partial(vendors.generic, pixels=PICTURE, **RAW), {}, "--to zarr"),
        (partial(vendors.generic, pixels=PICTURE, **RAW), {"levels": "source"}, "--to zarr"),
    ],
)
def test_what_would_lose_is_refused_with_the_level_and_a_way_out(
    make: Callable[[Path], Path], asked: dict[str, Any], instead: str, tmp_path: Path
) -> None:
    path = make(tmp_path / "a.tif")
    request = Request(mpp_um=MPP_UM, lossless_only=True, **asked)
    with pytest.raises(LossRefused, match="level 0") as refused:
        convert(path, tmp_path / "out", request)
    assert instead in str(refused.value)
    assert [one.name for one in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.parametrize(
    ("make", "asked"),
    [
        (partial(make_slide, width=600, height=500, mpp=0.5), {}),
        (oblong, {}),
        (oblong, {"levels": "source"}),
        (partial(vendors.generic, pixels=PICTURE, **RAW), {"to": "zarr"}),
    ],
)
def test_what_keeps_the_scanners_pixels_is_done(
    make: Callable[[Path], Path], asked: dict[str, Any], tmp_path: Path
) -> None:
    path = make(tmp_path / "a.svs")
    told: list[Plan] = []
    request = Request(mpp_um=MPP_UM, lossless_only=True, **asked)
    report = convert(
        path,
        tmp_path / "out",
        request,
        planned=lambda scenes: told.extend(one.plan for one in scenes),
    )
    assert told == [report.plan]
    assert report.plan.losses == ()
    lossless = {"zarr": Action.ENCODE}.get(report.to, Action.COPY)
    assert report.plan.levels[0].action is lossless
