"""A level of a DICOM slide: its tiles, wherever their frames lie and however they are encoded."""

import zlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from slides.codestreams import (
    Joining,
    Shape,
    Stated,
    decode_stated,
    read_header,
)
from slides.dicom_frames import BIG_ENDIAN
from slides.dicom_structure import File, Instance
from slides.errors import UnsupportedSlide
from slides.limits import check_segment
from slides.shared_file import SharedFile
from slides.slide import WHITE, Addresses
from tiles.codec import rgb_from_ycbcr
from tiles.errors import DamagedCodestream
from tiles.instance import ENCODINGS as STORED_ENCODINGS
from tiles.pyramid import Level, Plane
from tiles.source import Encoding, Frame, Pixels

ENCODINGS = STORED_ENCODINGS | {
    "1.2.840.10008.1.2": Encoding.RAW,
    BIG_ENDIAN: Encoding.RAW,
    "1.2.840.10008.1.2.5": Encoding.RLE,
    "1.2.840.10008.1.2.8.1": Encoding.DEFLATE,
    "1.2.840.10008.1.2.4.51": Encoding.JPEG,
    "1.2.840.10008.1.2.4.57": Encoding.JPEG_LOSSLESS,
    "1.2.840.10008.1.2.4.70": Encoding.JPEG_LOSSLESS,
    "1.2.840.10008.1.2.4.110": Encoding.JPEG_XL,
    "1.2.840.10008.1.2.4.111": Encoding.JPEG_XL,
    "1.2.840.10008.1.2.4.112": Encoding.JPEG_XL,
}
"""Transfer Syntax UID → how frames are encoded."""

PHOTOMETRICS = {
    1: {"MONOCHROME2"},
    3: {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "XYB"},
}
JPEGS = {Encoding.JPEG_BASELINE, Encoding.JPEG, Encoding.JPEG_LOSSLESS}
BARE = {Encoding.RAW, Encoding.RLE, Encoding.DEFLATE}
"""Frames that say nothing of themselves."""


