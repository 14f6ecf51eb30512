"""Whether a file is a camera's, told by how it begins: serving asks it too, and opens nothing."""

import struct
from pathlib import Path
from typing import BinaryIO

_BEGINNINGS = (
    *((0, b"\xff\xd8\xff"), (0, b"\x89PNG\r\n\x1a\n"), (0, b"GIF8"), (4, b"ftyp"), (8, b"WEBP")),
    # Raw files that are no plain TIFF: they are refused with the reason that fits.
    *((0, b"FUJIFILMCCD-RAW"), (0, b"IIRO"), (0, b"IIRS"), (0, b"MMOR"), (0, b"IIU\0")),
)
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_EXIF, _DNG_VERSION, _TILE_WIDTH = 34665, 50706, 322
_MOST_TAGS = 512


def is_photograph(file: Path) -> bool:
    """Whether a file begins as a camera's do."""
    # A Mirax slide's own file is a JPEG, and so is what its data begin with.
    if not file.is_file() or file.suffix.lower() in {".mrxs", ".dat"}:
        return False
    if (file.with_suffix("") / "Slidedat.ini").is_file():
        return False
    with file.open("rb") as stream:
        head = stream.read(16)
        if head[:4] in _TIFF:
            return _is_a_cameras_tiff(stream, head)
    return any(head[at : at + len(magic)] == magic for at, magic in _BEGINNINGS)


def _is_a_cameras_tiff(stream: BinaryIO, head: bytes) -> bool:
    """Whether the first directory has an EXIF block, as cameras write it and scanners do not."""
    order = _TIFF[head[:4]]
    try:
        stream.seek(struct.unpack(f"{order}I", head[4:8])[0])
        (count,) = struct.unpack(f"{order}H", stream.read(2))
    except struct.error:
        return False
    entries = stream.read(12 * min(count, _MOST_TAGS))
    starts = range(0, len(entries) - 1, 12)
    tags = {struct.unpack_from(f"{order}H", entries, at)[0] for at in starts}
    return _TILE_WIDTH not in tags and bool(tags & {_EXIF, _DNG_VERSION})
