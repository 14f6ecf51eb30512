"""The pictures beside a slide that show its label: kept, blanked or left out.

The label's text is mostly read in the macro too, the picture of the whole glass. There a whole end
of the glass is blanked, never just the sticker, as people write beside it by hand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from slides.slide import AssociatedImage
from tiles.source import Pixels

LabelPolicy = Literal["keep", "blank", "drop"]
Corners = NDArray[np.float64]
_Marked = tuple[Sequence[Any], Any]

BLANK = 0
"""Black, so that nobody takes what was hidden for an empty label."""


class End(StrEnum):
    """One of the two ends of a glass along its longer side."""

    FIRST = "left or upper end"
    LAST = "right or lower end"


# Where these makers' scanners show the label, in macros that lie; of others no place is known.
BY_MAKER = {"svs": End.FIRST, "ndpi": End.FIRST, "vms": End.FIRST}

LEAST_LEFT = 0.2
"""The share of a macro that must be left for it to be worth keeping."""

MARGIN = 0.06
"""Of the glass's width, beyond a label that was found."""

MOST_SIDE = 1600
"""Pixels; larger pictures are reduced before a label is looked for."""

LEAST_POINTS = 12
LEAST_AGREEMENT = 0.25
MOST_DISTANCE_RATIO = 0.75
MOST_SHEAR = 1.6
SCALES = (0.05, 5.0)
"""What a label found in a macro must show to be believed: points that one map of the plane brings
together, how many of those that look alike, and how little that map distorts."""


@dataclass(frozen=True, slots=True)
class Beside:
    """The pictures beside a slide as they may be passed on, and what was done to which and why."""

    pictures: Mapping[str, AssociatedImage]
    done: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far, in pixels, the label's end of a glass goes, and what tells it."""

    end: End
    depth: int
    reason: str


def hide_label(
    pictures: Mapping[str, AssociatedImage],
    file_format: str,
    policy: LabelPolicy,
) -> Beside:
    """The label and the macro of a slide of a format, with the label's text kept or taken out.

    `blank` blanks the label and the end of the macro that shows it, or both ends where which one
    cannot be told; `drop` leaves the label out and blanks the macro only where it can be told,
    else leaves it out too. Raises DamagedCodestream where the macro does not decode.
    """
    kept = {name: pictures[name] for name in ("label", "macro") if name in pictures}
    if policy == "keep":
        return Beside(kept, dict.fromkeys(kept, "kept"))
    done = {}
    label = kept.pop("label", None)
    if label is not None:
        done["label"] = "left out"
        if policy == "blank":
            blank = np.full((label.height, label.width, 3), BLANK, np.uint8)
            kept["label"] = _cleaned(label, blank)
            done["label"] = "blanked"
    macro = kept.pop("macro", None)
    if macro is not None:
        pixels, done["macro"] = _without_label(macro.pixels(), label, file_format, policy)
        if pixels is not None:
            kept["macro"] = _cleaned(macro, pixels)
    return Beside(kept, done)


def _cleaned(image: AssociatedImage, pixels: Pixels) -> AssociatedImage:
    return replace(image, read=lambda: pixels, read_frame=lambda: None, cleaned=True)


def _without_label(
    macro: Pixels,
    label: AssociatedImage | None,
    file_format: str,
    policy: LabelPolicy,
) -> tuple[Pixels | None, str]:
    """The macro with the label's end blanked, or None, and what was done."""
    long, short = max(macro.shape[:2]), min(macro.shape[:2])
    reaches = _reaches(macro, label, file_format)
    if not reaches:
        if policy == "drop":
            return None, "left out: where it shows the label could not be told"
        reaches = [_Reach(end, short, "which one shows the label is not known") for end in End]
    depths = {end: max([0, *(one.depth for one in reaches if one.end is end)]) for end in End}
    if sum(depths.values()) > (1 - LEAST_LEFT) * long:
        return None, "left out: without what may show the label little of it is left"
    pixels = macro.copy()
    along = pixels if macro.shape[0] >= macro.shape[1] else pixels.swapaxes(0, 1)
    along[: depths[End.FIRST]] = BLANK
    along[long - depths[End.LAST] :] = BLANK
    if _codes(pixels) or (label is not None and _find(label.pixels(), pixels) is not None):
        return None, "left out: the label could be read beside the end that was blanked"
    ends = " and ".join(f"{end} ({depth} px)" for end, depth in depths.items() if depth)
    reasons = ", ".join(dict.fromkeys(one.reason for one in reaches))
    return pixels, f"{ends} blanked: {reasons}"


