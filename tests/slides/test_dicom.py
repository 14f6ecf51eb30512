"""DICOM whole-slide images: every way of storing frames, series, and what is refused."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from slides.errors import DamagedSlide, UnsupportedSlide
from slides.open import open_slide
from slides.slide import Slide, Specimen
from tests.samples import vendors
from tests.samples.dicom_slides import Made, Table, cut, decoded, write_instance
from tiles.errors import DamagedCodestream
from tiles.pyramid import Box
from tiles.source import Encoding, Pixels

PICTURE = vendors.picture(400, 300)


def whole(slide: Slide, level: int = 0) -> Pixels:
    """All pixels of a level."""
    shape = slide.source.pyramid.levels[level]
    return slide.source.pixels(level, Box(0, 0, shape.width, shape.height))


@pytest.mark.parametrize(
    "made",
    [
        Made(table="basic"),
        Made(table="extended"),
        Made(table="none"),
        Made(table="basic", fragments=3),
        Made(table="native"),
        Made(table="native", planar=True),
        Made(table="basic", sparse_without=(2, 5)),
        Made(table="native", sparse_without=(0,)),
    ],
    ids=str,
)
def test_frames_are_found_however_they_are_stored(made: Made, tmp_path: Path) -> None:
    with open_slide(write_instance(tmp_path / "a.dcm", PICTURE, made)) as slide:
        assert np.array_equal(whole(slide), decoded(PICTURE, made))
        frame = slide.source.frame(0, 1, 0)
        if made.table == "native":
            assert slide.source.encoding(0) is Encoding.RAW
            assert frame is None
        else:
            assert frame is not None
            assert frame.encoding is Encoding.JPEG_BASELINE


def test_a_lone_frame_may_lie_in_several_fragments(tmp_path: Path) -> None:
    made = Made(table="none", tile=512, fragments=4)
    with open_slide(write_instance(tmp_path / "a.dcm", PICTURE, made)) as slide:
        assert np.array_equal(whole(slide), decoded(PICTURE, made))


def test_facts(tmp_path: Path) -> None:
    with open_slide(write_instance(tmp_path / "a.dcm", PICTURE)) as slide:
        facts = slide.facts
    assert facts.format == "dicom"
    assert facts.mpp_um == pytest.approx((0.5, 0.5))
    assert facts.objective_power == 40
    assert facts.icc_profile == b"\0\0\0\6AB"
    assert facts.scanner.manufacturer == "Maker"
    assert facts.scanner.software == "1.0, 2.0"
    zone = timezone(timedelta(hours=1))
    assert facts.acquired_at == datetime(2021, 3, 4, 10, 11, 12, tzinfo=zone)
    assert facts.specimen == Specimen("C-1", ("C-1-A",))


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """The folder of a slide of three levels, its label, and a file that is none of it."""
    for number, level in enumerate(vendors.halves(PICTURE)):
        write_instance(tmp_path / f"{9 - number}.dcm", level, Made(mpp_um=0.5 * 2**number))
    write_instance(tmp_path / "l.dcm", vendors.picture(120, 90), Made(flavour="LABEL"))
    (tmp_path / "notes.txt").write_text("not DICOM")
    return tmp_path


@pytest.mark.parametrize("name", ["", "9.dcm", "7.dcm", "l.dcm"])
def test_a_series_is_one_slide_whichever_file_is_given(name: str, series: Path) -> None:
    path = series / name if name else series
    if name == "l.dcm":
        # The label alone is enough to find the slide it belongs to.
        assert open_slide(path).files[0] == series / "9.dcm"
    with open_slide(path) as slide:
        sizes = [(level.width, level.height) for level in slide.source.pyramid.levels]
        assert sizes == [(400, 300), (200, 150), (100, 75)]
        assert slide.facts.mpp_um == pytest.approx((0.5, 0.5))
        assert slide.facts.barcodes == ("SV-00042",)
        assert set(slide.associated) == {"label"}
        assert slide.associated["label"].pixels().shape == (90, 120, 3)
        assert {file.name for file in slide.files} == {"9.dcm", "8.dcm", "7.dcm", "l.dcm"}


def test_a_neighbour_of_another_series_is_left_alone(series: Path) -> None:
    write_instance(series / "other.dcm", vendors.picture(300, 400), Made(series="2"))
    with open_slide(series / "9.dcm") as slide:
        assert len(slide.source.pyramid.levels) == 3
    with pytest.raises(UnsupportedSlide, match="2 DICOM slides"):
        open_slide(series)


def test_a_label_without_its_slide_is_refused(tmp_path: Path) -> None:
    path = write_instance(tmp_path / "l.dcm", PICTURE, Made(flavour="LABEL"))
    with pytest.raises(UnsupportedSlide, match="label or an overview"):
        open_slide(path)


def test_a_folder_without_dicom_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedSlide, match="0 DICOM slides"):
        open_slide(tmp_path)


@pytest.mark.parametrize("table", ["basic", "extended", "none", "native"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.999])
def test_a_file_that_is_cut_is_refused(table: Table, share: float, tmp_path: Path) -> None:
    path = write_instance(tmp_path / "a.dcm", PICTURE, Made(table=table))
    folder = tmp_path / "cut"
    folder.mkdir()
    with pytest.raises(DamagedSlide, match="cut"):
        open_slide(cut(path, folder / "a.dcm", share))


@pytest.mark.parametrize(
    ("keyword", "value", "reason"),
    [
        ("BitsAllocated", 16, "16-bit colours"),
        ("PhotometricInterpretation", "PALETTE COLOR", "PALETTE COLOR"),
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.66.4", "a segmentation"),
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.2", "no picture of a slide"),
    ],
)
def test_what_is_not_read_is_refused_by_name(
    keyword: str, value: object, reason: str, tmp_path: Path
) -> None:
    path = write_instance(tmp_path / "a.dcm", PICTURE)
    header = dcmread(path)
    setattr(header, keyword, value)
    header.save_as(path)
    with pytest.raises(UnsupportedSlide, match=reason):
        open_slide(path)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("NumberOfFrames", 5),
        ("TotalPixelMatrixColumns", 100_000),
        ("TotalPixelMatrixFocalPlanes", 3),
        ("Rows", 0),
    ],
)
def test_a_header_that_does_not_agree_with_its_frames_is_damage(
    keyword: str, value: int, tmp_path: Path
) -> None:
    path = write_instance(tmp_path / "a.dcm", PICTURE)
    header = dcmread(path)
    setattr(header, keyword, value)
    header.save_as(path)
    with pytest.raises(DamagedSlide, match="fetch it again"):
        open_slide(path)


def test_a_frame_of_another_size_is_not_decoded(tmp_path: Path) -> None:
    path = write_instance(tmp_path / "a.dcm", PICTURE)
    header = dcmread(path)
    header.Rows = 100
    header.save_as(path)
    with open_slide(path) as slide, pytest.raises(DamagedCodestream, match="128 × 128"):
        slide.source.pixels(0, Box(0, 0, 10, 10))
