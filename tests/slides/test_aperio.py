"""Aperio's oddities: chroma of half the width, tiles never stored, words of other days."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import pytest
import tifffile
from PIL import Image

from slides.convert import Request, convert
from slides.errors import DamagedSlide
from slides.open import open_slide
from slides.slide import Slide
from tests.samples import vendors
from tests.slides.converted import complaints
from tiles import plan as planning
from tiles.codec import encode_jpeg
from tiles.plan import Action
from tiles.pyramid import Box
from tiles.source import Encoding, Pixels

PICTURE = vendors.picture(2048, 1536)
BASE, HALF, QUARTER = 0, 2, 3
"""The pages of the levels."""


def whole(slide: Slide, level: int = 0) -> Pixels:
    """All pixels of a level."""
    shape = slide.source.pyramid.levels[level]
    return slide.source.pixels(level, Box(0, 0, shape.width, shape.height))


def shown(path: Path, level: int) -> Pixels:
    """A level as OpenSlide shows it, on white."""
    with openslide.OpenSlide(path) as theirs:
        region = theirs.read_region((0, 0), level, theirs.level_dimensions[level])
    ground = Image.new("RGB", region.size, "white")
    ground.paste(region, mask=region.getchannel("A"))
    return np.asarray(ground)


def apart(one: Pixels, other: Pixels) -> Pixels:
    """How far pixels lie apart."""
    return np.abs(one.astype(np.int16) - other.astype(np.int16))


def test_chroma_of_half_the_width_is_read(tmp_path: Path) -> None:
    path = vendors.aperio_jpeg_2000(tmp_path / "a.svs", PICTURE, 33003, half_chroma=True)
    with open_slide(path) as slide:
        assert slide.source.encoding(0) is Encoding.JPEG_2000_YCBCR
        assert slide.facts.scanner.serial_number == "SS0001"
        for level in range(3):
            # Both round, each on its own way from Y, Cb, Cr.
            assert apart(whole(slide, level), shown(path, level)).max() <= 1
        assert slide.lost(0)[0].method == "ISO_15444_1"


@pytest.mark.parametrize("compression", [33003, 33005])
def test_a_tile_never_stored_shows_the_level_above(compression: int, tmp_path: Path) -> None:
    path = vendors.aperio_jpeg_2000(tmp_path / "a.svs", PICTURE, compression)
    full = tmp_path / "full.svs"
    full.write_bytes(path.read_bytes())
    vendors.without(path, (5,), HALF)
    with open_slide(path) as slide, open_slide(full) as unharmed:
        assert np.array_equal(whole(slide), whole(unharmed))
        found, real = whole(slide, 1), whole(unharmed, 1)
        assert apart(found, real).mean() < 1
        assert apart(found, shown(path, 1)).mean() < 1
        assert not np.array_equal(found[256:512, 256:512], real[256:512, 256:512])
        found[256:512, 256:512] = real[256:512, 256:512]
        assert np.array_equal(found, real)
        assert {step.action for step in planning.stored(slide.source).levels} == {Action.COPY}


@pytest.mark.parametrize("missing", [(0,), (9, 10), (47,)])
def test_what_was_not_scanned_is_missing_from_every_level(
    missing: Sequence[int], tmp_path: Path
) -> None:
    """Reduced tiles over a missing one are now and then corrupt: they are not looked at."""
    path = vendors.aperio_jpeg_2000(tmp_path / "a.svs", PICTURE)
    vendors.without(path, missing)
    with open_slide(path) as slide:
        for level in range(3):
            found, expected = whole(slide, level), shown(path, level)
            assert apart(found, expected).mean() < 1.5
            for number in missing:
                row, column = divmod(number, 8)
                x, y = (column * 256 + 128) >> level, (row * 256 + 128) >> level
                assert (found[y, x] == 255).all()
    report = convert(path, tmp_path / "out", Request(levels="source", verify=True))
    assert report.proof is not None


def test_a_corrupt_tile_over_a_missing_one_is_not_read(tmp_path: Path) -> None:
    path = vendors.aperio_jpeg_2000(tmp_path / "a.svs", PICTURE)
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[HALF].aspage()
        offset = page.dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[offset : offset + 64] = bytes(64)
    path.write_bytes(data)
    vendors.without(path, (1,))
    with open_slide(path) as slide:
        assert apart(whole(slide, 1), shown(path, 1)).mean() < 1.5


def test_levels_that_another_program_put_into_subifds_are_levels(tmp_path: Path) -> None:
    """A copy by libvips keeps Aperio's description and writes its own pyramid."""
    first, *reduced = vendors.halves(PICTURE)
    said = "Aperio Image Library v11.2.1\r\n2048x1536|MPP = 0,4990|AppMag = 20"
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        how: dict[str, Any] = {"tile": (256, 256), "compression": "deflate", "metadata": None}
        tiff.write(first, description=said, subifds=len(reduced), photometric="rgb", **how)
        for level in reduced:
            tiff.write(level, subfiletype=1, photometric="rgb", **how)
    with open_slide(tmp_path / "a.tif") as slide:
        assert len(slide.source.pyramid.levels) == 3
        assert slide.facts.mpp_um == (0.499, 0.499)
        assert np.array_equal(whole(slide, 2), reduced[1])


