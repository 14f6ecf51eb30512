"""Hamamatsu NDPI: a TIFF of 64-bit offsets, each level one long JPEG with restart markers.

Pages tell by their lens what they are: a magnification, -1 for the macro, -2 for the map of what
was focused. The planes above and below the one in focus are left out.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from slides.errors import NotAddressable
from slides.slide import Facts, Scanner
from slides.stated import moment
from slides.tiff_layout import CENTIMETRE, MOST_WHOLE_PIXELS, Layout, spacing_of
from slides.tiff_structure import NDPI_FORMAT, Page

LENS, FOCAL_PLANE, PROPERTIES, DATE_TIME = 65421, 65424, 65449, 306
MACRO = -1


def recognised(pages: Sequence[Page]) -> bool:
    """Whether the pages are those of an NDPI."""
    return NDPI_FORMAT in pages[0].tags


def arrange(pages: Sequence[Page]) -> Layout:
    """The pages of an NDPI sorted by what they are.

    Raises NotAddressable for levels that are not as the scanner writes them.
    """
    levels: list[Page] = []
    beside: dict[str, Page] = {}
    for page in pages:
        lens = _number(page, LENS)
        if lens == MACRO:
            beside.setdefault("macro", page)
        if lens <= 0 or _number(page, FOCAL_PLANE):
            continue
        if levels and page.width >= levels[-1].width:
            raise NotAddressable("its levels are not in the order of their size")
        if page.strip is None and page.width * page.height > MOST_WHOLE_PIXELS:
            raise NotAddressable("one of its levels does not say where its parts lie")
        levels.append(page)
    if not levels:
        raise NotAddressable("it has no level")
    return Layout(tuple(levels), _facts(levels[0]), beside)


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
