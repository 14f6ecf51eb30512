"""What was written is read again: the right passes with its figures, each wrong is named."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zarr
from pydicom import dcmread

from slides.convert import Report, Request, convert
from slides.errors import DamagedSlide, NotFaithful
from slides.hiding import hide_label
from slides.open import open_slide
from slides.verify import verify
from tests.samples import sample
from tests.samples.slide import make_slide, small_svs
from tests.slides.converted import CMU
from tests.slides.kinds import KINDS, MPP_UM
from tiles.instance import read_index
from tiles.plan import Action

VERIFIED = Request(mpp_um=MPP_UM, verify=True)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_file_is_proved(name: str, tmp_path: Path) -> None:
    path = KINDS[name].make(tmp_path / name)
    report = convert(path, tmp_path / "out", VERIFIED)
    assert report.proof is not None
    assert report.proof.instances == len(list((tmp_path / "out").glob("*.dcm")))
    base, *derived = report.proof.levels
    assert all(level.missing == 0 for level in report.proof.levels)
    copied = base.tiles - (2 if name.startswith("sparse") else 0)
    if KINDS[name].action is Action.COPY:
        assert 0 < base.copied <= base.tiles
        assert base.copied + base.equal >= copied
    else:
        assert base.copied == 0
    for level in derived:
        assert level.copied + level.equal + level.compared == level.tiles
        if level.compared:
            assert level.psnr_db is not None
            assert level.ssim is not None
            assert level.psnr_db > 30
            assert 0.85 < level.ssim < 1


@pytest.mark.parametrize("asked", [{"levels": "source"}, {"to": "zarr"}])
@pytest.mark.parametrize("name", ["rgb.svs", "33003.svs", "lzw.tif", "sparse/a.dcm"])
def test_source_levels_and_zarr_are_proved(
    name: str, asked: dict[str, Any], tmp_path: Path
) -> None:
    path = KINDS[name].make(tmp_path / name)
    report = convert(path, tmp_path / "out", Request(mpp_um=MPP_UM, verify=True, **asked))
    assert report.proof is not None
    for level in report.proof.levels:
        assert level.missing == 0
        if report.to == "zarr":
            assert level.equal == level.tiles


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_slide(tmp_path_factory.mktemp("slide") / "a.svs", 1300, 1100, mpp=0.5)


@pytest.fixture(scope="module")
def made(slide: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    out = tmp_path_factory.mktemp("made") / "out"
    return out, convert(slide, out, Request())


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another slide of the same extents."""
    folder = tmp_path_factory.mktemp("another")
    path = make_slide(folder / "b.svs", 1300, 1100, mpp=0.5, seed=2)
    convert(path, folder / "out", Request())
    return folder / "out"


def frame_at(path: Path, number: int) -> tuple[int, int]:
    data = path.read_bytes()
    index = read_index(lambda offset, length: data[offset : offset + length], len(data))
    return int(index.offsets[number]), int(index.lengths[number])


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def cut(out: Path, _: Path) -> None:
    path = out / "level-0.dcm"
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def forgotten(out: Path, _: Path) -> None:
    (out / "level-1.dcm").unlink()


def flipped(out: Path, _: Path) -> None:
    path = out / "level-0.dcm"
    at, length = frame_at(path, 7)
    data = bytearray(path.read_bytes()[at : at + length])
    data[length // 2] ^= 1
    overwrite(path, at, bytes(data))


def blanked(out: Path, _: Path) -> None:
    path = out / "level-1.dcm"
    at, length = frame_at(path, 2)
    overwrite(path, at, bytes(length))


def misplaced(out: Path, _: Path) -> None:
    path = out / "level-0.dcm"
    table = dcmread(path, stop_before_pixels=True).ExtendedOffsetTable
    patch(path, table[:16], table[8:16] + table[:8])


def patch(path: Path, old: bytes, new: bytes) -> None:
    """Replace what stands in a file by something as long."""
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new.ljust(len(old)), 1))


def exchanged(out: Path, another: Path) -> None:
    uids = ("StudyInstanceUID", "SeriesInstanceUID")
    ours, theirs = (dcmread(d / "level-1.dcm", stop_before_pixels=True) for d in (out, another))
    shutil.copyfile(another / "level-1.dcm", out / "level-1.dcm")
    for keyword in uids:
        own, other = (str(header[keyword].value).encode() for header in (ours, theirs))
        assert len(own) == len(other)
        patch(out / "level-1.dcm", other, own)


def widened(out: Path, _: Path) -> None:
    patch(out / "level-1.dcm", b"0.001\\0.001", b"0.002\\0.002")


def called_original(out: Path, _: Path) -> None:
    patch(out / "level-1.dcm", b"VOLUME\\RESAMPLED", b"VOLUME\\NONE")


def blackened(out: Path, _: Path) -> None:
    """A bit of the label's picture, which is kept without loss."""
    path = out / "label.dcm"
    at, length = frame_at(path, 0)
    data = bytearray(path.read_bytes()[at : at + length])
    data[-20] ^= 1
    overwrite(path, at, bytes(data))


