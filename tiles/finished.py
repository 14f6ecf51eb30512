"""The tasks of a build that have run, remembered so that a killed build goes on where it was."""

import os
from pathlib import Path

import numpy as np

from tiles.sink import Task
from tiles.source import Pixels

_NOTHING = np.zeros(0, np.uint8)


class Finished:
    """Notes of finished tasks in a folder that all processes of a build see.

    A note holds what the next stage needs of the task: the very pixels of its reduced tile, since
    those of its encoded tiles are not the same any more.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, task: Task) -> bool:
        """Whether the task has run and its part is whole."""
        return self._note(task).exists()

    def reduced(self, task: Task) -> Pixels | None:
        """What the task gave."""
        pixels: Pixels = np.load(self._note(task), allow_pickle=False)
        return pixels if pixels.size else None

    def add(self, task: Task, reduced: Pixels | None) -> None:
        """Note a task whose part is whole."""
        growing = self.folder / f"{task.name}.{os.getpid()}.note"
        with growing.open("wb") as file:
            np.save(file, _NOTHING if reduced is None else reduced, allow_pickle=False)
        growing.replace(self._note(task))

    def _note(self, task: Task) -> Path:
        return self.folder / f"{task.name}.npy"
