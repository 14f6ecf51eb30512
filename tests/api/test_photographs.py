"""Which files are a camera's, told by how they begin."""

from pathlib import Path
from struct import pack

import pytest

from api.photographs import is_photograph
from tests.samples import real_samples
from tests.samples.cameras import CAMERAS
from tests.samples.slide import small_svs


@pytest.mark.parametrize("name", [one for one in CAMERAS if not one.endswith(".tif")])
def test_what_cameras_write_is_a_photograph(name: str, tmp_path: Path) -> None:
    CAMERAS[name](tmp_path / name)
    assert is_photograph(tmp_path / name)


@pytest.mark.parametrize(
    "head", [b"IIRO\x08\0\0\0", b"FUJIFILMCCD-RAW 0201", b"\0\0\0\x18ftypcrx ", b"IIU\0\x18\0\0\0"]
)
def test_a_raw_file_is_a_photograph_too(head: bytes, tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(head + bytes(64))
    assert is_photograph(tmp_path / "raw")


def directory(*tags: int) -> bytes:
    entries = b"".join(pack("<HHII", tag, 4, 1, 8) for tag in tags)
    return b"II*\0\x08\0\0\0" + pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize(
    ("tags", "is_one"),
    [
        ((256, 257, 34665), True),
        ((254, 50706), True),
        ((256, 257), False),
        ((256, 322, 34665), False),
        ((), False),
    ],
)
def test_a_tiff_is_told_by_its_first_directory(
    tags: tuple[int, ...], is_one: bool, tmp_path: Path
) -> None:
    (tmp_path / "some.tif").write_bytes(directory(*tags))
    assert is_photograph(tmp_path / "some.tif") is is_one


def test_a_slide_is_no_photograph(tmp_path: Path) -> None:
    assert not is_photograph(small_svs(tmp_path / "slide.svs", 300, 300))


@pytest.mark.parametrize(
    "data",
    [b"", b"II*\0", b"MM\0*\0\0\0\x08", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff"],
)
def test_a_cut_tiff_is_none(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "cut.tif").write_bytes(data)
    assert not is_photograph(tmp_path / "cut.tif")


def test_no_real_slide_is_taken_for_a_photograph() -> None:
    folder = real_samples()
    kinds = ("svs", "ndpi", "tif", "tiff", "scn", "bif", "btf") if folder else ()
    slides = [one for kind in kinds for one in (folder or Path()).rglob(f"*.{kind}")]
    assert [one.name for one in slides if is_photograph(one)] == []
