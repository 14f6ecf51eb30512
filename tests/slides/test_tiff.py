"""TIFF: what is read exactly, and which lies are found out."""

from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np
import openslide
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from slides.errors import DamagedSlide, TooLarge, UnsupportedSlide
from slides.open import open_slide
from slides.slide import Slide
from tests.samples import sample, vendors
from tests.samples.slide import small_svs
from tiles.codec import decode
from tiles.codestream import parse_jpeg
from tiles.errors import DamagedCodestream
from tiles.pyramid import Box, same_view
from tiles.source import Encoding, Pixels

PICTURE = vendors.picture(400, 300)
TILE_OFFSETS, TILE_COUNTS, TILE_WIDTH, STRIP_OFFSETS = 324, 325, 322, 273
TIFF_WIDTH = 256


def whole(slide: Slide, level: int = 0) -> Pixels:
    """All pixels of a level."""
    shape = slide.source.pyramid.levels[level]
    return slide.source.pixels(level, Box(0, 0, shape.width, shape.height))


def changed(path: Path, code: int, values: Any, dtype: str | None = None) -> Path:
    """The file with one tag of its first page overwritten."""
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages.first.tags[code].overwrite(values, dtype=dtype)
    return path


@pytest.fixture(scope="module")
def aperio() -> Path:
    return sample("wsi/aperio/CMU-1-Small-Region.svs", small_svs)


def test_an_aperio_slide_shows_exactly_what_openslide_shows(aperio: Path) -> None:
    with open_slide(aperio) as slide, openslide.OpenSlide(aperio) as theirs:
        for level, size in enumerate(theirs.level_dimensions):
            region = np.asarray(theirs.read_region((0, 0), level, size).convert("RGB"))
            assert np.array_equal(whole(slide, level), region)
        assert set(slide.associated) == set(theirs.associated_images)
        for name, image in theirs.associated_images.items():
            assert np.array_equal(slide.associated[name].pixels(), np.asarray(image.convert("RGB")))


def test_an_aperio_slide_says_what_it_is(aperio: Path) -> None:
    with open_slide(aperio) as slide, openslide.OpenSlide(aperio) as theirs:
        facts = slide.facts
        assert facts.format == "svs"
        assert facts.mpp_um == (float(theirs.properties["openslide.mpp-x"]),) * 2
        assert facts.objective_power == float(theirs.properties["openslide.objective-power"])
        assert facts.scanner.manufacturer == "Aperio"
        assert facts.acquired_at is not None
        assert slide.source.encoding(0) is Encoding.JPEG_BASELINE
        assert slide.files == (aperio,)


def test_frames_of_rgb_tiles_say_that_they_are_rgb(aperio: Path) -> None:
    with open_slide(aperio) as slide:
        frame = slide.source.frame(0, 1, 1)
        assert frame is not None
        assert parse_jpeg(frame.data).rgb
        with Image.open(BytesIO(frame.data)) as image:
            assert np.array_equal(decode(frame), np.asarray(image))


def test_the_label_is_read(tmp_path: Path) -> None:
    with open_slide(small_svs(tmp_path / "a.svs", 300, 300)) as slide:
        assert slide.facts.barcodes
        assert slide.associated["label"].encoding is Encoding.LZW


