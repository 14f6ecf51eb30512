"""A slide's file as another process finds it, and as its digest tells it from all others."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slides.open import open_slide
from slides.progress import Progress
from tiles.source import TileSource

READ_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class OpenSource:
    """Opens a slide's pixels, here or in another process that sees the same files.

    `identity` keeps apart two files that had the same name one after the other.
    """

    path: Path
    identity: str
    scene: int | None = None

    def __call__(self) -> TileSource:
        """The pixels of the slide."""
        return open_slide(self.path, self.scene).source


def identity_of(file: Path) -> str:
    """What tells a file from others while it is not changed; cheap, and of this machine alone."""
    found = file.stat()
    return f"{found.st_dev}-{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"


def source_sha256(files: Sequence[Path], progress: Progress | None = None) -> str:
    """The digest of a slide's file; of several, that of their digests, whatever their names."""
    total = sum(file.stat().st_size for file in files)
    tell = progress or (lambda _done, _total: None)
    done = 0
    digests = []
    buffer = memoryview(bytearray(READ_BYTES))
    for file in files:
        digest = hashlib.sha256()
        with file.open("rb", buffering=0) as stream:
            while length := stream.readinto(buffer):
                digest.update(buffer[:length])
                done += length
                tell(done, total)
        digests.append(digest.hexdigest())
    if len(files) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()
