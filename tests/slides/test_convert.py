"""Conversion, judged by other people's readers and validators."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import pytest
import tifffile
import zarr
from pydicom import dcmread
from pydicom.encaps import generate_frames
from wsidicom import WsiDicom
from yaozarrs import validate_zarr_store

from slides.convert import Request, convert
from slides.errors import DamagedSlide, MissingSpacing, OutputExists
from slides.open import open_slide
from tests.cluster import two_processes
from tests.samples import sample
from tests.samples.slide import small_svs
from tests.slides.converted import CMU, complaints, digests, psnr, stored
from tests.tiles.arrays import halved_by_definition
from tiles.codec import decode_jpeg, encode_jpeg, padded
from tiles.codestream import parse_jpeg
from tiles.pyramid import Box
from tiles.source import Pixels


@pytest.fixture(scope="module")
def source() -> Path:
    return sample(CMU, small_svs)


@pytest.fixture(scope="module")
def folder(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("convert") / "slide.dicom"
    convert(source, out, Request())
    return out


@pytest.fixture(scope="module")
def original(source: Path) -> Iterator[Pixels]:
    with openslide.OpenSlide(source) as slide:
        yield np.asarray(slide.read_region((0, 0), 0, slide.dimensions))[..., :3]


def test_validators_have_nothing_to_say(folder: Path) -> None:
    assert len(list(folder.glob("*.dcm"))) == 7
    assert complaints(folder) == []


def test_openslide_reads_the_same_pixels_and_sizes(
    source: Path, folder: Path, original: Pixels
) -> None:
    with openslide.OpenSlide(folder / "level-0.dcm") as slide:
        assert slide.properties["openslide.vendor"] == "dicom"
        pixels = np.asarray(slide.read_region((0, 0), 0, slide.dimensions))[..., :3]
        assert np.array_equal(pixels, original)
        width, height = slide.dimensions
        halves = [(-(-width // 2**n), -(-height // 2**n)) for n in range(slide.level_count)]
        assert list(slide.level_dimensions) == halves
        with openslide.OpenSlide(source) as before:
            for name in ("openslide.mpp-x", "openslide.mpp-y"):
                assert float(slide.properties[name]) == float(before.properties[name])
            power = openslide.PROPERTY_NAME_OBJECTIVE_POWER
            assert slide.properties[power] == before.properties[power]
            for name in ("label", "macro"):
                theirs = np.asarray(before.associated_images[name])
                assert np.array_equal(np.asarray(slide.associated_images[name]), theirs)


def test_wsidicom_reads_the_same_pixels(folder: Path, original: Pixels) -> None:
    with WsiDicom.open(folder) as slide:
        size = (original.shape[1], original.shape[0])
        assert np.array_equal(np.asarray(slide.read_region((0, 0), 0, size)), original)
        assert slide.read_label().size[0] > 0
        assert slide.read_overview().size[0] > 0


def test_highdicom_reads_the_same_pixels(folder: Path, original: Pixels) -> None:
    import highdicom

    image = highdicom.imread(folder / "level-0.dcm")
    matrix = image.get_total_pixel_matrix(apply_icc_profile=False)
    assert np.array_equal(matrix, original)


def test_frames_carry_the_scanner_s_entropy_coded_bytes(source: Path, folder: Path) -> None:
    data = dcmread(folder / "level-0.dcm")
    frames = list(generate_frames(data.PixelData, number_of_frames=int(data.NumberOfFrames)))
    with tifffile.TiffFile(source) as tiff:
        page: Any = tiff.pages[0]
        for number, frame in enumerate(frames):
            tiff.filehandle.seek(page.dataoffsets[number])
            tile = tiff.filehandle.read(page.databytecounts[number])
            scan = tile[parse_jpeg(tile).scan_offset :]
            assert frame[parse_jpeg(frame).scan_offset :].rstrip(b"\0") == scan.rstrip(b"\0")
        assert len(frames) == len(page.dataoffsets)


def test_derived_levels_are_as_good_as_encoding_the_halved_source(
    folder: Path, original: Pixels
) -> None:
    """Within 1 dB (median over tiles), and best at offset zero, to the last column and row."""
    image = stored(folder)
    expected = original
    header = dcmread(folder / "level-1.dcm", stop_before_pixels=True)
    assert list(header.ImageType) == ["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"]
    for index, level in enumerate(image.pyramid.levels):
        if index == 0:
            continue
        expected = halved_by_definition(expected)
        frame = image.frame(index, 0, 0)
        assert frame is not None
        like = parse_jpeg(frame.data)
        losses = []
        for row in range(level.rows):
            for column in range(level.columns):
                box = level.box(column, row)
                area = expected[box.y : box.bottom, box.x : box.right]
                ideal = encode_jpeg(
                    padded(area, level.tile_height, level.tile_width),
                    like.quality,
                    like.subsampling,
                )
                best = psnr(decode_jpeg(ideal)[: box.height, : box.width], area)
                losses.append(best - psnr(image.pixels(index, box), area))
        assert float(np.median(losses)) <= 1.0
        assert_not_shifted(image.pixels(index, Box(0, 0, level.width, level.height)), expected)


def assert_not_shifted(pixels: Pixels, expected: Pixels) -> None:
    assert pixels.shape == expected.shape
    inner = expected[4:-4, 4:-4]
    errors = {
        (dy, dx): psnr(pixels[4 + dy : -4 + dy or None, 4 + dx : -4 + dx or None], inner)
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
    }
    assert max(errors, key=lambda shift: errors[shift]) == (0, 0)
    edges = [(pixels[-1], expected[-1]), (pixels[:, -1], expected[:, -1])]
    for ours, theirs in edges:
        assert psnr(ours, theirs) > psnr(pixels, expected) - 6


def test_converting_twice_gives_the_same_objects(
    source: Path, folder: Path, tmp_path: Path
) -> None:
    renamed = tmp_path / "DUPONT_Jeanne_slide"
    shutil.copyfile(source, renamed)
    convert(renamed, tmp_path / "again", Request())
    assert digests(tmp_path / "again") == digests(folder)
    convert(renamed, tmp_path / "other", Request(quality=60))
    one, other = (dcmread(d / "level-0.dcm") for d in (folder, tmp_path / "other"))
    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert one.StudyInstanceUID == other.StudyInstanceUID


def test_a_cluster_of_two_processes_gives_the_same_objects(
    source: Path, folder: Path, tmp_path: Path
) -> None:
    with two_processes() as scheduler:
        convert(source, tmp_path / "far", Request(scheduler=scheduler))
    assert digests(tmp_path / "far") == digests(folder)


def test_source_levels_are_kept_as_they_are(source: Path, tmp_path: Path) -> None:
    report = convert(source, tmp_path / "out", Request(levels="source"))
    with open_slide(source) as slide:
        levels = slide.source.pyramid.levels
    assert [step.level for step in report.plan.levels] == list(levels)
    assert complaints(tmp_path / "out") == []


def test_zarr_is_the_decoded_source(source: Path, original: Pixels, tmp_path: Path) -> None:
    out = tmp_path / "slide.ome.zarr"
    convert(source, out, Request(to="zarr"))
    validate_zarr_store(str(out))
    group = zarr.open_group(out, mode="r")
    base = np.moveaxis(np.asarray(group["0"]), 0, 2)
    assert np.array_equal(base, original)
    ome: Any = group.attrs["ome"]
    multiscale = ome["multiscales"][0]
    assert [axis.get("unit") for axis in multiscale["axes"]] == [None, "micrometer", "micrometer"]
    scale = multiscale["datasets"][0]["coordinateTransformations"][0]["scale"]
    with openslide.OpenSlide(source) as slide:
        mpp = float(slide.properties["openslide.mpp-x"])
    assert scale == [1.0, mpp, mpp]


def test_nothing_is_left_of_a_conversion_that_failed(source: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    damaged = tmp_path / "damaged.svs"
    data = bytearray(source.read_bytes())
    with tifffile.TiffFile(source) as tiff:
        page: Any = tiff.pages[0]
        at = page.dataoffsets[5] + page.databytecounts[5] // 2
    data[at : at + 64] = b"\xff" * 63 + b"\x58"
    damaged.write_bytes(data)
    for request in (Request(), Request(levels="source"), Request(to="zarr")):
        with pytest.raises((DamagedSlide, ValueError), match="tile"):
            convert(damaged, work / "out", request)
        assert list(work.iterdir()) == []


def test_an_output_is_never_replaced(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(OutputExists):
        convert(source, out, Request())
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_spacing_is_asked_for_and_never_invented(tmp_path: Path) -> None:
    path = tmp_path / "plain.tif"
    tile = encode_jpeg(np.full((256, 256, 3), 200, np.uint8), 90, "444")
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(
            iter([tile]),
            shape=(256, 256, 3),
            dtype=np.uint8,
            tile=(256, 256),
            photometric="ycbcr",
            compression="jpeg",
            subsampling=(1, 1),
            metadata=None,
        )
    with pytest.raises(MissingSpacing, match="--mpp"):
        convert(path, tmp_path / "out", Request())
    report = convert(path, tmp_path / "out", Request(mpp_um=(0.25, 0.5)))
    data = dcmread(tmp_path / "out" / "level-0.dcm", stop_before_pixels=True)
    measures = data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert [float(value) for value in measures.PixelSpacing] == [0.0005, 0.00025]
    assert report.mpp_um == (0.25, 0.5)
