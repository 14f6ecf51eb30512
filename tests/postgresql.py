"""A real PostgreSQL on the loopback, as regions keep their catalogue in one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.orthanc import free_ports

OWNER = "postgres"
"""It refuses to run as root."""
# Nothing of a test outlives a power cut.
HURRIED = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off"


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database of a server that is gone afterwards."""
    programs = _programs()
    # Not a test's own folder, where another user may not look.
    with TemporaryDirectory(prefix="sansverre-postgresql-") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, OWNER, OWNER)
        (port,) = free_ports(1)
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        data = f"{folder}/data"
        initial = ["-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        _run(programs / "initdb", "-D", data, *initial)
        control: list[str | Path] = [programs / "pg_ctl", "-D", data, "-w", "-l", f"{folder}/log"]
        _run(*control, "-o", f"{options} {HURRIED}", "start")
        try:
            yield f"postgresql://{OWNER}@127.0.0.1:{port}/postgres"
        finally:
            _run(*control, "-m", "immediate", "stop")


def _programs() -> Path:
    """The folder of the server's programs, which Debian keeps out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        raise FileNotFoundError("PostgreSQL is not installed (deploy/apt-test.txt)")
    return found[-1]


def _run(*command: str | Path) -> None:
    owner = OWNER if os.geteuid() == 0 else None
    subprocess.run(command, cwd="/", stdout=subprocess.DEVNULL, check=True, user=owner, group=owner)
