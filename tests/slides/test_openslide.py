"""Vendors' formats read through OpenSlide: facts, companions, and errors without names."""

from pathlib import Path
from struct import pack

import numpy as np
import pytest
from PIL import Image

from slides.errors import DamagedSlide, MissingFile, UnsupportedSlide
from slides.open import open_slide
from tests.samples import vendors
from tiles.errors import DamagedCodestream
from tiles.pyramid import Box
from tiles.source import Pixels

PICTURE = vendors.picture()


def test_an_mrxs_without_its_folder_names_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.mrxs"
    path.write_bytes(b"\xff\xd8\xff\xe0 a thumbnail")
    with pytest.raises(MissingFile, match="folder of the same name"):
        open_slide(path)
    (tmp_path / "a").mkdir()
    index = (
        "[GENERAL]\nSLIDE_ID = 1\n[DATAFILE]\nFILE_COUNT = 2\nFILE_0 = D0.dat\nFILE_1 = D1.dat\n"
    )
    (tmp_path / "a" / "Slidedat.ini").write_text(index, "utf-8-sig")
    with pytest.raises(MissingFile, match="3 of the 3 files"):
        open_slide(path)
    (tmp_path / "a" / "Slidedat.ini").write_text("[GENERAL]\n")
    with pytest.raises(DamagedSlide, match="index is damaged"):
        open_slide(path)


def test_messages_do_not_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "family name.bif"
    vendors.ventana(path, PICTURE, overlap=8)
    content = path.read_bytes().replace(b'Direction="RIGHT"', b'Direction="WRONG"')
    path.write_bytes(content)
    with pytest.raises(DamagedSlide) as caught:
        open_slide(path)
    assert "family" not in str(caught.value)
    assert "WRONG" in str(caught.value)
    assert caught.value.path == path


def test_a_damaged_tile_costs_no_other(tmp_path: Path) -> None:
    path = vendors.philips(tmp_path / "a.tiff", PICTURE)
    content = bytearray(path.read_bytes())
    start = content.index(b"\xff\xd8", len(content) // 8)
    content[start : start + 40] = bytes(40)
    path.write_bytes(content)
    damaged = []
    with open_slide(path) as slide:
        level = slide.source.pyramid.levels[0]
        for row in range(level.rows):
            for column in range(level.columns):
                try:
                    slide.source.pixels(0, level.box(column, row))
                except DamagedCodestream:
                    damaged.append((column, row))
    assert 1 <= len(damaged) < level.tiles


def test_a_closed_slide_is_not_opened_again(tmp_path: Path) -> None:
    slide = open_slide(vendors.trestle(tmp_path / "a.tif", PICTURE))
    slide.close()
    slide.close()
    with pytest.raises(OSError, match="closed"):
        slide.source.pixels(0, Box(0, 0, 1, 1))


def test_a_slide_that_vanishes_is_damage_not_a_crash(tmp_path: Path) -> None:
    path = vendors.philips(tmp_path / "a.tiff", PICTURE)
    with open_slide(path) as slide:
        before = slide.source.pixels(0, Box(0, 0, 8, 8))
        path.unlink()
        assert np.array_equal(slide.source.pixels(0, Box(0, 0, 8, 8)), before)


def test_an_olympus_vsi_is_not_taken_for_its_overview(tmp_path: Path) -> None:
    """Its own pictures are small; the slide lies in a folder beside it."""
    vendors.generic(tmp_path / "a.vsi", PICTURE)
    vendors.generic(tmp_path / "b.tif", PICTURE)
    for name in ("a.vsi", "b.tif"):
        stack = tmp_path / f"_{Path(name).stem}_" / "stack1"
        stack.mkdir(parents=True)
        (stack / "frame_t.ets").write_bytes(b"SIS\0")
        with pytest.raises(UnsupportedSlide, match="Olympus VSI"):
            open_slide(tmp_path / name)


def _ngr(path: Path, pixels: Pixels) -> str:
    """12 bits in 16, a column of the picture after another; here there is one."""
    height, width = pixels.shape[:2]
    start = 64
    head = pack("<2s2xiii8xi", b"GN", width, height, width, start).ljust(start, b"\0")
    path.write_bytes(head + (pixels.astype("<u2") << 4).tobytes())
    return path.name


def test_a_vmu_is_read_with_all_its_files(tmp_path: Path) -> None:
    names = {"ImageFile": _ngr(tmp_path / "a.ngr", PICTURE)}
    names["MapFile"] = _ngr(tmp_path / "a_map.ngr", PICTURE[::8, ::8])
    Image.fromarray(PICTURE[::4, ::4]).save(tmp_path / "a_macro.jpg")
    lines = [f"{key}={name}" for key, name in (names | {"MacroImage": "a_macro.jpg"}).items()]
    lines += ["NoLayers=1", "PhysicalWidth=512000", "PhysicalHeight=384000", "SourceLens=20"]
    lines += ["BitsPerPixel=36", "PixelOrder=RGB"]
    path = tmp_path / "a.vmu"
    path.write_text("[Uncompressed Virtual Microscope Specimen]\n" + "\n".join(lines) + "\n")
    with open_slide(path) as slide:
        assert len(slide.files) == 4
        assert slide.facts.format == "vms"
        assert slide.lost(0) == ()
        assert slide.facts.mpp_um == (0.5, 0.5)
        found = slide.source.pixels(0, Box(0, 0, 1024, 768))
        assert np.array_equal(found, PICTURE)
    (tmp_path / "a_map.ngr").unlink()
    with pytest.raises(MissingFile):
        open_slide(path)