def unlabelled(out: Path, _: Path) -> None:
    (out / "label.dcm").unlink()


def called_other_colours(out: Path, _: Path) -> None:
    patch(out / "level-1.dcm", b"YBR_FULL_422", b"RGB")


@pytest.mark.parametrize(
    ("sabotage", "fault"),
    [
        (cut, "level-0.dcm"),
        (forgotten, "levels were written"),
        (flipped, r"level 0, tile \(1, 1\) .*bytes"),
        (blanked, r"level 1, tile \(2, 0\) .*read"),
        (misplaced, "level-0.dcm .*ExtendedOffsetTable"),
        (exchanged, r"level 1, tile \(0, 0\) .*dB"),
        (widened, "level-1.dcm .*µm wide"),
        (called_original, "level-1.dcm .*Image Type"),
        (called_other_colours, "level-1.dcm .*says RGB"),
        (blackened, "the label as written"),
        (unlabelled, "the label was not written"),
    ],
)
def test_what_is_wrong_with_the_result_is_named(
    sabotage: Callable[[Path, Path], None],
    fault: str,
    slide: Path,
    made: tuple[Path, Report],
    another: Path,
    tmp_path: Path,
) -> None:
    out, report = made
    shutil.copytree(out, tmp_path / "out")
    with open_slide(slide) as source:
        verify(source, report.plan, tmp_path / "out", report.mpp_um, lambda *_: None)
        sabotage(tmp_path / "out", another)
        with pytest.raises(NotFaithful, match=fault):
            verify(source, report.plan, tmp_path / "out", report.mpp_um, lambda *_: None)


def test_a_pixel_that_is_wrong_in_zarr_is_named(slide: Path, tmp_path: Path) -> None:
    report = convert(slide, tmp_path / "out", Request(to="zarr"))
    array: Any = zarr.open_group(tmp_path / "out", mode="r+")["0"]
    array[1, 600, 300] = 255 - int(array[1, 600, 300])
    with open_slide(slide) as source, pytest.raises(NotFaithful, match=r"level 0, tile \(1, 2\)"):
        verify(source, report.plan, tmp_path / "out", report.mpp_um, lambda *_: None)


def test_a_zarr_group_of_other_bytes_is_named(slide: Path, tmp_path: Path) -> None:
    report = convert(slide, tmp_path / "out", Request(to="both", verify=True))
    (shard,) = (tmp_path / "out" / "slide.ome.zarr" / "1").rglob("c/*/*/*")
    data = shard.read_bytes()
    shard.unlink()
    shard.write_bytes(data)
    with open_slide(slide) as source, pytest.raises(NotFaithful, match="level 1 of the zarr"):
        verify(source, report.plan, tmp_path / "out", report.mpp_um, lambda *_: None)


def test_tiles_that_no_level_is_made_of_are_decoded_too(slide: Path, tmp_path: Path) -> None:
    """A level that a full pyramid leaves aside: damage in it says that the file is damaged."""
    with open_slide(slide) as source:
        frame = source.source.frame(1, 0, 0)
        assert frame is not None
        scan = frame.data[-400:-200]
    damaged = tmp_path / "a.svs"
    shutil.copyfile(slide, damaged)
    # An end that comes too soon: the structure is whole, the picture is not.
    patch(damaged, scan, b"\xff\xd9" + scan[2:])
    convert(damaged, tmp_path / "structure-is-whole", Request())
    with pytest.raises(DamagedSlide, match="level 1"):
        convert(damaged, tmp_path / "out", VERIFIED)
    assert not (tmp_path / "out").exists()


def test_a_real_slide_is_proved_with_its_figures(tmp_path: Path) -> None:
    report = convert(sample(CMU, small_svs), tmp_path / "out", Request(verify=True))
    base, *derived = report.as_json()["verified"]["levels"]
    assert base["copied"] == base["tiles"]
    assert (base["equal"], base["compared"], base["missing"]) == (0, 0, 0)
    assert base["psnr_db"] is None
    assert all(level["psnr_db"] > 30 and level["ssim"] > 0.9 for level in derived)


@pytest.mark.parametrize("label", ["blank", "drop"])
def test_what_was_to_be_hidden_is_hidden(
    slide: Path, made: tuple[Path, Report], label: Any, tmp_path: Path
) -> None:
    """A label that was written though it was to be left out is a fault, not a surplus."""
    hidden = convert(slide, tmp_path / "out", Request(label=label, verify=True))
    assert hidden.proof is not None
    shown, _ = made
    with open_slide(slide) as source:
        public = replace(source, associated=hide_label(source.associated, "svs", label).pictures)
        with pytest.raises(NotFaithful, match=r"the label (was to be left out|as written is)"):
            verify(public, hidden.plan, shown, hidden.mpp_um, lambda *_: None)
