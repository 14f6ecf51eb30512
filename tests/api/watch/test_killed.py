"""A watch that is killed at any moment while files arrive in every way that they do arrive."""

import hashlib
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from api.settings import Settings
from api.watch.report import HEADING, report_of
from api.watch.survey import survey
from api.work import open_workplace
from archive.record import ImageKind, ImageState, ObjectRole
from tests.api.holding import held_at
from tests.api.holding.sitecustomize import OF_A_WATCH
from tests.samples.photo import make_photo
from tests.samples.slide import small_svs

SETTLED_S = 0.4
REACHED_S = 60.0
"""In a long proof; else every place is come to, however long that takes."""
POLL_S = 0.005


class Scanner:
    """Delivers files, each in a way of its own, and knows which of them the archive must have."""

    def __init__(self, folder: Path, scratch: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.slides = [
            small_svs(scratch / f"{n}.svs", 300, 200, 240, seed=n).read_bytes() for n in range(3)
        ]
        photo = make_photo(scratch / "photo.jpg", width=320, height=240)
        self.photo = photo.read_bytes()
        self.good: dict[str, bytes] = {}
        self.bad: set[str] = set()
        self.ways: Counter[str] = Counter()

    def deliver(self, count: int, pause_s: float) -> None:
        ways: list[Callable[[str, bytes], None]] = [
            *(self.slowly, self.stalled, self.interrupted, self.truncated, self.twice, self.text),
            *(self.replaced, self.renamed, self.photograph, self.at_once),
        ]
        for number in range(count):
            way = ways[number % len(ways)]
            self.ways[way.__name__] += 1
            # What follows a TIFF's last part makes another file of it, which reads as the same.
            content = self.chance.choice(self.slides) + number.to_bytes(4, "big")
            way(f"{number:03} été.svs", content)
            time.sleep(self.chance.uniform(0, pause_s))

    def at_once(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)
        self.good[name] = content

    def renamed(self, name: str, content: bytes) -> None:
        draft = self.folder / f"{name}.part"
        draft.write_bytes(content)
        time.sleep(0.1)
        draft.rename(self.folder / name)
        self.good[name] = content

    def slowly(self, name: str, content: bytes) -> None:
        step = -(-len(content) // 5)
        with (self.folder / name).open("wb", buffering=0) as stream:
            for start in range(0, len(content), step):
                stream.write(content[start : start + step])
                time.sleep(SETTLED_S / 3)
        self.good[name] = content

    def stalled(self, name: str, content: bytes) -> None:
        """Nothing comes for longer than the settling time, but the file is still open."""
        with (self.folder / name).open("wb", buffering=0) as stream:
            stream.write(content[: len(content) // 2])
            time.sleep(2.5 * SETTLED_S)
            stream.write(content[len(content) // 2 :])
        self.good[name] = content

    def interrupted(self, name: str, content: bytes) -> None:
        """Half a file for longer than the settling time, as where a network went away."""
        path = self.folder / name
        path.write_bytes(content[: len(content) // 2])
        time.sleep(2.5 * SETTLED_S)
        with path.open("ab") as stream:
            stream.write(content[len(content) // 2 :])
        self.good[name] = content

    def truncated(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content[: len(content) // 2])
        self.bad.add(name)

    def replaced(self, name: str, content: bytes) -> None:
        self.truncated(name, content)
        time.sleep(SETTLED_S)
        self.renamed(name, content)
        self.bad.remove(name)

    def twice(self, name: str, content: bytes) -> None:
        self.at_once(name, content)
        day = self.folder / "again"
        day.mkdir(exist_ok=True)
        shutil.copy(self.folder / name, day / name)
        self.good[f"again/{name}"] = content

    def text(self, name: str, content: bytes) -> None:
        (self.folder / f"{name}.txt").write_text("not a slide")
        self.bad.add(f"{name}.txt")

    def photograph(self, name: str, content: bytes) -> None:
        self.at_once(name.replace(".svs", ".jpg"), self.photo + content[-4:])


def watch(
    folder: Path, *options: object, environment: dict[str, str] | None = None
) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "api.cli", "watch", str(folder), "--settled-s", SETTLED_S]
    words = [str(one) for one in (*command, *options)]
    return subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment)


def killed_at(place: str, mark: Path, within_s: float, folder: Path, *options: object) -> str:
    """What a watch says that is killed at a place, or after a time where none comes to it."""
    process = watch(folder, *options, environment=held_at(place, mark))
    until = time.monotonic() + within_s
    while not mark.exists() and time.monotonic() < until:
        time.sleep(POLL_S)
    return kill(process)


def kill(process: "subprocess.Popen[str]", chance: random.Random | None = None) -> str:
    """With no chance to tidy up: the watch, or by chance one of its children before it."""
    victim = psutil.Process(process.pid)
    if chance is not None and chance.random() < 0.5:
        for child in victim.children()[:1]:
            with suppress(psutil.NoSuchProcess):
                child.kill()
            time.sleep(0.3)
    victim.kill()
    return process.communicate(timeout=600)[1]


def require_archived(settings: Settings, scanner: Scanner) -> int:
    """Every good file is one published image, with the bytes that came; gives how many."""
    expected = {hashlib.sha256(content).hexdigest() for content in scanner.good.values()}
    with open_workplace(settings) as place:
        page = place.catalog.exams(establishment="local", states=list(ImageState), limit=500)
        images = [image for exam in page.exams for image in exam.images]
        published = [one.source_sha256 for one in images if one.state is ImageState.PUBLISHED]
        assert Counter(published) == Counter(expected)
        assert {one.state for one in images} <= {ImageState.PUBLISHED, ImageState.REFUSED}
        place.storage.sweep(place.catalog.object_keys(), older_than_s=0)
        for image in images:
            for stored in image.objects:
                assert place.storage.size(stored.key) == stored.length_bytes
            originals = image.objects_as(ObjectRole.ORIGINAL)
            for stored in originals:
                data = place.storage.read_range(stored.key, 0, stored.length_bytes)
                assert hashlib.sha256(data).hexdigest() == image.source_sha256
            if image.state is ImageState.PUBLISHED:
                assert len(originals) == (image.kind is ImageKind.SLIDE)
    return len(published)


def require_explained(folder: Path, scanner: Scanner) -> int:
    """Beside every bad file, and no other, lies why in both languages; gives how many."""
    reports = {str(one.relative_to(folder)) for one in folder.rglob("*.refused.txt")}
    assert reports == {f"{name}.refused.txt" for name in scanner.bad}
    for report in reports:
        told = (folder / report).read_text("utf-8-sig").splitlines()
        assert told[0] == HEADING
        assert any(line.startswith("Raison : ") and len(line) > 20 for line in told)
        assert any(line.startswith("Que faire : ") and len(line) > 20 for line in told)
        assert any(line.startswith("Reason, and what to do: ") and "; " in line for line in told)
    return len(reports)


def is_half_published(settings: Settings) -> bool:
    """Whether some image is built, but cannot be seen."""
    with open_workplace(settings) as place:
        built = place.catalog.exams(establishment="local", states=[ImageState.BUILT], limit=1)
    return bool(built.exams)


AT_RANDOM, MISSED = "any moment", "none came there"
HERE = ["publishing", "storing"]
EVERYWHERE = [*OF_A_WATCH, AT_RANDOM]


@pytest.mark.parametrize(
    ("kills", "longest_s", "files", "end", "places"),
    [
        (2, 4.0, 6, "leave", HERE),
        pytest.param(54, 12.0, 100, "done", EVERYWHERE, marks=pytest.mark.soak),
    ],
)
@pytest.mark.timeout(7200)
def test_nothing_is_lost_nothing_double_and_every_refusal_explained(
    settings: Settings,
    tmp_path: Path,
    kills: int,
    longest_s: float,
    files: int,
    end: str,
    places: list[str],
) -> None:
    folder, scratch = tmp_path / "in", tmp_path / "scratch"
    for one in (folder, scratch):
        one.mkdir()
    done = folder / "done"
    options = ("--done", done) if end == "done" else ()
    scanner = Scanner(folder, scratch, seed=kills)
    chance = random.Random(kills)
    said = ""
    arriving = threading.Thread(target=scanner.deliver, args=(files, longest_s * kills / files / 2))
    arriving.start()
    mark = scratch / "held"
    hit: Counter[str] = Counter()
    half_published = 0
    for number in range(kills):
        place = places[number % len(places)]
        if place == AT_RANDOM:
            process = watch(folder, *options)
            time.sleep(chance.uniform(0.5, longest_s))
            said += kill(process, chance)
        else:
            within_s = REACHED_S + longest_s if places is EVERYWHERE else 600.0
            said += killed_at(place, mark, within_s, folder, *options)
        hit[place if mark.exists() or place == AT_RANDOM else MISSED] += 1
        half_published += place == "publishing" and is_half_published(settings)
    arriving.join()
    early = said.count(": published")
    by = time.monotonic() + 3000
    while time.monotonic() < by:
        last = watch(folder, "--once", *options)
        said += last.communicate(timeout=3000)[1]
        # What was put off when the last watch was killed may not have been due yet.
        if said.splitlines()[-1].endswith(f"{len(scanner.bad)} of the files there were not taken"):
            break
    assert last.returncode == 1
    assert "Traceback" not in said
    assert "été" not in said

    published = require_archived(settings, scanner)
    home = done if end == "done" else folder
    for name, content in scanner.good.items():
        assert (home / name).read_bytes() == content
        assert not report_of(folder / name).exists()
    lying = set(survey(folder, {done}).prints)
    assert lying == (scanner.bad if end == "done" else scanner.bad | set(scanner.good))
    explained = require_explained(folder, scanner)
    assert not [one for one in folder.rglob(".*") if one.is_file()]
    print(f"{kills} kills, {files} deliveries {dict(scanner.ways)}: {published} images,")
    print(f"kills by place: {dict(hit)}; found between built and published: {half_published}")
    assert set(places) <= set(hit)
    assert half_published > 0
    print(f"{early} files published between the kills, {explained} refusals explained")
