"""Instances that are shards: read by zarr as they are read by DICOM's readers."""

import errno
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import zarr
from ome_zarr_models.v05.image import Image as OmeImage
from pydicom.uid import (
    UID,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)
from yaozarrs import validate_zarr_store

from tests.tiles.arrays import picture
from tests.tiles.test_instance import minimal_header, reader
from tiles.codec import encode_jpeg, encode_jpeg2000_lossless, padded
from tiles.errors import DamagedCodestream, DamagedShard, NoLinks, UnsupportedPixels
from tiles.frames import InMemory, write_instance
from tiles.instance import StoredImage, read_index
from tiles.linked_zarr import LinkedLevel, link
from tiles.ngff import FRAME_CODECS
from tiles.pyramid import Box, Level
from tiles.source import Pixels
from tiles.zarr_codec import ALL, register

LEVELS = (Level(333, 250, 64, 64), Level(167, 125, 64, 64))
SPACINGS = ((0.25, 0.5), (0.5, 1.0))
Encode = Callable[[Pixels], bytes]


def squeezed(encode: Callable[..., bytes | bytearray]) -> Encode:
    return lambda pixels: bytes(encode(np.ascontiguousarray(np.squeeze(pixels))))


def rgb_jpeg(pixels: Pixels) -> bytes:
    return bytes(
        imagecodecs.jpeg8_encode(
            np.ascontiguousarray(pixels),
            level=90,
            colorspace="rgb",
            outcolorspace="rgb",
            subsampling="444",
        )
    )


KINDS: dict[str, tuple[str, int, Encode]] = {
    "ycbcr-420": (JPEGBaseline8Bit, 3, partial(encode_jpeg, quality=90, subsampling="420")),
    "ycbcr-444": (JPEGBaseline8Bit, 3, partial(encode_jpeg, quality=90, subsampling="444")),
    "rgb": (JPEGBaseline8Bit, 3, rgb_jpeg),
    "grey": (JPEGBaseline8Bit, 1, partial(encode_jpeg, quality=90, subsampling="gray")),
    "jpeg2000": (JPEG2000Lossless, 3, encode_jpeg2000_lossless),
    "jpeg2000-grey": (JPEG2000Lossless, 1, encode_jpeg2000_lossless),
    "htj2k": (HTJ2KLossless, 3, squeezed(imagecodecs.htj2k_encode)),
    "jpeg-ls": (JPEGLSLossless, 3, squeezed(imagecodecs.jpegls_encode)),
}


def write_levels(
    folder: Path, kind: tuple[str, int, Encode], levels: tuple[Level, ...] = LEVELS
) -> list[LinkedLevel]:
    syntax, samples, encode = kind
    linked = []
    for number, (level, spacing) in enumerate(zip(levels, SPACINGS, strict=True)):
        pixels = picture(level.width, level.height, samples)
        boxes = [level.box(c, r) for r in range(level.rows) for c in range(level.columns)]
        tiles = [pixels[box.y : box.bottom, box.x : box.right] for box in boxes]
        frames = [encode(padded(tile, level.tile_height, level.tile_width)) for tile in tiles]
        header = minimal_header(level, len(frames))
        header.file_meta.TransferSyntaxUID = UID(syntax)
        header.SamplesPerPixel = samples
        path = folder / f"level-{number}.dcm"
        write_instance(path, header, InMemory(frames))
        linked.append(LinkedLevel(path, spacing))
    return linked


def stored(levels: list[LinkedLevel]) -> StoredImage:
    contents = [level.path.read_bytes() for level in levels]
    return StoredImage([(read_index(reader(one), len(one)), reader(one)) for one in contents])


@pytest.fixture(autouse=True)
def codecs() -> None:
    register()


@pytest.mark.parametrize("name", KINDS)
def test_zarr_and_dicom_read_the_same_pixels(tmp_path: Path, name: str) -> None:
    levels = write_levels(tmp_path, KINDS[name])
    link(tmp_path / "slide.ome.zarr", levels, "slide", "box average")
    group = zarr.open_group(tmp_path / "slide.ome.zarr", mode="r")
    image = stored(levels)
    for number, level in enumerate(LEVELS):
        array = group[str(number)]
        assert isinstance(array, zarr.Array)
        own = image.pixels(number, Box(0, 0, level.width, level.height))
        planes = np.moveaxis(own, 2, 0)
        assert np.array_equal(np.asarray(array[:]), planes)
        assert np.array_equal(np.asarray(array[:, 60:131, 3:70]), planes[:, 60:131, 3:70])
        error = np.abs(own.astype(int) - picture(level.width, level.height, KINDS[name][1]))
        assert error.mean() < 4


@pytest.mark.parametrize("name", KINDS)
def test_programs_without_our_codec_decode_the_same(tmp_path: Path, name: str) -> None:
    image = stored(write_levels(tmp_path, KINDS[name]))
    frame = image.frame(0, 1, 1)
    assert frame is not None
    codec = FRAME_CODECS[frame.encoding].removeprefix("imagecodecs_")
    decode = getattr(imagecodecs, "jpeg8_decode" if codec == "jpeg" else f"{codec}_decode")
    decoded = decode(frame.data)
    assert np.array_equal(decoded.reshape(64, 64, -1), image.pixels(0, Box(64, 64, 64, 64)))


def test_the_metadata_are_those_of_an_image(tmp_path: Path) -> None:
    folder = tmp_path / "slide.ome.zarr"
    link(folder, write_levels(tmp_path, KINDS["ycbcr-420"]), "slide", "box average")
    validate_zarr_store(str(folder))
    image = OmeImage.from_zarr(zarr.open_group(folder, mode="r")).ome_attributes.multiscales[0]
    told = [
        [one.model_dump()[str(one.type)] for one in dataset.coordinateTransformations]
        for dataset in image.datasets
    ]
    assert told == [[[1.0, 0.5, 0.25]], [[1.0, 1.0, 0.5], [0.0, 0.25, 0.125]]]
    assert [axis.unit for axis in image.axes] == [None, "micrometer", "micrometer"]


