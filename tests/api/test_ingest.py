"""Taking files in, whatever happens meanwhile."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from api.errors import NotTaken, Refused
from api.ingest import Order, ingest, receive
from api.originals import keep, take_stock
from api.settings import Settings
from api.work import Workplace, open_workplace
from archive.errors import NotFound
from archive.identity import PatientIdentity
from archive.record import Image, ImageState, ObjectRole
from tests.api.conftest import small_file
from tests.api.holding import await_held, held_at
from tests.archive.conftest import refuse
from tests.samples.photo import make_photo
from tests.samples.slide import small_svs

PATIENT = "import api.cli, api.work; api.work.LEASE_S = 3600; raise SystemExit(api.cli.main())"
"""The command, with a lease that no test can wait for."""
LONG_S = 600.0


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_file(tmp_path_factory.mktemp("ingest"))


def start(
    *files: object, cwd: Path | None = None, held: dict[str, str] | None = None
) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PATIENT, "ingest", "--json", *map(str, files)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=cwd, env=held)


def ended(process: "subprocess.Popen[str]") -> tuple[int, list[dict[str, str]], list[str]]:
    out, err = process.communicate(timeout=LONG_S)
    assert "Traceback" not in err
    return process.returncode, [json.loads(line) for line in out.splitlines()], err.splitlines()


def is_whole(place: Workplace, image: Image) -> bool:
    """Published, its objects there, and nothing else in the store or on a desk."""
    for one in image.objects:
        assert place.storage.size(one.key) == one.length_bytes
    known = place.catalog.object_keys()
    assert place.storage.orphans(known, older_than_s=0) == ()
    assert len(list(place.scratch.parent.glob("desk-*"))) == 1
    return image.state is ImageState.PUBLISHED


def uids(image: Image) -> set[str | None]:
    return {one.sop_instance_uid for one in image.objects}


def test_killed_at_each_step_it_ends_in_one_image(
    settings: Settings, slide: Path, tmp_path: Path
) -> None:
    """With no chance to tidy up: as it is kept, as it is built, and before it is published."""
    mark = tmp_path / "mark"
    for step in ("keeping", "storing", "publishing"):
        process = start(slide, held=held_at(step, mark))
        await_held(process, mark)
        process.kill()
        process.communicate()
    code, (told,), complaints = ended(start(slide))
    assert (code, complaints, told["state"]) == (0, [], "published")
    with open_workplace(settings) as place:
        (exam,) = place.catalog.exams(establishment="local", states=list(ImageState)).exams
        (image,) = exam.images
        # What the kills left without an owner is swept when it is old.
        place.storage.sweep(place.catalog.object_keys(), older_than_s=0)
        assert is_whole(place, image)


@pytest.mark.soak
def test_killed_at_any_moment_it_ends_in_one_image(
    settings: Settings, slide: Path, tmp_path: Path
) -> None:
    """`ingest` or its child, with no chance to tidy up; every fifth time the archive is new."""
    kills = 50
    chance = random.Random(kills)
    expected: set[str | None] | None = None
    for number in range(kills):
        process = start(slide)
        time.sleep(chance.uniform(0.2, 3.0))
        victim = psutil.Process(process.pid)
        if number % 2:
            victim = next(iter(victim.children()), victim)
        with suppress(psutil.NoSuchProcess):
            victim.kill()
        process.communicate(timeout=LONG_S)
        if number % 5 not in {1, 4} and number != kills - 1:
            continue
        code, (told,), complaints = ended(start(slide))
        assert (code, complaints, told["state"]) == (0, [], "published")
        with open_workplace(settings) as place:
            (exam,) = place.catalog.exams(establishment="local", states=list(ImageState)).exams
            (image,) = exam.images
            # What the kill left without an owner is swept when it is old.
            place.storage.sweep(place.catalog.object_keys(), older_than_s=0)
            assert is_whole(place, image)
            expected = expected or uids(image)
            assert uids(image) == expected
        if number % 5 == 4:
            shutil.rmtree(settings.data)


def test_a_killed_ingest_is_not_waited_for(settings: Settings, slide: Path, tmp_path: Path) -> None:
    """The lease of a process that is dead on this machine runs out with it, not in an hour."""
    command = [sys.executable, "-c", PATIENT, "ingest", "--json", str(slide)]
    mark = tmp_path / "mark"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=held_at("leased", mark))
    await_held(process, mark)
    with open_workplace(settings) as place:
        assert place.catalog.jobs.holders()
    process.kill()
    process.wait()
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LONG_S)
    assert json.loads(done.stdout)["state"] == "published"
    assert list((settings.data / "drafts").iterdir()) == []


def test_the_same_file_at_once_is_built_once(settings: Settings, slide: Path) -> None:
    answers = [ended(one) for one in [start(slide) for _ in range(2)]]
    assert [code for code, _, _ in answers] == [0, 0]
    assert answers[0][1] == answers[1][1]
    with open_workplace(settings) as place:
        image = place.catalog.image(answers[0][1][0]["image"], establishment=None)
        assert len(image.objects_as(ObjectRole.ORIGINAL)) == 1
        assert is_whole(place, image)
        assert sum(place.catalog.jobs.counts().values()) == 1


@pytest.mark.soak
def test_twenty_files_at_once(settings: Settings, tmp_path: Path) -> None:
    files = [small_svs(tmp_path / f"{one}.svs", 500, 400, 240, seed=one) for one in range(20)]
    answers = [ended(one) for one in [start(file) for file in files]]
    assert [(code, complaints) for code, _, complaints in answers] == [(0, [])] * 20
    with open_workplace(settings) as place:
        for _, (told,), _ in answers:
            assert is_whole(place, place.catalog.image(told["image"], establishment=None))


def test_originals_are_kept_once(place: Workplace, slide: Path) -> None:
    with ThreadPoolExecutor(2) as two:
        images = list(two.map(lambda _: receive(place, slide, Order("north")), range(2)))
    assert images[0].objects == images[1].objects
    assert [one.role for one in images[0].objects] == [ObjectRole.ORIGINAL, ObjectRole.TILE_MAP]
    assert place.storage.orphans(place.catalog.object_keys(), 0) == ()


def test_names_of_any_kind(settings: Settings, slide: Path, tmp_path: Path) -> None:
    names = ["été 1.svs", "a\n\x1b[2Jb.svs", "-x.svs", "\udcff.svs", "a;b 'c' \"d\".svs"]
    for name in names:
        shutil.copy(slide, tmp_path / name)
    code, told, complaints = ended(start("--", *names, cwd=tmp_path))
    assert (code, complaints) == (0, [])
    assert [(one["file"], one["state"]) for one in told] == [(name, "published") for name in names]
    with open_workplace(settings) as place:
        kept = str(place.catalog.image(told[0]["image"], establishment=None))
    assert "été" not in kept
    command = [sys.executable, "-m", "api.cli", "ingest", "--", *names]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, "\x1b" in done.stdout) == (0, "", False)
    assert len(done.stdout.splitlines()) == len(names)


def test_a_folder_of_dicom(place: Workplace, slide: Path, tmp_path: Path) -> None:
    from slides.convert import Request, convert

    convert(slide, tmp_path / "dicom", Request())
    taken = ingest(place, tmp_path / "dicom", Order("north"))
    image = place.catalog.image(taken.image, establishment="north")
    assert len(image.objects_as(ObjectRole.ORIGINAL)) == len(list((tmp_path / "dicom").iterdir()))
    assert is_whole(place, image)


def test_a_file_that_changes_meanwhile_is_not_kept(place: Workplace, tmp_path: Path) -> None:
    first, second = tmp_path / "a.mrxs", tmp_path / "b.dat"
    for file in (first, second):
        file.write_bytes(b"x" * 100)
    stock = take_stock(first, [second])
    second.write_bytes(b"x" * 101)
    with pytest.raises(Refused, match="still being written"):
        keep(stock, place.storage.put, place.storage.delete)
    second.unlink()
    with pytest.raises(NotFound):
        keep(stock, place.storage.put, place.storage.delete)
    assert place.storage.sweep((), older_than_s=0) == ()


def test_a_file_under_another_patient_is_refused(place: Workplace, slide: Path) -> None:
    """And of what another establishment has of it nothing is told."""
    one, two = PatientIdentity("1"), PatientIdentity("2")
    receive(place, slide, Order("north", one))
    with pytest.raises(NotTaken, match="another patient"):
        ingest(place, slide, Order("north", two))
    with pytest.raises(NotTaken, match="another patient"):
        ingest(place, slide, Order("north"))
    assert receive(place, slide, Order("south", two)).objects


def test_a_file_that_is_gone_is_told(place: Workplace, tmp_path: Path) -> None:
    with pytest.raises(NotTaken):
        ingest(place, tmp_path / "gone.svs", Order("north"))
    assert place.catalog.exams(establishment=None, states=list(ImageState)).exams == ()


def test_trouble_that_passes_is_told_at_once_and_resumed(
    place: Workplace, slide: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.work.RETRY_S", 3600.0)
    (original,) = receive(place, slide, Order("north")).objects_as(ObjectRole.ORIGINAL)
    path = place.storage.local_path(original.key)
    assert path is not None
    hidden = path.with_name("hidden")
    path.rename(hidden)
    with pytest.raises(NotTaken, match="ingest it again"):
        ingest(place, slide, Order("north"))
    hidden.rename(path)
    assert ingest(place, slide, Order("north")).state == "published"


def test_what_was_refused_can_be_ingested_again(place: Workplace, slide: Path) -> None:
    image = receive(place, slide, Order("north"))
    refuse(place.catalog, image.id, "for no good reason")
    with ThreadPoolExecutor(2) as two:
        taken = list(two.map(lambda _: ingest(place, slide, Order("north")), range(2)))
    assert taken[0] == taken[1]
    assert is_whole(place, place.catalog.image(image.id, establishment=None))


def test_a_photographs_original_goes_even_after_a_kill(place: Workplace, tmp_path: Path) -> None:
    photo = make_photo(tmp_path / "photo.jpg", width=400, height=300)
    image = receive(place, photo, Order("north"))
    taken = ingest(place, photo, Order("north"))
    # As where the process was killed between publication and deletion.
    key = place.storage.put(photo)
    facts = {"original": {"main": "original.jpg", "names": {key: "original.jpg"}}}
    (gone,) = image.objects
    kept = {"role": gone.role, "length_bytes": gone.length_bytes, "media_type": gone.media_type}
    place.catalog.attach(image.id, [type(gone)(key=key, **kept)], facts=facts)  # type: ignore[arg-type]
    assert ingest(place, photo, Order("north")) == taken
    again = place.catalog.image(image.id, establishment=None)
    assert again.objects_as(ObjectRole.ORIGINAL) == ()
    assert is_whole(place, again)


def one_line_of(settings: Settings, command: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", command, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("sansverre: ")
    return line


def broken(settings: Settings, how: str) -> str:
    """Break the installation; gives what the complaint must name."""
    if how == "a file for a folder":
        settings.data.write_bytes(b"")
        return str(settings.data)
    settings.data.mkdir()
    catalogue = settings.data / "catalog.sqlite"
    if how == "a corrupt catalogue":
        catalogue.write_bytes(os.urandom(100_000))
    elif how == "a newer catalogue":
        with sqlite3.connect(catalogue) as database:
            database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
            database.execute("INSERT INTO alembic_version VALUES ('9999')")
        database.close()
        return "newer version"
    else:
        (settings.data / "objects").write_bytes(b"")
        return "store of objects"
    return "catalogue"


@pytest.mark.parametrize(
    "how",
    ["a file for a folder", "a corrupt catalogue", "a newer catalogue", "a file for the store"],
)
def test_a_broken_installation_is_told_in_one_line(
    settings: Settings, slide: Path, how: str
) -> None:
    named = broken(settings, how)
    assert named in one_line_of(settings, "ingest", slide)
    if how != "a file for the store":
        assert named in one_line_of(settings, "serve", "--port", "0")


def test_a_sigterm_leaves_nothing(settings: Settings, slide: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    process = start(slide, held=held_at("building", mark))
    await_held(process, mark)
    scratch = settings.data / "scratch"
    assert list(scratch.glob("desk-*"))
    for number in (signal.SIGTERM, signal.SIGCONT):
        process.send_signal(number)
    process.communicate(timeout=LONG_S)
    assert list(scratch.glob("desk-*")) == []
