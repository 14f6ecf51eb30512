"""What the worker process does beside jobs."""

import os
import time
from pathlib import Path

from api.worker import ABANDONED_S, sweep


def test_only_abandoned_folders_are_swept(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "file").write_bytes(b"x")
    now = time.time()
    os.utime(old, (now - ABANDONED_S - 60, now - ABANDONED_S - 60))
    sweep(tmp_path, now - ABANDONED_S)
    assert list(tmp_path.iterdir()) == [new]