def test_both_forms_are_one_file(tmp_path: Path) -> None:
    levels = write_levels(tmp_path, KINDS["ycbcr-420"])
    link(tmp_path / "slide.ome.zarr", levels, "slide", "box average")
    for number, level in enumerate(levels):
        assert (tmp_path / f"slide.ome.zarr/{number}/c/0/0/0").samefile(level.path)
        assert level.path.stat().st_nlink == 2


def no_links(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, "no links here")


def test_without_hard_links_the_shard_points_to_the_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "before").mkdir()
    levels = write_levels(tmp_path / "before", KINDS["grey"])
    monkeypatch.setattr(os, "link", no_links)
    link(tmp_path / "before/slide.ome.zarr", levels, "slide", "box average")
    # Relative, so that the folder may be moved.
    folder = (tmp_path / "before").rename(tmp_path / "after")
    shard = folder / "slide.ome.zarr/1/c/0/0/0"
    assert shard.is_symlink()
    assert shard.samefile(folder / "level-1.dcm")
    array = zarr.open_array(folder / "slide.ome.zarr/1", mode="r")
    assert np.abs(np.asarray(array[0]).astype(int) - picture(167, 125, 1)[..., 0]).mean() < 4


def test_bytes_are_never_doubled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    levels = write_levels(tmp_path, KINDS["grey"])
    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(os, "symlink", no_links)
    with pytest.raises(NoLinks, match="convert to dicom alone"):
        link(tmp_path / "slide.ome.zarr", levels, "slide", "box average")


@pytest.mark.parametrize("change", ["cut", "foreign", "moved"])
def test_an_instance_without_its_index_is_no_shard(tmp_path: Path, change: str) -> None:
    levels = write_levels(tmp_path, KINDS["grey"])
    path = levels[1].path
    data = path.read_bytes()
    end = len(data) - (16 * LEVELS[1].tiles + 4)
    changed = {
        "cut": data[: end - 12],
        "foreign": data[:end] + bytes(len(data) - end),
        # As an editor of headers leaves it: all frames moved, the index as it was.
        "moved": lengthened(data),
    }
    path.write_bytes(changed[change])
    with pytest.raises(DamagedShard):
        link(tmp_path / "slide.ome.zarr", levels, "slide", "box average")


def lengthened(data: bytes) -> bytes:
    """The instance with one more element in its file meta information (PS3.10 7.1)."""
    more = b"\x02\x00\x00\x01UI\x04\x001.2\x00"
    length = int.from_bytes(data[140:144], "little")
    head = data[:140] + (length + len(more)).to_bytes(4, "little")
    return head + data[144 : 144 + length] + more + data[144 + length :]


def test_frames_that_no_codec_reads_are_refused(tmp_path: Path) -> None:
    levels = write_levels(tmp_path, (RLELossless, 1, lambda pixels: bytes(100)))
    with pytest.raises(UnsupportedPixels, match="no zarr codec"):
        link(tmp_path / "slide.ome.zarr", levels, "slide", "box average")


@pytest.mark.parametrize("name", ["ycbcr-420", "jpeg2000"])
def test_a_damaged_frame_is_never_shown(tmp_path: Path, name: str) -> None:
    levels = write_levels(tmp_path, KINDS[name])
    link(tmp_path / "slide.ome.zarr", levels, "slide", "box average")
    data = bytearray(levels[0].path.read_bytes())
    index = read_index(reader(bytes(data)), len(data))
    begin, end = int(index.offsets[0]), int(index.offsets[0] + index.lengths[0])
    data[begin + (end - begin) // 2 : end] = bytes(end - begin - (end - begin) // 2)
    levels[0].path.write_bytes(data)
    array = zarr.open_array(tmp_path / "slide.ome.zarr/0", mode="r")
    with pytest.raises(DamagedCodestream):
        array[:, :10, :10]
    assert np.asarray(array[:, :10, 64:74]).any()


def test_options_that_would_change_the_pixels_are_refused() -> None:
    for codec in ALL:
        name = FRAME_CODECS[codec.encoding]
        assert codec.from_dict({"name": name}).to_dict() == {"name": name}
        assert codec.from_dict({"name": name, "configuration": {}}) == codec()
        with pytest.raises(ValueError, match="without options"):
            codec.from_dict({"name": name, "configuration": {"tables": "AAAA"}})


def test_zarr_finds_the_codecs_by_itself(tmp_path: Path) -> None:
    levels = write_levels(tmp_path, KINDS["ycbcr-420"])
    link(tmp_path / "slide.ome.zarr", levels, "slide", "box average")
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    entered = project["entry-points"]["zarr.codecs"]
    assert set(entered) == set(FRAME_CODECS.values())
    installed = tmp_path / "packages/codecs-1.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: codecs\nVersion: 1\n")
    lines = [f"{name} = {place}" for name, place in entered.items()]
    (installed / "entry_points.txt").write_text("\n".join(["[zarr.codecs]", *lines]))
    program = (
        "import sys, zarr; a = zarr.open_array(sys.argv[1], mode='r');"
        "print(int(a[:].sum()), type(a.metadata.codecs[0].codecs[-1]).__module__)"
    )
    paths = [str(installed.parent), str(Path.cwd()), *sys.path]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, tmp_path / "slide.ome.zarr/0"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=True,
    )
    own = stored(levels).pixels(0, Box(0, 0, 333, 250))
    assert done.stdout.split() == [str(int(own.sum())), "tiles.zarr_codec"]
