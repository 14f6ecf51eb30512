"""PerkinElmer and Akoya QPTIFF: every page says in XML what it is, every channel has its own pages.

Full pages come first, channel after channel, then those of each reduced level in the same order; a
slide in bright field has one page a level, in colour.
"""

from collections.abc import Sequence
from re import match
from xml.etree.ElementTree import Element

from slides.errors import DamagedSlide
from slides.safe_xml import parse_xml
from slides.slide import Channel, Facts, Scanner
from slides.stated import moment, positive
from slides.tiff_layout import Layout, spacing_of
from slides.tiff_structure import Page
from tiles.pyramid import FIRST, Plane, same_view

ROOT = "<PerkinElmer-QPI-ImageDescription"
DATE_TIME = 306
BESIDE = {"Thumbnail": "thumbnail", "Overview": "macro", "Label": "label"}


def recognised(pages: Sequence[Page]) -> bool:
    """Whether the pages are those of a QPTIFF."""
    return ROOT in pages[0].description[:1024]


def arrange(pages: Sequence[Page]) -> Layout:
    """The pages of a QPTIFF sorted by what they are.

    Raises DamagedSlide where they do not make levels of the same channels.
    """
    described = [(page, _described(page)) for page in pages]
    kinds = [root.findtext("ImageType") if root is not None else None for _, root in described]
    full = [one for one, kind in zip(described, kinds, strict=True) if kind == "FullResolution"]
    if not full:
        raise DamagedSlide("none of its pages is the slide itself; export it again")
    channels = [page for page, _ in full]
    reduced = [page for page, kind in zip(pages, kinds, strict=True) if kind == "ReducedResolution"]
    stack = _stack(channels, reduced)
    beside: dict[str, Page] = {}
    for page, kind in zip(pages, kinds, strict=True):
        if kind in BESIDE:
            beside.setdefault(BESIDE[kind], page)
    facts = _facts(channels[0], [root for _, root in full if root is not None])
    first = stack[FIRST]
    return Layout(first, facts, beside, stack=stack if len(stack) > 1 else {})


def _described(page: Page) -> Element | None:
    text = page.description.strip("\ufeff\0 \r\n")
    return parse_xml(text) if ROOT in text[:1024] else None


def _stack(full: Sequence[Page], reduced: Sequence[Page]) -> dict[Plane, tuple[Page, ...]]:
    """The levels of each channel; a level that lacks a channel is left out."""
    base = full[0]
    levels = [full]
    for width, height in sorted({(page.width, page.height) for page in reduced}, reverse=True):
        own = [page for page in reduced if (page.width, page.height) == (width, height)]
        if len(own) == len(full) and same_view(base.width, base.height, width, height):
            levels.append(own)
    if any((page.width, page.height) != (base.width, base.height) for page in full):
        raise DamagedSlide("its channels are not of one size; export it again")
    return {
        Plane(0, number): tuple(level[number] for level in levels) for number in range(len(full))
    }


def _facts(page: Page, described: Sequence[Element]) -> Facts:
    first = described[0]
    written = page.tags.get(DATE_TIME)
    power = match(r"[\d.]+", (first.findtext("Objective") or "").strip())
    barcode = (first.findtext("Barcode") or "").strip()
    grey = page.samples == 1
    return Facts(
        format="qptiff",
        mpp_um=spacing_of(page),
        objective_power=positive(power[0]) if power else None,
        icc_profile=page.icc_profile,
        scanner=Scanner(
            manufacturer=page.make or "PerkinElmer",
            model=page.model or _text(first, "InstrumentType"),
            software=_text(first, "AcquisitionSoftware") or page.software,
        ),
        acquired_at=moment(written) if isinstance(written, str) else None,
        barcodes=(barcode,) if barcode else (),
        channels=tuple(_channel(one) for one in described) if grey else (),
    )


def _text(root: Element, name: str) -> str | None:
    return (root.findtext(name) or "").strip() or None


def _channel(root: Element) -> Channel:
    numbers = [part.strip() for part in (root.findtext("Color") or "").split(",")]
    colour = None
    if len(numbers) == 3 and all(one.isdecimal() and int(one) < 256 for one in numbers):
        colour = (int(numbers[0]), int(numbers[1]), int(numbers[2]))
    name = _text(root, "Name") or _text(root, "Biomarker") or ""
    return Channel(name=name, fluorescent=True, colour=colour)
