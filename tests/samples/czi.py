"""CZI files as Zeiss's software writes them, as far as a slide is concerned."""

from dataclasses import dataclass
from pathlib import Path
from struct import pack
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

SEGMENT = 32
COMPRESSIONS = {"none": 0, "jpeg": 1, "jpegxr": 4, "zstd0": 5, "zstd1": 6, "zstd1 apart": 6}
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


def write_czi(path: Path, blocks: list[Block], metadata: str = METADATA) -> Path:
    """A file of these blocks, in their order."""
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
    header = pack("<ii8s16s16siqqiq", 1, 0, b"", b"", b"", 0, directory, at, 0, 0)
    body[SEGMENT : SEGMENT + len(header)] = header
    path.write_bytes(body)
    return path


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
    compression = COMPRESSIONS[block.compression]
    head = pack("<2siqiiB5si", b"DV", kind, position, 0, compression, 0, b"", len(extents))
    return head + b"".join(
        pack("<4siifi", name.encode(), start, size, 0.0, stored)
        for name, start, size, stored in extents
    )


def _encoded(block: Block) -> bytes:
    pixels = np.ascontiguousarray(block.pixels)
    raw = pixels.tobytes()
    match block.compression:
        case "none":
            return raw
        case "jpeg":
            return bytes(imagecodecs.jpeg8_encode(pixels, level=95))
        case "jpegxr":
            return bytes(imagecodecs.jpegxr_encode(pixels, level=1.0))
        case "zstd0":
            return bytes(imagecodecs.zstd_encode(raw))
        case "zstd1":
            return b"\x01" + bytes(imagecodecs.zstd_encode(raw))
    apart = np.frombuffer(raw, np.uint8).reshape(-1, 2).T.tobytes()
    return b"\x03\x01\x01" + bytes(imagecodecs.zstd_encode(apart))
