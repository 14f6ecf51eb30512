"""Which pages of a TIFF are levels of the slide and which are pictures beside it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from slides.errors import NotAddressable, UnsupportedSlide
from slides.slide import Facts, Scanner
from slides.tiff_structure import Page
from tiles.pyramid import Plane, same_view

INCH, CENTIMETRE = 2, 3
UM_PER_UNIT = {INCH: 25_400.0, CENTIMETRE: 10_000.0}
COARSEST_MPP_UM = 25.0
"""Above it (about 1,000 dots an inch) a TIFF's resolution is that of a printer or a screen, put in
by software that knew no better. No microscope makes such pixels, so nothing is measured by it."""

MOST_WHOLE_PIXELS = 1 << 24
"""Of a level that is one JPEG without parts, which is decoded whole for each part of it."""


@dataclass(frozen=True)
class Layout:
    """The pages of a slide, sorted by what they are; `levels` begins with the largest."""

    levels: tuple[Page, ...]
    facts: Facts
    associated: Mapping[str, Page] = field(default_factory=dict)
    jpegs: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Pictures beside the slide that are JPEGs of their own, in no page."""
    stack: Mapping[Plane, tuple[Page, ...]] = field(default_factory=dict)
    """The levels of every plane, in their order, where there are several."""
    gaps_from_above: bool = False
    """Whether a tile that was never stored shows the level above it, not the background."""


def cropped(page: Page, width: int, height: int) -> Page:
    """A tiled page that shows no more than its upper left part of this size.

    Raises NotAddressable where it is smaller than that.
    """
    columns, rows = -(-page.width // page.tile_width), -(-page.height // page.tile_height)
    if width > page.width or height > page.height or len(page.offsets) != columns * rows:
        raise NotAddressable(f"a level has {page.width} × {page.height} pixels, not those told")
    kept = slice(-(-height // page.tile_height)), slice(-(-width // page.tile_width))
    return replace(
        page,
        width=width,
        height=height,
        offsets=page.offsets.reshape(rows, columns)[kept].ravel(),
        counts=page.counts.reshape(rows, columns)[kept].ravel(),
    )


def as_one_strip(page: Page) -> Page:
    """A page of restart intervals as the one JPEG that they are."""
    offset, length = page.strip or (0, 0)
    return replace(
        page,
        tiled=False,
        tile_width=page.width,
        tile_height=page.height,
        offsets=np.array([offset]),
        counts=np.array([length]),
        strip=None,
    )


def pyramid_of(main: Page, candidates: Iterable[Page]) -> tuple[Page, ...]:
    """The main page and those that show the same at a smaller size, largest first."""
    levels = [main]
    for page in sorted(candidates, key=lambda page: -page.width):
        smaller = page.width < levels[-1].width or page.height < levels[-1].height
        if (
            smaller
            and same_view(main.width, main.height, page.width, page.height)
            and page.samples == main.samples
        ):
            levels.append(page)
    return tuple(levels)


def stacked(
    levels: Mapping[Plane, Sequence[Page]], facts: Facts, associated: Mapping[str, Page]
) -> Layout:
    """Planes alike, each with its own levels; those that one of them lacks are left out.

    Raises UnsupportedSlide where the largest is among these.
    """
    sizes = [[(page.width, page.height) for page in own] for own in levels.values()]
    common = [size for size in sizes[0] if all(size in own for own in sizes)]
    if any(own[0] not in common for own in sizes):
        raise UnsupportedSlide("its planes are not of one size; export one of them")
    kept = {
        plane: tuple(page for page in own if (page.width, page.height) in common)
        for plane, own in levels.items()
    }
    return Layout(next(iter(kept.values())), facts, associated, stack=kept)


def arrange(pages: Sequence[Page]) -> Layout:
    """A generic pyramid: the largest page, and smaller ones of the same view.

    Raises UnsupportedSlide for a stack of pictures.
    """
    main = max(pages, key=lambda page: page.width * page.height)
    others = [page for page in pages if page is not main]
    equals = [page for page in others if (page.width, page.height) == (main.width, main.height)]
    if equals:
        raise UnsupportedSlide(
            f"it holds {len(equals) + 1} pictures of {main.width} × {main.height} pixels: stacks "
            "and separate channels are not read yet; export one focal plane in colour"
        )
    reduced = [page for page in others if page.tiled == main.tiled]
    facts = Facts(
        format="tiff",
        mpp_um=spacing_of(main),
        icc_profile=main.icc_profile,
        scanner=Scanner(manufacturer=main.make, model=main.model, software=main.software),
    )
    return Layout(pyramid_of(main, (*main.reduced, *reduced)), facts)


def spacing_of(page: Page) -> tuple[float, float] | None:
    """The spacing (x, y) in micrometres that the resolution tags give, where it can be meant."""
    if page.resolution is None or page.resolution[2] not in UM_PER_UNIT:
        return None
    unit = UM_PER_UNIT[page.resolution[2]]
    mpp_um = (unit / page.resolution[0], unit / page.resolution[1])
    return mpp_um if max(mpp_um) <= COARSEST_MPP_UM else None
