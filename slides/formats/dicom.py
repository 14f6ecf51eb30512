"""DICOM VL Whole Slide Microscopy, read by ourselves: a file, or the folder of one series.

The instances of a series that show the same glass are the levels of one slide; its label,
overview and thumbnail are the pictures beside it. Frames can be had as they are stored.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from slides.dicom_matrix import BARE, ENCODINGS, Matrix, check_kind, open_matrix
from slides.dicom_structure import (
    WHOLE_SLIDE,
    File,
    Instance,
    belonging,
    instances_of,
    read_file,
)
from slides.errors import UnsupportedSlide
from slides.limits import check_bomb
from slides.scenes import chosen
from slides.slide import Addresses, AssociatedImage, Facts, Slide, colours
from tiles.errors import DamagedCodestream, OutsideImage
from tiles.pyramid import FIRST, Box, Plane, Pyramid, same_view
from tiles.source import Encoding, Frame, Pixels, Run, assemble, one_by_one

MAGIC_OFFSET, MAGIC = 128, b"DICM"
ASSOCIATED = {"LABEL": "label", "OVERVIEW": "macro", "THUMBNAIL": "thumbnail"}
MOST_NEIGHBOURS = 2000


class DicomSource:
    """A TileSource over the instances of one slide, each read by offset."""

    def __init__(self, matrices: Sequence[Matrix]) -> None:
        self._matrices = tuple(matrices)
        base = matrices[0]
        self.pyramid = Pyramid(
            tuple(matrix.level for matrix in matrices),
            samples=base.first.samples,
            bits=base.first.bits,
            planes=tuple(base.planes),
        )

    def encoding(self, level: int) -> Encoding:
        """How the frames of a level are encoded."""
        return self._matrix(level).encoding

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """The pixels of a box; tiles that were never stored are background."""
        matrix = self._matrix(level, plane)
        with _naming(level):
            return assemble(self, level, box, lambda c, r: matrix.tile(c, r, plane))

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        """A frame as stored; None where it would not show the right colours by itself."""
        matrix = self._matrix(level, plane)
        matrix.level.box(column, row)
        if matrix.encoding in BARE or matrix.converted:
            return None
        with _naming(level):
            stored = matrix.stored(column, row, plane)
        return stored.frame if stored is not None else None

    def runs(self, level: int, columns: range, rows: range, plane: Plane = FIRST) -> Iterator[Run]:
        """What `frame` gives for each of these tiles, row by row, out of long reads."""
        matrix = self._matrix(level, plane)
        if matrix.encoding in BARE or matrix.converted:
            yield Run([None] * len(columns) * len(rows), matrix.encoding)
            return
        with _naming(level):
            yield from one_by_one(
                None if stored is None else stored.frame
                for stored in matrix.in_order(columns, rows, plane)
            )

    def addresses(self, level: int) -> Addresses | None:
        """Where the frames of a level lie; None where one of them is in fragments."""
        return self._matrix(level).addresses

    def close(self) -> None:
        """Release the files; safe to call twice."""
        for matrix in self._matrices:
            matrix.close()

    def _matrix(self, level: int, plane: Plane = FIRST) -> Matrix:
        self.pyramid.level(level)
        if plane not in self._matrices[level].planes:
            raise OutsideImage(f"{plane} of {len(self.pyramid.planes)}")
        return self._matrices[level]


@contextmanager
def _naming(level: int) -> Iterator[None]:
    try:
        yield
    except DamagedCodestream as error:
        raise DamagedCodestream(f"level {level}, {error}") from error


def open(path: Path, scene: int | None = None) -> Slide:  # noqa: A001
    """Open the slide that a file belongs to, or the one slide of a folder.

    Raises UnsupportedSlide, DamagedSlide or NoSuchScene.
    """
    chosen((), scene)
    instances = instances_of(_series(path))
    volumes = [instance for instance in instances if instance.flavour == "VOLUME"]
    asked = [one for one in volumes if path in {file.path for file in one.files}]
    levels = _pyramid(asked or volumes, volumes)
    base = levels[0][0]
    beside = {
        ASSOCIATED[instance.flavour]: instance
        for instance in reversed(instances)
        if instance.flavour in ASSOCIATED
    }
    shown = (*(one for level in levels for one in level), *beside.values())
    files = tuple(file.path for instance in shown for file in instance.files)
    check_bomb(base.width, base.height, base.samples, sum(file.stat().st_size for file in files))
    source = _source(levels)
    barcodes = (one.barcode for one in (beside.get("label"), base) if one is not None)
    facts = Facts(
        format="dicom",
        mpp_um=base.mpp_um,
        objective_power=base.objective_power,
        icc_profile=base.icc_profile,
        scanner=base.scanner,
        acquired_at=base.acquired_at,
        barcodes=tuple(dict.fromkeys(barcode for barcode in barcodes if barcode)),
        specimen=base.specimen,
        channels=tuple({k: v for one in levels[0] for k, v in one.channels.items()}.values()),
        focal_spacing_um=_focal_spacing(levels[0]),
    )
    associated = {name: _associated(instance) for name, instance in beside.items()}
    losses = tuple(level[0].losses for level in levels)
    return Slide(source, facts, associated, files, losses)


def _focal_spacing(base: list[Instance]) -> float | None:
    heights = sorted({key.z_um for instance in base for key in instance.planes})
    return (heights[-1] - heights[0]) / (len(heights) - 1) if len(heights) > 1 else None


def _series(path: Path) -> list[File]:
    """The files of the series of a file, itself first, or of a folder's only series."""
    if not path.is_dir():
        first = read_file(path)
        return [first, *_neighbours(path, first)] if first.series[1] else [first]
    found: dict[str, list[Path]] = {}
    for file in _dicom_files(path):
        kind, series = belonging(file)
        if kind == WHOLE_SLIDE:
            found.setdefault(series, []).append(file)
    if len(found) != 1:
        raise UnsupportedSlide(
            f"the folder holds {len(found)} DICOM slides; give one, or a file of it"
        )
    (files,) = found.values()
    return [read_file(file) for file in files]


