"""What becomes of each kind of arrival."""

import shutil
from pathlib import Path

import pytest

from api.settings import Settings
from api.watch import writers
from api.watch.memory import Memory, Stage
from api.watch.report import report_of
from api.watch.watcher import Watcher
from api.work import Workplace
from archive.record import ImageState, ObjectRole
from tests.api.watch.conftest import SETTLED_S, images, keep, look, watch
from tests.samples.dicom_slides import Made, write_instance
from tests.samples.mirax import write_mirax
from tests.samples.vendors import halves, picture


def test_a_file_is_left_in_place_and_read_once(
    place: Workplace,
    folder: Path,
    memory: Memory,
    slide: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copy(slide, folder / "a.svs")
    look(watch(place, folder, memory), place)
    (image,) = images(place)
    assert image.state is ImageState.PUBLISHED

    def never(*_: object) -> None:
        raise AssertionError("it was read again")

    monkeypatch.setattr("api.watch.watcher.take_unit", never)
    # After a restart, and where the folder lies on another device by now.
    memory.read()
    look(watch(place, folder, memory), place)
    assert [one.name for one in folder.iterdir()] == ["a.svs"]


def test_a_mirax_slide_is_taken_and_moved_whole(
    place: Workplace, folder: Path, memory: Memory, tmp_path: Path
) -> None:
    made = write_mirax(tmp_path / "s.mrxs", picture(512, 512))
    done = folder / "done"
    watcher = watch(place, folder, memory, end="move", done=done)
    # Its parts come one by one, its own file last, each after a pause.
    (folder / "s").mkdir()
    for part in sorted((tmp_path / "s").iterdir()):
        shutil.copy(part, folder / "s")
        look(watcher, place)
    assert images(place) == []
    shutil.copy(made, folder)
    look(watcher, place)
    (image,) = images(place)
    assert image.state is ImageState.PUBLISHED
    assert len(image.objects_as(ObjectRole.ORIGINAL)) == 4
    assert [one.name for one in folder.iterdir()] == ["done"]
    assert sorted(one.name for one in done.rglob("*")) == sorted(
        ["s", "s.mrxs", *(one.name for one in (tmp_path / "s").iterdir())]
    )


def test_a_dicom_series_is_one_image(watcher: Watcher, place: Workplace, folder: Path) -> None:
    """Its label too, which by itself is no slide."""
    (folder / "case").mkdir()
    for number, level in enumerate(halves(picture(600, 400), 2)):
        write_instance(folder / "case" / f"{number}", level, Made(mpp_um=0.5 * 2**number))
    write_instance(folder / "case" / "A", picture(128, 128), Made(flavour="LABEL"))
    keep(watcher)
    (image,) = images(place)
    assert len(image.objects_as(ObjectRole.ORIGINAL)) == 3
    assert sorted(one.name for one in (folder / "case").iterdir()) == ["0", "1", "A"]


def test_a_set_of_files_is_one_image_once_all_have_come(
    watcher: Watcher, place: Workplace, folder: Path, memory: Memory, tmp_path: Path
) -> None:
    import numpy as np

    from tests.samples.dicom_planes import smooth
    from tests.slides.test_ome_planes import _set as write_set

    first, *others = write_set(tmp_path, smooth(3, 1, 90, 70, np.uint8)[..., 0])
    shutil.copy(first, folder)
    keep(watcher)
    assert images(place) == []
    # The second is whole as well, and refused for the half file beside it.
    half = folder / others[1].name
    shutil.copy(others[0], folder)
    half.write_bytes(others[1].read_bytes()[:400])
    keep(watcher)
    assert images(place) == []
    assert all(report_of(folder / one.name).exists() for one in others)
    shutil.copy(others[1], folder)
    keep(watcher)
    keep(watcher)
    assert [one.name for one in folder.glob("*.txt")] == []
    (image,) = images(place)
    assert image.objects
    assert len(image.objects_as(ObjectRole.ORIGINAL)) == 3
    assert [one.stage for one in memory.known.values()] == [Stage.KEPT]


def test_trouble_that_passes_is_waited_out(
    watcher: Watcher,
    place: Workplace,
    settings: Settings,
    folder: Path,
    memory: Memory,
    slide: Path,
) -> None:
    """With pauses that grow, and without a word to who put the file there."""
    shutil.copy(slide, folder / "a.svs")
    settings.objects.rename(settings.data / "away")
    settings.objects.write_bytes(b"")
    while not memory.known or next(iter(memory.known.values())).tries < 2:
        keep(watcher)
    (known,) = memory.known.values()
    assert known.stage is Stage.PUT_OFF
    assert [watcher._pause_s(tries) for tries in (0, 1, 2, 3, 40)] == pytest.approx(
        [SETTLED_S, 2 * SETTLED_S, 4 * SETTLED_S, 8 * SETTLED_S, 900.0]
    )
    assert not report_of(folder / "a.svs").exists()
    settings.objects.unlink()
    (settings.data / "away").rename(settings.objects)
    keep(watcher, 2**known.tries * SETTLED_S)
    assert [one.stage for one in memory.known.values()] == [Stage.KEPT]


def test_a_file_that_is_open_is_not_complete(
    watcher: Watcher, place: Workplace, folder: Path, slide: Path
) -> None:
    with (folder / "a.svs").open("wb") as stream:
        stream.write(slide.read_bytes())
        stream.flush()
        if not writers.is_written(folder / "a.svs"):
            assert writers._file_system(folder.stat().st_dev) not in writers.LEASES_TELL
            return
        look(watcher, place, 3 * SETTLED_S)
        assert images(place) == []
    keep(watcher)
    assert images(place)[0].objects
