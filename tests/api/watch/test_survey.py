"""What in a folder is a slide, what belongs to it, and what is left alone."""

import os
from pathlib import Path

import pytest

from api.watch.survey import survey

DICOM = bytes(128) + b"DICM"


def lay(folder: Path, *names: str, data: bytes = b"x") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def units(folder: Path) -> dict[str, set[str]]:
    return {main: set(unit.files) for main, unit in survey(folder).units.items()}


def test_slides_lie_in_the_folder_and_below_it(tmp_path: Path) -> None:
    lay(tmp_path, "a.svs", "day/b.ndpi", "day/night/c.tif")
    assert units(tmp_path) == {one: {one} for one in ("a.svs", "day/b.ndpi", "day/night/c.tif")}


@pytest.mark.parametrize(
    "name",
    [
        *("a.svs.tmp", "a.PART", "a.svs.filepart", "a.crdownload", "a.svs~", "~$a.svs"),
        *(".a.svs", ".hidden/a.svs", "Thumbs.db", "desktop.ini", "a.svs.refused.txt"),
    ],
)
def test_what_is_not_finished_or_not_meant_is_left(tmp_path: Path, name: str) -> None:
    lay(tmp_path, name)
    assert units(tmp_path) == {}


def test_links_and_the_folder_of_the_done_are_left(tmp_path: Path) -> None:
    lay(tmp_path, "done/a.svs")
    (tmp_path / "link.svs").symlink_to(tmp_path / "done" / "a.svs")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.svs")
    assert survey(tmp_path, {tmp_path / "done"}).prints == {}


def test_a_mirax_slide_is_its_file_and_its_folder(tmp_path: Path) -> None:
    lay(tmp_path, "s.mrxs", "s/Slidedat.ini", "s/Data0000.dat", "s/deep/more", "s.json")
    (unit,) = survey(tmp_path).units.values()
    assert (unit.main, unit.sidecar) == ("s.mrxs", "s.json")
    assert set(unit.files) == {
        *("s.mrxs", "s/Slidedat.ini", "s/Data0000.dat", "s/deep/more", "s.json")
    }


def test_parts_of_a_slide_wait_for_its_file(tmp_path: Path) -> None:
    lay(tmp_path, "s/Data0000.dat", "v(1,0).jpg", "v_map2.jpg")
    assert units(tmp_path) == {"s.mrxs": {"s/Data0000.dat"}, "v.vms": {"v(1,0).jpg", "v_map2.jpg"}}


def test_a_hamamatsu_slide_is_its_index_and_its_pictures(tmp_path: Path) -> None:
    parts = ("v.vms", "v.jpg", "v(1,0).jpg", "v_macro.jpg", "v_map2.jpg", "v.opt")
    lay(tmp_path, *parts, "other.jpg")
    assert units(tmp_path) == {"v.vms": set(parts), "other.jpg": {"other.jpg"}}


def test_photographs_of_one_folder_arrive_together(tmp_path: Path) -> None:
    """Which of them are a slide's pictures is known once its index has come."""
    lay(tmp_path, "a.jpg", "b.jpg", "c.svs")
    found = survey(tmp_path).units
    assert set(found["a.jpg"].arriving_with) == {"a.jpg", "b.jpg"}
    assert found["c.svs"].arriving_with == {}


def test_dicom_files_of_a_folder_wait_for_one_another(tmp_path: Path) -> None:
    lay(tmp_path, "case/1", "case/2.dcm", "case/1.2.3", data=DICOM)
    lay(tmp_path, "case/a.svs")
    series = {"case/1", "case/2.dcm", "case/1.2.3"}
    assert units(tmp_path) == {**dict.fromkeys(series, series), "case/a.svs": {"case/a.svs"}}


@pytest.mark.parametrize("sidecar", ["a.svs.json", "a.svs.csv", "a.json", "a.csv"])
def test_a_sidecar_belongs_to_its_slide(tmp_path: Path, sidecar: str) -> None:
    lay(tmp_path, "a.svs", sidecar)
    (unit,) = survey(tmp_path).units.values()
    assert unit.sidecar == sidecar
    assert set(unit.files) == {"a.svs", sidecar}


def test_names_of_any_kind(tmp_path: Path) -> None:
    names = {"été 1.svs", "a\nb.svs", "-x.svs", "\udcff.svs", "a;b 'c' \"d\".svs"}
    lay(tmp_path, *names)
    assert set(units(tmp_path)) == names


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        survey(tmp_path / "gone")
