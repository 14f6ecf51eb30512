"""Make a photograph of skin with a pigmented lesion, as a phone or a dermoscope would store it.

    python -m tests.samples.photo OUT.jpg --kind dermoscopy

Skin is drawn as layers of melanin and blood that absorb light; a photograph is deterministic by
its arguments. What the EXIF block says (place, serial number, maker) is invented, and is there to
be removed.
"""

import argparse
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from tests.samples import made_once
from tests.samples.tissue import Array, display_profile, foam, noise

Kind = Literal["clinical", "dermoscopy"]

MELANIN = (0.05, 0.16, 0.32, 0.55, 0.9, 1.35)
"""Melanin of the skin by Fitzpatrick type, I to VI."""
_ABSORPTION = {"melanin": (0.55, 0.9, 1.25), "blood": (0.06, 0.42, 0.36), "deep": (1.1, 0.75, 0.5)}
_REFLECTANCE = (240, 214, 196)
SERIAL_NUMBER = "SV-SERIAL-424242"
FIRST_VISIT = datetime(2024, 3, 14, 9, 26, 53, tzinfo=timezone(timedelta(hours=1)))
BETWEEN_VISITS = timedelta(days=182)
MAKER, MODEL = "Sansverre", "Sample Phone 1"

_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""EXIF orientation → how the upright picture is turned before it is stored."""


@dataclass(frozen=True)
class _Canvas:
    """A picture being made at one size, with maps drawn smaller and enlarged to it."""

    rng: Generator
    width: int
    height: int

    def map(self, grain: float, drawn: int = 512) -> Array:
        """Noise over the whole picture; `grain` is a fraction of its larger side."""
        return self.enlarged(noise(self.rng, drawn, grain * drawn))

    def enlarged(self, square: Array) -> Array:
        """A square map stretched over the picture without distorting it."""
        side = max(self.width, self.height)
        box = (0, 0, self.width / side * square.shape[1], self.height / side * square.shape[0])
        size = (self.width, self.height)
        image = Image.fromarray(square).resize(size, Image.Resampling.BICUBIC, box)
        return np.asarray(image, np.float32)

    def repeated(self, square: Array) -> Array:
        """A seamless square laid side by side."""
        times = (-(-self.height // square.shape[0]), -(-self.width // square.shape[1]))
        return np.tile(square, times)[: self.height, : self.width]


def _lesion(canvas: _Canvas, radius: float) -> tuple[Array, Array]:
    """Depth below the lesion's border (0 at the border, 1 at the centre) and the angle."""
    side = max(canvas.width, canvas.height)
    y, x = np.mgrid[0 : canvas.height, 0 : canvas.width].astype(np.float32)
    offset = canvas.rng.normal(0, 0.02, 2) * side
    dx = (x - canvas.width / 2 - offset[0]) / (radius * side)
    dy = (y - canvas.height / 2 - offset[1]) / (radius * side * canvas.rng.uniform(0.72, 0.95))
    angle = np.arctan2(dy, dx)
    turn = np.linspace(-np.pi, np.pi, 4097, dtype=np.float32)
    border = np.ones_like(turn)
    for wave in range(2, 12):
        wiggle = np.cos(wave * turn + canvas.rng.uniform(0, 7))
        border += canvas.rng.normal(0, 0.13 / wave) * wiggle
    outline = border[((angle + np.pi) * (4096 / (2 * np.pi))).astype(np.int16)]
    depth = outline - np.hypot(dx, dy) + 0.05 * canvas.map(0.012)
    return np.asarray(depth, np.float32), angle


def _skin(canvas: _Canvas, phototype: int) -> dict[str, Array]:
    tone = MELANIN[phototype - 1]
    pores = np.clip(canvas.repeated(noise(canvas.rng, 1024, 9)) - 1.7, 0, 1.5)
    return {
        "melanin": tone * (1 + 0.1 * canvas.map(0.2) + 0.07 * canvas.map(0.02)) + 0.1 * pores,
        "blood": 0.34 + 0.09 * canvas.map(0.09) + 0.05 * canvas.map(0.015) + 0.12 * pores,
        "deep": np.zeros((canvas.height, canvas.width), np.float32),
    }


def _clinical(canvas: _Canvas, layers: dict[str, Array], grown: float) -> None:
    depth, _ = _lesion(canvas, 0.075 * grown)
    inside = np.clip(depth * 9 + 0.3, 0, 1)
    patches = np.clip(0.75 + 0.4 * canvas.map(0.02) + 0.5 * np.clip(canvas.map(0.04), 0, 2), 0.2, 2)
    layers["melanin"] += inside * patches
    layers["deep"] += inside * np.clip(canvas.map(0.035) - 0.7, 0, 1) * 0.5
    layers["blood"] += np.exp(-((depth / 0.22) ** 2)) * 0.22


