"""Make a virtual slide that looks like tissue, laid out as an Aperio scanner lays out its files.

    python -m tests.samples.slide OUT.svs --width 24000 --height 20000 --stain mixed

A slide is deterministic by its arguments. Its pixels are composed one row of tiles at a time from
the sections of `tests.samples.section`, so memory holds a few rows and the reduced
levels, never the slide.
"""

import argparse
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import imagecodecs
import numpy as np
import simplejpeg
import tifffile
import zxingcpp
from PIL import Image, ImageDraw

from tests.samples import made_once
from tests.samples.section import Piece, compose, pieces
from tests.samples.tissue import GLASS, RGB, display_profile
from tests.samples.tissue import STAINS as PLAIN_STAINS

Form = Literal["abbreviated-rgb", "complete-ycbcr"]
STAINS = (*PLAIN_STAINS, "mixed")


@dataclass(frozen=True)
class _Coder:
    """Encodes tiles in one of Aperio's two forms."""

    form: Form
    quality: int

    def tile(self, pixels: RGB) -> bytes:
        """One encoded tile as it stands in the file."""
        if self.form == "complete-ycbcr":
            return bytes(
                simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), self.quality, "RGB", "420")
            )
        return _split(self._whole(pixels))[1]

    def tables(self) -> bytes | None:
        """The JPEGTables shared by all tiles, or None where each is complete."""
        if self.form == "complete-ycbcr":
            return None
        return _split(self._whole(np.zeros((16, 16, 3), np.uint8)))[0]

    def _whole(self, pixels: RGB) -> bytes:
        return bytes(
            imagecodecs.jpeg8_encode(
                pixels, level=self.quality, colorspace="rgb", outcolorspace="rgb", subsampling="444"
            )
        )


def _split(whole: bytes) -> tuple[bytes, bytes]:
    """Tables and abbreviated stream of an RGB JPEG, components numbered 0, 1, 2 as Aperio does.

    Nothing in such a stream says that it is RGB: only the TIFF tag does.
    """
    tables, rest, at = b"", b"", 2
    while True:
        marker, length = whole[at + 1], int.from_bytes(whole[at + 2 : at + 4], "big")
        segment = bytearray(whole[at : at + 2 + length])
        at += 2 + length
        if marker in (0xDB, 0xC4):
            tables += segment
        elif marker in (0xC0, 0xDA):
            first, step = (10, 3) if marker == 0xC0 else (5, 2)
            for component in range(3):
                segment[first + step * component] = component
            rest += segment
            if marker == 0xDA:
                return b"\xff\xd8" + tables + b"\xff\xd9", b"\xff\xd8" + rest + whole[at:]


