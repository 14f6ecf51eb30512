"""Who converts: ourselves, and others' tools in virtual environments of their own.

`python -m benchmarks.contenders NAME SOURCE OUT` runs our converter in this process and prints the
seconds after start-up. Others are installed by name and version with the newest Python there is.
"""

import hashlib
import importlib
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slides.convert import Request

ROOT = Path(__file__).parent.parent

PEERS = {
    "wsidicomizer": ("wsidicomizer==0.31.0",),
    "ngff-zarr": ("ngff-zarr[cli]==0.50.0", "imagecodecs"),
    "eubi-bridge-lite": ("eubi-bridge-lite==0.3.2",),
    "large-image": (
        "large-image==1.35.6",
        "large-image-source-openslide==1.35.6",
        "large-image-source-tiff==1.35.6",
        "openslide-bin==4.0.1.2",
        "gunicorn==27.0.1",
    ),
    "openslide": ("openslide-python==1.4.7", "openslide-bin==4.0.1.2", "gunicorn==27.0.1"),
}
PEERS_ON_3_11 = {"wsidicomizer": ("wsidicomizer==0.26.1",)}

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
    pinned = wanted[0].partition("==")[2]
    home = folder / f"{name}-{pinned}-py{version}"
    if not (home / "installed").exists():
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([python, "-m", "venv", home], check=True)
        subprocess.run([home / "bin" / "pip", "install", "--quiet", *wanted], check=True)
        (home / "installed").touch()
    return Peer(name, pinned, version, home)


def install_ourselves(folder: Path) -> str:
    """The Python of a virtual environment that holds what a user's does, and no tool of ours."""
    pins = ROOT / "requirements.txt"
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()[:12]
    home = folder / f"sansverre-{digest}-py{platform.python_version()}"
    if not (home / "installed").exists():
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        pip = (home / "bin" / "pip", "install", "--quiet", "--require-hashes", "-r", pins)
        subprocess.run(pip, check=True)
        (home / "installed").touch()
    return str(home / "bin" / "python")


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
    """Convert in this process and print the seconds and the memory it took, without start-up."""
    from slides.convert import Request, convert

    name, source, out = sys.argv[1:]
    to: dict[str, Request] = {
        "source": Request(levels="source"),
        "full": Request(),
        "both": Request(to="both", levels="source"),
        "both full": Request(to="both"),
        "zarr": Request(to="zarr"),
    }
    _load_what(to[name])
    before_mb = _resident_mb()
    started = time.perf_counter()
    convert(Path(source), Path(out), to[name])
    took_s = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1.024e-3
    print(f"work_s={took_s:.4f} work_mb={peak_mb - before_mb:.1f}", flush=True)
    os._exit(0)


def _load_what(request: "Request") -> None:
    """Import what such a conversion imports on its way, as start-up is not what is measured."""
    names = ["slides.formats.tiff", "slides.instances", "slides.label", "slides.metadata_file"]
    if request.levels == "full":
        names += ["cv2", "dask.base", "dask.delayed", "dask.threaded", "tiles.build"]
    names += {"zarr": ["tiles.ome_zarr"], "both": ["tiles.linked_zarr"]}.get(request.to, [])
    for name in names:
        importlib.import_module(name)


def _resident_mb() -> float:
    """What this process holds now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() * 1e-6


if __name__ == "__main__":
    main()