@dataclass(frozen=True, eq=False)
class Matrix:
    """One level: its planes, each out of one of its instances, in the order of TILED_FULL."""

    planes: Mapping[Plane, tuple[Instance, int]]
    """The instance that holds a plane, and the plane's number in it."""
    level: Level
    encoding: Encoding
    files: Mapping[Path, SharedFile]

    @cached_property
    def first(self) -> Instance:
        """What all its instances agree with."""
        return next(iter(self.planes.values()))[0]

    def stored(self, column: int, row: int, plane: Plane) -> Stated | None:
        """The frame of a tile with what its header states, or None where none is stored."""
        self.level.box(column, row)
        instance, index = self.planes[plane]
        number = int(instance.frames[index, row * self.level.columns + column])
        if number < 0:
            return None
        part = _part_of(instance, number)
        file = self.files[part.path]
        data = b"".join(file.read(*place) for place in part.fragments[number - part.first])
        return self._stated(data, column, row)

    def in_order(self, columns: range, rows: range, plane: Plane) -> Iterator[Stated | None]:
        """What `stored` gives for each of these tiles, row by row, out of long reads."""
        instance, index = self.planes[plane]
        across = self.level.columns
        tiles = [row * across + column for row in rows for column in columns]
        numbers = instance.frames[index][tiles].tolist()
        parts = [_part_of(instance, number) for number in numbers]
        extents: dict[Path, list[tuple[int, int]]] = {}
        for number, part in zip(numbers, parts, strict=True):
            if number >= 0:
                own = extents.setdefault(part.path, [])
                own.extend(part.fragments[number - part.first])
        reading = {
            path: chain.from_iterable(self.files[path].read_runs(*np.array(own, np.int64).T))
            for path, own in extents.items()
        }
        for tile, number, part in zip(tiles, numbers, parts, strict=True):
            if number < 0:
                yield None
            else:
                places = part.fragments[number - part.first]
                data = b"".join([next(reading[part.path]) for _ in places])
                row, column = divmod(tile, across)
                yield self._stated(data, column, row)

    def _stated(self, data: bytes, column: int, row: int) -> Stated:
        try:
            return self._read(data)
        except DamagedCodestream as error:
            raise DamagedCodestream(f"tile ({column}, {row}) is damaged: {error}") from error

    def _read(self, data: bytes) -> Stated:
        if self.encoding not in JPEGS:
            return read_header(Frame(data, self.encoding))
        jpeg = self._joining(data)
        if self.encoding is Encoding.JPEG_BASELINE:
            return jpeg
        return replace(jpeg, frame=replace(jpeg.frame, encoding=self.encoding))

    @cached_property
    def _joining(self) -> Joining:
        return Joining(None, tagged_rgb=self.first.photometric == "RGB")

    def tile(self, column: int, row: int, plane: Plane) -> Pixels:
        """The pixels of a tile, padded as stored; background where none is stored."""
        stored = self.stored(column, row, plane)
        if stored is None:
            box = self.level.box(column, row)
            shape = (box.height, box.width, self.first.samples)
            return np.full(shape, self.background, self._stored_type.newbyteorder("="))
        try:
            pixels = self._decode(stored)
        except (DamagedCodestream, ValueError) as error:
            raise DamagedCodestream(f"tile ({column}, {row}) does not decode: {error}") from error
        return rgb_from_ycbcr(pixels) if self.converted else pixels

    @property
    def addresses(self) -> Addresses | None:
        """Where the frame of each tile of the first plane lies in the file.

        None where one of them is in fragments, or where there are several files.
        """
        instance, index = next(iter(self.planes.values()))
        fragments = instance.files[0].fragments
        if len(self.files) > 1 or any(len(parts) != 1 for parts in fragments):
            return None
        # After the last comes what belongs to frame -1, which is none.
        places = np.array([*(parts[0] for parts in fragments), (0, 0)], np.int64)
        offsets, lengths = places[instance.frames[index]].T
        return Addresses(instance.path, offsets, lengths)

    @property
    def background(self) -> int:
        """What was not scanned: dark where light comes from the tissue, else white."""
        dark = self.first.bits > 8 or any(one.fluorescent for one in self.first.channels.values())
        return 0 if dark else WHITE[0]

    @property
    def converted(self) -> bool:
        """Whether the colours of what a decoder gives are still to be turned into RGB."""
        by_decoder = self.encoding in JPEGS or self.encoding is Encoding.JPEG_XL
        return self.first.photometric in {"YBR_FULL", "YBR_FULL_422"} and not by_decoder

    def close(self) -> None:
        """Release the files; safe to call twice."""
        for file in self.files.values():
            file.close()

    @property
    def _stored_type(self) -> np.dtype[np.generic]:
        order = ">" if self.first.transfer_syntax == BIG_ENDIAN else "<"
        return np.dtype(f"{order}u{self.first.bits // 8}")

    def _decode(self, stored: Stated) -> Pixels:
        instance = self.first
        rows, columns, samples = instance.tile_height, instance.tile_width, instance.samples
        given: DTypeLike = self._stored_type.newbyteorder("=")
        if self.encoding not in BARE:
            # Twelve bits may lie in sixteen; nothing may lie in fewer than it has.
            found = stored.shape.bits if stored.shape else instance.bits
            bits = found if 8 < found <= instance.bits else instance.bits
            pixels = decode_stated(stored, Shape(columns, rows, samples, bits))
            if pixels.shape != (rows, columns, samples) or pixels.dtype.itemsize * 8 > bits + 7:
                raise DamagedCodestream("it does not hold the pixels its header promises")
            return pixels.astype(given, copy=False)
        values = np.frombuffer(self._bare(stored.frame.data), self._stored_type)
        values = values[: rows * columns * samples]
        if samples > 1 and (instance.planar or self.encoding is Encoding.RLE):
            return np.moveaxis(values.reshape(samples, rows, columns), 0, 2).astype(given)
        return values.reshape(rows, columns, samples).astype(given, copy=False)

    def _bare(self, data: bytes) -> bytes:
        if self.encoding is Encoding.DEFLATE:
            instance = self.first
            most = instance.tile_width * instance.tile_height * instance.samples
            try:
                return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, most * 2)
            except zlib.error as error:
                raise DamagedCodestream("it does not inflate") from error
        if self.encoding is Encoding.RLE:
            import imagecodecs

            return bytes(imagecodecs.dicomrle_decode(data, self._stored_type))
        return data


