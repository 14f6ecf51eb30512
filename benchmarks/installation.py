"""An archive of its own for one run, as the command makes and serves it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SANSVERRE = [sys.executable, "-m", "api.cli"]


def environment_in(folder: Path) -> dict[str, str]:
    """The environment of an archive that lies in a folder."""
    return {
        **os.environ,
        "SANSVERRE_DATA": str(folder / "data"),
        "SANSVERRE_SECRETS": str(folder / "secrets"),
    }


def told(environment: dict[str, str], *arguments: str | Path) -> str:
    """What the command says."""
    return subprocess.run(
        [*_SANSVERRE, *arguments], env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def ingested(environment: dict[str, str], *files: Path) -> list[str]:
    """The images that files became."""
    return re.findall(r'"image": "(\w+)"', told(environment, "ingest", "--json", *files))


@contextmanager
def serving(environment: dict[str, str], workers: int) -> Iterator[str]:
    """The address of the project's own server."""
    command = [*_SANSVERRE, "serve", "--port", "0", "--workers", str(workers)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        link = (re.search(r"(http://\S+)/enter", line) for line in process.stdout)
        try:
            yield next(found[1] for found in link if found)
        finally:
            process.terminate()


def bearer(token: str) -> dict[str, str]:
    """The header that signs in."""
    return {"Authorization": f"Bearer {token}"}
