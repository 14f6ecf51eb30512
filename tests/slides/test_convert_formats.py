"""Conversion of every kind of file, judged by validators, other readers and the source's pixels."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import openslide
import pytest
import tifffile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openslide.deepzoom import DeepZoomGenerator
from PIL import Image, ImageOps
from pydicom import dcmread
from pydicom.dataset import Dataset

from archive.identity import uid_from
from slides.convert import Report, Request, convert
from slides.copying import as_one_tile
from slides.header import Context, Picture, header
from slides.metadata import applied, decide, sources
from slides.open import open_slide
from slides.slide import Facts, Scanner, Specimen
from tests.samples import real_samples, vendors
from tests.samples.dicom_slides import Made, write_instance
from tests.samples.hamamatsu import Scan, ndpi
from tests.samples.slide import make_slide
from tests.samples.tissue import display_profile
from tests.slides.expected import SLIDES
from tests.slides.test_convert import ALLOWED, complaints, psnr, stored
from tiles import frames as writing
from tiles.codec import decode_jpeg, encode_jpeg, padded
from tiles.codestream import parse_jpeg
from tiles.coding import encoded
from tiles.colour import as_input_profile
from tiles.composite import Composite, channels_of, is_composite
from tiles.instance import StoredImage
from tiles.plan import LOSSY, Action
from tiles.pyramid import Box
from tiles.render import deep_zoom_tile
from tiles.source import Pixels

# Odd in both directions, and one column and row over whole tiles of 256.
PICTURE = vendors.picture(1025, 769)
WHOLE_TILES = vendors.picture(1024, 768)
MPP_UM = (0.5, 0.5)
ORIENTATION = 274


def picture_level(path: Path) -> Pixels:
    """The largest level as other people's software reads it: OpenSlide, else tifffile, pydicom."""
    if _orientation(path) > 1:
        # OpenSlide turns the tiles and leaves them where they are.
        turned = Image.fromarray(np.asarray(tifffile.imread(path, key=0)))
        turned.getexif()[ORIENTATION] = _orientation(path)
        return np.asarray(ImageOps.exif_transpose(turned))[..., np.newaxis]
    try:
        with openslide.OpenSlide(path) as slide:
            region = slide.read_region((0, 0), 0, slide.dimensions)
            colour = slide.properties.get("openslide.background-color", "ffffff")
        ground = Image.new("RGB", region.size, f"#{colour}")
        ground.paste(region, mask=region.getchannel("A"))
        return np.asarray(ground)
    except openslide.OpenSlideError:
        pass
    if path.suffix == ".czi":
        with open_slide(path) as slide:  # no other reader of grey ones is at hand
            base = slide.source.pyramid
            return slide.source.pixels(0, Box(0, 0, base.width, base.height))
    if path.read_bytes()[128:132] == b"DICM":
        return _joined(dcmread(path))
    pixels = np.asarray(tifffile.imread(path, key=0))
    if pixels.dtype == np.int8:
        pixels = pixels.view(np.uint8) ^ 0x80
    return pixels[..., np.newaxis] if pixels.ndim == 2 else pixels


def _orientation(path: Path) -> int:
    if path.read_bytes()[:2] not in {b"II", b"MM"}:
        return 1
    with tifffile.TiffFile(path) as tiff:
        page: Any = tiff.pages[0]
        return int(page.tags.valueof(ORIENTATION, 1))


