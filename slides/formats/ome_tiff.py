"""OME-TIFF: a TIFF whose first description is OME-XML.

Source: the OME data model, 2016-06. Channels and focal planes are read, several times refused.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import takewhile
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
from slides.slide import Facts, Scanner, Scene
from slides.tiff_layout import Layout, pyramid_of, spacing_of, stacked
from slides.tiff_structure import Page

BESIDE = ("label", "macro", "thumbnail", "overview")


def recognised(pages: Sequence[Page]) -> bool:
    """Whether the first description is OME-XML."""
    text = pages[0].description
    return "<OME" in text[:4096] and text.rstrip().endswith("OME>")


def scenes(pages: Sequence[Page]) -> tuple[Scene, ...]:
    """The pictures that are neither a label nor the like, where there are several."""
    pictures, _ = _sorted(parse_xml(pages[0].description), pages)
    if len(pictures) == 1:
        return ()
    sizes = ([number_of(_pixels(one), f"Size{axis}", 0) for axis in "XY"] for one in pictures)
    return tuple(Scene(int(width), int(height)) for width, height in sizes)


def arrange(pages: Sequence[Page], scene: int | None = None) -> Layout:
    """The pages of an OME-TIFF sorted by what they are: its only picture, or a scene of several.

    Raises UnsupportedSlide for several times and files without their picture.
    """
    root = parse_xml(pages[0].description)
    pictures, named = _sorted(root, pages)
    main = pictures[(scene or 1) - 1]
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
    }
    if len(planes) > 1:
        levels = {plane: pyramid_of(page, page.reduced) for plane, page in planes.items()}
        return stacked(levels, facts, associated)
    beside = associated.values()
    near = pages if len(pictures) == 1 else _of_picture(first, pages)
    flat = [page for page in near if page.subfile_type & 1 and page not in beside]
    return Layout(pyramid_of(first, (*first.reduced, *flat)), facts, associated)


def _sorted(root: Element, pages: Sequence[Page]) -> tuple[list[Element], dict[str, Element]]:
    """The pictures, and those beside them by their names.

    Levels that some software lists as pictures tell by their pages that they are not.
    """
    images = [image for image in root.iterfind("{*}Image") if image.find("{*}Pixels") is not None]
    if not images:
        raise UnsupportedSlide(
            "its pictures are in other files; open the file of the set that holds them"
        )
    named = {name: image for image in reversed(images) if (name := _beside(image)) is not None}
    pictures = [
        image
        for image in images
        if _beside(image) is None and not _is_reduced(_pixels(image), pages)
    ]
    return pictures or images[:1], named


def _is_reduced(pixels: Element, pages: Sequence[Page]) -> bool:
    block = pixels.find("{*}TiffData")
    index = int(number_of(block, "IFD", 0)) if block is not None else 0
    return 0 <= index < len(pages) and bool(pages[index].subfile_type & 1)


def _of_picture(first: Page, pages: Sequence[Page]) -> Iterator[Page]:
    """The reduced pages that follow a picture's own, up to the next picture."""
    after = pages[pages.index(first) + 1 :]
    return takewhile(lambda page: bool(page.subfile_type & 1), after)


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