class _Rows:
    """Composes and encodes the base level a row of tiles at a time; gathers the reduced level."""

    def __init__(self, width: int, height: int, tile: int, coder: _Coder, pieces: list[Piece]):
        self._size, self._tile, self._coder, self._pieces = (width, height), tile, coder, pieces
        self._blank = coder.tile(np.full((tile, tile, 3), GLASS, np.uint8))
        self.quarter = np.empty((height // 4, width // 4, 3), np.uint8)
        self.quarter[...] = GLASS

    def tiles(self) -> Iterator[bytes]:
        """All tiles of the level in reading order."""
        width, height = self._size
        workers = os.cpu_count() or 1
        step = self._tile * max(1, 2048 // self._tile)
        with ThreadPoolExecutor(workers) as pool:
            waiting: deque[Future[list[bytes]]] = deque()
            for y in range(0, height, self._tile):
                for x in range(0, width, step):
                    waiting.append(pool.submit(self._part, x, y, min(step, width - x)))
                    if len(waiting) > 2 * workers:
                        yield from waiting.popleft().result()
            for part in waiting:
                yield from part.result()

    def _part(self, x: int, y: int, width: int) -> list[bytes]:
        tile = self._tile
        height = min(tile, self._size[1] - y)
        columns = -(-width // tile)
        pixels = np.empty((tile, columns * tile, 3), np.uint8)
        pixels[...] = GLASS
        real = pixels[:height, :width]
        touched = [compose(piece, x, y, width, height, real) for piece in self._pieces]
        if not any(touched):
            return [self._blank] * columns
        reduced = reduced_by_4(real)
        at = self.quarter[y // 4 : y // 4 + reduced.shape[0], x // 4 : x // 4 + reduced.shape[1]]
        at[...] = reduced[: at.shape[0], : at.shape[1]]
        return [self._coder.tile(pixels[:, k * tile : (k + 1) * tile]) for k in range(columns)]


def reduced_by_4(pixels: RGB) -> RGB:
    """The mean of every whole 4 × 4 block."""
    rows, columns = pixels.shape[0] // 4 * 4, pixels.shape[1] // 4 * 4
    image = Image.fromarray(np.ascontiguousarray(pixels[:rows, :columns]))
    return np.asarray(image.reduce(4)) if rows and columns else pixels[:0, :0]


def _padded_tiles(pixels: RGB, tile: int, coder: _Coder) -> Iterator[bytes]:
    for y in range(0, pixels.shape[0], tile):
        for x in range(0, pixels.shape[1], tile):
            part = np.empty((tile, tile, 3), np.uint8)
            part[...] = GLASS
            real = pixels[y : y + tile, x : x + tile]
            part[: real.shape[0], : real.shape[1]] = real
            yield coder.tile(part)


def _label(text: str) -> RGB:
    """A slide label with a DataMatrix and lines of text."""
    image = Image.new("RGB", (387, 463), (250, 250, 247))
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.DataMatrix)
    square = np.asarray(zxingcpp.write_barcode_to_image(code, scale=9))
    image.paste(Image.fromarray(square).convert("RGB"), (30, 40))
    draw = ImageDraw.Draw(image)
    for row, line in enumerate((text, "Sans Verre", "synthetic tissue")):
        draw.text((36, 270 + 46 * row), line, fill=(20, 20, 40), font_size=34)
    return np.asarray(image)


def _macro(label: RGB, overview: RGB) -> RGB:
    """The whole glass: label on the left, tissue on the right."""
    image = Image.new("RGB", (1280, 431), (228, 228, 230))
    image.paste(Image.fromarray(label).rotate(90, expand=True).resize((400, 400)), (8, 16))
    picture = Image.fromarray(overview)
    picture.thumbnail((820, 390))
    image.paste(picture, (430 + (830 - picture.width) // 2, (431 - picture.height) // 2))
    return np.asarray(image)


@dataclass(frozen=True)
class _Aperio:
    """What Aperio writes of each page beside its pixels, as arguments for TiffWriter.write."""

    width: int
    height: int
    tile_size: int
    mpp: float
    seed: int
    coder: _Coder
    icc: bool

    _LIBRARY = "Aperio Image Library v11.2.1 \r\n"

    def tiled(self, rows: int, columns: int) -> dict[str, Any]:
        """The base, or a reduced level of `columns` × `rows` pixels."""
        rgb = self.coder.form == "abbreviated-rgb"
        tile = self.tile_size
        of = f"{self.width}x{self.height} [0,0 {self.width}x{self.height}] ({tile}x{tile})"
        to = "" if columns == self.width else f" -> {columns}x{rows}"
        how = f"JPEG/{'RGB' if rgb else 'YCC'} Q={self.coder.quality}"
        return {
            "shape": (rows, columns, 3),
            "dtype": np.uint8,
            "photometric": "rgb",
            "subsampling": (1, 1) if rgb else (2, 2),
            "tile": (tile, tile),
            "compression": "jpeg",
            "compressionargs": {"outcolorspace": "rgb" if rgb else "ycbcr"},
            "jpegtables": self.coder.tables(),
            "iccprofile": display_profile() if self.icc else None,
            "metadata": None,
            "description": f"{self._LIBRARY}{of}{to} {how}{self._facts}",
        }

    def thumbnail(self, width: int, height: int) -> dict[str, Any]:
        """The small picture of the scanned area."""
        size = f"{self.width}x{self.height} -> {width}x{height} - "
        return {**self._jpeg, "description": f"{self._LIBRARY}{size}{self._facts}"}

    def label(self, width: int, height: int) -> dict[str, Any]:
        """The label, without loss."""
        return {
            "photometric": "rgb",
            "compression": "lzw",
            "predictor": True,
            "rowsperstrip": 7,
            "subfiletype": 1,
            "metadata": None,
            "description": f"{self._LIBRARY}label {width}x{height}",
        }

    def macro(self, width: int, height: int) -> dict[str, Any]:
        """The whole glass."""
        description = f"{self._LIBRARY}macro {width}x{height}"
        return {**self._jpeg, "subfiletype": 9, "description": description}

    @property
    def _jpeg(self) -> dict[str, Any]:
        return {
            "photometric": "rgb",
            "compression": "jpeg",
            "compressionargs": {"level": 80},
            "rowsperstrip": 16,
            "metadata": None,
        }

    @property
    def _facts(self) -> str:
        return (
            f"|AppMag = {round(10 / self.mpp)}|StripeWidth = 2040"
            f"|ScanScope ID = SANSVERRE{self.seed}|Filename = sample-{self.seed}"
            f"|Date = 03/14/24|Time = 09:26:53|MPP = {self.mpp:.4f}"
            f"|Left = 25.691574|Top = 23.449873"
            f"|OriginalWidth = {self.width}|OriginalHeight = {self.height}"
        )


def make_slide(
    path: Path,
    width: int,
    height: int,
    *,
    seed: int = 1,
    stain: str = "HE",
    quality: int = 80,
    tile: int = 256,
    mpp: float = 0.25,
    form: Form = "abbreviated-rgb",
    icc: bool = False,
) -> Path:
    """Write an SVS of `width` × `height` pixels at `mpp` micrometres per pixel.

    `tile` is a multiple of 16, as TIFF wants it. The reduced levels are a quarter of one another,
    rounded down, without the last odd pixels, as Aperio makes them.
    """
    file = _Aperio(width, height, tile, mpp, seed, _Coder(form, quality), icc)
    rows = _Rows(width, height, tile, file.coder, pieces(width, height, seed, stain, mpp))
    with tifffile.TiffWriter(path, bigtiff=width * height > 8_000_000_000) as tiff:
        tiff.write(rows.tiles(), **file.tiled(height, width))
        overview = rows.quarter
        while max(overview.shape) > 4096:
            overview = reduced_by_4(overview)
        thumbnail = Image.fromarray(overview)
        thumbnail.thumbnail((1024, 768))
        tiff.write(np.asarray(thumbnail), **file.thumbnail(*thumbnail.size))
        level = rows.quarter
        while min(level.shape[:2]) >= tile:
            rest = _padded_tiles(level, tile, file.coder)
            tiff.write(rest, **file.tiled(level.shape[0], level.shape[1]))
            level = reduced_by_4(level)
        label = _label(f"SV24-{seed:05d};1")
        tiff.write(label, **file.label(label.shape[1], label.shape[0]))
        macro = _macro(label, overview)
        tiff.write(macro, **file.macro(macro.shape[1], macro.shape[0]))
    return path


@made_once
def small_svs(
    path: Path,
    width: int = 2220,
    height: int = 2967,
    tile: int = 240,
    form: Form = "abbreviated-rgb",
    seed: int = 1,
) -> Path:
    """A slide of a few megapixels for tests, made in about two seconds."""
    return make_slide(path, width, height, seed=seed, tile=tile, mpp=0.5, form=form)


def main() -> None:
    """Make one slide from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.samples.slide", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=24_000)
    parser.add_argument("--height", type=int, default=20_000)
    parser.add_argument("--stain", choices=STAINS, default="mixed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quality", type=int, default=80)
    parser.add_argument("--tile", type=int, default=256)
    parser.add_argument("--mpp", type=float, default=0.25)
    parser.add_argument(
        "--form", choices=("abbreviated-rgb", "complete-ycbcr"), default="abbreviated-rgb"
    )
    parser.add_argument("--icc", action="store_true")
    given = vars(parser.parse_args())
    print(make_slide(given.pop("out"), **given))


if __name__ == "__main__":
    main()
