"""What a zarr key means: documents, tiles and made-up shards of a stored image."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from ome_zarr_models.v05.image import Image as OmeImage
from zarr.core.buffer import Buffer, cpu
from zarr.storage import MemoryStore

from slides.convert import Request, convert
from tests.samples.dicom_planes import Cut, smooth, write_stack
from tests.tiles.test_instance import reader
from tests.tiles.test_linked_zarr import KINDS, LEVELS, write_levels
from tiles.errors import OutsideImage
from tiles.instance import StoredImage, read_index
from tiles.linked_zarr import layout_of
from tiles.pyramid import Box, Level
from tiles.shard import read_shard_index
from tiles.zarr_codec import register
from tiles.zarr_view import Chunk, Range, Shard, ZarrView, chunked, decoded

SIDES = st.integers(1, 3000)


class Kept:
    """A stored image held in memory, and its view."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.contents = [path.read_bytes() for path in paths]
        self.indices = [read_index(reader(one), len(one)) for one in self.contents]
        readers = [reader(one) for one in self.contents]
        self.image = StoredImage(list(zip(self.indices, readers, strict=True)))
        self.view = ZarrView(self.indices, (0.25, 0.5))

    def bytes_of(self, shard: Shard, offset: int, length: int) -> bytes:
        return b"".join(
            self.contents[part.level][part.offset : part.offset + part.length]
            if isinstance(part, Range)
            else part
            for part in shard.parts(offset, length)
        )

    def store(self, prefix: str) -> MemoryStore:
        """All that the view has below a prefix, as a store that zarr reads."""
        found = {f"{prefix}zarr.json": self.view.find(f"{prefix}zarr.json")}
        for number, index in enumerate(self.indices):
            layout = layout_of(index)
            chunks = zip(layout.shape(index.level), layout.chunk(chunked(index.level)), strict=True)
            grid = [1 if prefix else -(-extent // part) for extent, part in chunks]
            keys = ["c/" + "/".join(map(str, place)) for place in np.ndindex(*grid)]
            found |= {
                f"{prefix}{number}/{key}": self.view.find(f"{prefix}{number}/{key}")
                for key in ("zarr.json", *keys)
            }
        values: dict[str, Buffer] = {}
        for key, value in found.items():
            data: bytes | memoryview
            match value:
                case Chunk():
                    data = decoded(self.image, value)
                case Shard():
                    data = self.bytes_of(value, 0, value.size_bytes)
                case _:
                    data = value
            values[key.removeprefix(prefix)] = cpu.Buffer.from_bytes(data)
        return MemoryStore(values)


@pytest.fixture(scope="module", autouse=True)
def four_tiles_a_chunk() -> Iterator[None]:
    """Small as the levels are, they have several chunks and cut ones at their edges."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tiles.zarr_view.CHUNK_PX", 128)
        yield


@given(width=SIDES, height=SIDES, tile=st.integers(1, 1100))
def test_a_chunk_is_whole_tiles_and_no_more_than_its_least_side_takes(
    width: int, height: int, tile: int
) -> None:
    level = Level(width, height, tile, tile)
    grid = chunked(level)
    assert (grid.width, grid.height) == (width, height)
    for side, extent in ((grid.tile_width, width), (grid.tile_height, height)):
        assert side % tile == 0
        assert side >= 128 or side >= extent
        assert side == tile or side - tile < min(128, extent)


@pytest.fixture(scope="module", params=["ycbcr-420", "grey", "jpeg2000"])
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    register()
    levels = write_levels(tmp_path_factory.mktemp("view"), KINDS[request.param])
    return Kept([level.path for level in levels])


@pytest.mark.parametrize("prefix", ["", "stored/"])
def test_zarr_reads_the_pixels_of_the_stored_image(kept: Kept, prefix: str) -> None:
    group = zarr.open_group(kept.store(prefix), mode="r")
    spacings = [
        dataset.coordinateTransformations[0].model_dump()["scale"]
        for dataset in OmeImage.from_zarr(group).ome_attributes.multiscales[0].datasets
    ]
    assert spacings == [[1.0, 0.5, 0.25], [1.0, 1.0, 0.5]]
    for number, level in enumerate(LEVELS):
        array = group[str(number)]
        assert isinstance(array, zarr.Array)
        own = kept.image.pixels(number, Box(0, 0, level.width, level.height))
        assert np.array_equal(np.asarray(array[:]), np.moveaxis(own, 2, 0))


@pytest.mark.parametrize("prefix", ["", "stored/"])
@pytest.mark.parametrize(("paths", "depth"), [(2, 3), (3, 1), (1, 4)])
def test_channels_and_focal_planes_are_axes(
    tmp_path: Path, prefix: str, paths: int, depth: int
) -> None:
    register()
    stack = smooth(paths, depth, 600, 400, np.uint16, 1)
    (path,) = write_stack(tmp_path, "a", stack, Cut("JPEG-LS", tile=256))
    convert(path, tmp_path / "out", Request(to="dicom"))
    stacked = Kept(sorted((tmp_path / "out").glob("level-*.dcm")))
    group = zarr.open_group(stacked.store(prefix), mode="r")
    assert [axis.name for axis in OmeImage.from_zarr(group).ome_attributes.multiscales[0].axes] == (
        ["c", "z", "y", "x"] if depth > 1 else ["c", "y", "x"]
    )
    array = group["0"]
    assert isinstance(array, zarr.Array)
    expected = stack[..., 0] if depth > 1 else stack[:, 0, :, :, 0]
    assert np.array_equal(np.asarray(array[:]), expected)


@given(data=st.data())
def test_any_range_of_a_shard_is_that_part_of_it(kept: Kept, data: st.DataObject) -> None:
    shard = kept.view.find("stored/1/c/0/0/0")
    assert isinstance(shard, Shard)
    whole = kept.bytes_of(shard, 0, shard.size_bytes)
    assert len(whole) == shard.size_bytes
    begin = data.draw(st.integers(0, shard.size_bytes))
    length = data.draw(st.integers(0, shard.size_bytes - begin))
    assert kept.bytes_of(shard, begin, length) == whole[begin : begin + length]


def test_a_shard_holds_the_frames_and_nothing_of_the_header(kept: Kept) -> None:
    shard = kept.view.find("stored/0/c/0/0/0")
    assert isinstance(shard, Shard)
    whole = kept.bytes_of(shard, 0, shard.size_bytes)
    offsets, lengths = read_shard_index(whole[-(16 * LEVELS[0].tiles + 4) :], LEVELS[0].tiles)
    for number, (at, length) in enumerate(zip(offsets, lengths, strict=True)):
        column, row = number % LEVELS[0].columns, number // LEVELS[0].columns
        frame = kept.image.frame(0, column, row)
        assert frame is not None
        assert whole[at : at + length] == frame.data
    begin = int(shard.index.offsets.min())
    # The last element before the pixel data is the table of lengths.
    assert kept.contents[0][:begin].endswith(
        b"\xfe\xff\x00\xe0" + int(lengths[0]).to_bytes(4, "little")
    )
    assert offsets[0] == 0


def test_chunks_are_padded_with_what_zarr_fills_in(kept: Kept) -> None:
    document = kept.view.find("1/zarr.json")
    assert isinstance(document, bytes)
    assert json.loads(document)["fill_value"] == 0
    chunk = kept.view.find("1/c/0/0/1")
    assert isinstance(chunk, Chunk)
    data = decoded(kept.image, chunk)
    assert len(data) == chunk.size_bytes
    square = np.frombuffer(data, np.uint8).reshape(128, 128, -1)
    assert not square[125:].any()
    assert not square[:, 167 - 128 :].any()
    assert square[:125, : 167 - 128].any()


@pytest.mark.parametrize(
    "key",
    [
        *("", "zarr", "zarr.json/", "/zarr.json", ".zgroup", ".zattrs", "0", "0/", "2/zarr.json"),
        *("00/zarr.json", "0/.zarray", "0/c/0/0", "0/c/0/0/0/0", "0/c/0/0/3", "0/c/0/2/0"),
        *("0/c/1/0/0", "0/c/0/00/0", "0/c/0/-1/0", "0/c/0/٣/0", "0/d/0/0/0", "0/c.0.0.0"),
        *("stored", "stored/", "stored/stored/zarr.json", "stored/2/zarr.json"),
        *("stored/0/c/0/0/1", "stored/0/c/0/1/0", "stored/0/c/1/0/0", "stored/0/c/0/0"),
        *("stored/zarr.json/zarr.json", "0/stored/zarr.json", "../0/zarr.json"),
    ],
)
def test_a_key_that_means_nothing_is_outside(kept: Kept, key: str) -> None:
    with pytest.raises(OutsideImage):
        kept.view.find(key)
