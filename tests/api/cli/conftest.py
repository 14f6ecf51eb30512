"""The command as it is typed, with data of its own."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.conftest import small_file
from tests.warm import ask, warm

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="package")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_file(tmp_path_factory.mktemp("cli"))


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return {
        "SANSVERRE_DATA": str(tmp_path / "data"),
        "SANSVERRE_SECRETS": str(tmp_path / "keys"),
        "TMPDIR": str(tmp_path / "tmp"),
    }


@pytest.fixture(scope="package")
def command() -> Iterator["subprocess.Popen[str]"]:
    with warm() as process:
        yield process


@pytest.fixture
def run(
    command: "subprocess.Popen[str]",
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    variables: dict[str, str],
) -> Run:
    """Run the command with data of its own, in a process of its own."""
    (tmp_path / "tmp").mkdir()
    output, errors = (tmp_path_factory.mktemp("said") / name for name in ("output", "errors"))

    def ran(*arguments: object) -> "subprocess.CompletedProcess[str]":
        for one in (output, errors):
            one.write_bytes(b"")
        words = [str(one) for one in arguments]
        request = {
            "arguments": words,
            "variables": {**os.environ, **variables},
            "folder": str(tmp_path),
            "output": str(output),
            "errors": str(errors),
        }
        code = ask(command, request)["code"]
        done = subprocess.CompletedProcess(words, code, output.read_text(), errors.read_text())
        assert "Traceback" not in done.stderr
        return done

    return ran


def is_one_line_about(done: "subprocess.CompletedProcess[str]", name: str) -> bool:
    return (
        done.returncode == 1
        and len(done.stderr.splitlines()) == 1
        and done.stderr.startswith("sansverre: ")
        and name in done.stderr
    )
