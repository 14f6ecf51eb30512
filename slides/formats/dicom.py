"""DICOM VL Whole Slide Microscopy, read by ourselves: a file, or the folder of one series.

The instances of a series that show the same glass are the levels of one slide; its label,
overview and thumbnail are the pictures beside it. Frames can be had as they are stored.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from slides.codestreams import (
    Joining,
    Shape,
    Stated,
    decode_stated,
    read_header,
    rgb_from_ycbcr,
)
from slides.dicom_structure import WHOLE_SLIDE, Instance, belonging, read_instance
from slides.errors import UnsupportedSlide
from slides.levels import same_view
from slides.limits import check_bomb, check_segment
from slides.shared_file import SharedFile
from slides.slide import WHITE, Addresses, AssociatedImage, Facts, Slide, colours
from tiles.errors import DamagedCodestream, OutsideImage
from tiles.instance import ENCODINGS as STORED_ENCODINGS
from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.source import Encoding, Frame, Pixels, assemble

MAGIC_OFFSET, MAGIC = 128, b"DICM"
ENCODINGS = STORED_ENCODINGS | {"1.2.840.10008.1.2": Encoding.RAW}
ASSOCIATED = {"LABEL": "label", "OVERVIEW": "macro", "THUMBNAIL": "thumbnail"}
PHOTOMETRICS = {
    1: {"MONOCHROME2"},
    3: {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"},
}
MOST_NEIGHBOURS = 2000


@dataclass(frozen=True, eq=False)
class Matrix:
    """One instance as a level."""

    instance: Instance
    level: Level
    encoding: Encoding
    file: SharedFile

    def stored(self, column: int, row: int) -> Stated | None:
        """The frame of a tile with what its header states, or None where none is stored."""
        self.level.box(column, row)
        number = int(self.instance.frames[row * self.level.columns + column])
        if number < 0:
            return None
        parts = (self.file.read(*place) for place in self.instance.fragments[number])
        return self._stated(b"".join(parts))

    def in_order(self) -> Iterator[Stated | None]:
        """What `stored` gives for every tile, row by row, out of long reads."""
        fragments = self.instance.fragments
        numbers = self.instance.frames.tolist()
        extents = [place for number in numbers if number >= 0 for place in fragments[number]]
        parts = self.file.read_in_order(extents)
        for number in numbers:
            if number < 0:
                yield None
            else:
                yield self._stated(b"".join(next(parts) for _ in fragments[number]))

    def _stated(self, data: bytes) -> Stated:
        if self.encoding is Encoding.JPEG_BASELINE:
            return self._joining(data)
        return read_header(Frame(data, self.encoding))

    @cached_property
    def _joining(self) -> Joining:
        return Joining(None, tagged_rgb=self.instance.photometric == "RGB")

    def tile(self, column: int, row: int) -> Pixels:
        """The pixels of a tile, padded as stored; white where none is stored."""
        instance = self.instance
        try:
            stored = self.stored(column, row)
            if stored is None:
                box = self.level.box(column, row)
                return np.full((box.height, box.width, instance.samples), WHITE[0], np.uint8)
            pixels = self._decode(stored)
        except (DamagedCodestream, ValueError) as error:
            raise DamagedCodestream(
                f"the frame of tile ({column}, {row}) does not decode: {error}"
            ) from error
        return rgb_from_ycbcr(pixels) if self.converted else pixels

    @property
    def addresses(self) -> Addresses | None:
        """Where the frame of each tile lies; None where one of them is in fragments."""
        fragments = self.instance.fragments
        if any(len(parts) != 1 for parts in fragments):
            return None
        # After the last comes what belongs to frame -1, which is none.
        places = np.array([*(parts[0] for parts in fragments), (0, 0)], np.int64)
        offsets, lengths = places[self.instance.frames].T
        return Addresses(self.instance.path, offsets, lengths)

    @property
    def converted(self) -> bool:
        """Whether the colours of what a decoder gives are still to be turned into RGB."""
        by_decoder = self.encoding is Encoding.JPEG_BASELINE
        return self.instance.photometric in {"YBR_FULL", "YBR_FULL_422"} and not by_decoder

    def _decode(self, stored: Stated) -> Pixels:
        instance = self.instance
        rows, columns, samples = instance.tile_height, instance.tile_width, instance.samples
        if self.encoding is not Encoding.RAW:
            return decode_stated(stored, Shape(columns, rows, samples, 8))
        values = np.frombuffer(stored.frame.data, np.uint8)
        if instance.planar and samples > 1:
            return np.moveaxis(values.reshape(samples, rows, columns), 0, 2)
        return values.reshape(rows, columns, samples)


class DicomSource:
    """A TileSource over the instances of one slide, each read by offset."""

    def __init__(self, matrices: Sequence[Matrix]) -> None:
        self._matrices = tuple(matrices)
        self.pyramid = Pyramid(
            tuple(matrix.level for matrix in matrices), samples=matrices[0].instance.samples
        )

    def encoding(self, level: int) -> Encoding:
        """How the frames of a level are encoded."""
        return self._matrix(level).encoding

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """The pixels of a box; tiles that were never stored are white."""
        return assemble(self, level, box, self._matrix(level, plane).tile)

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        """A frame as stored; None where it would not show the right colours by itself."""
        matrix = self._matrix(level, plane)
        matrix.level.box(column, row)
        if matrix.encoding is Encoding.RAW or matrix.converted:
            return None
        stored = matrix.stored(column, row)
        return stored.frame if stored is not None else None

    def frames(self, level: int, plane: Plane = FIRST) -> Iterator[Frame | None]:
        """What `frame` gives for every tile of a level, row by row, out of long reads."""
        matrix = self._matrix(level, plane)
        if matrix.encoding is Encoding.RAW or matrix.converted:
            return itertools.repeat(None, matrix.level.tiles)
        return (None if stored is None else stored.frame for stored in matrix.in_order())

    def addresses(self, level: int) -> Addresses | None:
        """Where the frames of a level lie; None where one of them is in fragments."""
        return self._matrix(level).addresses

    def close(self) -> None:
        """Release the files; safe to call twice."""
        for matrix in self._matrices:
            matrix.file.close()

    def _matrix(self, level: int, plane: Plane = FIRST) -> Matrix:
        self.pyramid.level(level)
        if plane != FIRST:
            raise OutsideImage(f"{plane} of a slide with one plane")
        return self._matrices[level]


def open(path: Path) -> Slide:  # noqa: A001  (every format module has it)
    """Open the slide that a file belongs to, or the one slide of a folder.

    Raises UnsupportedSlide or DamagedSlide.
    """
    instances = _series(path)
    volumes = [instance for instance in instances if instance.flavour == "VOLUME"]
    asked = [instance for instance in volumes if instance.path == path]
    levels = _pyramid(asked or volumes, volumes)
    base = levels[0]
    beside = {
        ASSOCIATED[instance.flavour]: instance
        for instance in reversed(instances)
        if instance.flavour in ASSOCIATED
    }
    files = tuple(instance.path for instance in (*levels, *beside.values()))
    check_bomb(base.width, base.height, base.samples, sum(file.stat().st_size for file in files))
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
    )
    associated = {name: _associated(instance) for name, instance in beside.items()}
    return Slide(_source(levels), facts, associated, files)


def _series(path: Path) -> list[Instance]:
    """The instances of the series of a file, itself first, or of a folder's only series."""
    if not path.is_dir():
        first = read_instance(path)
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
    return [read_instance(file) for file in files]


