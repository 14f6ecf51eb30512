"""An index made anew is the one that was there."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian

from tests.samples.dicom_slides import Made, Table
from tests.samples.dicom_slides import write_instance as write_foreign
from tests.tiles.arrays import picture
from tests.tiles.test_instance import minimal_header, reader
from tests.tiles.test_linked_zarr import KINDS, lengthened, write_levels
from tiles.errors import DamagedInstance, DamagedShard, TilesError, UnsupportedPixels
from tiles.frames import InMemory, write_instance
from tiles.instance import read_index
from tiles.linked_zarr import link
from tiles.pyramid import Level
from tiles.reindex import reindex
from tiles.trailing_index import read_trailing_index
from tiles.zarr_codec import register

FRAMES = [bytes([n]) * (7 + 3 * n) for n in range(6)]
INDEX_BYTES = 12 + 16 * len(FRAMES) + 4
OTHER_PADDING = b"\xfc\xff\xfc\xffOB\0\0\x06\0\0\0" + bytes(6)
SIGNATURES = b"\xfa\xff\xfa\xffSQ\0\0\x08\0\0\0\xfe\xff\x00\xe0\0\0\0\0"

Change = Callable[[bytes], bytes]
CHANGES: dict[str, Change] = {
    "stripped": lambda data: data[:-INDEX_BYTES],
    "stripped and signed": lambda data: data[:-INDEX_BYTES] + SIGNATURES,
    "other padding": lambda data: data[:-INDEX_BYTES] + OTHER_PADDING,
    "half an index": lambda data: data[: -INDEX_BYTES + 9],
    "cut in the index": lambda data: data[:-20],
    "cut in its tag": lambda data: data[: -INDEX_BYTES + 3],
    "a longer header": lengthened,
    "a longer header, stripped": lambda data: lengthened(data)[:-INDEX_BYTES],
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("reindex") / "level.dcm"
    write_instance(path, minimal_header(Level(48, 32, 16, 16), len(FRAMES)), InMemory(FRAMES))
    return path.read_bytes()


@pytest.mark.parametrize("change", CHANGES)
def test_the_index_is_made_anew(tmp_path: Path, whole: bytes, change: str) -> None:
    path, draft = tmp_path / "level.dcm", tmp_path / "draft.dcm"
    path.write_bytes(CHANGES[change](whole))
    assert reindex(path, draft)
    data = draft.read_bytes()
    offsets, lengths = read_trailing_index(reader(data), len(data), len(FRAMES))
    own = read_index(reader(data), len(data))
    assert np.array_equal(offsets, own.offsets)
    assert np.array_equal(lengths, own.lengths)
    if "longer" not in change and "signed" not in change:
        assert data == whole
    assert not reindex(draft, tmp_path / "again.dcm")
    assert not (tmp_path / "again.dcm").exists()


def test_a_right_index_is_left_alone(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "level.dcm"
    path.write_bytes(whole)
    assert not reindex(path, tmp_path / "draft.dcm")
    assert [one.name for one in tmp_path.iterdir()] == ["level.dcm"]


@pytest.mark.parametrize("table", ["basic", "extended", "none"])
def test_other_software_s_instances_get_one_too(tmp_path: Path, table: Table) -> None:
    path = write_foreign(tmp_path / "level.dcm", picture(300, 200), Made(table=table))
    before = dcmread(path)
    assert reindex(path, tmp_path / "draft.dcm")
    data = (tmp_path / "draft.dcm").read_bytes()
    offsets, lengths = read_trailing_index(reader(data), len(data), int(before.NumberOfFrames))
    frames = [data[at : at + length] for at, length in zip(offsets, lengths, strict=True)]
    assert {frame[:3] for frame in frames} == {b"\xff\xd8\xff"}
    assert {frame.rstrip(b"\0")[-2:] for frame in frames} == {b"\xff\xd9"}
    assert dcmread(tmp_path / "draft.dcm").PixelData == before.PixelData


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (Made(fragments=2), "more than one fragment"),
        (Made(table="native"), "not encapsulated"),
    ],
)
def test_what_cannot_be_a_shard_is_refused(tmp_path: Path, made: Made, message: str) -> None:
    path = write_foreign(tmp_path / "level.dcm", picture(300, 200), made)
    with pytest.raises(UnsupportedPixels, match=message):
        reindex(path, tmp_path / "draft.dcm")
    assert not (tmp_path / "draft.dcm").exists()


def test_fewer_frames_than_promised_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "level.dcm"
    write_instance(path, minimal_header(Level(48, 32, 16, 16), 7), InMemory(FRAMES))
    with pytest.raises(DamagedInstance, match="6 frames of 7"):
        reindex(path, tmp_path / "draft.dcm")


def test_a_number_of_frames_that_is_none_is_damage(tmp_path: Path, whole: bytes) -> None:
    at = whole.index(b"\x28\x00\x08\x00IS\x02\x006 ")
    (tmp_path / "level.dcm").write_bytes(whole[: at + 8] + b"?!" + whole[at + 10 :])
    with pytest.raises(DamagedInstance, match="counts the frames"):
        reindex(tmp_path / "level.dcm", tmp_path / "draft.dcm")


@given(data=st.data())
def test_a_truncated_instance_is_refused(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    end = len(whole) - INDEX_BYTES
    (folder / "level.dcm").write_bytes(whole[: data.draw(st.integers(0, end - 1))])
    with pytest.raises(DamagedInstance):
        reindex(folder / "level.dcm", folder / "draft.dcm")
    assert not (folder / "draft.dcm").exists()


@given(at=st.integers(0, 4000), patch=st.binary(min_size=1, max_size=16))
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_instance_raises_only_our_errors(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, at: int, patch: bytes
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "level.dcm").write_bytes(whole[:at] + patch + whole[at + len(patch) :])
    try:
        changed = reindex(folder / "level.dcm", folder / "draft.dcm")
    except TilesError:
        changed = False
    assert (folder / "draft.dcm").exists() == changed


@pytest.mark.parametrize("name", ["jpeg2000", "jpeg-ls", "htj2k"])
def test_frames_of_every_encoding(tmp_path: Path, name: str) -> None:
    path = write_levels(tmp_path, KINDS[name])[0].path
    whole = path.read_bytes()
    tiles = Level(333, 250, 64, 64).tiles
    path.write_bytes(whole[: -(12 + 16 * tiles + 4)])
    assert reindex(path, tmp_path / "draft.dcm")
    assert (tmp_path / "draft.dcm").read_bytes() == whole


def test_an_edited_header_costs_the_index_and_reindex_brings_it_back(tmp_path: Path) -> None:
    register()
    levels = write_levels(tmp_path, KINDS["ycbcr-420"])
    path = levels[0].path
    edit = ["dcmodify", "-nb", "-i", "(0010,0020)=A LONGER NUMBER", str(path)]
    subprocess.run(edit, check=True, capture_output=True)
    with pytest.raises(DamagedShard):
        link(tmp_path / "slide.ome.zarr", levels, "slide", "box average")
    assert reindex(path, tmp_path / "draft.dcm")
    (tmp_path / "draft.dcm").replace(path)
    link(tmp_path / "slide.ome.zarr", levels, "slide", "box average")
    array = zarr.open_array(tmp_path / "slide.ome.zarr/0", mode="r")
    pixels = np.moveaxis(np.asarray(array[:]), 0, 2)
    assert np.abs(pixels.astype(int) - picture(333, 250)).mean() < 4
    assert dcmread(path).PatientID == "A LONGER NUMBER"


def test_the_rights_on_the_file_are_kept(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "level.dcm"
    path.write_bytes(whole[:-INDEX_BYTES])
    path.chmod(0o640)
    assert reindex(path, tmp_path / "draft.dcm")
    assert (tmp_path / "draft.dcm").stat().st_mode & 0o777 == 0o640


def test_a_native_instance_is_told_apart(tmp_path: Path) -> None:
    header = minimal_header(Level(4, 4, 4, 4), 1)
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.PixelData = bytes(48)
    header.save_as(tmp_path / "native.dcm", enforce_file_format=True)
    with pytest.raises(UnsupportedPixels, match="not encapsulated"):
        reindex(tmp_path / "native.dcm", tmp_path / "draft.dcm")
