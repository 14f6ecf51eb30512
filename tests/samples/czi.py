"""CZI files as Zeiss's software writes them, as far as a slide is concerned."""

from dataclasses import dataclass
from pathlib import Path
from struct import pack
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

SEGMENT = 32
COMPRESSIONS = {
    "none": 0,
    "jpeg": 1,
    "jpegxr": 4,
    "zstd0": 5,
    "zstd1": 6,
    "zstd1 apart": 6,
}
JPEG_XR_RGB = bytes.fromhex("24c3dd6f034efe4bb1853d77768dc90d")
JPEG_XR_BGR = JPEG_XR_RGB[:-1] + b"\x0c"
"""Pixel formats (ITU-T T.832, A.7.18): the one of the encoder, and the one of CZI."""

METADATA = """<ImageDocument><Metadata>
<Information>
<Image><AcquisitionDateAndTime>2021-03-04T10:11:12.1234567Z</AcquisitionDateAndTime>
<Dimensions><Channels>
<Channel Id="Channel:0" Name="DAPI"><ContrastMethod>Fluorescence</ContrastMethod>
<ExcitationWavelength>353</ExcitationWavelength><EmissionWavelength>465</EmissionWavelength></Channel>
<Channel Id="Channel:1" Name="EGFP"><IlluminationType>Epifluorescence</IlluminationType></Channel>
</Channels></Dimensions></Image>
<Instrument><Objectives><Objective><NominalMagnification>20</NominalMagnification></Objective>
</Objectives></Instrument>
<Application><Name>ZEN</Name></Application>
</Information>
<DisplaySetting><Channels><Channel Id="Channel:1"><Color>#FF00FF5B</Color></Channel></Channels>
</DisplaySetting>
<Scaling><Items><Distance Id="X"><Value>3.25E-07</Value></Distance>
<Distance Id="Y"><Value>3.25E-07</Value></Distance>
<Distance Id="Z"><Value>1E-06</Value></Distance></Items></Scaling>
</Metadata></ImageDocument>"""


@dataclass(frozen=True)
class Block:
    """Pixels of one place; `stored` is how much smaller they are than what they show."""

    pixels: NDArray[Any]
    x: int
    y: int
    c: int = 0
    z: int = 0
    t: int = 0
    scene: int = 0
    mosaic: int = 0
    compression: str = "none"
    reduced: int = 1


def write_czi(
    path: Path,
    blocks: list[Block],
    metadata: str = METADATA,
    beside: dict[str, bytes] | None = None,
) -> Path:
    """A file of these blocks, in their order, and with these files inside of it."""
    body = bytearray(_segment(b"ZISRAWFILE", bytes(512)))
    entries = []
    for block in blocks:
        entry = _entry(block, len(body))
        data = _encoded(block)
        head = pack("<iiq", 0, 0, len(data)) + entry
        body += _segment(b"ZISRAWSUBBLOCK", head.ljust(256, b"\0") + data)
        entries.append(entry)
    directory = len(body)
    body += _segment(
        b"ZISRAWDIRECTORY", pack("<i", len(entries)).ljust(128, b"\0") + b"".join(entries)
    )
    at = len(body)
    text = metadata.encode()
    body += _segment(b"ZISRAWMETADATA", pack("<ii", len(text), 0).ljust(256, b"\0") + text)
    attached = _attach(body, beside) if beside else 0
    header = pack("<ii8s16s16siqqiq", 1, 0, b"", b"", b"", 0, directory, at, 0, attached)
    body[SEGMENT : SEGMENT + len(header)] = header
    path.write_bytes(body)
    return path


def _attach(body: bytearray, beside: dict[str, bytes]) -> int:
    """Add attachments and their list; gives the place of this."""
    entries = []
    for name, data in beside.items():
        kind = b"JPG" if data.startswith(b"\xff\xd8") else b"CZI"
        entry = pack("<2s10sqi16s8s80s", b"A1", b"", len(body), 0, b"", kind, name.encode())
        head = (pack("<i12s", len(data), b"") + entry).ljust(256, b"\0")
        body += _segment(b"ZISRAWATTACH", head + data)
        entries.append(entry)
    place = len(body)
    body += _segment(
        b"ZISRAWATTDIR", pack("<i", len(entries)).ljust(256, b"\0") + b"".join(entries)
    )
    return place


def _segment(kind: bytes, content: bytes) -> bytes:
    padded = content.ljust(-(-len(content) // 32) * 32, b"\0")
    return pack("<16sqq", kind, len(padded), len(content)) + padded


def _entry(block: Block, position: int) -> bytes:
    height, width = block.pixels.shape[:2]
    kind = 3 if block.pixels.ndim == 3 else {1: 0, 2: 1, 4: 2}[block.pixels.itemsize]
    extents = [
        ("X", block.x, width * block.reduced, width),
        ("Y", block.y, height * block.reduced, height),
        ("C", block.c, 1, 0),
        ("Z", block.z, 1, 0),
        ("T", block.t, 1, 0),
        ("S", block.scene, 1, 0),
        ("M", block.mosaic, 1, 0),
    ]
    if block.pixels.ndim == 3:
        # OpenSlide knows colours without focal planes and times alone.
        extents = [one for one in extents if one[0] not in "ZT" or one[1]]
    compression = COMPRESSIONS[block.compression]
    head = pack("<2siqiiB5si", b"DV", kind, position, 0, compression, 0, b"", len(extents))
    return head + b"".join(
        pack("<4siifi", name.encode(), start, size, 0.0, stored)
        for name, start, size, stored in extents
    )


def _encoded(block: Block) -> bytes:
    pixels = np.ascontiguousarray(block.pixels)
    # Colours are stored with blue first, but for JPEG XR, which says how its own are.
    raw = pixels[..., ::-1].tobytes() if pixels.ndim == 3 else pixels.tobytes()
    match block.compression:
        case "none":
            return raw
        case "jpeg":
            return bytes(imagecodecs.jpeg8_encode(pixels, level=95))
        case "jpegxr":
            coded = bytes(imagecodecs.jpegxr_encode(pixels, level=1.0))
            return coded.replace(JPEG_XR_RGB, JPEG_XR_BGR)
    return _zstd(raw, block.compression)


def _zstd(raw: bytes, compression: str) -> bytes:
    if compression != "zstd1 apart":
        head = b"\x01" if compression == "zstd1" else b""
        return head + bytes(imagecodecs.zstd_encode(raw))
    apart = np.frombuffer(raw, np.uint8).reshape(-1, 2).T.tobytes()
    return b"\x03\x01\x01" + bytes(imagecodecs.zstd_encode(apart))
