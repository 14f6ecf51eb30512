"""Which file a test gets."""

from pathlib import Path

import pytest

from tests.samples import sample


def test_a_real_file_where_there_are_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANSVERRE_SAMPLES", str(tmp_path))
    (tmp_path / "here.svs").touch()
    assert sample("here.svs", Path.unlink) == tmp_path / "here.svs"
    with pytest.raises(FileNotFoundError, match=r"absent\.svs"):
        sample("absent.svs", Path.touch)


def test_a_made_file_otherwise_and_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SANSVERRE_SAMPLES", raising=False)
    made: list[Path] = []

    def make(path: Path) -> None:
        made.append(path)
        path.touch()

    first = sample("folder/made.svs", make)
    assert first.is_file()
    assert sample("folder/made.svs", make) == first
    assert made == [first]
