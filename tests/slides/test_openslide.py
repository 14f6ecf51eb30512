"""Vendors' formats read through OpenSlide: facts, companions, and errors without names."""

from pathlib import Path

import numpy as np
import pytest

from slides.errors import DamagedSlide, MissingFile
from slides.open import open_slide
from tests.samples import vendors
from tiles.errors import DamagedCodestream
from tiles.pyramid import Box

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
