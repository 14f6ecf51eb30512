"""The codes of labels in a photograph, by which pictures of a camera's card are told apart."""

import zxingcpp

from dermato.optics import grey, reduced
from tiles.source import Pixels

MOST_PX = 2048
"""Codes are looked for at this width or height at most: one that is to be read is drawn larger."""

MOST_CHARACTERS = 200

# Those that labels and wristbands have. Others have no check of what was read, and skin has lines.
_FORMATS = zxingcpp.BarcodeFormats(
    (
        zxingcpp.BarcodeFormat.QRCode,
        zxingcpp.BarcodeFormat.DataMatrix,
        zxingcpp.BarcodeFormat.Aztec,
        zxingcpp.BarcodeFormat.PDF417,
        zxingcpp.BarcodeFormat.Code128,
        zxingcpp.BarcodeFormat.Code39,
    )
)


def codes_in(pixels: Pixels) -> tuple[str, ...]:
    """The texts of the codes in a picture of 8 bits, as they lie from the top; longer ones cut.

    Those made of squares are read at any angle, those made of lines only where they lie straight.
    """
    image, _ = reduced(grey(pixels), MOST_PX)
    found = sorted(
        zxingcpp.read_barcodes(image, formats=_FORMATS),
        key=lambda code: (code.position.top_left.y, code.position.top_left.x),
    )
    texts = (code.text.strip()[:MOST_CHARACTERS] for code in found)
    return tuple(dict.fromkeys(text for text in texts if text))
