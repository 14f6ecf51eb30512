"""Millimetres out of a ruler laid beside a lesion: a reading aid, not a diagnosis.

A scale holds where the ruler lies, in its plane. A ruler that goes away from the camera is
refused: its marks draw nearer to each other from one end to the other. One that leans about its
own length keeps its marks even: no picture of one straight ruler tells that.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import hypot
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dermato.marks import Row, Rows, rows_of_marks
from dermato.optics import grey, reduced
from tiles.source import Pixels

VERSION = "2"
"""Of the method: a stored measure says which made it."""

MOST_PIXELS_WIDE = 1600
"""Rulers are looked for at this width or height at most, which bounds time and memory."""

_FEWEST_MARKS = 20
"""Two centimetres: fewer do not show that marks come in tens."""
_IN_TENS, _IN_TWOS = 0.6, 0.5
"""Share of what distinguishes marks that their place in ten, or in two, explains."""
MOST_UNEVEN = 0.02
"""Change of pitch from one end to the other beyond which the ruler was slanted."""
_CLEARLY = 300.0
"""How far the marks of a ruler stand out, in power, that is told of and not read: hairs do less."""
_PRINTED = 0.001
"""How exactly rulers are printed, and their direction is found; a share of the pitch."""

_Line: TypeAlias = NDArray[np.float64]


class Why(StrEnum):
    """Why a picture gives no scale."""

    NO_RULER = "no-ruler"
    NOT_MILLIMETRES = "not-millimetres"
    TILTED = "tilted"


@dataclass(frozen=True, slots=True)
class Scale:
    """What a pixel measures where a ruler lies."""

    mm_per_pixel: float
    uncertainty: float
    """Of `mm_per_pixel`, in the same unit: one standard deviation."""
    angle_deg: float
    """Of the ruler: 0 along the rows, growing clockwise, below 180."""
    marks: int


@dataclass(frozen=True, slots=True)
class NoScale:
    """No ruler was read."""

    why: Why
    uneven: float = 0.0
    """Of a tilted one, how much its pitch changes from one end to the other, as a share."""


def read_ruler(pixels: Pixels) -> Scale | NoScale:
    """The scale of a picture with a ruler in it, at any angle, or why there is none.

    Pictures are (rows, columns) or (rows, columns, 3) of 8 bits. The same pixels give the same
    answer. Half millimetres and tenths of an inch that are marked in tens are taken for
    millimetres: nobody but who sees the ruler may call the scale true.
    """
    image, scale = reduced(grey(pixels), MOST_PIXELS_WIDE)
    why = Why.NO_RULER
    for row in rows_of_marks(image):
        followed = _followed(row)
        if followed is None:
            continue
        if not _in_millimetres(row, followed):
            if row.clear >= _CLEARLY and _in_groups(row, followed):
                why = Why.NOT_MILLIMETRES
            continue
        if abs(followed.uneven) > MOST_UNEVEN:
            if row.clear >= _CLEARLY:
                return NoScale(Why.TILTED, followed.uneven)
            continue
        share = hypot(followed.pitch_error, followed.uneven / 2, _PRINTED)
        mm_per_pixel = scale / followed.pitch_px
        angle = round(row.angle_deg % 180, 2)
        return Scale(mm_per_pixel, share * mm_per_pixel, angle, len(followed.places))
    return NoScale(why)


@dataclass(frozen=True, slots=True)
class _Followed:
    """The marks of a row, one by one."""

    places: _Line
    """Columns at which marks stand."""
    pitch_px: float
    pitch_error: float
    """A share of the pitch, one standard deviation."""
    uneven: float
    """How much the pitch changes from the first mark to the last, as a share."""


def _followed(row: Row) -> _Followed | None:
    """Count marks by the phase of their rhythm; None where they are too few to be a ruler."""
    beat = row.beat()
    strong = np.abs(beat)
    usual = float(np.median(strong[row.start : row.end]))
    first, last = _around(strong > 0.5 * usual, (row.start + row.end) // 2)
    if (last - first) / row.pitch_px < _FEWEST_MARKS:
        return None
    columns = np.arange(first, last, dtype=np.float64)
    turns = np.unwrap(np.angle(beat[first:last])) / (2 * np.pi) + columns / row.pitch_px
    middle = columns.mean()
    away = columns - middle
    curve, slope, start = np.polyfit(away, turns, 2)
    wrong = turns - np.polyval((curve, slope, start), away)
    # The beat is smoothed over some marks: so many of its values are one.
    alone = max(1.0, len(columns) / row.smoothed_px)
    error = float(wrong.std() / (away.std() * np.sqrt(alone)) / slope)
    if wrong.std() > 0.1:
        return None
    even = np.polyval((curve, slope, start), away)
    numbers = np.arange(np.ceil(even[0]), np.floor(even[-1]) + 1)
    places = np.interp(numbers, even, columns)
    uneven = float(2 * curve * len(columns) / slope)
    return _Followed(places, float(1 / slope), error, uneven)


def _around(good: NDArray[np.bool_], middle: int) -> tuple[int, int]:
    """First and last + 1 of the unbroken run that holds the middle."""
    bad = np.flatnonzero(~good)
    split = int(np.searchsorted(bad, middle))
    first = int(bad[split - 1]) + 1 if split else 0
    last = int(bad[split]) if split < len(bad) else len(good)
    return first, max(first, last)


def _in_millimetres(row: Row, followed: _Followed) -> bool:
    """Whether each tenth mark differs from the others, and each second does not.

    Of half millimetres and of sixteenths of an inch, each second mark is longer.
    """
    dark = row.darkness(followed.places)
    return _explained(dark, 10) >= _IN_TENS and _explained(dark, 2) < _IN_TWOS


def _in_groups(row: Row, followed: _Followed) -> bool:
    """Whether some marks differ as a ruler's do; threads and hairs follow each other alike."""
    dark = row.darkness(followed.places)
    return any(_explained(dark, by) >= _IN_TENS for by in (4, 8, 10))


def _explained(dark: Rows, by: int) -> float:
    """The most, over rows, that a mark's place in a group explains of how it differs.

    Adjusted for the number of places, so that chance explains nothing.
    """
    count = dark.shape[1]
    whole = ((dark - dark.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    rest = np.zeros(len(dark))
    for place in range(by):
        group = dark[:, place::by]
        rest += ((group - group.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    # Where nothing is drawn, nothing differs but noise.
    drawn = whole / count > 0.02 * float((dark**2).mean(axis=1).max())
    shares = 1 - rest / np.maximum(whole, 1e-9) * (count - 1) / (count - by)
    return float(np.max(np.where(drawn, shares, 0.0)))
