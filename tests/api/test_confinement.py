"""What a process holds of secrets, or of a stranger's file, no other of the same user reads.

Root reads everything, and tests may run as root: who looks here is of the same user, and may no
more than any other.
"""

import ctypes
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from api.sandbox import Limits, run_limited
from tests.serving import LONG_S, Running, running, until

PATIENT = Limits(silence_s=600)
UNPRIVILEGED = (
    sys.executable,
    "-c",
    # PR_CAPBSET_DROP: what is executed next has no capability, as whoever is not root has none.
    (
        "import ctypes, os, sys; drop = ctypes.CDLL(None).prctl; "
        "[drop(24, one, 0, 0, 0) for one in range(41)]; os.execvp(sys.argv[1], sys.argv[1:])"
    ),
)


def is_read(pid: int) -> bool:
    """Whether another process of the same user reads the environment of this one."""
    reading = [*UNPRIVILEGED, "cat", f"/proc/{pid}/environ"]
    read = subprocess.run(reading, capture_output=True, check=False, timeout=LONG_S)
    assert read.returncode == 0 or b"Permission denied" in read.stderr
    return read.returncode == 0


@contextmanager
def waiting(*lines: str) -> Iterator[int]:
    """A process that has run these lines, and waits."""
    own = [sys.executable, "-c", "\n".join([*lines, "print(flush=True)", "input()"])]
    process = subprocess.Popen([*UNPRIVILEGED, *own], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        yield process.pid
        process.communicate(b"\n", timeout=LONG_S)


def test_who_hides_is_read_by_nobody_of_the_same_user() -> None:
    with waiting() as pid:
        assert is_read(pid)
    with waiting("from api.confinement import hide", "hide()") as pid:
        assert not is_read(pid)
    limits = "confine(os.getppid(), 1 << 30)"
    with waiting("import os", "from api.confinement import confine", limits) as pid:
        assert not is_read(pid)


def test_all_processes_of_the_service_hide(tmp_path: Path) -> None:
    table = tmp_path / "dimse.toml"
    table.write_text('address = "127.0.0.1:0"\n[peers.ECHOES]\nestablishment = "north"\n')
    environment = {
        "SANSVERRE_DATA": str(tmp_path / "data"),
        "SANSVERRE_SECRETS": str(tmp_path / "keys"),
        "SANSVERRE_DIMSE": str(table),
    }
    with running(environment, workers=1, through=UNPRIVILEGED) as server:
        # What prints the link has waited for what answers.
        assert not is_read(server.process.pid)
        (answering,) = server.children("api.app")
        assert not is_read(answering.pid)
        (drawing,) = answering.children()
        until(lambda: not is_read(drawing.pid))
        for module in ("api.worker", "api.taker", "api.dimse.process"):
            until(partial(hides, server, module))


def hides(server: Running, module: str) -> bool:
    """Whether the process that runs a module is there, and has come to hide."""
    return any(not is_read(one.pid) for one in server.children(module))


def landlock_version() -> int:
    """Which one the kernel has; -1 for none."""
    ask_for_the_version, create_ruleset = 1, 444
    return int(ctypes.CDLL(None).syscall(create_ruleset, None, 0, ask_for_the_version))


def test_a_child_reads_no_other_process() -> None:
    """Not even one that has just begun, and does not hide yet."""
    lines = [
        "import json, sys",
        "from tests.api.test_confinement import PATIENT, run_limited",
        "asked = {'pid': int(sys.argv[1])}",
        "print(json.dumps(run_limited('tests.api.children:read_of', asked, PATIENT)))",
    ]
    with waiting() as pid:
        asking = [*UNPRIVILEGED, sys.executable, "-c", "\n".join(lines), str(pid)]
        may = subprocess.check_output(asking, text=True, timeout=LONG_S)
    assert json.loads(may) == dict.fromkeys(("environ", "maps"), landlock_version() < 2)


def test_what_a_child_was_told_is_not_in_the_memory_of_the_next() -> None:
    function, asked = "tests.api.children:remember", {"pattern": "told-[0-9]+-only"}
    for number in range(3):
        secret = f"told-{number}-only"
        assert secret in run_limited(function, asked, PATIENT, told={"MARK": secret})
    assert run_limited(function, asked, PATIENT) == []


def test_a_child_moves_files_from_folder_to_folder(tmp_path: Path) -> None:
    """What keeps it from other processes keeps it from no folder that it had."""
    (tmp_path / "from").mkdir()
    (tmp_path / "to").mkdir()
    (tmp_path / "from" / "file").touch()
    folders = {"path": str(tmp_path / "from" / "file"), "to": str(tmp_path / "to" / "file")}
    run_limited("tests.api.children:move", folders, PATIENT)
    assert (tmp_path / "to" / "file").exists()
