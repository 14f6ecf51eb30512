"""What a conversion wrote, opened again to be judged."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydicom import dcmread
from pydicom.dataset import Dataset

from slides.errors import NotFaithful, SlideError
from slides.formats import dicom
from slides.instances import LINKED
from slides.slide import AssociatedImage, Slide
from slides.written_dicom import faults_of_instance, faults_of_level, faults_of_spacing
from tiles.errors import TilesError
from tiles.plan import Plan
from tiles.pyramid import FIRST, Box, Plane
from tiles.source import Frame, Pixels


class Written(Protocol):
    """The levels of a result, numbered as they were planned."""

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """The decoded pixels of a box."""
        ...

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        """A tile as it was written, or None where there are no encoded tiles."""
        ...


@dataclass(frozen=True, slots=True)
class Reopened:
    """A result that holds the planned levels; `instances` counts its DICOM files.

    `group` is the same once more where a zarr group lies beside DICOM, as zarr's reader gives it;
    `beside` are the label and the overview.
    """

    source: Written
    instances: int
    group: Written | None = None
    beside: Mapping[str, AssociatedImage] = field(default_factory=dict)


@contextmanager
def reopened(folder: Path, plan: Plan, mpp_um: tuple[float, float]) -> Iterator[Reopened]:
    """Open a result whose headers and tables are what they should be; `mpp_um` is of level 0.

    Raises NotFaithful naming the file and what is wrong with it.
    """
    files = sorted(folder.glob("*.dcm"))
    if not files:
        yield Reopened(_ZarrLevels(_zarr_arrays(folder, plan), plan.samples), 0)
        return
    for file in files:
        try:
            _refuse(file.name, faults_of_instance(file))
        except TilesError as error:
            raise NotFaithful(f"{file.name} as written cannot be read: {error}") from error
    base = plan.levels[0].level
    extent_um = (mpp_um[0] * base.width, mpp_um[1] * base.height)
    for file, header in _levels(files):
        size = (header.TotalPixelMatrixColumns, header.TotalPixelMatrixRows)
        sizes = [(step.level.width, step.level.height) for step in plan.levels]
        if size not in sizes:
            raise NotFaithful(f"{file.name} as written is of no level: {size[0]} × {size[1]}")
        number = sizes.index(size)
        level = plan.levels[number].level
        _refuse(file.name, faults_of_level(header, level, reduced=number > 0))
        _refuse(file.name, faults_of_spacing(header, level, extent_um))
    group = _zarr_beside(folder, plan)
    with _opened(folder) as slide:
        found = slide.source.pyramid.levels
        if [step.level for step in plan.levels] != list(found):
            raise NotFaithful(f"{len(found)} of {len(plan.levels)} levels were written")
        yield Reopened(slide.source, len(files), group, slide.associated)


def _zarr_beside(folder: Path, plan: Plan) -> Written | None:
    """The group beside the instances, if there is one; its shards must be the instances."""
    group = folder / LINKED
    if not group.exists():
        return None
    arrays = _zarr_arrays(group, plan)
    for number, array in enumerate(arrays):
        shard = group.joinpath(str(number), "c", *("0" for _ in array.shape))
        if not shard.exists() or not shard.samefile(folder / f"level-{number}.dcm"):
            raise NotFaithful(f"level {number} of the zarr group is not the DICOM instance")
    return _ZarrLevels(arrays, plan.samples)


def _opened(folder: Path) -> Slide:
    try:
        return dicom.open(folder)
    except SlideError as error:
        raise NotFaithful(f"what was written is no slide: {error}") from error


def _levels(files: list[Path]) -> Iterator[tuple[Path, Dataset]]:
    for file in files:
        header = dcmread(file, stop_before_pixels=True)
        if header.ImageType[2] == "VOLUME":
            yield file, header


def _refuse(name: str, faults: Iterator[str]) -> None:
    for fault in faults:
        raise NotFaithful(f"{name} as written is wrong: {fault}")


def _zarr_arrays(folder: Path, plan: Plan) -> list[Any]:
    import zarr

    from tiles.ome_zarr import layout_of
    from tiles.zarr_codec import register

    register()
    group = zarr.open_group(folder, mode="r")
    arrays = []
    for number, step in enumerate(plan.levels):
        array = group.get(str(number))
        shape = layout_of(plan).shape(step.level)
        if not isinstance(array, zarr.Array) or array.shape != shape:
            raise NotFaithful(f"level {number} of the zarr group was not written")
        arrays.append(array)
    return arrays


class _ZarrLevels:
    def __init__(self, arrays: Sequence[Any], samples: int) -> None:
        self._arrays = arrays
        self._samples = samples

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        from tiles.ome_zarr import pixels_of

        return pixels_of(self._arrays[level], self._samples, box, plane)

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        del level, column, row, plane
        return None
