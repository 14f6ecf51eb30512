"""A watched folder: what becomes of each kind of arrival, and of what goes wrong."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.ingest import Order, receive
from api.settings import Settings
from api.watch import command, writers
from api.watch.memory import Known, Memory, Stage, open_memory
from api.watch.report import remove_report, report_of, write_report
from api.watch.survey import Print
from api.watch.taking import Wish
from api.watch.trouble import Trouble
from api.watch.watcher import Watched, Watcher
from api.work import Workplace, work_once
from archive.identity import PatientIdentity
from archive.record import Exam, Image, ImageState, ObjectRole
from tests.samples.dicom_slides import Made, write_instance
from tests.samples.mirax import write_mirax
from tests.samples.slide import small_svs
from tests.samples.vendors import halves, picture

SETTLED_S = 0.2
NORTH = Wish("north")
FOREVER = threading.Event()


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_svs(tmp_path_factory.mktemp("watch") / "small.svs", 300, 200, 240, seed=7)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    return made


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with open_memory(tmp_path / "watched.sqlite", b"north") as opened:
        yield opened


@pytest.fixture
def watcher(place: Workplace, folder: Path, memory: Memory) -> Watcher:
    return watch(place, folder, memory)


def watch(place: Workplace, folder: Path, memory: Memory, **more: object) -> Watcher:
    writers.prepare()
    watched = Watched(folder, NORTH, SETTLED_S)
    return Watcher(place, replace(watched, **more), memory)  # type: ignore[arg-type]


def look(watcher: Watcher, place: Workplace, seconds: float = 2 * SETTLED_S) -> None:
    """Look again and again, for so long, and until what was kept is built."""
    keep(watcher, seconds)
    while watcher.counts()[Stage.KEPT] + watcher.counts()[Stage.PUBLISHED]:
        work_once(place)
        watcher.look(FOREVER)


def keep(watcher: Watcher, seconds: float = 2 * SETTLED_S) -> None:
    """Look again and again, for so long; what is kept waits to be built."""
    until = time.monotonic() + seconds
    is_last = False
    while not is_last:
        is_last = time.monotonic() > until
        watcher.look(FOREVER)
        time.sleep(0.05)


def exams(place: Workplace) -> tuple[Exam, ...]:
    return place.catalog.exams(establishment="north", states=list(ImageState)).exams


def images(place: Workplace) -> list[Image]:
    return [image for exam in exams(place) for image in exam.images]


def told(folder: Path, name: str) -> str:
    return report_of(folder / name).read_text("utf-8-sig")


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


def test_a_damaged_memory_is_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "watched.sqlite"
    file.write_bytes(b"no database" * 1000)
    with open_memory(file, b"north") as memory:
        memory.note(Known("\udcff.svs", {"\udcff.svs": Print(1, 2, 3)}, Stage.REFUSED))
    with open_memory(file, b"north") as again, open_memory(file, b"south") as other:
        assert again.known == memory.known
        assert other.known == {}
    assert len(list(tmp_path.glob("damaged-*"))) == 1


def test_a_note_follows_no_link(tmp_path: Path) -> None:
    """Whoever may write to the folder could have laid one to what is not theirs."""
    (tmp_path / "ours").write_text("ours")
    for name in (".a.svs.refused.txt", "a.svs.refused.txt"):
        (tmp_path / name).symlink_to(tmp_path / "ours")
    write_report(tmp_path / "a.svs", Trouble("DamagedSlide", "x"), "id", datetime.now(UTC))
    assert (tmp_path / "ours").read_text() == "ours"
    assert "abîmé" in told(tmp_path, "a.svs")


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "\udcff.svs"])
def test_a_note_has_a_name_that_fits(tmp_path: Path, name: str) -> None:
    write_report(tmp_path / name, Trouble("DamagedSlide", "x"), "id", datetime.now(UTC))
    (report,) = tmp_path.iterdir()
    assert report == report_of(tmp_path / name)
    remove_report(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_sidecar_says_whose_it_is(
    watcher: Watcher, place: Workplace, folder: Path, slide: Path
) -> None:
    said = {"patient_id": "4711", "issuer_of_patient_id": "HOSPITAL", "patient_name": "A^B"}
    said |= {"birth_date": "1970-01-31", "sex": "F", "accession_number": "24P1"}
    (folder / "a.svs.json").write_text(json.dumps(said))
    shutil.copy(slide, folder / "a.svs")
    keep(watcher)
    (exam,) = exams(place)
    assert exam.patient is not None
    assert (exam.patient.patient_id, exam.patient.issuer, exam.patient.sex) == (
        "4711",
        "HOSPITAL",
        "F",
    )
    assert exam.accession_number == "24P1"
    # Cleared away by somebody, it changes nothing; saying something else, it is refused.
    (folder / "a.svs.json").unlink()
    keep(watcher)
    assert not report_of(folder / "a.svs").exists()
    (folder / "a.svs.json").write_text(json.dumps({"patient_id": "4712"}))
    keep(watcher)
    assert "autre patient" in told(folder, "a.svs")
    assert len(images(place)) == 1


def test_a_sidecar_that_cannot_be_understood_is_told(
    watcher: Watcher, place: Workplace, folder: Path, slide: Path
) -> None:
    shutil.copy(slide, folder / "a.svs")
    (folder / "a.csv").write_text("file;patient_id;colour\na.svs;1;red\n")
    keep(watcher)
    assert "Corrigez le fichier JSON ou CSV" in told(folder, "a.svs")
    assert "'colour'" in told(folder, "a.svs")
    (folder / "a.csv").write_text("file;patient_id\na.svs;1\n")
    keep(watcher)
    assert not report_of(folder / "a.svs").exists()
    assert images(place)[0].objects


def test_the_labels_barcode_is_the_accession_number_where_asked(
    place: Workplace, folder: Path, memory: Memory, slide: Path
) -> None:
    """And the slide joins the patient of that order."""
    patient = PatientIdentity("1", "HOSPITAL")
    number = "SV24-00007;1"
    other = small_svs(folder.parent / "other.svs", 300, 200, 240, seed=3)
    receive(place, other, Order("north", patient, number))
    shutil.copy(slide, folder / "a.svs")
    wish = replace(NORTH, label_is_accession=True)
    keep(watch(place, folder, memory, wish=wish))
    (exam,) = exams(place)
    assert (exam.accession_number, exam.patient, len(exam.images)) == (number, patient, 2)


def test_a_file_waits_for_its_order_where_asked(
    place: Workplace, folder: Path, memory: Memory, slide: Path
) -> None:
    shutil.copy(slide, folder / "a.svs")
    waiting = watch(place, folder, memory, wish=replace(NORTH, wait_for_order=True))
    keep(waiting)
    assert not report_of(folder / "a.svs").exists()
    keep(waiting, 14 * SETTLED_S)
    assert "Déposez à côté un fichier JSON ou CSV" in told(folder, "a.svs")
    assert images(place) == []
    (folder / "a.json").write_text('{"patient_id": "1"}')
    keep(waiting)
    assert not report_of(folder / "a.svs").exists()
    assert images(place)[0].objects


def test_a_note_that_is_taken_away_asks_for_another_try(
    watcher: Watcher, place: Workplace, folder: Path, memory: Memory
) -> None:
    (folder / "a.svs").write_text("no slide")
    keep(watcher)
    assert "Ce n’est pas une lame" in told(folder, "a.svs")
    before = report_of(folder / "a.svs").stat().st_mtime_ns
    keep(watcher)
    assert report_of(folder / "a.svs").stat().st_mtime_ns == before
    report_of(folder / "a.svs").unlink()
    keep(watcher)
    assert report_of(folder / "a.svs").stat().st_mtime_ns > before
    (folder / "a.svs").unlink()
    keep(watcher)
    assert list(folder.iterdir()) == []
    assert memory.known == {}


def test_a_note_of_somebody_elses_is_left(
    watcher: Watcher, place: Workplace, folder: Path, slide: Path
) -> None:
    (folder / "a.svs.refused.txt").write_text("my own words")
    shutil.copy(slide, folder / "a.svs")
    keep(watcher)
    assert (folder / "a.svs.refused.txt").read_text() == "my own words"
    assert images(place)[0].objects


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

    from tests.slides.test_dicom_planes import smooth
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


def test_what_is_refused_while_it_is_built_is_told(
    watcher: Watcher, place: Workplace, folder: Path, slide: Path
) -> None:
    shutil.copy(slide, folder / "a.svs")
    while not images(place):
        watcher.look(FOREVER)
        time.sleep(0.05)
    job = place.catalog.jobs.claim("somebody", 60.0)
    assert job is not None
    place.catalog.attach(job.image_id, facts={"refused_as": "DamagedSlide"}, attempt=job)
    place.catalog.jobs.fail(job, retry_in_s=None, reason="a tile is damaged; fetch it again")
    keep(watcher)
    assert "Le fichier est abîmé" in told(folder, "a.svs")
    assert "a tile is damaged; fetch it again" in told(folder, "a.svs")


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


def start(folder: Path, *options: str) -> "subprocess.Popen[str]":
    words = [sys.executable, "-m", "api.cli", "watch", str(folder), "--settled-s", "0.3", *options]
    return subprocess.Popen(words, stderr=subprocess.PIPE, text=True)


def line_of(process: "subprocess.Popen[str]", word: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if word in line:
            return line
    raise AssertionError(f"it ended without saying {word!r}")


def test_two_watches_of_one_folder_do_no_double_work(
    place: Workplace, folder: Path, slide: Path
) -> None:
    first = start(folder, "--workers", "0")
    shutil.copy(slide, folder / "a.svs")
    line_of(first, "kept")
    second = start(folder)
    line_of(second, "another watch has this folder")
    once = subprocess.run(
        [sys.executable, "-m", "api.cli", "watch", str(folder), "--once"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert once.returncode == 1
    assert once.stderr.splitlines()[-1].startswith("sansverre: another watch has this folder")
    first.kill()
    first.communicate()
    # It takes up where the other was: what was kept is not read again.
    assert "kept" not in line_of(second, "published")
    second.send_signal(signal.SIGTERM)
    assert second.wait(20) == 0
    assert second.stderr is not None
    assert "kept" not in second.stderr.read()
    second.stderr.close()
    assert len(images_of_local(place)) == 1


def images_of_local(place: Workplace) -> list[Image]:
    page = place.catalog.exams(establishment="local", states=list(ImageState))
    return [image for exam in page.exams for image in exam.images]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["gone"], "no such folder"),
        (["."], "holds SANSVERRE_DATA"),
        (["in", "--done", "in"], "--done names the watched folder"),
    ],
)
def test_what_cannot_be_watched_is_told_in_one_line(
    settings: Settings, folder: Path, words: list[str], complaint: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "watch", *words],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert complaint in line


def test_events_wake_the_watch(folder: Path) -> None:
    with command._events(folder) as wake:
        (folder / "a.svs").write_bytes(b"x")
        assert wake.wait(10)
        wake.clear()
        time.sleep(0.3)
        wake.clear()
        (folder / "a.svs").read_bytes()
        assert not wake.wait(0.3)
