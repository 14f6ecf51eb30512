"""What a JPEG-LS codestream says of itself, without decoding it.

Source: ITU-T T.87, C.2.
"""

from dataclasses import dataclass

from tiles.errors import DamagedCodestream

SOI = b"\xff\xd8"
_FRAME, _SCAN, _HP = 0xF7, 0xDA, 0xE8
_ALONE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})


@dataclass(frozen=True, slots=True)
class JpegLsHeader:
    """The extent of a picture, and by how much a sample may differ from what it was (`near`).

    `turned` is whether its colours went through a transform that the standard does not know.
    """

    width: int
    height: int
    samples: int
    bits: int
    near: int
    turned: bool


def parse_jpeg_ls(data: bytes) -> JpegLsHeader:
    """The header of a codestream; raises DamagedCodestream."""
    frame: tuple[int, int, int, int] | None = None
    turned = False
    at = len(SOI)
    if not data.startswith(SOI):
        raise DamagedCodestream("it does not begin as JPEG-LS")
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            break
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if marker in _ALONE or len(body) != length - 2:
            break
        if marker == _FRAME and len(body) >= 6:
            height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
            frame = width, height, body[5], body[0]
        if marker == _HP and body[:4] == b"mrfx" and any(body[4:5]):
            turned = True
        if marker == _SCAN and frame is not None and len(body) >= 4:
            return JpegLsHeader(*frame, near=body[-3], turned=turned)
        at += 2 + length
    raise DamagedCodestream("it is not a JPEG-LS codestream")


def check_header(header: JpegLsHeader, width: int, height: int) -> None:
    """Make sure that a codestream has the promised size; raises DamagedCodestream."""
    if (header.width, header.height) != (width, height):
        raise DamagedCodestream(
            f"it holds {header.width} × {header.height} pixels where {width} × {height} belong"
        )
