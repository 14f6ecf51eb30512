"""OME-TIFF: a TIFF whose first description is OME-XML.

Source: the OME data model, 2016-06. Channels and focal planes are read, several times refused.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from xml.etree.ElementTree import Element

from slides.errors import DamagedSlide, UnsupportedSlide
from slides.ome_planes import (
    UM_PER_UNIT,
    channels_of,
    focal_spacing_of,
    number_of,
    pages_of,
)
from slides.safe_xml import parse_xml
from slides.slide import Facts, Scanner
from slides.tiff_layout import Layout, pyramid_of, spacing_of
from slides.tiff_structure import Page
from tiles.pyramid import Plane

BESIDE = ("label", "macro", "thumbnail", "overview")


def recognised(pages: Sequence[Page]) -> bool:
    """Whether the first description is OME-XML."""
    text = pages[0].description
    return "<OME" in text[:4096] and text.rstrip().endswith("OME>")


def arrange(pages: Sequence[Page]) -> Layout:
    """The pages of an OME-TIFF sorted by what they are.

    Raises UnsupportedSlide for stacks, separate channels and files without their picture.
    """
    root = parse_xml(pages[0].description)
    images = [image for image in root.iterfind("{*}Image") if image.find("{*}Pixels") is not None]
    if not images:
        raise UnsupportedSlide(
            "its pictures are in other files; open the file of the set that holds them"
        )
    named = {_beside(image): image for image in reversed(images)}
    main = named.pop(None, images[0])
    pixels = _pixels(main)
    planes = pages_of(root, pixels, pages)
    first = next(iter(planes.values()))
    taken = main.findtext("{*}AcquisitionDate")
    objective, scanner = _instrument(root, main)
    facts = Facts(
        format="ome-tiff",
        mpp_um=_spacing(pixels) or spacing_of(first),
        objective_power=objective,
        icc_profile=first.icc_profile,
        scanner=scanner,
        acquired_at=_moment(taken),
        channels=channels_of(pixels) if first.samples == 1 else (),
        focal_spacing_um=focal_spacing_of(pixels),
    )
    associated = {
        name: next(iter(pages_of(root, _pixels(image), pages).values()))
        for name, image in named.items()
        if name is not None
    }
    if len(planes) == 1:
        beside = associated.values()
        flat = [page for page in pages if page.subfile_type & 1 and page not in beside]
        return Layout(pyramid_of(first, (*first.reduced, *flat)), facts, associated)
    return _stack(planes, facts, associated)


def _stack(planes: Mapping[Plane, Page], facts: Facts, associated: Mapping[str, Page]) -> Layout:
    """Planes alike, each with its own reduced pages; levels that one of them lacks are left out."""
    levels = {plane: pyramid_of(page, page.reduced) for plane, page in planes.items()}
    sizes = [[(page.width, page.height) for page in own] for own in levels.values()]
    common = [size for size in sizes[0] if all(size in own for own in sizes)]
    if sizes[0][0] not in common:
        raise UnsupportedSlide("its planes are not of one size; export one of them")
    kept = {
        plane: tuple(page for page in own if (page.width, page.height) in common)
        for plane, own in levels.items()
    }
    first = next(iter(planes))
    return Layout(kept[first], facts, associated, stack=kept)


def _beside(image: Element) -> str | None:
    """Which associated image this is, told by its name; None for the slide itself."""
    name = image.get("Name", "").strip().lower()
    for word in BESIDE:
        if name in {word, f"{word} image"}:
            return "macro" if word == "overview" else word
    return None


def _pixels(image: Element) -> Element:
    pixels = image.find("{*}Pixels")
    if pixels is None:
        raise DamagedSlide("its OME-XML describes an image without pixels; export it again")
    return pixels


def _spacing(pixels: Element) -> tuple[float, float] | None:
    extents = []
    for axis in "XY":
        size = number_of(pixels, f"PhysicalSize{axis}", 0)
        unit = UM_PER_UNIT.get(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        if unit is None or size <= 0:
            return None
        extents.append(size * unit)
    return extents[0], extents[1]


def _instrument(root: Element, image: Element) -> tuple[float | None, Scanner]:
    settings = image.find("{*}ObjectiveSettings")
    wanted = settings.get("ID") if settings is not None else None
    power = None
    for objective in root.iterfind("{*}Instrument/{*}Objective"):
        if objective.get("ID") == wanted:
            power = number_of(objective, "NominalMagnification", 0) or None
    microscope = root.find("{*}Instrument/{*}Microscope")
    stated_by = microscope.attrib if microscope is not None else {}
    scanner = Scanner(
        manufacturer=stated_by.get("Manufacturer") or None,
        model=stated_by.get("Model") or None,
        serial_number=stated_by.get("SerialNumber") or None,
        software=root.get("Creator"),
    )
    return power, scanner


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip()) if text else None
    except ValueError:
        # A date that is none says nothing.
        return None
