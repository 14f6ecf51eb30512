"""Notes beside files that were refused."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.watch.memory import Memory
from api.watch.report import remove_report, report_of, write_report
from api.watch.trouble import Trouble
from api.watch.watcher import Watcher
from api.work import Workplace
from tests.api.watch.conftest import images, keep, told


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
    assert report_of(folder / "a.svs").exists()
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


def test_what_is_refused_while_it_is_built_is_told(
    watcher: Watcher, place: Workplace, folder: Path, slide: Path
) -> None:
    shutil.copy(slide, folder / "a.svs")
    keep(watcher)
    job = place.catalog.jobs.claim("somebody", 60.0)
    assert job is not None
    place.catalog.attach(job.image_id, facts={"refused_as": "DamagedSlide"}, attempt=job)
    place.catalog.jobs.fail(job, retry_in_s=None, reason="a tile is damaged; fetch it again")
    keep(watcher)
    assert "Le fichier est abîmé" in told(folder, "a.svs")
    assert "a tile is damaged; fetch it again" in told(folder, "a.svs")
