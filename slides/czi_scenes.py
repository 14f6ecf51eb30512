"""The scenes of a CZI: areas of one glass, each where the stage was."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from re import fullmatch
from xml.etree.ElementTree import Element

from slides.czi_structure import Block
from tiles.pyramid import Box


@dataclass(frozen=True, slots=True)
class Area:
    """One scene: its own index in the file, and where it lies."""

    index: int
    box: Box
    name: str = ""


def areas_of(blocks: Sequence[Block], metadata: Element | None) -> tuple[Area, ...]:
    """The scenes that blocks are of, where there are several."""
    found: dict[int, list[Block]] = {}
    for block in blocks:
        found.setdefault(block.scene, []).append(block)
    if len(found) == 1:
        return ()
    names = {} if metadata is None else {one.get("Index"): one for one in metadata.iter("Scene")}
    return tuple(
        Area(index, around(own), _name(names.get(str(index))))
        for index, own in sorted(found.items())
    )


def around(blocks: Sequence[Block]) -> Box:
    """The smallest box that holds all blocks."""
    left, top = min(one.x for one in blocks), min(one.y for one in blocks)
    right = max(one.x + one.width for one in blocks)
    bottom = max(one.y + one.height for one in blocks)
    return Box(left, top, right - left, bottom - top)


def lie_over_one_another(areas: Sequence[Area]) -> bool:
    """Whether areas cannot be shown on one canvas, as one would hide another.

    Areas that touch are often told as boxes that overlap a little.
    """
    return any(_shared(one.box, other.box) > 0.5 for one, other in combinations(areas, 2))


def _shared(one: Box, other: Box) -> float:
    """The part of the smaller box that lies in the other."""
    width = min(one.right, other.right) - max(one.x, other.x)
    height = min(one.bottom, other.bottom) - max(one.y, other.y)
    smaller = min(one.width * one.height, other.width * other.height)
    return max(0, width) * max(0, height) / smaller


def _name(scene: Element | None) -> str:
    """The name that the software gave by counting; one that a person gave may tell a patient's."""
    name = ("" if scene is None else scene.get("Name", "")).strip()
    return name if fullmatch(r"(ScanRegion|TR|P|[A-H])\d{1,3}", name) else ""