def _neighbours(path: Path, first: Instance) -> list[Instance]:
    belong = (WHOLE_SLIDE, first.series[1])
    others = (file for file in _dicom_files(path.parent) if file != path)
    instances = [read_instance(file) for file in others if belonging(file) == belong]
    return [instance for instance in instances if instance.series == first.series]


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


def _pyramid(asked: list[Instance], volumes: list[Instance]) -> list[Instance]:
    """The instances that show what the asked one shows, largest first, one of each size."""
    if not asked:
        raise UnsupportedSlide(
            "the DICOM file is a label or an overview; give the slide it belongs to"
        )
    reference = max(asked, key=_area)
    levels: dict[tuple[int, int], Instance] = {}
    for instance in sorted(volumes, key=_area, reverse=True):
        large, small = sorted((reference, instance), key=_area, reverse=True)
        if same_view(large.width, large.height, small.width, small.height):
            levels.setdefault((instance.width, instance.height), instance)
    levels[reference.width, reference.height] = reference
    ordered = list(levels.values())
    kinds = {(instance.samples, instance.photometric == "MONOCHROME2") for instance in ordered}
    if len(kinds) > 1:
        raise UnsupportedSlide("its levels are partly grey, partly in colour; send one of them")
    return ordered


def _area(instance: Instance) -> int:
    return instance.width * instance.height


def _source(levels: list[Instance]) -> DicomSource:
    matrices: list[Matrix] = []
    try:
        for instance in levels:
            matrices.append(_matrix(instance))  # noqa: PERF401  (those opened are to be closed)
    except BaseException:
        for matrix in matrices:
            matrix.file.close()
        raise
    return DicomSource(matrices)


def _matrix(instance: Instance) -> Matrix:
    _check_kind(instance)
    check_segment("tile", instance.tile_width * instance.tile_height * instance.samples)
    level = Level(instance.width, instance.height, instance.tile_width, instance.tile_height)
    file = SharedFile(instance.path)
    matrix = Matrix(instance, level, ENCODINGS[instance.transfer_syntax], file)
    if matrix.encoding is Encoding.JPEG_2000:
        first = np.flatnonzero(instance.frames >= 0)
        row, column = divmod(int(first[0]) if first.size else 0, level.columns)
        stored = matrix.stored(column, row)
        if stored is not None and stored.frame.encoding is Encoding.HTJ2K:
            return Matrix(instance, level, Encoding.HTJ2K, file)
    return matrix


def _check_kind(instance: Instance) -> None:
    wrong = None
    if instance.planes > 1:
        wrong = f"{instance.planes} focal planes or optical paths"
    elif instance.bits != 8 or instance.signed:
        wrong = f"{instance.bits}-bit samples"
    elif instance.photometric not in PHOTOMETRICS.get(instance.samples, ()):
        wrong = f"{instance.samples} samples of {instance.photometric}"
    elif instance.transfer_syntax not in ENCODINGS:
        wrong = f"frames of transfer syntax {instance.transfer_syntax}"
    if wrong:
        raise UnsupportedSlide(
            f"the DICOM image has {wrong}; only one plane of 8-bit grey or colour is read"
        )


def _associated(instance: Instance) -> AssociatedImage:
    """A picture beside the slide; its file is open only while it is read."""

    def read() -> Pixels:
        source = _source([instance])
        try:
            return colours(source)
        finally:
            source.close()

    def read_frame() -> Frame | None:
        source = _source([instance])
        try:
            return source.frame(0, 0, 0) if source.pyramid.levels[0].tiles == 1 else None
        finally:
            source.close()

    _check_kind(instance)
    check_bomb(instance.width, instance.height, instance.samples, instance.path.stat().st_size)
    return AssociatedImage(
        width=instance.width,
        height=instance.height,
        encoding=ENCODINGS[instance.transfer_syntax],
        read=read,
        read_frame=read_frame,
        icc_profile=instance.icc_profile,
        stored_bytes=sum(length for frame in instance.fragments for _, length in frame),
    )
