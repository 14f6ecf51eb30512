"""OME-TIFF: a TIFF whose first description is OME-XML.

Source: the OME data model, 2016-06. One colour or grey picture is read; stacks are refused.
"""

from collections.abc import Sequence
from datetime import datetime
from math import isfinite, nan
from xml.etree.ElementTree import Element

from slides.errors import DamagedSlide, UnsupportedSlide
from slides.safe_xml import parse_xml
from slides.slide import Facts, Scanner
from slides.tiff_layout import Layout, pyramid_of, spacing_of
from slides.tiff_structure import Page

UM_PER_UNIT = {
    "m": 1e6,
    "cm": 1e4,
    "mm": 1e3,
    "µm": 1.0,
    "μm": 1.0,  # micro sign above, Greek mu here: both are written
    "um": 1.0,
    "nm": 1e-3,
    "pm": 1e-6,
    "in": 25_400.0,
}
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
    _refuse_stacks(pixels)
    first = _page_of(pixels, pages)
    taken = main.findtext("{*}AcquisitionDate")
    objective, scanner = _instrument(root, main)
    facts = Facts(
        format="ome-tiff",
        mpp_um=_spacing(pixels) or spacing_of(first),
        objective_power=objective,
        icc_profile=first.icc_profile,
        scanner=scanner,
        acquired_at=_moment(taken),
    )
    associated = {
        name: _page_of(_pixels(image), pages) for name, image in named.items() if name is not None
    }
    flat = [page for page in pages if page.subfile_type & 1 and page not in associated.values()]
    return Layout(pyramid_of(first, (*first.reduced, *flat)), facts, associated)


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


def _page_of(pixels: Element, pages: Sequence[Page]) -> Page:
    data = pixels.find("{*}TiffData")
    index = int(_number(data, "IFD", 0)) if data is not None else 0
    if not 0 <= index < len(pages):
        raise DamagedSlide(f"its OME-XML names page {index} of {len(pages)}; export it again")
    return pages[index]


def _refuse_stacks(pixels: Element) -> None:
    planes, times = _number(pixels, "SizeZ", 1), _number(pixels, "SizeT", 1)
    channels = max(1, len(pixels.findall("{*}Channel")))
    found = [
        f"{count:.0f} {what}"
        for count, what in ((planes, "focal planes"), (times, "times"), (channels, "channels"))
        if count > 1
    ]
    if found:
        raise UnsupportedSlide(
            f"it is a stack of {' and '.join(found)}, which are not read yet; "
            "export one focal plane in colour or grey"
        )


def _spacing(pixels: Element) -> tuple[float, float] | None:
    extents = []
    for axis in "XY":
        size = _number(pixels, f"PhysicalSize{axis}", 0)
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
            power = _number(objective, "NominalMagnification", 0) or None
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


def _number(element: Element, name: str, default: float) -> float:
    try:
        number = float(element.get(name, default))
    except ValueError:
        number = nan
    if not isfinite(number):
        raise DamagedSlide(f"its OME-XML has no number for {name}; export it again")
    return number