@pytest.mark.parametrize(
    ("compression", "reversible", "mct", "tolerance"),
    [
        (33005, True, False, 0),
        (33005, False, True, 0),
        (33003, True, False, 2),
        (33003, False, False, 2),
    ],
)
def test_jpeg_2000_tiles_have_their_colours(
    compression: int, reversible: bool, mct: bool, tolerance: int, tmp_path: Path
) -> None:
    path = vendors.aperio_jpeg_2000(
        tmp_path / "a.svs", PICTURE, compression, reversible=reversible, mct=mct
    )
    with open_slide(path) as slide, openslide.OpenSlide(path) as theirs:
        region = np.asarray(theirs.read_region((0, 0), 0, theirs.dimensions).convert("RGB"))
        assert np.abs(whole(slide).astype(int) - region).max() <= tolerance
        frame = slide.source.frame(0, 0, 0)
        if compression == 33003 and reversible:
            # The codestream cannot say of itself that it is YCbCr.
            assert slide.source.encoding(0) is Encoding.JPEG_2000_YCBCR
            assert frame is None
        else:
            assert slide.source.encoding(0) is Encoding.JPEG_2000
            assert frame is not None
            assert np.array_equal(decode(frame), whole(slide)[:256, :256])
        assert slide.facts.acquired_at == datetime(
            2021, 3, 4, 10, 11, 12, tzinfo=timezone(timedelta(hours=1))
        )


def test_a_generic_pyramid_shows_exactly_what_openslide_shows(tmp_path: Path) -> None:
    path = vendors.generic(tmp_path / "a.tif", vendors.picture(701, 507))
    with open_slide(path) as slide, openslide.OpenSlide(path) as theirs:
        assert len(slide.source.pyramid.levels) == theirs.level_count == 3
        for level, size in enumerate(theirs.level_dimensions):
            region = np.asarray(theirs.read_region((0, 0), level, size).convert("RGB"))
            assert np.array_equal(whole(slide, level), region)
        assert slide.facts.mpp_um == pytest.approx((0.5, 0.5))


def test_ome_units_are_micrometres(tmp_path: Path) -> None:
    with open_slide(vendors.ome_pyramid(tmp_path / "a.ome.tif", PICTURE)) as slide:
        assert slide.facts.format == "ome-tiff"
        assert slide.facts.mpp_um == pytest.approx((0.5, 0.5))
        assert len(slide.source.pyramid.levels) == 3


def test_a_printers_resolution_is_no_spacing(tmp_path: Path) -> None:
    path = vendors.strips(
        tmp_path / "a.tif", PICTURE, resolution=(72.0, 72.0), resolutionunit="INCH"
    )
    with open_slide(path) as slide:
        assert slide.facts.mpp_um is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(orientation: int, tmp_path: Path) -> None:
    path = vendors.strips(
        tmp_path / "a.tif",
        PICTURE,
        extratags=[(274, "H", 1, orientation, True)],
        resolution=(20_000, 10_000),
        resolutionunit="CENTIMETER",
    )
    image = Image.fromarray(PICTURE)
    image.getexif()[274] = orientation
    with open_slide(path) as slide:
        assert np.array_equal(whole(slide), np.asarray(ImageOps.exif_transpose(image)))
        turned = orientation >= 5
        assert slide.facts.mpp_um == pytest.approx((1.0, 0.5) if turned else (0.5, 1.0))


def test_transparency_shows_white(tmp_path: Path) -> None:
    alpha = np.zeros((300, 400, 1), np.uint8)
    alpha[:150] = 255
    pixels = np.concatenate((PICTURE, alpha), axis=2)
    with open_slide(vendors.strips(tmp_path / "a.tif", pixels, extrasamples=["unassalpha"])) as one:
        shown = whole(one)
    assert np.array_equal(shown[:150], PICTURE[:150])
    assert (shown[150:] == 255).all()


def test_signed_samples_keep_their_order(tmp_path: Path) -> None:
    pixels = np.arange(-128, 128, dtype=np.int8).reshape(16, 16)
    with open_slide(vendors.strips(tmp_path / "a.tif", pixels, photometric="minisblack")) as slide:
        assert np.array_equal(whole(slide).ravel(), np.arange(256))


def test_a_tile_that_was_never_stored_is_white(tmp_path: Path) -> None:
    path = vendors.generic(tmp_path / "a.tif", PICTURE)
    with tifffile.TiffFile(path) as tiff:
        counts = list(tiff.pages.first.databytecounts)
    counts[0] = 0
    with open_slide(changed(path, TILE_COUNTS, counts)) as slide:
        assert (whole(slide)[:256, :256] == 255).all()
        assert not (whole(slide)[:256, 256:] == 255).all()
        assert slide.source.frame(0, 0, 0) is None


