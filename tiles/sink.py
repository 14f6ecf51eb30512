"""Anything that takes finished tiles in any order and from any process."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from tiles.pyramid import FIRST, Plane
from tiles.source import Pixels


@dataclass(frozen=True, slots=True)
class Task:
    """One square block of a plane of the slide and all levels that are made from it alone.

    `levels` are consecutive; `columns × rows` tiles of the first of them begin at tile
    `(column, row)` of that level, and each further level has half of them, rounded up.
    """

    stage: int
    column: int
    row: int
    """Address of the block among the blocks of its stage."""
    levels: range
    span: int
    """Tiles along a full block's side at the first level: a power of two."""
    plane: Plane = FIRST

    @property
    def name(self) -> str:
        """Unique within a build; safe as a file name."""
        plane = f"{self.plane.optical_path}.{self.plane.focal_plane}"
        return f"{self.stage}.{self.column}.{self.row}.{plane}"


class Part(Protocol):
    """What one task writes. It counts only when its context ends without an exception."""

    def put(self, level: int, column: int, row: int, pixels: Pixels) -> None:
        """Take one tile: its real pixels, (rows, columns, samples), without padding."""
        ...


class Sink(Protocol):
    """Where the tiles of a build go.

    Picklable, so that tasks may run in other processes that see the same files. Running a task
    again replaces its part by an equal one.
    """

    def wants(self, level: int) -> bool:
        """Whether this sink needs the pixels of a level at all."""
        ...

    def part(self, task: Task) -> AbstractContextManager[Part]:
        """Begin the part of one task."""
        ...
