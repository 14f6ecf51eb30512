"""TIFF as ImageJ and Fiji write it: channels, focal planes and spacing told in `key=value` lines.

Channels vary first, then focal planes (ImageJ's "XYCZT"). A file beyond 4 GiB has one page, behind
whose pixels those of the others follow.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from slides.errors import DamagedSlide, UnsupportedSlide
from slides.slide import Channel, Facts, Scanner
from slides.stated import positive
from slides.tiff_layout import Layout, spacing_of, stacked
from slides.tiff_structure import Page
from tiles.pyramid import Plane

UNCOMPRESSED = 1
MOST_PLANES = 4096
UM_PER_UNIT = {
    "nm": 1e-3,
    "um": 1.0,
    "µm": 1.0,
    "\\u00b5m": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "mm": 1e3,
    "cm": 1e4,
    "inch": 25_400.0,
}


def recognised(pages: Sequence[Page]) -> bool:
    """Whether the first description is ImageJ's."""
    return pages[0].description.startswith("ImageJ=")


def arrange(pages: Sequence[Page]) -> Layout:
    """The planes of an ImageJ picture or stack.

    Raises UnsupportedSlide for several times, DamagedSlide where planes are missing.
    """
    lines = (line.partition("=") for line in pages[0].description.splitlines())
    stated = {key.strip(): value.strip() for key, _, value in lines}
    count, channels, slices, frames = (
        _count(stated, key) for key in ("images", "channels", "slices", "frames")
    )
    if frames > 1:
        raise UnsupportedSlide(f"it was taken at {frames} times, and a slide at one; export one")
    if count > MOST_PLANES:
        raise UnsupportedSlide(f"it has {count} planes, more than are read")
    if channels * slices != count:
        slices = count // channels
    every = _contiguous(pages[0], count) if len(pages) == 1 < count else pages
    if len(every) < channels * slices:
        raise DamagedSlide(f"it has {len(every)} of its {channels * slices} planes; export it anew")
    facts = _facts(pages[0], stated, channels, slices)
    levels = {
        Plane(z, c): (every[z * channels + c],) for c, z in product(range(channels), range(slices))
    }
    if len(levels) == 1:
        return Layout(levels[Plane(0, 0)], facts)
    return stacked(levels, facts, {})


def _count(stated: dict[str, str], key: str) -> int:
    text = stated.get(key, "1")
    return max(1, int(text)) if text.isdecimal() and len(text) < 9 else 1


def _contiguous(page: Page, count: int) -> tuple[Page, ...]:
    """The pages of a picture whose planes follow one another without a directory."""
    if page.compression != UNCOMPRESSED or page.tiled:
        return (page,)
    size = int(page.counts.sum())
    return tuple(replace(page, offsets=page.offsets + number * size) for number in range(count))


def _facts(page: Page, stated: dict[str, str], channels: int, slices: int) -> Facts:
    unit = UM_PER_UNIT.get(stated.get("unit", "").lower())
    mpp_um = spacing_of(page)
    if page.resolution is not None and unit is not None:
        mpp_um = unit / page.resolution[0], unit / page.resolution[1]
    spacing = positive(stated.get("spacing"))
    return Facts(
        format="tiff",
        mpp_um=mpp_um,
        icc_profile=page.icc_profile,
        scanner=Scanner(software=f"ImageJ {stated['ImageJ']}"),
        channels=tuple(Channel(f"Channel {n + 1}", fluorescent=True) for n in range(channels))
        if channels > 1
        else (),
        focal_spacing_um=spacing * unit if spacing and unit and slices > 1 else None,
    )