def test_a_tile_beyond_the_file_is_named(tmp_path: Path) -> None:
    path = vendors.generic(tmp_path / "a.tif", PICTURE)
    with tifffile.TiffFile(path) as tiff:
        offsets = list(tiff.pages.first.dataoffsets)
    offsets[1] = path.stat().st_size
    with pytest.raises(DamagedSlide, match=r"level 0, tile \(1, 0\).*cut short"):
        open_slide(changed(path, TILE_OFFSETS, offsets))


def test_a_damaged_tile_costs_no_other(tmp_path: Path) -> None:
    path = vendors.generic(tmp_path / "a.tif", PICTURE)
    with tifffile.TiffFile(path) as tiff:
        offset, count = tiff.pages.first.dataoffsets[1], tiff.pages.first.databytecounts[1]
    content = bytearray(path.read_bytes())
    content[offset + count // 2 : offset + count] = b"\xff" * (count - count // 2)
    path.write_bytes(content)
    with open_slide(path) as slide:
        with pytest.raises(DamagedCodestream, match=r"level 0, tile \(1, 0\)"):
            slide.source.pixels(0, Box(300, 0, 10, 10))
        assert slide.source.pixels(0, Box(0, 0, 10, 10)).shape == (10, 10, 3)


def test_a_tile_of_another_size_than_promised_is_not_decoded(tmp_path: Path) -> None:
    path = changed(vendors.generic(tmp_path / "a.tif", PICTURE), TILE_WIDTH, 272)
    with open_slide(path) as slide, pytest.raises(DamagedCodestream, match="the file says 272"):
        slide.source.pixels(0, Box(0, 0, 10, 10))


def test_a_list_of_tiles_that_is_too_short_is_refused(tmp_path: Path) -> None:
    path = changed(vendors.generic(tmp_path / "a.tif", PICTURE), TILE_WIDTH, 128)
    with pytest.raises(DamagedSlide, match="lists 4 of 8 tiles"):
        open_slide(path)


def test_a_short_strip_is_damage(tmp_path: Path) -> None:
    path = vendors.strips(tmp_path / "a.tif", PICTURE, compression="deflate")
    with tifffile.TiffFile(path) as tiff:
        offsets, counts = tiff.pages.first.dataoffsets, tiff.pages.first.databytecounts
    # Twice as wide: every strip holds half of what the tags promise.
    changed(path, 256, PICTURE.shape[1] * 2)
    assert len(offsets) == len(counts) == 6
    with open_slide(path) as slide, pytest.raises(DamagedCodestream, match="25 of 50 rows"):
        whole(slide)


@pytest.mark.parametrize(
    ("pixels", "more", "reason"),
    [
        (PICTURE.astype(np.uint16), {}, "16-bit colours"),
        (PICTURE[..., 0].astype(np.float32), {"photometric": "minisblack"}, "32-bit samples"),
        (np.repeat(PICTURE, 2, axis=2), {"extrasamples": [0] * 3}, "6 samples a pixel"),
    ],
)
def test_other_kinds_of_pixels_are_refused_by_name(
    pixels: Pixels, more: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    path = vendors.strips(tmp_path / "a.tif", pixels, **more)
    with pytest.raises(UnsupportedSlide, match=reason):
        open_slide(path)


def test_a_stack_is_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        for _ in range(3):
            tiff.write(PICTURE, photometric="rgb", metadata=None)
    with pytest.raises(UnsupportedSlide, match="3 pictures of 400 × 300"):
        open_slide(tmp_path / "a.tif")


def test_entities_are_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE OME [<!ENTITY a "aaaa">]><OME><Image Name="&a;"/></OME>'
    path = vendors.strips(tmp_path / "a.ome.tif", PICTURE, description=bomb)
    with pytest.raises(DamagedSlide, match="entities"):
        open_slide(path)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        blank = np.zeros((1024, 1024), np.uint8)
        tiff.write(
            (blank for _ in range(40 * 40)),
            shape=(40_960, 40_960),
            dtype=np.uint8,
            tile=(1024, 1024),
            compression="zstd",
            metadata=None,
        )
    with pytest.raises(TooLarge, match="decompression bomb"):
        open_slide(tmp_path / "a.tif")


def test_a_giant_strip_is_refused(tmp_path: Path) -> None:
    path = vendors.strips(tmp_path / "a.tif", PICTURE, rows=300, compression="deflate")
    changed(path, 256, 1_000_000, "I")
    with pytest.raises(TooLarge, match="one strip decodes to 858 MiB"):
        open_slide(path)


def test_an_empty_directory_is_damage(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\0" + pack("<I", 9999))
    with pytest.raises(DamagedSlide, match="cut short"):
        open_slide(tmp_path / "a.tif")


@given(st.integers(8, 200_000), st.integers(8, 200_000), st.integers(0, 6), st.booleans())
def test_halved_sizes_are_the_same_view(width: int, height: int, times: int, up: bool) -> None:
    small_width, small_height = width, height
    for _ in range(times):
        small_width = max(1, (small_width + up) // 2)
        small_height = max(1, (small_height + up) // 2)
    assert same_view(width, height, small_width, small_height)


def test_other_proportions_are_another_view() -> None:
    assert not same_view(2000, 1000, 1000, 1000)
    assert not same_view(2000, 1000, 574, 768)
    assert not same_view(1000, 1000, 1001, 1001)


def test_a_scanner_without_a_clock_has_no_moment(tmp_path: Path) -> None:
    said = "Aperio Image Library\r\n400x300|MPP = x|Date = 00/00/00|Time = 00:00:00"
    with tifffile.TiffWriter(tmp_path / "a.svs") as tiff:
        tiff.write(PICTURE, tile=(256, 256), photometric="rgb", description=said, metadata=None)
    with open_slide(tmp_path / "a.svs") as slide:
        assert slide.facts.format == "svs"
        assert slide.facts.acquired_at is None
        assert slide.facts.mpp_um is None
        assert slide.facts.acquired_at != datetime.now(UTC)


def test_a_picture_in_jpeg_strips_is_one_jpeg(aperio: Path) -> None:
    with open_slide(aperio) as slide, openslide.OpenSlide(aperio) as theirs:
        macro = slide.associated["macro"]
        frame = macro.frame()
        assert frame is not None
        assert len(frame.data) < 1.05 * (macro.stored_bytes or 0) + 1000
        shown = np.asarray(theirs.associated_images["macro"].convert("RGB"))
        assert np.array_equal(decode(frame), shown)


@pytest.mark.parametrize("compression", ["webp", "jpegxl", "lerc", "lzma"])
@pytest.mark.parametrize("samples", [1, 3])
def test_codecs_that_only_others_write_are_read(
    compression: str, samples: int, tmp_path: Path
) -> None:
    if (compression, samples) == ("webp", 1):
        samples = 3
    pixels = PICTURE[..., 0] if samples == 1 else PICTURE
    colours = "minisblack" if samples == 1 else "rgb"
    more: dict[str, Any] = {"compression": compression, "photometric": colours, "rowsperstrip": 64}
    path = vendors.strips(tmp_path / "a.tif", pixels, **more)
    with open_slide(path) as slide:
        expected = np.asarray(tifffile.imread(path)).reshape(*PICTURE.shape[:2], samples)
        assert np.array_equal(whole(slide), expected)


def test_a_codec_that_gives_other_extents_is_damage(tmp_path: Path) -> None:
    path = vendors.strips(tmp_path / "a.tif", PICTURE, 300, compression="webp")
    with open_slide(changed(path, TIFF_WIDTH, 390)) as slide, pytest.raises(DamagedCodestream):
        whole(slide)
