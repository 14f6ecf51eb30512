"""A draft is held by one, taken up again after a kill, and gone after everything else."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from slides import draft as drafts
from slides.draft import discard, draft_of, held, is_taken, place_of, publish
from slides.errors import OutputExists

LONG_S = 600.0


def silent(_: float) -> None:
    return


class Killed(BaseException):
    """Stands for the end of a process: nothing is tidied up after it."""


@pytest.fixture
def killing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drafts that are left as they are, with their locks let go, as a kill leaves them."""
    monkeypatch.setattr(drafts, "_remove", lambda _: None)


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_a_result_appears_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with draft_of(out, "key", silent) as draft:
        assert draft.receipt is None
        (draft.result / "file").write_text("x")
        assert names(tmp_path) == [".out.partial"]
        publish(draft, out, "key", {"said": 1})
    assert names(tmp_path) == ["out"]
    assert names(out) == ["file"]
    assert is_taken(out)
    with pytest.raises(OutputExists), draft_of(out, "key", silent):
        pass


def test_nothing_is_left_of_what_failed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="damaged"), draft_of(tmp_path / "out", "key", silent):
        raise ValueError("damaged")
    assert names(tmp_path) == []


@pytest.mark.usefixtures("killing")
def test_what_a_kill_left_is_there_again_for_the_same_key(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with suppress(Killed), draft_of(out, "key", silent) as draft:
        (draft.result / "level").write_text("whole")
        (draft.result / ".level-1.123").write_text("half")
        (draft.parts / "part").write_text("whole")
        draft.once("layout", lambda: None)
        raise Killed
    assert not out.exists()
    with suppress(Killed), draft_of(out, "key", silent) as draft:
        assert names(draft.result) == ["level"]
        assert names(draft.parts) == ["part"]
        draft.once("layout", lambda: pytest.fail("done again"))
        raise Killed
    with suppress(Killed), draft_of(out, "another", silent) as draft:
        assert names(draft.result) == names(draft.parts) == []
        raise Killed


@pytest.mark.usefixtures("killing")
def test_after_a_restart_of_the_machine_it_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "boot").write_text("one")
    monkeypatch.setattr(drafts, "BOOT", tmp_path / "boot")
    for boot, left in (("one", []), ("one", ["part"]), ("two", [])):
        (tmp_path / "boot").write_text(boot)
        with suppress(Killed), held(tmp_path / "draft", "key", silent) as draft:
            assert names(draft.parts) == left
            (draft.parts / "part").touch()
            raise Killed
    (tmp_path / "boot").unlink()
    with suppress(Killed), held(tmp_path / "draft", "key", silent) as draft:
        assert names(draft.parts) == []
        raise Killed


@pytest.mark.parametrize("renamed", [False, True])
def test_killed_in_the_last_steps_it_is_only_published(
    renamed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(drafts, "_remove", lambda _: None)
        with draft_of(out, "key", silent) as draft:
            (draft.result / "file").write_text("x")
            publish(draft, out, "key", {"said": 1})
    if not renamed:
        out.rename(place_of(out) / "result")
    assert not is_taken(out)
    with draft_of(out, "key", silent) as draft:
        assert draft.receipt == {"said": 1, "key": "key"}
    assert names(tmp_path) == ["out"]
    assert names(out) == ["file"]


@pytest.mark.parametrize(("second", "outcome"), [("key", "told"), ("another", "exists")])
def test_of_two_at_once_one_works_and_the_other_waits(
    second: str, outcome: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    waited = threading.Event()

    def wait() -> str:
        try:
            with draft_of(out, second, lambda _: waited.set()) as draft:
                assert draft.receipt is not None
                return "told"
        except OutputExists:
            return "exists"

    with ThreadPoolExecutor(1) as other:
        with draft_of(out, "key", silent) as draft:
            waiting = other.submit(wait)
            assert waited.wait(LONG_S)
            publish(draft, out, "key", {})
        assert waiting.result(LONG_S) == outcome
    assert names(tmp_path) == ["out"]


def test_whoever_waited_for_a_failure_does_the_work(tmp_path: Path) -> None:
    out = tmp_path / "out"
    waited = threading.Event()

    def work() -> None:
        with draft_of(out, "key", lambda _: waited.set()) as draft:
            assert draft.receipt is None
            (draft.result / "file").touch()
            publish(draft, out, "key", {})

    with ThreadPoolExecutor(1) as other:
        with suppress(ValueError), draft_of(out, "key", silent):
            waiting = other.submit(work)
            assert waited.wait(LONG_S)
            raise ValueError("no")
        waiting.result(LONG_S)
    assert names(out) == ["file"]


def test_discarding_spares_what_is_held(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with draft_of(out, "key", silent) as draft:
        discard(out)
        assert draft.result.is_dir()
    discard(out)
    place_of(out).mkdir()
    (place_of(out) / "lock").touch()
    discard(out)
    assert names(tmp_path) == []
