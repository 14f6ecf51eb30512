"""Who converts: ourselves, and others' tools in virtual environments of their own.

`python -m benchmarks.contenders NAME SOURCE OUT` runs our converter in this process and prints the
seconds after start-up. Others are installed by name and version with the newest Python there is.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PEERS = {
    "wsidicomizer": "wsidicomizer==0.31.0",
    "ngff-zarr": "ngff-zarr==0.50.0",
    "eubi-bridge-lite": "eubi-bridge-lite==0.3.2",
}
PEERS_ON_3_11 = {"wsidicomizer": "wsidicomizer==0.26.1"}

OURS: dict[str, Sequence[str]] = {
    "source": ("--to", "dicom", "--levels", "source"),
    "full": ("--to", "dicom"),
    "both": ("--to", "both", "--levels", "source"),
    "both full": ("--to", "both"),
    "zarr": ("--to", "zarr"),
}


@dataclass(frozen=True)
class Peer:
    """An installed tool."""

    name: str
    version: str
    python: str
    folder: Path

    def program(self, name: str) -> str:
        """The path of one of its commands."""
        return str(self.folder / "bin" / name)


def install(name: str, folder: Path) -> Peer:
    """Install a peer into a virtual environment below `folder`, once."""
    python = newest_python()
    version = _output(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    wanted = PEERS[name]
    if version == "3.11":
        wanted = PEERS_ON_3_11.get(name, wanted)
    home = folder / f"{wanted}-py{version}"
    if not (home / "installed").exists():
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([python, "-m", "venv", home], check=True)
        subprocess.run([home / "bin" / "pip", "install", "--quiet", wanted], check=True)
        (home / "installed").touch()
    return Peer(name, wanted.partition("==")[2], version, home)


def newest_python() -> str:
    """The newest of the machine's Pythons that peers have packages for."""
    for name in ("python3.13", "python3.12", "python3.11"):
        path = shutil.which(name)
        if (
            path
            and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
        ):
            return path
    return sys.executable


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Convert in this process and print the seconds it took, without start-up."""
    from slides.convert import Request, convert

    if "full" in sys.argv[1] or "zarr" in sys.argv[1]:
        import dask.base
        import dask.delayed  # noqa: F401
    name, source, out = sys.argv[1:]
    to: dict[str, Request] = {
        "source": Request(levels="source"),
        "full": Request(),
        "both": Request(to="both", levels="source"),
        "both full": Request(to="both"),
        "zarr": Request(to="zarr"),
    }
    started = time.perf_counter()
    convert(Path(source), Path(out), to[name])
    print(f"work_s={time.perf_counter() - started:.4f}", flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
