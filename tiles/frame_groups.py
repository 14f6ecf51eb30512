"""Where each frame of an instance says that it lies, read without building all of its data sets.

What is said of each frame stands in an item of its own (PS3.3 C.7.6.16.1.2), of which a slide may
have tens of thousands and a tile server needs four numbers. The bytes are walked here as PS3.5,
7.1.2 and 7.5 have them in Explicit VR Little Endian, the only form that is stored. What is written
in a way seldom seen is left to pydicom.
"""

import re
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, STANDARD_VR

_GROUPS = 0x52009230
_PLANE, _COLUMN, _ROW, _Z = 0x0048021A, 0x0048021E, 0x0048021F, 0x0040074A
_PATH, _IDENTIFIER = 0x00480207, 0x00480106
_WANTED: Mapping[int, Any] = {_PLANE: {_COLUMN: {}, _ROW: {}, _Z: {}}, _PATH: {_IDENTIFIER: {}}}
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_PREAMBLE = 132
_MOST_DEEP = 16
_BEGIN, _LONG, _SL = Struct("<HH2sH"), Struct("<I"), Struct("<i")
_DECIMAL = re.compile(rb"(?:[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?)?")
_PLAIN = re.compile(rb"[ -\[\]-}]*")
_SHORT_VRS = frozenset(str(vr).encode() for vr in STANDARD_VR - EXPLICIT_VR_LENGTH_32)
_LONG_VRS = frozenset(str(vr).encode() for vr in EXPLICIT_VR_LENGTH_32)

_Wanted = Mapping[int, Any]
"""Attributes by their tags, those of a sequence with what is wanted of its first item."""
_Found = dict[int, Any]
"""What was wanted of an item: the bytes of a value, or what was found in the first item."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """What each frame says of its place, in the order of frames.

    Columns and rows are those of its first pixel in the matrix and count from 1; `z` is in
    micrometres. A frame that names no optical path has an empty text.
    """

    columns: NDArray[np.int64]
    rows: NDArray[np.int64]
    z: NDArray[np.float64]
    paths: tuple[str, ...]

    @classmethod
    def of(cls, header: Dataset) -> "Placed | None":
        """As the data set of an instance has it, None where not every frame says it."""
        groups = header.get("PerFrameFunctionalGroupsSequence") or []
        if not groups or not all(one.get("PlanePositionSlideSequence") for one in groups):
            return None
        placed = [one.PlanePositionSlideSequence[0] for one in groups]
        return cls(
            np.array([int(one.ColumnPositionInTotalImagePixelMatrix) for one in placed], np.int64),
            np.array([int(one.RowPositionInTotalImagePixelMatrix) for one in placed], np.int64),
            np.array([float(one.get("ZOffsetInSlideCoordinateSystem") or 0) for one in placed]),
            tuple(map(path_of, groups)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Apart:
    """Which bytes of a header are its per-frame groups, and what they say."""

    begin: int
    end: int
    placed: Placed


def path_of(group: Dataset) -> str:
    """The optical path that a functional group names."""
    named = group.get("OpticalPathIdentificationSequence")
    return identifier_of(named[0]) if named else ""


def identifier_of(path: Dataset) -> str:
    """What an optical path is called."""
    return str(path.get("OpticalPathIdentifier", "")).strip()


def frame_groups(data: bytes) -> Apart | None:
    """The per-frame groups in the beginning of a DICOM file.

    None where there are none, or where pydicom has to read them. Raises EOFError where the bytes
    end before it is known. Takes time and memory in proportion to the bytes, whatever they are.
    """
    walk = _Walk(data, _PREAMBLE)
    try:
        while True:
            begin = walk.at
            if begin == walk.size:
                return None
            tag, vr, length = walk.element()
            if tag == _GROUPS and vr == b"SQ":
                placed = _placed(walk, length)
                return Apart(begin, walk.at, placed)
            if tag >= _GROUPS:
                return None
            walk.skip(vr, length, walk.size)
    except _UnusualError:
        return None


class _UnusualError(Exception):
    """It is written in a way that is not read here."""


class _Walk:
    """A place in the bytes of a data set in Explicit VR Little Endian, and what stands there."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self.at, self.size = data, at, len(data)

    def element(self) -> tuple[int, bytes, int]:
        """Tag, VR and length of an element, or of an item and what ends one, which have no VR."""
        at = self.at
        self._require(at + 8)
        group, number, vr, length = _BEGIN.unpack_from(self._data, at)
        self.at = at + 8
        if vr in _SHORT_VRS:
            return group << 16 | number, vr, length
        if group == 0xFFFE:
            return group << 16 | number, b"", _LONG.unpack_from(self._data, at + 4)[0]
        if vr not in _LONG_VRS or length:
            raise _UnusualError
        self._require(at + 12)
        self.at = at + 12
        return group << 16 | number, vr, _LONG.unpack_from(self._data, at + 8)[0]

    def skip(self, vr: bytes, length: int, end: int, deep: int = 0) -> None:
        """Go behind the value of an element that was begun."""
        if length == _UNDEFINED and vr == b"SQ":
            for _ in self.items(length, end, {}, deep):
                pass
        else:
            self.at = self._end(length, end)

    def items(self, length: int, end: int, wanted: _Wanted, deep: int = 0) -> Iterator[_Found]:
        """What is wanted of each item of a sequence that was begun, up to behind the sequence."""
        if deep > _MOST_DEEP:
            raise _UnusualError
        is_open = length == _UNDEFINED
        end = end if is_open else self._end(length, end)
        while is_open or self.at < end:
            tag, _, item_bytes = self.element()
            if tag == _SEQUENCE_END and is_open and item_bytes == 0:
                return
            if tag != _ITEM:
                raise _UnusualError
            yield self._item(item_bytes, end, wanted, deep)
        if self.at != end:
            raise _UnusualError

    def _item(self, length: int, end: int, wanted: _Wanted, deep: int) -> _Found:
        is_open = length == _UNDEFINED
        end = end if is_open else self._end(length, end)
        found: _Found = {}
        if not is_open and not wanted:
            self.at = end
        while is_open or self.at < end:
            tag, vr, value_bytes = self.element()
            if tag == _ITEM_END and is_open and value_bytes == 0:
                return found
            if not vr:
                raise _UnusualError
            if tag not in wanted:
                self.skip(vr, value_bytes, end, deep + 1)
            elif wanted[tag]:
                if vr != b"SQ":
                    raise _UnusualError
                items = self.items(value_bytes, end, wanted[tag], deep + 1)
                found[tag] = [item for number, item in enumerate(items) if number == 0]
            else:
                begin, self.at = self.at, self._end(value_bytes, end)
                found[tag] = vr, self._data[begin : self.at]
        if self.at != end:
            raise _UnusualError
        return found

    def _end(self, length: int, end: int) -> int:
        """Where a value ends that begins here and lies before `end`."""
        if length == _UNDEFINED:
            raise _UnusualError
        self._require(self.at + length)
        if self.at + length > end:
            raise _UnusualError
        return self.at + length

    def _require(self, end: int) -> None:
        if end > self.size:
            raise EOFError


