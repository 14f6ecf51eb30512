"""The photographs that are brought: real ones where there are some, else made, and spoilt ones."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import zxingcpp
from PIL import Image, ImageFilter

from tests.dermato.rulers import with_ruler
from tests.samples import sample
from tests.samples.photo import Kind, make_photo

SKIN = "derm/clinical/PAT_460_893_307.png"
_EXIF, _TAKEN = 0x8769, 0x9003
LESIONS = tuple(f"derm/dermoscopy/ISIC_000000{number}.jpg" for number in range(3))


def pictured(relative: str) -> Path:
    """The photograph of that name."""
    kind: Kind = "dermoscopy" if "dermoscopy" in relative else "clinical"
    made = partial(make_photo, kind=kind, seed=len(relative) + ord(relative[-5]))
    return sample(relative, partial(made, width=1022, height=767))


def lesions(folder: Path) -> list[Path]:
    """The photographs of three lesions as files that nobody has sent before."""
    copies = []
    for number, name in enumerate(LESIONS):
        copy = folder / f"{number}.jpg"
        # Cameras write behind the picture as well.
        copy.write_bytes(pictured(name).read_bytes() + os.urandom(16))
        copies.append(copy)
    return copies


def overview(folder: Path) -> Path:
    """The photograph of a region as a file that nobody has sent before."""
    path = folder / "overview.jpg"
    with Image.open(pictured(SKIN)) as picture:
        picture.convert("RGB").save(path, quality=95, comment=os.urandom(16))
    return path


def blurred(folder: Path) -> Path:
    """A photograph that was taken with a shaking hand."""
    path = folder / "blurred.jpg"
    with Image.open(pictured(LESIONS[0])) as picture:
        picture.filter(ImageFilter.GaussianBlur(6)).save(path, quality=92)
    return path


def ruled(folder: Path, pitch_px: float) -> Path:
    """A photograph of a lesion with a ruler of so many pixels a millimetre."""
    path = folder / "ruled.jpg"
    with Image.open(pictured(LESIONS[0])) as picture:
        small = picture.convert("RGB")
        small.thumbnail((800, 800))
        drawn = with_ruler(np.asarray(small), pitch_px, 12)
    Image.fromarray(drawn).save(path, quality=92, comment=os.urandom(16))
    return path


def card(folder: Path, codes: Sequence[str | None]) -> list[Path]:
    """The files of a camera's card, a minute apart: labels with a code, and what lies between."""
    files = []
    for number, code in enumerate(codes):
        path = folder / f"DSC_{number:04}.JPG"
        make_photo(path, seed=number, width=480, height=360, gps=False)
        with Image.open(path) as picture:
            exif = picture.getexif()
            exif.get_ifd(_EXIF)[_TAKEN] = f"2026:03:01 09:{number:02}:00"
            if code is not None:
                label = zxingcpp.create_barcode(code, zxingcpp.BarcodeFormat.QRCode)
                picture.paste(Image.fromarray(np.asarray(label.to_image(scale=6))), (150, 90))
            picture.save(path, quality=92, exif=exif, comment=os.urandom(16))
        files.append(path)
    return files