def _reaches(
    macro: Pixels,
    label: AssociatedImage | None,
    file_format: str,
) -> list[_Reach]:
    """Everything that tells at which end the label lies."""
    across = 1 if macro.shape[1] > macro.shape[0] else 0
    long, short = max(macro.shape[:2]), min(macro.shape[:2])
    found = []
    end = BY_MAKER.get(file_format)
    if end is not None and across == 1:
        found.append(_Reach(end, short, "the scanner's maker shows the label there"))
    spans = [(code, "a barcode was read there") for code in _codes(macro)]
    if label is not None and (corners := _find(label.pixels(), macro)) is not None:
        spans.append((corners, "the label was found there"))
    for corners, reason in spans:
        # Points are (x, y): the index of the longer side is the other way round in arrays.
        low, high = np.clip(
            (corners[:, 1 - across].min(), corners[:, 1 - across].max()), 0, long
        ).tolist()
        end = End.FIRST if low + high < long else End.LAST
        depth = high if end is End.FIRST else long - low
        found.append(_Reach(end, round(max(short, depth + MARGIN * short)), reason))
    return found


def _codes(pixels: Pixels) -> list[Corners]:
    """The corners (x, y) of every barcode in a picture."""
    import zxingcpp

    places = (code.position for code in zxingcpp.read_barcodes(np.ascontiguousarray(pixels)))
    return [
        np.array(
            [
                (corner.x, corner.y)
                for corner in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)
            ]
        )
        for at in places
    ]


def _find(label: Pixels, macro: Pixels) -> Corners | None:
    """The corners (x, y) of the label in the macro, however it is turned or mirrored, or None.

    Points that look alike in both are kept where one affine map brings them together.
    """
    label, _ = _reduced(label)
    macro, scale = _reduced(macro)
    there = _marked(macro)
    for mirrored in (label, label[:, ::-1]):
        affine = _map_of(_marked(mirrored), there)
        if affine is not None:
            height, width = label.shape[:2]
            corners = np.array([(0, 0, 1), (width, 0, 1), (width, height, 1), (0, height, 1)])
            found: Corners = corners @ affine.T / scale
            return found
    return None


def _marked(pixels: Pixels) -> _Marked:
    """The points of a picture that can be known again, and what each looks like."""
    import cv2

    grey = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    return cv2.SIFT.create().detectAndCompute(grey, None)


def _map_of(ours: _Marked, theirs: _Marked) -> NDArray[np.float64] | None:
    """The affine map (2 × 3) that takes points to those they look like, where one can be told."""
    import cv2

    (points, looks), (there, their_looks) = ours, theirs
    if min(len(points), len(there)) < LEAST_POINTS:
        return None
    pairs = cv2.BFMatcher().knnMatch(looks, their_looks, k=2)
    alike = [a for a, b in pairs if a.distance < MOST_DISTANCE_RATIO * b.distance]
    if len(alike) < LEAST_POINTS:
        return None
    cv2.setRNGSeed(1)
    affine: Any
    affine, agree = cv2.estimateAffine2D(
        np.array([points[one.queryIdx].pt for one in alike]),
        np.array([there[one.trainIdx].pt for one in alike]),
        ransacReprojThreshold=4,
    )
    if affine is None or np.sum(agree) < max(LEAST_POINTS, LEAST_AGREEMENT * len(alike)):
        return None
    large, small = np.linalg.svd(affine[:, :2], compute_uv=False)
    if not SCALES[0] <= small <= large <= min(SCALES[1], MOST_SHEAR * small):
        return None
    return np.asarray(affine, np.float64)


def _reduced(pixels: Pixels) -> tuple[Pixels, float]:
    """A picture of at most MOST_SIDE pixels a side, and by what it was multiplied."""
    import cv2

    scale = min(1.0, MOST_SIDE / max(pixels.shape[:2]))
    if scale == 1:
        return pixels, scale
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)), scale