def _dermoscopy(canvas: _Canvas, layers: dict[str, Array], grown: float) -> None:
    depth, angle = _lesion(canvas, 0.23 * grown)
    inside = np.clip(depth * 6 + 0.3, 0, 1)
    # Each mesh of the network is about 1/70 of the picture wide.
    wall = canvas.enlarged(foam(canvas.rng, 1024, 2.0, 2048 / 70)) + 1.2 * canvas.map(0.004, 1024)
    net = np.exp(-((wall / 5.5) ** 2)) * np.clip(canvas.map(0.1) * 0.5 + 0.9, 0, 1.4)
    net *= np.clip(1.15 - depth, 0.15, 1)
    globules = np.clip(canvas.map(0.009, 1024) - 1.5, 0, 1) * np.clip(canvas.map(0.08), 0, 1)
    streaks = np.clip(np.sin(angle * 46 + 4 * canvas.map(0.05)), 0, 1) ** 3
    streaks *= np.exp(-(((depth - 0.02) / 0.07) ** 2)) * np.clip(np.sin(angle * 2 + 1), 0, 1)
    base = 0.42 + 0.12 * canvas.map(0.06) + 0.55 * np.clip(canvas.map(0.09) - 0.2, 0, 1.2)
    layers["melanin"] += inside * (base + 0.75 * net + 1.4 * globules) + 0.7 * streaks
    layers["deep"] += inside * np.clip(canvas.map(0.09) - 0.6, 0, 1) * np.clip(depth, 0, 1) * 1.1
    layers["blood"] += inside * 0.15 + 0.1 * np.clip(canvas.map(0.05), 0, 1)


def _lit(canvas: _Canvas, layers: dict[str, Array], relief: float) -> NDArray[np.uint8]:
    """The skin under a lamp from the upper left, with skin lines as relief."""
    fine = canvas.repeated(noise(canvas.rng, 1024, 2.2) + noise(canvas.rng, 1024, 6, 14))
    lines = canvas.repeated(np.clip(foam(canvas.rng, 1024, 1.0, 34), 0, 7))
    height = fine + lines * 0.5
    slope = (np.roll(height, 2, 1) - height) + (np.roll(height, 2, 0) - height)
    y, x = np.mgrid[-1 : 1 : canvas.height * 1j, -1 : 1 : canvas.width * 1j].astype(np.float32)
    light = (1.04 - 0.1 * (x + y) / 2 - 0.09 * (x * x + y * y)) * (1 - relief * slope)
    out = np.empty((canvas.height, canvas.width, 3), np.uint8)
    for channel in range(3):
        density = np.zeros_like(light)
        for name, layer in layers.items():
            density += np.clip(layer, 0, None) * np.float32(_ABSORPTION[name][channel])
        out[..., channel] = np.clip(_REFLECTANCE[channel] * light * np.exp(-density), 0, 255)
    return out