def _placed(walk: _Walk, length: int) -> Placed:
    """The places of all frames, of whose sequence the head was read."""
    columns, rows, heights = array("q"), array("q"), array("d")
    paths: list[str] = []
    texts: dict[bytes, str] = {}
    for group in walk.items(length, walk.size, _WANTED):
        (place,) = group.get(_PLANE) or [None]
        if place is None:
            raise _UnusualError
        columns.append(_integer(place.get(_COLUMN)))
        rows.append(_integer(place.get(_ROW)))
        heights.append(_decimal(place.get(_Z)))
        (named,) = group.get(_PATH) or [{}]
        written = _value(named.get(_IDENTIFIER, (b"SH", b"")), b"SH")
        if written not in texts:
            texts[written] = _text(written)
        paths.append(texts[written])
    if not paths:
        raise _UnusualError
    return Placed(
        np.frombuffer(columns, np.int64),
        np.frombuffer(rows, np.int64),
        np.frombuffer(heights, np.float64),
        tuple(paths),
    )


def _value(written: tuple[bytes, bytes] | None, vr: bytes) -> bytes:
    if written is None or written[0] != vr:
        raise _UnusualError
    return written[1]


def _integer(written: tuple[bytes, bytes] | None) -> int:
    value = _value(written, b"SL")
    if len(value) != _SL.size:
        raise _UnusualError
    return int(_SL.unpack(value)[0])


def _decimal(written: tuple[bytes, bytes] | None) -> float:
    value = _value(written or (b"DS", b""), b"DS").strip(b" ")
    if not _DECIMAL.fullmatch(value):
        raise _UnusualError
    return float(value or b"0")


def _text(written: bytes) -> str:
    """A text that every character set has alike, without a second value."""
    if not _PLAIN.fullmatch(written):
        raise _UnusualError
    return written.decode("ascii").strip()
