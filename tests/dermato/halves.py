"""Real pictures in two halves, one to fix limits on and one to report on, and what is reported."""

from functools import partial
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tests.samples import real_samples, sample
from tests.samples.photo import make_photo

Picture = NDArray[np.uint8]

FIXED_ON, REPORTED_ON = 0, 1


def read(path: Path) -> Picture:
    """An upright picture in RGB."""
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"), np.uint8)


def narrow(picture: Picture, width: int) -> Picture:
    """The picture at that width."""
    height = round(picture.shape[0] * width / picture.shape[1])
    image = Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image, np.uint8)


def dermoscopy(number: int, width: int) -> Picture:
    """One of five lesions through a dermatoscope, at a width."""
    if folder := real_samples():
        return narrow(read(folder / f"derm/dermoscopy/ISIC_000000{number}.jpg"), width)
    make = partial(make_photo, kind="dermoscopy", seed=number, phototype=2, width=1024, height=768)
    return narrow(read(sample(f"made/dermoscopy_{number}.jpg", make)), width)


def real(kind: str, half: int | None = None) -> list[Path]:
    """The real pictures of `derm/KIND`, sorted by name; of one half, each second."""
    folder = real_samples()
    assert folder, "figures are measured on real pictures: set SANSVERRE_SAMPLES"
    every = sorted((folder / "derm" / kind).iterdir())
    return every if half is None else every[half::2]


def interval(found: int, of: int) -> str:
    """A share in percent and its 95 % interval, by Wilson."""
    if of == 0:
        return "none"
    share, z = found / of, 1.96
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return f"{found}/{of} = {100 * share:.1f} % ({100 * low:.1f}-{100 * high:.1f} %)"


def table(title: str, rows: list[tuple[str, str]]) -> str:
    """Lines to print and to keep."""
    wide = max(len(name) for name, _ in rows)
    return "\n".join([title, *(f"  {name.ljust(wide)}  {value}" for name, value in rows), ""])
