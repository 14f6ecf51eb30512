"""The pixels of any DICOM instance, whoever wrote it: frames as they are, and decoded."""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import iter_pixels

from tiles.codec import decode
from tiles.errors import DamagedInstance, UnsupportedPixels
from tiles.instance import ENCODINGS, read_header, read_index
from tiles.source import Encoding, Frame, Pixels

_HEADER_OF_AN_ELEMENT, _HEADER_OF_AN_ITEM = 12, 8
_PART_BYTES = 1 << 20
_BYTES_BY_PYDICOM = (Encoding.RAW, Encoding.OPAQUE)


def instance_header(path: Path) -> Dataset:
    """All that a file says before its pixels; raises DamagedInstance."""
    with path.open("rb") as file:
        return read_header(partial(_read, file), path.stat().st_size)[0]


def items_sha256(path: Path) -> str:
    """The digest of the items that hold the frames of a stored instance, or of its native frames.

    The one that is recorded when it is written, or taken from others. Raises DamagedInstance.
    """
    with path.open("rb") as file:
        index = read_index(partial(_read, file), path.stat().st_size)
        is_native = index.encoding is Encoding.RAW
        begin = int(index.offsets.min()) - (0 if is_native else _HEADER_OF_AN_ITEM)
        last = int(index.offsets.argmax())
        end = int(index.offsets[last]) + int(index.lengths[last])
        file.seek(begin)
        digest = hashlib.sha256()
        # An item is of an even length.
        left = end - begin if is_native else end + end % 2 - begin
        while part := file.read(min(left, _PART_BYTES)):
            digest.update(part)
            left -= len(part)
    return digest.hexdigest()


def encoded_frames(path: Path) -> Iterator[bytes]:
    """The frames of an encapsulated instance as they lie in it, one in memory at a time.

    Raises DamagedInstance where they do not.
    """
    with path.open("rb") as file:
        header, at = read_header(partial(_read, file), path.stat().st_size)
        file.seek(at + _HEADER_OF_AN_ELEMENT)
        count = int(header.get("NumberOfFrames") or 1)
        table = header.get("ExtendedOffsetTable"), header.get("ExtendedOffsetTableLengths")
        extended = (table[0], table[1]) if table[0] and table[1] else None
        try:
            for data in generate_frames(file, number_of_frames=count, extended_offsets=extended):
                # Which of them was made longer by a byte, that it may be of an even length, varies.
                yield bytes(data).rstrip(b"\0")
        except Exception as error:  # pydicom raises what it likes
            raise DamagedInstance("the frames of the instance cannot be found") from error


def pixels_of(path: Path) -> Iterator[Pixels]:
    """The decoded frames of an instance, (rows, columns, samples), colours as R, G, B.

    Raises DamagedInstance, DamagedCodestream, and UnsupportedPixels for forms unknown here.
    """
    syntax = str(instance_header(path).file_meta.TransferSyntaxUID)
    encoding = ENCODINGS.get(syntax, Encoding.OPAQUE)
    if encoding not in _BYTES_BY_PYDICOM:
        for data in encoded_frames(path):
            yield decode(Frame(data, encoding))
        return
    try:
        for pixels in iter_pixels(path):
            yield pixels if pixels.ndim == 3 else pixels[..., np.newaxis]
    except Exception as error:
        raise UnsupportedPixels("pixels in this form cannot be read here") from error


def pixel_digest(path: Path) -> str:
    """The SHA-256 of the decoded pixels and of their extents; raises as `pixels_of`."""
    digest = hashlib.sha256()
    for pixels in pixels_of(path):
        digest.update(repr((pixels.shape, str(pixels.dtype))).encode())
        digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _read(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)
