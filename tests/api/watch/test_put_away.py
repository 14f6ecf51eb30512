"""Files moved or removed once they are safe: none is replaced, and none goes that came since."""

import errno
import os
from pathlib import Path

import pytest

from api.watch import put_away
from api.watch.survey import Print


def seen(folder: Path, *names: str) -> dict[str, Print]:
    return {name: Print.of((folder / name).lstat()) for name in names}


def lay(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def lying(folder: Path) -> dict[str, str]:
    return {
        str(one.relative_to(folder)): one.read_text()
        for one in sorted(folder.rglob("*"))
        if one.is_file()
    }


@pytest.fixture(params=["link", "copy"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """On one disk, and to another, where files have to be copied."""
    if request.param == "copy":

        def refuse(source: Path, target: Path, **options: bool) -> None:
            raise OSError(errno.EXDEV, "another disk")

        monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("way")
def test_all_of_a_slide_is_moved_and_its_empty_folder_goes(tmp_path: Path) -> None:
    folder = lay(tmp_path / "in", day__s="a", day__s1__x="b", day__other="c")
    files = seen(folder, "day/s", "day/s1/x")
    put_away.move(folder, files, tmp_path / "done", "id")
    assert lying(tmp_path / "done") == {"day/s": "a", "day/s1/x": "b"}
    assert lying(folder) == {"day/other": "c"}
    assert not (folder / "day" / "s1").exists()
    put_away.move(folder, files, tmp_path / "done", "id")
    assert lying(tmp_path / "done") == {"day/s": "a", "day/s1/x": "b"}


@pytest.mark.usefixtures("way")
def test_what_lies_there_is_never_replaced(tmp_path: Path) -> None:
    folder, done = lay(tmp_path / "in", a="new", b="b"), lay(tmp_path / "done", a="older")
    put_away.move(folder, seen(folder, "a", "b"), done, "id")
    assert lying(done) == {"a": "older", "id/a": "new", "id/b": "b"}
    assert lying(folder) == {}


@pytest.mark.usefixtures("way")
def test_what_came_since_stays(tmp_path: Path) -> None:
    folder = lay(tmp_path / "in", a="old", b="old")
    files = seen(folder, "a", "b")
    (folder / "a").write_text("new and longer")
    put_away.move(folder, files, tmp_path / "done", "id")
    assert (lying(tmp_path / "done"), lying(folder)) == ({"b": "old"}, {"a": "new and longer"})
    put_away.remove(folder, files)
    assert lying(folder) == {"a": "new and longer"}


def test_a_file_replaced_at_the_last_moment_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lay(tmp_path / "in", a="old")
    files = seen(folder, "a")
    rename = Path.rename

    def late(self: Path, target: Path) -> Path:
        if self.name == "a":
            (folder / "new").write_text("new and longer")
            rename(folder / "new", self)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)
    put_away.remove(folder, files)
    assert lying(folder) == {"a": "new and longer"}


@pytest.mark.parametrize("step", ["held", "linked"])
def test_a_kill_between_two_steps_is_set_right(tmp_path: Path, step: str) -> None:
    folder, done = lay(tmp_path / "in", a="a"), tmp_path / "done"
    done.mkdir()
    files = seen(folder, "a")
    held = (folder / "a").rename(folder / f"{put_away.HELD}a")
    if step == "linked":
        os.link(held, done / "a")
    put_away.give_back(folder)
    assert lying(folder) == {"a": "a"}
    assert seen(folder, "a") == files
    put_away.move(folder, files, done, "id")
    assert (lying(folder), lying(done)) == ({}, {"a": "a"})


def test_what_was_held_gives_way_to_what_came(tmp_path: Path) -> None:
    lay(tmp_path, a="new")
    (tmp_path / f"{put_away.HELD}a").write_text("old")
    put_away.give_back(tmp_path)
    assert lying(tmp_path) == {"a": "new", "a-2": "old"}
