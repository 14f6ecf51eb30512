"""JPEG 2000 with chroma at half the width, as Aperio's scanners write it (33003).

No encoder at hand writes components of several sizes. With one precinct a resolution the packets of
one component stand by themselves, so a picture of three is the three put one after another, in the
progression that says so (ISO/IEC 15444-1, B.12.1.5).
"""

from struct import pack, unpack_from

import imagecodecs
import numpy as np
from numpy.typing import NDArray

SIZ, COD, QCD, SOT, SOD = 0xFF51, 0xFF52, 0xFF5C, 0xFF90, b"\xff\x93"
COMPONENT_BY_COMPONENT = 4


def subsampled(ycbcr: NDArray[np.uint8]) -> bytes:
    """A codestream of Y, Cb, Cr, (rows, even columns, 3), without loss but for every second chroma.

    Chroma is that of the left one of two pixels.
    """
    whole = [ycbcr[..., 0], ycbcr[:, ::2, 1], ycbcr[:, ::2, 2]]
    streams = [_one(component) for component in whole]
    headers = [_segments(stream) for stream in streams]
    first, _ = headers[0]
    size = first[SIZ][:34] + pack(">H9B", 3, 7, 1, 1, 7, 2, 1, 7, 2, 1)
    coding = first[COD][:1] + bytes((COMPONENT_BY_COMPONENT,)) + first[COD][2:]
    packets = b"".join(
        _packets(stream, at) for stream, (_, at) in zip(streams, headers, strict=True)
    )
    tile = pack(">HHHIBB", SOT, 10, 0, 14 + len(packets), 0, 1) + SOD + packets
    segments = ((SIZ, size), (COD, coding), (QCD, first[QCD]))
    main = b"".join(pack(">HH", marker, len(data) + 2) + data for marker, data in segments)
    return b"\xff\x4f" + main + tile + b"\xff\xd9"


def _one(component: NDArray[np.uint8]) -> bytes:
    plane = np.ascontiguousarray(component)
    return bytes(
        imagecodecs.jpeg2k_encode(plane, level=0, codecformat="j2k", reversible=True, resolutions=4)
    )


def _segments(data: bytes) -> tuple[dict[int, bytes], int]:
    """The segments of a main header by their markers, and where the first tile-part begins."""
    at, found = 2, dict[int, bytes]()
    while True:
        marker, length = unpack_from(">HH", data, at)
        if marker == SOT:
            return found, at
        found[marker] = data[at + 4 : at + 2 + length]
        at += 2 + length


def _packets(data: bytes, at: int) -> bytes:
    (length,) = unpack_from(">I", data, at + 6)
    return data[data.index(SOD, at) + 2 : at + length]
