"""What the headers of all levels say, whatever the file says of itself; and progress that rises."""

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

import pytest
import tifffile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset

from archive.identity import uid_from
from slides.convert import Request, convert
from slides.copying import as_one_tile
from slides.header import Context, Picture, header
from slides.metadata import applied, decide, sources
from slides.slide import Facts, Scanner, Specimen
from tests.samples.slide import make_slide
from tests.samples.tissue import display_profile
from tests.slides.converted import complaints
from tests.slides.kinds import MPP_UM, WHOLE_TILES
from tiles import frames as writing
from tiles.codec import encode_jpeg
from tiles.coding import encoded
from tiles.colour import as_input_profile

NASTY = "]d2010123\x1d17241231\\10ABC\x00\x1b\N{LATIN SMALL LETTER E WITH ACUTE}" + "é漢" * 40


@settings(max_examples=10)
@given(st.text())
@example(NASTY)
@example("\x1d\x1d")
@example("\\")
@example("a" * 65)
def test_whatever_a_barcode_or_a_scanner_says_the_header_is_valid(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    tmp_path = tmp_path_factory.mktemp("texts")
    facts = Facts(
        "svs",
        barcodes=(text,),
        scanner=Scanner(text, text, text, text),
        specimen=Specimen(None, (text, f"{text} B")),
        acquired_at=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
    )
    level = as_one_tile(64, 48)
    tile = encode_jpeg(WHOLE_TILES[:48, :64], 80, "444")
    context = Context(("digest", "plan"), uid_from("study"))
    for role in ("level", "label"):
        said = applied(facts, decide(sources(facts)).metadata)
        data = header(Picture(role, 0, level, 3, encoded(3)), said, MPP_UM, context)
        writing.write_instance(tmp_path / f"{role}.dcm", data, writing.InMemory((tile,)))
        back = dcmread(tmp_path / f"{role}.dcm", stop_before_pixels=True)
        assert 0 < len(back.ContainerIdentifier) <= 64
        assert len(back.SpecimenDescriptionSequence) == 2
        assert back.AcquisitionDateTime == "19000101000000"
    assert complaints(tmp_path) == []


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slide") / "a.svs"
    return make_slide(path, 2221, 1801, mpp=0.5, icc=True)


@pytest.fixture(scope="module")
def levels(slide: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Dataset]:
    """The headers of a slide's levels, largest first, with an oblong pixel."""
    out = tmp_path_factory.mktemp("levels") / "out"
    report = convert(slide, out, Request(mpp_um=(0.25, 0.5)))
    count = len(report.plan.levels)
    return [
        dcmread(out / f"level-{number}.dcm", stop_before_pixels=True) for number in range(count)
    ]


def test_all_levels_begin_at_one_place_of_one_glass(levels: list[Dataset]) -> None:
    corners = {
        (
            float(one.TotalPixelMatrixOriginSequence[0].XOffsetInSlideCoordinateSystem),
            float(one.TotalPixelMatrixOriginSequence[0].YOffsetInSlideCoordinateSystem),
            one.FrameOfReferenceUID,
            one.PyramidUID,
            one.SeriesInstanceUID,
        )
        for one in levels
    }
    assert len(corners) == 1
    assert len({one.SOPInstanceUID for one in levels}) == len(levels) > 3


def test_the_volume_is_the_matrix_times_the_spacing(levels: list[Dataset]) -> None:
    for number, one in enumerate(levels):
        measures = one.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        between_rows, between_columns = map(float, measures.PixelSpacing)
        assert between_rows == pytest.approx(0.0005 * 2**number)
        assert between_columns == pytest.approx(0.00025 * 2**number)
        width = one.TotalPixelMatrixColumns * between_columns
        assert one.ImagedVolumeWidth == pytest.approx(width, rel=1e-6)
        height = one.TotalPixelMatrixRows * between_rows
        assert one.ImagedVolumeHeight == pytest.approx(height, rel=1e-6)
        profile = one.OpticalPathSequence[0].ICCProfile
        assert profile[12:16] == b"scnr"
        own = as_input_profile(display_profile())
        assert own is not None
        assert profile.rstrip(b"\0") == own.rstrip(b"\0")


def test_what_was_lossy_stays_so(slide: Path, levels: list[Dataset], tmp_path: Path) -> None:
    convert(slide, tmp_path / "out", Request())
    by_role = {
        name: dcmread(tmp_path / "out" / f"{name}.dcm", stop_before_pixels=True)
        for name in ("label", "overview", "level-0", "level-1")
    }
    # The label is LZW, the macro JPEG in strips, which are put together as they are.
    assert by_role["label"].LossyImageCompression == "00"
    assert by_role["overview"].LossyImageCompression == "01"
    assert float(by_role["overview"].LossyImageCompressionRatio) > 1
    with tifffile.TiffFile(slide) as tiff:
        page: Any = tiff.pages[0]
        padded_bytes = len(page.dataoffsets) * 256 * 256 * 3
        ratio = padded_bytes / sum(page.databytecounts)
    first = float(by_role["level-0"].LossyImageCompressionRatio)
    # Joined tables make a frame a little longer than the scanner's tile.
    assert 0.8 * ratio < first <= ratio
    assert by_role["level-1"].LossyImageCompressionRatio[0] == first
    assert list(by_role["level-1"].LossyImageCompressionMethod) == ["ISO_10918_1"] * 2


@pytest.mark.parametrize(("to", "fewest"), [("dicom", 5), ("zarr", 3)])
def test_progress_rises_to_the_end_and_counts_the_writing(
    slide: Path, tmp_path: Path, to: Literal["dicom", "zarr"], fewest: int
) -> None:
    steps: list[tuple[int, int]] = []
    convert(slide, tmp_path / "out", Request(to=to), lambda *step: steps.append(step))
    assert steps == sorted(set(steps))
    assert steps[-1] == (1000, 1000)
    assert len(steps) >= fewest