def _seen_again(pixels: NDArray[np.uint8], visits: int) -> NDArray[np.uint8]:
    """The same skin from another place, in another light, so many visits later."""
    height, width = pixels.shape[:2]
    centre = width / 2, height / 2
    turned = np.asarray(cv2.getRotationMatrix2D(centre, 7.0 * visits, 1 + 0.03 * visits))
    turned[:, 2] += 0.02 * visits * width, -0.015 * visits * height
    again = cv2.warpAffine(
        pixels, turned, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(np.clip(again * (1 - 0.03 * visits), 0, 255), np.uint8)


def _hairs(canvas: _Canvas, image: Image.Image, count: int) -> Image.Image:
    """Fine curved hairs, each thinning to its end."""
    side = max(image.size)
    mask = Image.new("L", image.size)
    draw = ImageDraw.Draw(mask)
    lie = canvas.rng.uniform(0, np.pi)
    for _ in range(count):
        x, y = canvas.rng.uniform(0, image.width), canvas.rng.uniform(0, image.height)
        angle, bend = canvas.rng.normal(lie, 0.5), canvas.rng.normal(0, 0.02)
        width = canvas.rng.uniform(0.0007, 0.0016) * side
        for step in range(40):
            nx, ny = x + np.cos(angle) * side * 0.004, y + np.sin(angle) * side * 0.004
            draw.line((x, y, nx, ny), fill=200, width=max(1, round(width * (1 - step / 50))))
            x, y, angle = nx, ny, angle + bend
    mask = mask.filter(ImageFilter.GaussianBlur(side / 4000))
    image.paste((38, 27, 20), mask=mask)
    return image


def _ruler(image: Image.Image) -> Image.Image:
    """A paper ruler along the lower edge, a millimetre each 1/60 of the larger side."""
    side = max(image.size)
    millimetre, top = side / 60, int(image.height - side * 0.075)
    draw = ImageDraw.Draw(image)
    draw.rectangle(
        (side * 0.05, top, image.width - side * 0.05, top + side * 0.05), (238, 238, 232)
    )
    for tick in range(int((image.width - side * 0.14) / millimetre) + 1):
        x = side * 0.07 + tick * millimetre
        length = 0.02 if tick % 10 == 0 else 0.014 if tick % 5 == 0 else 0.009
        draw.line((x, top, x, top + side * length), (20, 20, 20), max(1, side // 1500))
        if tick % 10 == 0:
            draw.text((x, top + side * 0.023), str(tick // 10), (20, 20, 20), font_size=side // 55)
    return image


def _lens(image: Image.Image) -> Image.Image:
    """The round field of a dermoscope: dark outside, slightly dim at the rim."""
    y, x = np.mgrid[0 : image.height, 0 : image.width].astype(np.float32)
    r = np.hypot(x - image.width / 2, y - image.height / 2) / (min(image.size) * 0.495)
    shade = np.clip((1 - r) * 60, 0, 1) * (1 - 0.18 * r**4) + 0.02
    return Image.fromarray((np.asarray(image) * shade[..., None]).astype(np.uint8))


def _exif(orientation: int, gps: bool, taken: datetime) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131] = MAKER, MODEL, "1.0"
    exif[0x0112] = orientation
    camera: dict[int, Any] = exif.get_ifd(0x8769)
    camera[0x9003], camera[0x9011] = f"{taken:%Y:%m:%d %H:%M:%S}", "+01:00"
    camera[0x829A], camera[0x829D], camera[0x8827] = 1 / 60, 1.8, 100
    camera[0xA431] = SERIAL_NUMBER
    if gps:
        place: dict[int, Any] = exif.get_ifd(0x8825)
        place.update({1: "N", 2: (48.0, 51.0, 29.6), 3: "E", 4: (2.0, 17.0, 40.2)})
        place[29] = f"{taken:%Y:%m:%d}"
    return exif


@made_once
def make_photo(
    path: Path,
    *,
    kind: Kind = "clinical",
    seed: int = 1,
    width: int = 4032,
    height: int = 3024,
    orientation: int = 1,
    gps: bool = True,
    ruler: bool = False,
    phototype: int | None = None,
    visit: int = 1,
) -> Path:
    """Write a baseline JPEG of `width` × `height` stored pixels, to be turned by `orientation`.

    `phototype` is a Fitzpatrick type from 1 to 6; by default it follows from the seed. At each
    `visit`, half a year apart, the same lesion is a little larger.
    """
    rng = np.random.default_rng([seed, width, height])
    upright = (height, width) if orientation >= 5 else (width, height)
    canvas = _Canvas(rng, *upright)
    layers = _skin(canvas, phototype or 1 + (seed * 2) % 6)
    (_clinical if kind == "clinical" else _dermoscopy)(canvas, layers, 1.05 ** (visit - 1))
    pixels = _lit(canvas, layers, 0.03 if kind == "clinical" else 0.006)
    if visit > 1:
        pixels = _seen_again(pixels, visit - 1)
    image = _hairs(canvas, Image.fromarray(pixels), 26 if kind == "clinical" else 7)
    image = image.filter(ImageFilter.GaussianBlur(max(image.size) / 6000))
    if kind == "dermoscopy":
        image = _lens(image)
    if ruler:
        image = _ruler(image)
    if orientation != 1:
        image = image.transpose(_STORED[orientation])
    exif = _exif(orientation, gps, FIRST_VISIT + (visit - 1) * BETWEEN_VISITS)
    image.save(
        path, "JPEG", quality=92, subsampling="4:2:0", exif=exif, icc_profile=display_profile()
    )
    return path


def main() -> None:
    """Make one photograph from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.samples.photo", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--kind", choices=("clinical", "dermoscopy"), default="clinical")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--width", type=int, default=4032)
    parser.add_argument("--height", type=int, default=3024)
    parser.add_argument("--orientation", type=int, choices=range(1, 9), default=1)
    parser.add_argument("--phototype", type=int, choices=range(1, 7))
    parser.add_argument("--no-gps", dest="gps", action="store_false")
    parser.add_argument("--ruler", action="store_true")
    parser.add_argument("--visit", type=int, default=1)
    given = vars(parser.parse_args())
    print(make_photo(given.pop("out"), **given))


if __name__ == "__main__":
    main()
