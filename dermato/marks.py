"""Rows of evenly spaced marks in a picture, such as a ruler's: where, and in which direction."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

_NARROWEST_PX, _WIDEST_PX = 4.0, 60.0
_WINDOW, _PADDED = 512, 2048
_BAND = 12
_CLEAR = 30.0
"""How far a rhythm must stand above all others near it, in power."""
_MOST_DIRECTIONS = 5
_BEATS = 6
"""Marks over which a rhythm is smoothed."""
_HARMONIC = 0.3
"""A rhythm that has this share of its power at a half, or a third, is that one's harmonic."""

Rows: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of marks, in a picture turned so that they follow each other along its rows."""

    turned: Rows
    """The turned picture's detail: negative where it is darker than around."""
    middle: int
    """Row about which the marks lie."""
    start: int
    end: int
    """Columns between which their rhythm was found."""
    pitch_px: float
    angle_deg: float
    clear: float

    @property
    def smoothed_px(self) -> float:
        """Columns over which `beat` is smoothed."""
        return _BEATS * self.pitch_px

    def beat(self, shift: int = 0, band: int = _BAND) -> NDArray[np.complex128]:
        """At each column, how strong the marks' rhythm is and how far it lies from an even one.

        Its phase grows where marks follow each other faster than the pitch says.
        """
        top = max(0, self.middle + shift - band // 2)
        profile = -self.turned[top : top + band].mean(axis=0).astype(np.float64)
        columns = np.arange(len(profile))
        spun = profile * np.exp(-2j * np.pi * columns / self.pitch_px)
        window = np.hanning(max(5, round(2 * self.smoothed_px)))
        return np.convolve(spun, window / window.sum(), mode="same")

    def darkness(self, places: NDArray[np.float64]) -> Rows:
        """How much darker marks are than the gaps beside them: (rows around, marks)."""
        reach = round(8 * self.pitch_px)
        top, bottom = max(0, self.middle - reach), self.middle + reach
        tall = max(1, round(self.pitch_px / 4))
        strip = cv2.blur(self.turned[top:bottom], (max(1, round(self.pitch_px / 6)), tall))
        last = strip.shape[1] - 1
        mark = strip[:, np.clip(np.round(places).astype(int), 0, last)]
        gaps = [
            strip[:, np.clip(np.round(places + side * self.pitch_px / 2).astype(int), 0, last)]
            for side in (-1, 1)
        ]
        return np.asarray((gaps[0] + gaps[1]) / 2 - mark, np.float32)


def rows_of_marks(image: NDArray[np.uint8]) -> Iterator[Row]:
    """The rows of marks of a grey picture, the clearest of each direction, the clearest first."""
    detail = _detail(image)
    found = [_row(detail, angle) for angle in _directions(detail)]
    for row in sorted((row for row in found if row), key=lambda row: -row.clear):
        better = _row(detail, row.angle_deg + _askew(row))
        if better is not None and abs(better.pitch_px / row.pitch_px - 1) < 0.1:
            yield better
        else:
            yield row


def _detail(image: NDArray[np.uint8]) -> Rows:
    exact = image.astype(np.float32)
    return np.asarray(np.clip(exact - cv2.GaussianBlur(exact, (0, 0), 15), -60, 60), np.float32)


def _directions(detail: Rows) -> list[float]:
    """Directions, in degrees, along which brightness changes most often; a ruler's marks' too."""
    soft = cv2.GaussianBlur(detail, (0, 0), 1.0)
    across = cv2.Sobel(soft, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    strength, angle = cv2.cartToPolar(across, down, angleInDegrees=True)
    bins = np.floor(angle.ravel()).astype(int) % 180
    count = np.bincount(bins, np.minimum(strength, 120).ravel() ** 2, minlength=180)
    around = np.concatenate([count[-4:], count, count[:4]])
    smooth = np.convolve(around, (0.05, 0.1, 0.2, 0.3, 0.2, 0.1, 0.05), mode="same")[4:-4]
    peaks = (smooth >= np.roll(smooth, 1)) & (smooth > np.roll(smooth, -1))
    best = sorted(np.flatnonzero(peaks), key=lambda degree: -smooth[degree])
    return [float(degree) + 0.5 for degree in best[:_MOST_DIRECTIONS]]


def _row(detail: Rows, angle_deg: float) -> Row | None:
    """The clearest rhythm along a direction; None where none is clear."""
    turned = _turned(detail, angle_deg)
    bands = cv2.blur(turned, (1, _BAND))[_BAND // 2 :: _BAND // 2]
    width, step = bands.shape[1], _WINDOW // 2
    if not len(bands):
        return None
    bands = np.pad(bands, ((0, 0), (0, max(_WINDOW - width, -width % step))))
    starts = range(0, bands.shape[1] - _WINDOW + 1, step)
    shape = np.hanning(_WINDOW).astype(np.float32)
    low, high = int(_PADDED / _WIDEST_PX), int(_PADDED / _NARROWEST_PX)
    best: tuple[float, int, int, float] | None = None
    for start in starts:
        power = np.abs(np.fft.rfft(bands[:, start : start + _WINDOW] * shape, _PADDED)) ** 2
        power = power.astype(np.float32) + 1.0
        usual = np.exp(cv2.blur(np.log(power), (129, 1)))
        clear = (power / usual)[:, low:high]
        band, bin_ = np.unravel_index(int(clear.argmax()), clear.shape)
        if best is None or clear[band, bin_] > best[0]:
            at = _fundamental(power[band], int(bin_) + low, low)
            best = (float(clear[band, bin_]), int(band), start, at)
    if best is None or best[0] < _CLEAR:
        return None
    value, band_at, start, at = best
    middle = _BAND // 2 + band_at * (_BAND // 2)
    end = min(start + _WINDOW, width)
    return Row(turned, middle, start, end, _PADDED / at, angle_deg, value)


def _fundamental(power: Rows, at: int, low: int) -> float:
    """The frequency, in bins, of which the strongest one is a multiple."""
    chosen = float(at)
    for part in (2, 3):
        lower = at / part
        if lower < low:
            break
        near = slice(round(lower) - 3, round(lower) + 4)
        if power[near].max() > _HARMONIC * power[at]:
            chosen = float(near.start + int(power[near].argmax()))
    return chosen


def _turned(detail: Rows, angle_deg: float) -> Rows:
    """The picture turned so that a direction becomes that of its rows, none of it cut off."""
    height, width = detail.shape
    turn = np.deg2rad(angle_deg)
    cosine, sine = abs(np.cos(turn)), abs(np.sin(turn))
    wide, high = round(width * cosine + height * sine), round(width * sine + height * cosine)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle_deg, 1.0)
    matrix[:, 2] += ((wide - width) / 2, (high - height) / 2)
    return np.asarray(cv2.warpAffine(detail, matrix, (wide, high)), np.float32)


def _askew(row: Row) -> float:
    """Degrees by which the marks do not stand upright: those above against those below."""
    half = _BAND // 2
    above, below = row.beat(-half // 2, half), row.beat(half - half // 2, half)
    columns = slice(row.start, row.end)
    turn = np.angle(np.sum(below[columns] * np.conj(above[columns])))
    return float(np.rad2deg(np.arctan(turn / (2 * np.pi) * row.pitch_px / half)))