def _neighbours(path: Path, first: File) -> list[File]:
    belong = (WHOLE_SLIDE, first.series[1])
    others = (file for file in _dicom_files(path.parent) if file != path)
    files = [read_file(file) for file in others if belonging(file) == belong]
    return [file for file in files if file.series == first.series]


def _dicom_files(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.iterdir() if file.is_file())
    if len(files) > MOST_NEIGHBOURS:
        raise UnsupportedSlide(
            f"its folder holds {len(files)} files; put the slide in a folder of its own"
        )
    return [file for file in files if _begins_as_dicom(file)]


def _begins_as_dicom(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(MAGIC_OFFSET + len(MAGIC))[MAGIC_OFFSET:] == MAGIC


def _pyramid(asked: list[Instance], volumes: list[Instance]) -> list[list[Instance]]:
    """The instances that show what the asked one shows: for each size, largest first, its planes.

    A smaller size that lacks some of the planes is left out.
    """
    if not asked:
        raise UnsupportedSlide(
            "the DICOM file is a label or an overview; give the slide it belongs to"
        )
    reference = max(asked, key=_area)
    levels: dict[tuple[int, int], list[Instance]] = {}
    for instance in [reference, *sorted(volumes, key=_area, reverse=True)]:
        large, small = sorted((reference, instance), key=_area, reverse=True)
        if same_view(large.width, large.height, small.width, small.height):
            level = levels.setdefault((instance.width, instance.height), [])
            if all(_adds_planes(instance, other) for other in level):
                level.append(instance)
    ordered = [
        sorted(level, key=lambda one: one.place)
        for level in sorted(levels.values(), key=lambda level: -_area(level[0]))
    ]
    kinds = {(level[0].samples, level[0].photometric == "MONOCHROME2") for level in ordered}
    if len(kinds) > 1:
        raise UnsupportedSlide("its levels are partly grey, partly colour; send one of them")
    base = ordered[0]
    return [level for level in ordered if _kind(level) == _kind(base)]


def _adds_planes(instance: Instance, other: Instance) -> bool:
    """Whether two instances of one size are different planes of it, and not the same one twice."""
    apart = not set(instance.planes) & set(other.planes)
    lights = {key.optical_path for one in (instance, other) for key in one.planes}
    alike = ("samples", "bits", "photometric", "transfer_syntax", "tile_width", "tile_height")
    return (
        apart
        and (instance.samples == 1 or len(lights) == 1)
        and all(getattr(instance, name) == getattr(other, name) for name in alike)
    )


def _kind(level: list[Instance]) -> tuple[int, list[tuple[str, int]]]:
    """Depth of the samples, and for each optical path how many focal planes."""
    keys = [key.optical_path for instance in level for key in instance.planes]
    return level[0].bits, sorted((path, keys.count(path)) for path in set(keys))


def _area(instance: Instance) -> int:
    return instance.width * instance.height


def _source(levels: list[list[Instance]]) -> DicomSource:
    matrices: list[Matrix] = []
    try:
        for instances in levels:
            matrices.append(open_matrix(instances))  # noqa: PERF401  (those opened are to be closed)
    except BaseException:
        for matrix in matrices:
            matrix.close()
        raise
    return DicomSource(matrices)


def _associated(instance: Instance) -> AssociatedImage:
    """A picture beside the slide; its file is open only while it is read."""

    def read() -> Pixels:
        source = _source([[instance]])
        try:
            return colours(source)
        finally:
            source.close()

    def read_frame() -> Frame | None:
        source = _source([[instance]])
        try:
            return source.frame(0, 0, 0) if source.pyramid.levels[0].tiles == 1 else None
        finally:
            source.close()

    check_kind(instance)
    check_bomb(instance.width, instance.height, instance.samples, instance.path.stat().st_size)
    return AssociatedImage(
        width=instance.width,
        height=instance.height,
        encoding=ENCODINGS[instance.transfer_syntax],
        read=read,
        read_frame=read_frame,
        icc_profile=instance.icc_profile,
        stored_bytes=instance.stored_bytes,
        lost=instance.losses,
    )