def _joined(data: Dataset) -> Pixels:
    width = data.get("TotalPixelMatrixColumns", data.Columns)
    height = data.get("TotalPixelMatrixRows", data.Rows)
    columns = -(-width // data.Columns)
    data.PlanarConfiguration = data.get("PlanarConfiguration", 0)
    tiles = data.pixel_array.reshape(-1, data.Rows, data.Columns, data.SamplesPerPixel)
    rows = [np.concatenate(tiles[n : n + columns], 1) for n in range(0, len(tiles), columns)]
    return np.concatenate(rows, 0)[:height, :width]


def loss_db(image: StoredImage, reference: Pixels, quality: int) -> float:
    """How much worse level 0 is than its reference encoded the same way: the median over tiles."""
    level = image.pyramid.levels[0]
    subsampling = parse_jpeg(image.frame(0, 0, 0).data).subsampling
    losses = []
    for row in range(level.rows):
        for column in range(level.columns):
            box = level.box(column, row)
            area = np.ascontiguousarray(reference[box.y : box.bottom, box.x : box.right])
            tile = padded(area, level.tile_height, level.tile_width)
            ideal = decode_jpeg(encode_jpeg(tile, quality, subsampling))[: box.height, : box.width]
            losses.append(psnr(ideal, area) - psnr(image.pixels(0, box), area))
    return float(np.median(losses))


def level_0_is_right(out: Path, report: Report, reference: Pixels, tolerance: int = 0) -> str:
    """Judge the pixels of level 0 and say how they were found right."""
    image = stored(out)
    level = image.pyramid.levels[0]
    if image.pyramid.samples == 1:
        reference = reference[..., :1]
    assert reference.shape == (level.height, level.width, image.pyramid.samples)
    if report.plan.levels[0].action is Action.COPY:
        pixels = image.pixels(0, Box(0, 0, level.width, level.height))
        assert np.abs(pixels.astype(int) - reference).max() <= tolerance
        return "exact"
    if report.plan.encoding not in LOSSY:
        pixels = image.pixels(0, Box(0, 0, level.width, level.height))
        assert np.array_equal(pixels, reference)
        return "exact"
    loss = loss_db(image, reference, report.plan.quality)
    assert abs(loss) < 1
    corner = Box(level.width - 1, level.height - 1, 1, 1)
    last = reference[-1, -1].astype(int)
    assert np.abs(image.pixels(0, corner)[0, 0] - last).max() < 48
    return f"{loss:.2f} dB"


def deep_zoom_is_right(image: StoredImage) -> None:
    """First and last tile of every level have the sizes that OpenSlide's generator asks for."""
    pyramid = image.pyramid
    shown = Composite(image, channels_of(None, pyramid)) if is_composite(pyramid) else image
    blank = openslide.ImageSlide(Image.new("RGB", (pyramid.width, pyramid.height)))
    view = DeepZoomGenerator(blank, pyramid.deep_zoom.tile_size, 0, limit_bounds=False)
    assert view.level_count == pyramid.deep_zoom.count
    for level, (columns, rows) in enumerate(view.level_tiles):
        for address in {(0, 0), (columns - 1, rows - 1)}:
            tile = deep_zoom_tile(shown, level, *address)
            assert Image.open(io.BytesIO(tile)).size == view.get_tile_dimensions(level, address)


def _grey(path: Path, **more: Any) -> Path:
    usual: dict[str, Any] = {"photometric": "minisblack"}
    return vendors.generic(path, np.ascontiguousarray(PICTURE[..., 1]), **(usual | more))


def _see_through(path: Path) -> Path:
    alpha = np.full(PICTURE.shape[:2], 255, np.uint8)
    alpha[:, :300] = 0
    pixels = np.dstack((PICTURE, alpha))
    raw = {"compression": "deflate", "compressionargs": None, "extrasamples": ["unassalpha"]}
    return vendors.generic(path, pixels, **raw)


def _set(path: Path) -> Path:
    """A series as converters leave it: levels, label, overview and thumbnail side by side."""
    path.parent.mkdir()
    for number, level in enumerate(vendors.halves(PICTURE, 2)):
        write_instance(path.with_name(f"{number}.dcm"), level, Made(mpp_um=0.5 * 2**number))
    for flavour, size in (("LABEL", 128), ("OVERVIEW", 300), ("THUMBNAIL", 60)):
        small = vendors.picture(size, size)
        write_instance(path.with_name(f"{flavour}.dcm"), small, Made(flavour=flavour))
    return path.with_name("0.dcm")


def _dicom(path: Path, made: Made) -> Path:
    path.parent.mkdir()
    return write_instance(path, PICTURE, made)


@dataclass(frozen=True)
class Kind:
    """How to make a file, and what is to become of its base."""

    make: Callable[[Path], Path]
    action: Action = Action.ENCODE
    tolerance: int = 0
    """By how much other software may round colours otherwise."""


COPY = Action.COPY
OWN_CODEC: dict[str, Any] = {"compressionargs": None}
JPEG_2000: dict[str, Any] = {
    "compression": 34712,
    "compressionargs": {"level": 45, "reversible": False},
}
KINDS: dict[str, Kind] = {
    "rgb.svs": Kind(partial(make_slide, width=1025, height=769, mpp=0.5, icc=True), COPY),
    "ycbcr.svs": Kind(
        partial(make_slide, width=1025, height=769, mpp=0.5, form="complete-ycbcr"), COPY
    ),
    "33003.svs": Kind(
        partial(vendors.aperio_jpeg_2000, pixels=PICTURE, compression=33003), COPY, 2
    ),
    "33003-reversible.svs": Kind(
        partial(vendors.aperio_jpeg_2000, pixels=PICTURE, compression=33003, reversible=True)
    ),
    "33005.svs": Kind(partial(vendors.aperio_jpeg_2000, pixels=PICTURE), COPY),
    "33005-ict.svs": Kind(partial(vendors.aperio_jpeg_2000, pixels=PICTURE, mct=True), COPY),
    "33005-rct.svs": Kind(
        partial(vendors.aperio_jpeg_2000, pixels=PICTURE, mct=True, reversible=True), COPY
    ),
    "34712.tif": Kind(partial(vendors.generic, pixels=PICTURE, **JPEG_2000), COPY),
    "generic.tif": Kind(partial(vendors.generic, pixels=PICTURE), COPY),
    "1024.tif": Kind(partial(vendors.generic, pixels=PICTURE, tile=(1024, 1024)), COPY),
    "oblong.tif": Kind(partial(vendors.generic, pixels=PICTURE, tile=(128, 240)), COPY),
    "tiny.tif": Kind(partial(vendors.generic, pixels=PICTURE, tile=(16, 48))),
    "whole.tif": Kind(partial(vendors.strips, pixels=PICTURE, rows=769, compression="jpeg"), COPY),
    "jpeg-strips.tif": Kind(
        partial(vendors.strips, pixels=WHOLE_TILES, rows=64, compression="jpeg"), COPY
    ),
    "uneven-strips.tif": Kind(partial(vendors.strips, pixels=PICTURE, rows=64, compression="jpeg")),
    "lzw.tif": Kind(
        partial(vendors.generic, pixels=PICTURE, compression="lzw", compressionargs=None)
    ),
    "webp.tif": Kind(partial(vendors.generic, pixels=PICTURE, **OWN_CODEC, compression="webp")),
    "jpegxl.tif": Kind(partial(vendors.generic, pixels=PICTURE, **OWN_CODEC, compression="jpegxl")),
    "lerc.tif": Kind(partial(vendors.generic, pixels=PICTURE, **OWN_CODEC, compression="lerc")),
    "lzma.tif": Kind(partial(vendors.generic, pixels=PICTURE, **OWN_CODEC, compression="lzma")),
    "alpha.tif": Kind(_see_through),
    "planar.tif": Kind(partial(vendors.planar, pixels=PICTURE)),
    "strips.tif": Kind(partial(vendors.strips, pixels=PICTURE)),
    "grey.tif": Kind(_grey, COPY),
    "grey-raw.tif": Kind(partial(_grey, compression=None, compressionargs=None)),
    "a.ome.tif": Kind(partial(vendors.ome_pyramid, pixels=PICTURE), COPY),
    "trestle.tif": Kind(partial(vendors.trestle, pixels=PICTURE), COPY),
    "philips.tiff": Kind(partial(vendors.philips, pixels=PICTURE, empty=(1, 7)), COPY),
    "squares.ndpi": Kind(partial(ndpi, pixels=WHOLE_TILES, scan=Scan(512)), COPY),
    "bands.ndpi": Kind(partial(ndpi, pixels=WHOLE_TILES, scan=Scan(1024, "4:4:4")), COPY),
    "a.bif": Kind(partial(vendors.ventana, pixels=WHOLE_TILES), COPY),
    "overlapping.bif": Kind(partial(vendors.ventana, pixels=WHOLE_TILES, overlap=8)),
    "set/a.dcm": Kind(_set, COPY),
    "fragments/a.dcm": Kind(partial(_dicom, made=Made(fragments=3)), COPY),
    "sparse/a.dcm": Kind(partial(_dicom, made=Made(sparse_without=(3, 7))), COPY),
    "native/a.dcm": Kind(partial(_dicom, made=Made(table="native"))),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_files_become_dicom_with_the_right_pixels(name: str, tmp_path: Path) -> None:
    path = KINDS[name].make(tmp_path / name)
    reference = picture_level(path)
    report = convert(path, tmp_path / "out", Request(mpp_um=MPP_UM))
    assert report.plan.levels[0].action is KINDS[name].action
    assert complaints(tmp_path / "out") == []
    level_0_is_right(tmp_path / "out", report, reference, KINDS[name].tolerance)
    deep_zoom_is_right(stored(tmp_path / "out"))
    kept = convert(path, tmp_path / "kept", Request(levels="source", mpp_um=MPP_UM))
    assert complaints(tmp_path / "kept") == []
    level_0_is_right(tmp_path / "kept", kept, reference, KINDS[name].tolerance)


def _opened() -> Iterator[tuple[str, Path]]:
    """The name and place of each real file that opens; of one slide's many files the first."""
    folder = real_samples()
    seen = set()
    for row, expected in SLIDES.items():
        if folder is None or expected.outcome != "opened":
            continue
        for path in sorted(folder.glob(row)):
            named = path.relative_to(folder).as_posix()
            if named != row and named in SLIDES:
                continue
            with open_slide(path) as slide:
                first = (slide.files[0], slide.source.pyramid)
            if path.is_file() and first not in seen:
                seen.add(first)
                yield named, path


# Headers that say RGB of frames that are YCbCr by their own JFIF marker: OpenSlide believes the
# header and shows what no eye takes for tissue.
LYING = ("dicom-wsi/cmu-1-small-region-12-levels/",)


def is_tissue_nevertheless(out: Path, shown: Pixels) -> str:
    """Judge level 0 by the components that another reader shows for colours."""
    expected = np.asarray(Image.fromarray(shown, "YCbCr").convert("RGB"))
    height, width = expected.shape[:2]
    assert psnr(stored(out).pixels(0, Box(0, 0, width, height)), expected) > 45
    return "right, where OpenSlide shows YCbCr as RGB"


def test_every_file_that_opens_converts(tmp_path: Path, artefacts: Path) -> None:
    files = list(_opened())
    if real_samples() is None:
        chosen = ("rgb.svs", "33003.svs", "grey.tif", "a.ome.tif", "a.bif")
        files = [(name, KINDS[name].make(tmp_path / name)) for name in chosen]
    rows = []
    wrong = {}
    for number, (name, path) in enumerate(files):
        out = tmp_path / str(number)
        with open_slide(path) as slide:
            asked = None if slide.facts.mpp_um else MPP_UM
        report = convert(path, out, Request(mpp_um=asked))
        if found := complaints(out):
            wrong[name] = found
        reference = picture_level(path)
        if name.startswith(LYING):
            judged = is_tissue_nevertheless(out, reference)
        else:
            judged = level_0_is_right(out, report, reference)
        deep_zoom_is_right(stored(out))
        base, *others = report.plan.levels
        plan = f"{base.action} ({base.reason}), {len(others)} levels {Action.DERIVE}d"
        spacing = "--mpp" if asked else "stated"
        rows.append(f"| {name} | converted | {judged} | {spacing} | {plan} |")
    head = "| file | outcome | level 0 | spacing | plan |\n|---|---|---|---|---|\n"
    allowed = f"\nAllowed of the validators: {', '.join(ALLOWED)}.\n"
    refused = [
        f"| {row} | refused: {expected.phrase} | | | |"
        for row, expected in SLIDES.items()
        if real_samples() is not None and expected.outcome != "opened"
    ]
    table = head + "\n".join(rows + refused) + "\n" + allowed
    (artefacts / "formats.md").write_text(table, "utf-8")
    assert wrong == {}
    assert len(rows) == len(files) >= 5


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
    assert len(steps) > fewest
