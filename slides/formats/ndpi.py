"""Hamamatsu NDPI: a TIFF of 64-bit offsets, each level one long JPEG with restart markers.

Pages tell by their lens what they are: a magnification, -1 for the macro, -2 for the map of what
was focused; and by their height in nanometres which focal plane they show.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from slides.errors import NotAddressable, UnsupportedSlide
from slides.slide import Facts, Scanner
from slides.stated import moment
from slides.tiff_layout import CENTIMETRE, MOST_WHOLE_PIXELS, Layout, spacing_of, stacked
from slides.tiff_structure import NDPI_FORMAT, Page
from tiles.pyramid import Plane

LENS, FOCAL_PLANE, PROPERTIES, DATE_TIME = 65421, 65424, 65449, 306
MACRO = -1
NM_PER_UM = 1000.0


def recognised(pages: Sequence[Page]) -> bool:
    """Whether the pages are those of an NDPI."""
    return NDPI_FORMAT in pages[0].tags


def arrange(pages: Sequence[Page]) -> Layout:
    """The pages of an NDPI sorted by what they are, each focal plane with its levels.

    Raises NotAddressable for levels that are not as the scanner writes them; of several planes
    UnsupportedSlide, as other readers would drop all but one.
    """
    beside: dict[str, Page] = {}
    planes: dict[float, list[Page]] = {}
    for page in pages:
        lens = _number(page, LENS)
        if lens == MACRO:
            beside.setdefault("macro", page)
        if lens > 0:
            planes.setdefault(_number(page, FOCAL_PLANE), []).append(page)
    if not planes:
        raise NotAddressable("it has no level")
    heights_nm = sorted(planes)
    try:
        for height_nm in heights_nm:
            _check(planes[height_nm])
    except NotAddressable as error:
        if len(planes) == 1:
            raise
        raise UnsupportedSlide(f"of its focal planes {error}; export one of them") from error
    facts = _facts(planes[min(heights_nm, key=abs)][0])
    if len(planes) == 1:
        return Layout(tuple(planes[heights_nm[0]]), facts, beside)
    apart_um = (heights_nm[-1] - heights_nm[0]) / (len(heights_nm) - 1) / NM_PER_UM
    levels = {Plane(number, 0): planes[nm] for number, nm in enumerate(heights_nm)}
    return stacked(levels, replace(facts, focal_spacing_um=apart_um), beside)


def _check(levels: Sequence[Page]) -> None:
    """Make sure that levels are in their order and can be taken apart; raises NotAddressable."""
    if any(small.width >= large.width for large, small in pairwise(levels)):
        raise NotAddressable("its levels are not in the order of their size")
    if any(one.strip is None and one.width * one.height > MOST_WHOLE_PIXELS for one in levels):
        raise NotAddressable("one of its levels does not say where its parts lie")


def _number(page: Page, tag: int) -> float:
    value = page.tags.get(tag, 0)
    return float(value) if isinstance(value, int | float) else 0.0


def _facts(page: Page) -> Facts:
    stated = dict(
        line.split("=", 1) for line in _text(page, PROPERTIES).splitlines() if "=" in line
    )
    # A resolution in inches is that of whatever copied the file.
    measured = page.resolution is not None and page.resolution[2] == CENTIMETRE
    return Facts(
        format="ndpi",
        mpp_um=spacing_of(page) if measured else None,
        objective_power=_number(page, LENS) or None,
        icc_profile=page.icc_profile,
        scanner=Scanner(
            manufacturer=page.make or "Hamamatsu",
            model=page.model or stated.get("Product"),
            serial_number=stated.get("NDP.S/N"),
            software=page.software,
        ),
        acquired_at=_scanned_at(page, stated.get("Created", "")),
    )


def _scanned_at(page: Page, day: str) -> datetime | None:
    """The file's date where it is of the day of the scan, not that of a later export."""
    written = _text(page, DATE_TIME)
    return moment(written) if written.startswith(day.replace("/", ":")) else None


def _text(page: Page, tag: int) -> str:
    value: Any = page.tags.get(tag)
    return value if isinstance(value, str) else ""