def _shortened(path: Path, number: int, by: int) -> Path:
    """The file with the last bytes of a tile of its first page left out."""
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tag = tiff.pages.first.tags[325]
        tag.overwrite([n - by * (i == number) for i, n in enumerate(tag.value)])
    return path


def test_a_tile_without_its_end_marker_is_whole(tmp_path: Path) -> None:
    """Other readers show it too: nothing of the picture is missing."""
    path = vendors.generic(tmp_path / "a.tif", PICTURE)
    expected = shown(path, 0)
    _shortened(path, 9, 2)
    with open_slide(path) as slide:
        assert np.array_equal(whole(slide), expected)
    report = convert(path, tmp_path / "out", Request(levels="source", verify=True))
    assert report.plan.levels[0].action is Action.COPY
    assert not complaints(tmp_path / "out")


def test_a_tile_cut_shorter_is_damage(tmp_path: Path) -> None:
    path = _shortened(vendors.generic(tmp_path / "a.tif", PICTURE), 9, 7)
    with pytest.raises(DamagedSlide, match=r"tile \(1, 1\)"):
        convert(path, tmp_path / "out", Request(levels="source"))


def test_padding_behind_the_end_marker_is_none_of_the_tile(tmp_path: Path) -> None:
    picture = vendors.picture(512, 512)
    tiles = [encode_jpeg(tile, 90, "444") for tile in np.split(picture, 2)]
    padded = [tile + bytes(n) for n, tile in enumerate(tiles, 1)]
    how: dict[str, Any] = {"tile": (256, 512), "compression": "jpeg", "metadata": None}
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(iter(padded), shape=picture.shape, dtype=np.uint8, photometric="rgb", **how)
    with open_slide(tmp_path / "a.tif") as slide:
        assert np.array_equal(whole(slide), shown(tmp_path / "a.tif", 0))
    report = convert(tmp_path / "a.tif", tmp_path / "out", Request(mpp_um=(1, 1), verify=True))
    assert report.plan.levels[0].action is Action.COPY


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("Date = 12/29/09|Time = 09:59:15", "2009-12-29T09:59:15"),
        ("Date = 2020-05-06|Time = 9:59:15", "2020-05-06T09:59:15"),
        ("Date = 12/03/2019|Time = 10:15:22 PM|Time Zone = GMT-0500", "2019-12-03T22:15:22-05:00"),
        ("Date = 12/03/2019|Time = 12:15:22 AM|Time Zone = GMT+01:00", "2019-12-03T00:15:22+01:00"),
        ("Date = 31/12/2019|Time = 10:15:22", None),
        ("Date = 12/03/2019|Time = noon", None),
    ],
)
def test_moments_as_scanners_write_them(said: str, moment: str | None, tmp_path: Path) -> None:
    picture = vendors.picture(300, 300)
    words = f"Aperio Image Library v12\r\n300x300|{said}|User = Müller|Bar|MPP = .25"
    how: dict[str, Any] = {"tile": (256, 256), "photometric": "rgb", "metadata": None}
    tifffile.imwrite(tmp_path / "a.svs", picture, description=words.encode("latin-1"), **how)
    with open_slide(tmp_path / "a.svs") as slide:
        taken = slide.facts.acquired_at
        assert (taken.isoformat() if taken else None) == moment
        assert slide.facts.mpp_um == (0.25, 0.25)
