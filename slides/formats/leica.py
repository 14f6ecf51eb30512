"""Leica SCN: the areas of a glass, each a pyramid in pages that the XML names, and its overview.

A slide of one area is that area. Several areas lie on one glass as only OpenSlide puts them; one by
one their tiles are to be had as they are stored.
"""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from slides.errors import NotAddressable
from slides.safe_xml import parse_xml
from slides.slide import Facts, Scanner, Scene
from slides.stated import decoded_text, moment, positive
from slides.tiff_layout import Layout, spacing_of
from slides.tiff_structure import Page

NAMESPACE = "http://www.leica-microsystems.com/scn/2010/10/01"


def recognised(pages: Sequence[Page]) -> bool:
    """Whether the pages are those of an SCN."""
    return pages[0].tiled and NAMESPACE in pages[0].description


def scenes(pages: Sequence[Page]) -> tuple[Scene, ...]:
    """The areas that were scanned, where there are several."""
    try:
        _, areas, _ = _sorted(pages)
        largest = [_pages_of(area, pages)[0] for area in areas]
    except NotAddressable:
        # OpenSlide may know more.
        return ()
    several = largest if len(largest) > 1 else []
    return tuple(Scene(page.width, page.height) for page in several)


def arrange(pages: Sequence[Page], scene: int | None = None) -> Layout:
    """The pages of an SCN sorted by what they are: its only area, or one of several.

    Raises NotAddressable for several areas together, and for light other than bright field.
    """
    collection, areas, overviews = _sorted(pages)
    if len(overviews) > 1 or (scene is None and len(areas) != 1):
        raise NotAddressable(f"{len(areas)} areas of it were scanned; export them one by one")
    area = areas[(scene or 1) - 1]
    if _text(area, ".//{*}illuminationSource") != "brightfield":
        raise NotAddressable("it was not scanned in bright field, and is not read yet")
    levels = _pages_of(area, pages)
    beside = {"macro": _pages_of(overviews[0], pages)[0]} if overviews else {}
    return Layout(levels, _facts(collection, area, levels[0]), beside)


def _sorted(pages: Sequence[Page]) -> tuple[Element, list[Element], list[Element]]:
    """The collection, its areas and its overviews; raises NotAddressable."""
    root = parse_xml(pages[0].description)
    collection = root.find("{*}collection")
    images = root.findall("{*}collection/{*}image")
    if collection is None or not images:
        raise NotAddressable("its XML describes no picture; export the slide again")
    overviews = [image for image in images if _is_overview(image, collection)]
    return collection, [image for image in images if image not in overviews], overviews


def _is_overview(image: Element, collection: Element) -> bool:
    """Whether the picture shows all of the glass."""
    view = image.find("{*}view")
    if view is None:
        raise NotAddressable("its XML does not tell where a picture lies")
    corner = view.get("offsetX"), view.get("offsetY")
    sides = ("sizeX", "sizeY")
    return corner == ("0", "0") and all(view.get(one) == collection.get(one) for one in sides)


def _pages_of(image: Element, pages: Sequence[Page]) -> tuple[Page, ...]:
    """The pages of a picture on its first plane, largest first."""
    found = []
    for dimension in image.iterfind("{*}pixels/{*}dimension"):
        stated = [dimension.get(name, "") for name in ("ifd", "sizeX", "sizeY")]
        if dimension.get("z", "0") != "0":
            continue
        if not all(one.isdecimal() for one in stated) or int(stated[0]) >= len(pages):
            raise NotAddressable("its XML names a page that is not there")
        page = pages[int(stated[0])]
        if [str(page.width), str(page.height)] != stated[1:] or not page.tiled:
            raise NotAddressable("its XML and its pages tell different sizes")
        found.append(page)
    if not found or len({page.width for page in found}) != len(found):
        raise NotAddressable("its XML tells no order of its levels")
    return tuple(sorted(found, key=lambda page: -page.width))


def _text(element: Element, path: str) -> str | None:
    return (element.findtext(path) or "").strip() or None


def _facts(collection: Element, area: Element, page: Page) -> Facts:
    device = area.find("{*}device")
    barcode = _text(collection, "{*}barcode")
    decoded = decoded_text(barcode) if barcode else None
    return Facts(
        format="scn",
        mpp_um=spacing_of(page),
        objective_power=positive(_text(area, ".//{*}objective")),
        icc_profile=page.icc_profile,
        scanner=Scanner(
            manufacturer=page.make or "Leica",
            model=page.model or (device.get("model") if device is not None else None),
            software=page.software,
        ),
        acquired_at=moment(_text(area, "{*}creationDate")),
        barcodes=(decoded,) if decoded else (),
    )
