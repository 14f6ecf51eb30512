"""Aperio (Leica) SVS: a TIFF whose descriptions hold the facts as `key = value`, cut by bars.

Tiled pages are the levels; the strip pages are the thumbnail, the label and the macro. Some files
lack tiles, by an error of the encoder; they show what the level above has there.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from re import fullmatch

import numpy as np

from slides.slide import Facts, Scanner
from slides.stated import positive
from slides.tiff_layout import Layout, pyramid_of
from slides.tiff_structure import Page

LABEL_SUBFILE, MACRO_SUBFILE = 1, 9


def recognised(pages: Sequence[Page]) -> bool:
    """Whether the pages are those of an SVS."""
    return pages[0].description.startswith("Aperio") and pages[0].tiled


def arrange(pages: Sequence[Page]) -> Layout:
    """The pages of an SVS sorted by what they are."""
    associated: dict[str, Page] = {}
    for index, page in enumerate(pages):
        name = _associated_name(index, page)
        if name is not None:
            associated.setdefault(name, page)
    candidates = [*pages[0].reduced, *(page for page in pages[1:] if page.tiled)]
    levels = _with_gaps_passed_on(pyramid_of(pages[0], candidates))
    return Layout(levels, _facts(pages[0]), associated, gaps_from_above=True)


def _with_gaps_passed_on(levels: Sequence[Page]) -> tuple[Page, ...]:
    """The levels without the reduced tiles over one that is missing, which may be corrupt."""
    passed = [levels[0]]
    for reduced in levels[1:]:
        page, above = reduced, passed[-1]
        missing = np.flatnonzero(above.counts == 0)
        if missing.size and len(above.counts) == _grid(above)[0] * _grid(above)[1]:
            (columns, rows), (across, down) = _grid(above), _grid(page)
            over_x = np.minimum(missing % columns // max(1, round(columns / across)), across - 1)
            over_y = np.minimum(missing // columns // max(1, round(rows / down)), down - 1)
            counts = page.counts.copy()
            counts[over_y * across + over_x] = 0
            page = replace(page, counts=counts)
        passed.append(page)
    return tuple(passed)


def _grid(page: Page) -> tuple[int, int]:
    """Columns and rows of tiles."""
    return -(-page.width // page.tile_width), -(-page.height // page.tile_height)


def _associated_name(index: int, page: Page) -> str | None:
    if page.tiled:
        return None
    said = page.description.partition("\n")[2].split(maxsplit=1)
    if said and said[0] in {"label", "macro"}:
        return said[0]
    by_subfile = {LABEL_SUBFILE: "label", MACRO_SUBFILE: "macro"}
    return by_subfile.get(page.subfile_type) or ("thumbnail" if index == 1 else None)


def _facts(page: Page) -> Facts:
    software, *items = page.description.split("|")
    stated = {}
    for item in items:
        key, _, value = item.partition("=")
        stated[key.strip().lower()] = value.strip()
    mpp = positive(stated.get("mpp"))
    barcode = stated.get("barcode")
    return Facts(
        format="svs",
        mpp_um=(mpp, mpp) if mpp else None,
        objective_power=positive(stated.get("appmag")),
        icc_profile=page.icc_profile,
        scanner=Scanner(
            manufacturer="Aperio",
            model=stated.get("scannertype") or None,
            serial_number=stated.get("scanscope id") or None,
            software=software.splitlines()[0].strip() or None,
        ),
        acquired_at=_moment(stated),
        barcodes=(barcode,) if barcode else (),
    )


def _moment(stated: dict[str, str]) -> datetime | None:
    """The date (month first, or as ISO has it), the time and, where it is said, the zone."""
    date = fullmatch(
        r"(?P<month>\d\d?)/(?P<day>\d\d?)/(?P<year>\d\d|\d{4})", stated.get("date", "")
    ) or fullmatch(r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)", stated.get("date", ""))
    time = fullmatch(r"(\d\d?):(\d\d):(\d\d)(?: ?([AP])M)?", stated.get("time", ""))
    if not date or not time:
        return None
    year, month, day = (int(date[name]) for name in ("year", "month", "day"))
    hour, minute, second = (int(part) for part in time.groups()[:3])
    if time[4]:
        hour = hour % 12 + 12 * (time[4] == "P")
    zone = fullmatch(r"(?:GMT|UTC)([+-])(\d\d):?(\d\d)", stated.get("time zone", ""))
    offset = None
    try:
        if zone:
            minutes = 60 * int(zone[2]) + int(zone[3])
            offset = timezone(timedelta(minutes=-minutes if zone[1] == "-" else minutes))
        century = 2000 if year < 100 else 0
        return datetime(century + year, month, day, hour, minute, second, tzinfo=offset)
    except ValueError:
        # Scanners whose clock was never set write 00/00/00.
        return None
