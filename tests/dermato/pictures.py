"""Photographs that tests of this package share, real where there are some, else made."""

from functools import partial
from pathlib import Path

from tests.samples import sample
from tests.samples.photo import make_photo

MADE = partial(make_photo, width=640, height=480)

GPS = ("phone-photos/gps/DSCN0010.jpg", "phone-photos/gps/iphone6_hdr_NO.jpg")
UPRIGHT = (
    *GPS,
    "phone-photos/jolla.jpg",
    "phone-photos/orientation/landscape_1.jpg",
    "derm/dermoscopy/ISIC_0000000.jpg",
    "derm/dermoscopy/ISIC_0000003.jpg",
)
TURNED = {f"phone-photos/orientation/landscape_{number}.jpg": number for number in range(2, 9)}


def photograph(relative: str) -> Path:
    """The photograph of that name, or a made one of its kind."""
    kind = "dermoscopy" if "dermoscopy" in relative else "clinical"
    number = TURNED.get(relative, 1)
    return sample(relative, partial(MADE, kind=kind, orientation=number, seed=len(relative)))
