"""Desks of processes that come and go at the same time."""

from pathlib import Path

from api.desk import desk, locked


def test_a_desk_that_goes_while_others_are_looked_at_ends_nobody(tmp_path: Path) -> None:
    held, left, gone = (tmp_path / f"desk-{name}" for name in ("held", "left", "gone"))
    held.mkdir()
    left.mkdir()
    # A name that is found, and nothing behind it once it is opened.
    gone.symlink_to(tmp_path / "nothing")
    with locked(held), desk(tmp_path) as own:
        assert own.is_dir()
        assert held.is_dir()
        assert not left.exists()
    assert not own.exists()
