"""`sansverre watch` as it is started: alone, on a folder that it can watch."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from watchdog.events import FileSystemEvent, FileSystemEventHandler

from api.settings import Settings
from api.watch import command
from api.watch.memory import Known, Stage, open_memory
from api.watch.survey import Print
from api.work import Workplace
from archive.record import Image, ImageState
from tests.serving import LONG_S, until


def test_a_damaged_memory_is_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "watched.sqlite"
    file.write_bytes(b"no database" * 1000)
    with open_memory(file, b"north") as memory:
        memory.note(Known("\udcff.svs", {"\udcff.svs": Print(1, 2, 3)}, Stage.REFUSED))
    with open_memory(file, b"north") as again, open_memory(file, b"south") as other:
        assert again.known == memory.known
        assert other.known == {}
    assert len(list(tmp_path.glob("damaged-*"))) == 1


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
    assert second.wait(LONG_S) == 0
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


def test_events_wake_the_watch_and_reading_does_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    dispatch = FileSystemEventHandler.dispatch

    def listen(self: FileSystemEventHandler, event: FileSystemEvent) -> None:
        heard.append(Path(str(event.src_path)).name)
        dispatch(self, event)

    monkeypatch.setattr(FileSystemEventHandler, "dispatch", listen)
    with command._events(folder) as wake:
        (folder / "a.svs").write_bytes(b"x")
        assert wake.wait(LONG_S)
        # What happens is told in its order: nothing is on its way any more once this has come.
        (folder / "written").mkdir()
        until(lambda: "written" in heard)
        heard.clear()
        (folder / "a.svs").read_bytes()
        (folder / "read").mkdir()
        until(lambda: "read" in heard)
        assert set(heard) == {"read"}
