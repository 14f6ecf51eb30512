"""The frames of an instance that somebody sends: each there to its end, and what they digest to."""

import hashlib
import os
from functools import partial
from struct import unpack
from typing import BinaryIO

from api.instances.kinds import EXPLICIT_VR, IMPLICIT_VR
from slides.dicom_structure import Instance
from slides.errors import DamagedSlide
from slides.limits import check_segment
from tiles import jpeg2000, jpeg_ls, scan
from tiles.errors import DamagedCodestream, DamagedInstance
from tiles.instance import ENCODINGS, index_of
from tiles.source import Encoding

NATIVE = frozenset({EXPLICIT_VR, IMPLICIT_VR})
_ITEM = 0xE000FFFE
_PART_BYTES = 1 << 20


def check_and_digest(stream: BinaryIO, instance: Instance, at: int) -> tuple[bool, str]:
    """Read all frames once: whether each can be found as it is served, and the digest of all.

    `at` is where the pixel data element begins. The digest is that of the items as they lie in the
    file, or of native frames, and says nothing where the first is False.
    Raises DamagedSlide and TooLarge.
    """
    if instance.transfer_syntax in NATIVE:
        return True, _native_digest(stream, instance)
    encoding = ENCODINGS[instance.transfer_syntax]
    plain, digest, follows = _are_found(stream, instance, at), hashlib.sha256(), None
    for number, parts in enumerate(instance.files[0].fragments):
        check_segment("frame", sum(length for _, length in parts))
        data = b"".join(_pread(stream, *part) for part in parts)
        try:
            _check(data, encoding, instance)
        except DamagedCodestream as error:
            raise DamagedSlide(f"its frame {number} is damaged or cut: {error}") from error
        if not plain:
            continue
        (offset, length), begin = parts[0], parts[0][0] - 8
        tag, item = unpack("<II", _pread(stream, begin, 8))
        plain = tag == _ITEM and item == length + length % 2 and follows in {None, begin}
        follows = offset + item
        digest.update(_pread(stream, begin, 8 + item))
    return plain, digest.hexdigest()


def _are_found(stream: BinaryIO, instance: Instance, at: int) -> bool:
    """Whether the tables alone lead to the very frames that going through all items finds."""
    places = instance.files[0].fragments
    if any(len(parts) != 1 for parts in places):
        return False
    size = os.fstat(stream.fileno()).st_size
    try:
        index = index_of(instance.files[0].header, at, partial(_pread, stream), size)
    except DamagedInstance:
        return False
    found = zip(index.offsets.tolist(), index.lengths.tolist(), strict=True)
    return list(found) == [parts[0] for parts in places]


def _check(data: bytes, encoding: Encoding, instance: Instance) -> None:
    """Raise DamagedCodestream for a frame that is cut, or is of another kind than is said."""
    width, height = instance.tile_width, instance.tile_height
    if encoding is Encoding.JPEG_BASELINE:
        found = scan.check(data, width, height).samples
    elif encoding is Encoding.JPEG_LS:
        header = jpeg_ls.parse_jpeg_ls(data)
        jpeg_ls.check_header(header, width, height)
        found = header.samples
    else:
        found = jpeg2000.check(jpeg2000.codestream_of(data), width, height).samples
    if found != instance.samples:
        raise DamagedCodestream(f"it has {found} samples where {instance.samples} belong")


def _native_digest(stream: BinaryIO, instance: Instance) -> str:
    places = instance.files[0].fragments
    offset = places[0][0][0]
    end = places[-1][0][0] + places[-1][0][1]
    digest = hashlib.sha256()
    while offset < end:
        part = _pread(stream, offset, min(_PART_BYTES, end - offset))
        digest.update(part)
        offset += len(part)
    return digest.hexdigest()


def _pread(stream: BinaryIO, offset: int, length: int) -> bytes:
    data = os.pread(stream.fileno(), length, offset)
    if len(data) != length:
        raise DamagedSlide("it is cut inside its frames; fetch it again from where it came")
    return data