def _part_of(instance: Instance, number: int) -> File:
    """The file that holds a frame."""
    files = instance.files
    return files[0] if len(files) == 1 else files[bisect_right(files, number, key=_first) - 1]


def _first(file: File) -> int:
    return file.first


def open_matrix(instances: Sequence[Instance]) -> Matrix:
    """The level that instances of one size show, each some of its planes.

    Raises UnsupportedSlide, TooLarge and what opening the files raises.
    """
    first = instances[0]
    check_kind(first)
    sample_bytes = first.samples * first.bits // 8
    check_segment("tile", first.tile_width * first.tile_height * sample_bytes)
    level = Level(first.width, first.height, first.tile_width, first.tile_height)
    planes = _planes(instances)
    files: dict[Path, SharedFile] = {}
    try:
        for instance in instances:
            for file in instance.files:
                files[file.path] = SharedFile(file.path)
        matrix = Matrix(planes, level, ENCODINGS[first.transfer_syntax], files)
        return _as_coded(matrix)
    except BaseException:
        for opened in files.values():
            opened.close()
        raise


def _planes(instances: Sequence[Instance]) -> dict[Plane, tuple[Instance, int]]:
    held = {
        key: (instance, number)
        for instance in reversed(instances)
        for number, key in enumerate(instance.planes)
    }
    paths = list(dict.fromkeys(key.optical_path for one in instances for key in one.planes))
    heights = sorted({key.z_um for key in held})
    if len(held) != len(paths) * len(heights):
        raise UnsupportedSlide("its channels have not the same focal planes; send one of them")
    at = {(key.optical_path, key.z_um): place for key, place in held.items()}
    return {
        Plane(focal, optical): at[path, z_um]
        for optical, path in enumerate(paths)
        for focal, z_um in enumerate(heights)
    }


def _as_coded(matrix: Matrix) -> Matrix:
    """The matrix with what its first frame says of itself: some write HTJ2K as JPEG 2000."""
    if matrix.encoding is not Encoding.JPEG_2000:
        return matrix
    plane, (instance, index) = next(iter(matrix.planes.items()))
    first = np.flatnonzero(instance.frames[index] >= 0)
    row, column = divmod(int(first[0]) if first.size else 0, matrix.level.columns)
    stored = matrix.stored(column, row, plane)
    if stored is not None and stored.frame.encoding is Encoding.HTJ2K:
        return replace(matrix, encoding=Encoding.HTJ2K)
    return matrix


def check_kind(instance: Instance) -> None:
    """Refuse pixels that are not read; raises UnsupportedSlide."""
    wrong = None
    if instance.bits not in {8, 16} or instance.signed:
        wrong = f"{'signed ' if instance.signed else ''}{instance.bits}-bit samples"
    elif instance.bits == 16 and instance.samples > 1:
        wrong = "16-bit colours"
    elif instance.photometric not in PHOTOMETRICS.get(instance.samples, ()):
        wrong = f"{instance.samples} samples of {instance.photometric}"
    elif instance.transfer_syntax not in ENCODINGS:
        wrong = f"frames of transfer syntax {instance.transfer_syntax}"
    if wrong:
        raise UnsupportedSlide(
            f"the DICOM image has {wrong}; 8-bit colours and 8- or 16-bit grey are read"
        )
