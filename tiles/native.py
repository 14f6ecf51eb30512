"""A stored instance without loss, decoded as it is sent: Explicit VR Little Endian (PS3.5 A.2).

For those who name no transfer syntax, which every reader of DICOM understands.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Self

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from tiles.composed import encoded
from tiles.errors import DamagedInstance, UnsupportedPixels
from tiles.instance import FrameIndex, decoded_frame, read_header, read_index
from tiles.source import Frame, ReadRange

_ELEMENT = Struct("<HH2sHI")
LONGEST = 0xFFFFFFFE
"""The value of an element of a stated length (PS3.5 7.1.2)."""
_OF_THE_FRAMES = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")


def frame_bytes(index: FrameIndex) -> int:
    """How long a frame is once it is decoded."""
    level = index.level
    return level.tile_width * level.tile_height * index.samples * (index.bits // 8)


def is_representable(index: FrameIndex) -> bool:
    """Whether the decoded frames fit into one element."""
    return frame_bytes(index) * len(index.lengths) <= LONGEST


def decoded(index: FrameIndex, frame: Frame) -> bytes:
    """A frame's pixels as they lie in a native one: by pixel, little endian.

    Raises DamagedCodestream, and DamagedInstance for a frame of other extents than its header's.
    """
    pixels = decoded_frame(index, frame.data)
    data = np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()
    if len(data) != frame_bytes(index):
        raise DamagedInstance("a frame has other extents than its header says")
    return data


@dataclass(frozen=True, slots=True)
class Native:
    """An instance as a new head and frames that are decoded one by one."""

    read: ReadRange
    index: FrameIndex
    head: bytes

    @classmethod
    def of(cls, read: ReadRange, size_bytes: int, change: Callable[[Dataset], Dataset]) -> Self:
        """The stored instance under the header that `change` makes of its own.

        Raises DamagedInstance, and UnsupportedPixels for frames that are more than one element has.
        """
        header, _ = read_header(read, size_bytes)
        index = read_index(read, size_bytes)
        if not is_representable(index):
            raise UnsupportedPixels("decoded, the frames are more than one element holds")
        for keyword in _OF_THE_FRAMES:
            if keyword in header:
                del header[keyword]
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        if index.samples == 3:
            header.PhotometricInterpretation, header.PlanarConfiguration = "RGB", 0
        head = encoded(change(header))
        length = frame_bytes(index) * len(index.lengths)
        vr = b"OW" if index.bits > 8 else b"OB"
        element = _ELEMENT.pack(0x7FE0, 0x0010, vr, 0, length + length % 2)
        return cls(read, index, head + element)

    @property
    def length_bytes(self) -> int:
        """How long the whole is."""
        length = frame_bytes(self.index) * len(self.index.lengths)
        return len(self.head) + length + length % 2

    def parts(self) -> Iterator[bytes]:
        """The bytes, a frame at a time; raises DamagedCodestream and what reading raises."""
        yield self.head
        index = self.index
        for offset, length in zip(index.offsets.tolist(), index.lengths.tolist(), strict=True):
            yield decoded(index, Frame(self.read(offset, length), index.encoding))
        if frame_bytes(index) * len(index.lengths) % 2:
            yield b"\0"
