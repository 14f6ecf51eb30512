"""Trestle MedScan TIFF: every page a level, the first description the facts.

The resolution tags hold micrometres a pixel, against all that TIFF says. Tiles that overlap are
left to OpenSlide.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from re import findall, fullmatch

from slides.errors import NotAddressable
from slides.slide import WHITE, Facts, Scanner
from slides.stated import positive
from slides.tiff_layout import Layout
from slides.tiff_structure import Page


def recognised(pages: Sequence[Page]) -> bool:
    """Whether the pages are those of a Trestle slide."""
    software = pages[0].software or ""
    tiled = all(page.tiled for page in pages)
    return software.startswith("MedScan") and bool(pages[0].description) and tiled


def overview_of(path: Path) -> Path:
    """Where a slide's overview lies, if it has one: a JPEG beside it."""
    return path.with_suffix(".Full")


def arrange(pages: Sequence[Page]) -> Layout:
    """The pages of a Trestle slide, largest first.

    Raises NotAddressable where tiles overlap or levels are in no order.
    """
    items = (item.partition("=") for item in pages[0].description.split(";"))
    stated = {key.strip(): value.strip() for key, _, value in items}
    for key, value in stated.items():
        if key.startswith("Overlaps") and any(int(number) for number in findall(r"\d+", value)):
            raise NotAddressable("its tiles overlap; export it as a pyramidal TIFF")
    if any(small.width >= large.width for large, small in pairwise(pages)):
        raise NotAddressable("its levels are not in the order of their size")
    return Layout(tuple(pages), _facts(pages[0], stated))


def _facts(page: Page, stated: dict[str, str]) -> Facts:
    colour = fullmatch(r"[0-9A-Fa-f]{6}", stated.get("Background Color", ""))
    red, green, blue = bytes.fromhex(colour[0]) if colour else WHITE
    return Facts(
        format="trestle",
        mpp_um=page.resolution[:2] if page.resolution else None,
        objective_power=positive(stated.get("Objective Power")),
        icc_profile=page.icc_profile,
        scanner=Scanner(page.make or "Trestle", page.model, None, page.software),
        background=(red, green, blue),
    )
