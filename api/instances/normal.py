"""An instance written so that it can be served: the same frames, bit for bit, and names."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import pack
from typing import BinaryIO

import numpy as np
from pydicom.uid import UID

from api.instances.frames import NATIVE
from api.instances.kinds import EXPLICIT_VR
from slides.dicom_frames import Places
from slides.dicom_structure import Instance
from tiles.composed import encoded
from tiles.frames import WRITE_BYTES, write_frames

_OF_THE_FRAMES = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")


def in_normal_form(stream: BinaryIO, instance: Instance, anew: Path) -> str:
    """Write an instance to another file, and give the digest of its frames there.

    Frames in fragments are joined, and all of them found by an Extended Offset Table; what is
    written in Implicit VR, which DICOMweb may not carry (PS3.18 8.7.3.3.2), becomes Explicit VR.
    """
    header = instance.files[0].header
    if instance.transfer_syntax in NATIVE:
        return _explicit(stream, instance, anew)
    for keyword in _OF_THE_FRAMES:
        if keyword in header:
            del header[keyword]
    ratios = np.atleast_1d(np.asarray(header.get("LossyImageCompressionRatio") or [], object))
    unfinished = write_frames(anew, header, _Joined(stream, instance.files[0].fragments))
    written = unfinished.finish(header, str(ratios[-1]) if len(ratios) else None)
    return written.pixel_sha256()


@dataclass(frozen=True)
class _Joined:
    """Frames as they are read, each out of its fragments."""

    stream: BinaryIO
    places: Places

    def __len__(self) -> int:
        return len(self.places)

    def lots(self) -> Iterator[Sequence[bytes]]:
        """Some megabytes at a time."""
        lot: list[bytes] = []
        size = 0
        for parts in self.places:
            read = (os.pread(self.stream.fileno(), length, at) for at, length in parts)
            lot.append(b"".join(read))
            size += len(lot[-1])
            if size >= WRITE_BYTES:
                yield lot
                lot, size = [], 0
        yield lot


def _explicit(stream: BinaryIO, instance: Instance, anew: Path) -> str:
    header, places = instance.files[0].header, instance.files[0].fragments
    header.file_meta.TransferSyntaxUID = UID(EXPLICIT_VR)
    begin, digest = places[0][0][0], hashlib.sha256()
    length = places[-1][0][0] + places[-1][0][1] - begin
    vr = b"OW" if instance.bits > 8 else b"OB"
    with anew.open("wb") as file:
        file.write(encoded(header))
        file.write(pack("<HH2sHI", 0x7FE0, 0x0010, vr, 0, length + length % 2))
        for at in range(begin, begin + length, WRITE_BYTES):
            part = os.pread(stream.fileno(), min(WRITE_BYTES, begin + length - at), at)
            digest.update(part)
            file.write(part)
        file.write(b"\0" * (length % 2))
    return digest.hexdigest()
