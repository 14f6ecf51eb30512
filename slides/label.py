"""The texts that barcodes on a slide's label hold."""

import zxingcpp

from slides.slide import AssociatedImage

# A label is a few hundred pixels wide; a larger one is not searched, so that opening stays quick.
MOST_PIXELS = 2**25


def read_barcodes(label: AssociatedImage) -> tuple[str, ...]:
    """The texts of all one- and two-dimensional codes on a label, as they lie from the top.

    Raises DamagedCodestream where the label does not decode.
    """
    if label.width * label.height > MOST_PIXELS:
        return ()
    codes = zxingcpp.read_barcodes(label.pixels())
    found = sorted(codes, key=lambda code: (code.position.top_left.y, code.position.top_left.x))
    return tuple(dict.fromkeys(code.text.strip() for code in found if code.text.strip()))
