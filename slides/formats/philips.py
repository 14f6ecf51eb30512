"""Philips TIFF: a pyramid whose first description is the scanner's XML.

Reduced levels are padded to whole tiles: how large they are, the spacings in the XML tell. Tiles
where nothing was scanned are not stored. Label and macro are JPEGs inside the XML.
"""

import binascii
from base64 import b64decode
from collections.abc import Sequence
from re import fullmatch
from xml.etree.ElementTree import Element

from slides.errors import DamagedSlide, NotAddressable
from slides.safe_xml import parse_xml
from slides.slide import Facts, Scanner
from slides.stated import moment, positive
from slides.tiff_layout import Layout, cropped
from slides.tiff_structure import Page

IMAGES = "Attribute[@Name='PIM_DP_SCANNED_IMAGES']/Array/DataObject"
REPRESENTATIONS = (
    "Attribute[@Name='PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE']"
    "/Array/DataObject[@ObjectType='PixelDataRepresentation']"
)
BESIDE = {"label": "LABELIMAGE", "macro": "MACROIMAGE"}
MOST_POWER = 200


def recognised(pages: Sequence[Page]) -> bool:
    """Whether the pages are those of a Philips TIFF."""
    software = pages[0].software or ""
    return software.startswith("Philips") and "DPUfsImport" in pages[0].description


def arrange(pages: Sequence[Page]) -> Layout:
    """The pages of a Philips TIFF sorted by what they are.

    Raises NotAddressable where XML and pages do not tell the same.
    """
    root = parse_xml(pages[0].description)
    slides = _images(root, "WSI")
    if len(slides) != 1:
        raise NotAddressable(f"its XML describes {len(slides)} slides; export one of them")
    (slide,) = slides
    beside = {
        name: page
        for page in pages
        for name in BESIDE
        if not page.tiled and page.description.lower().startswith(name)
    }
    pictures = {
        name: data
        for name, kind in BESIDE.items()
        if name not in beside and (data := _picture(root, kind)) is not None
    }
    tiled = [page for page in pages if page.tiled]
    return Layout(_levels(slide, tiled), _facts(root, slide, pages[0]), beside, pictures)


def _images(root: Element, kind: str) -> list[Element]:
    return [image for image in root.iterfind(IMAGES) if _value(image, "PIM_DP_IMAGE_TYPE") == kind]


def _value(element: Element, name: str) -> str | None:
    found = element.find(f"Attribute[@Name='{name}']")
    return (found.text or "").strip() or None if found is not None else None


def _levels(slide: Element, pages: Sequence[Page]) -> tuple[Page, ...]:
    """The tiled pages without their padding: whole factors of the first, rounded down."""
    described = slide.iterfind(REPRESENTATIONS)
    spacings = [_pair(_value(one, "DICOM_PIXEL_SPACING")) for one in described]
    if len(spacings) != len(pages) or not spacings or spacings[0] is None:
        raise NotAddressable(f"its XML tells the sizes of {len(spacings)} of {len(pages)} levels")
    base, (down_mm, across_mm) = pages[0], spacings[0]
    levels = [base]
    for page, spacing in zip(pages[1:], spacings[1:], strict=True):
        if spacing is None or not page.subfile_type & 1:
            raise NotAddressable("its XML does not tell how large a level is")
        factor = round((spacing[0] / down_mm + spacing[1] / across_mm) / 2)
        levels.append(cropped(page, base.width // max(1, factor), base.height // max(1, factor)))
    return tuple(levels)


def _facts(root: Element, slide: Element, page: Page) -> Facts:
    spacing_mm = _pair(_value(slide, "DICOM_PIXEL_SPACING"))

    def stated(name: str) -> str | None:
        return _value(root, name) or _value(slide, name)

    barcode = (_decoded(stated("PIM_DP_UFS_BARCODE")) or b"").decode("utf-8", "replace").strip()
    return Facts(
        format="philips",
        mpp_um=(spacing_mm[1] * 1000, spacing_mm[0] * 1000) if spacing_mm else None,
        objective_power=_power(stated("DICOM_DERIVATION_DESCRIPTION")),
        icc_profile=page.icc_profile,
        scanner=Scanner(
            manufacturer=stated("DICOM_MANUFACTURER") or "Philips",
            model=stated("DICOM_MANUFACTURERS_MODEL_NAME"),
            serial_number=stated("DICOM_DEVICE_SERIAL_NUMBER"),
            software=page.software,
        ),
        acquired_at=moment(stated("DICOM_ACQUISITION_DATETIME")),
        barcodes=(barcode,) if barcode else (),
    )


def _pair(text: str | None) -> tuple[float, float] | None:
    """Two numbers in quotes: between rows, then between columns."""
    numbers = [positive(part) for part in (text or "").replace('"', " ").split()]
    match numbers:
        case [float(down), float(across)]:
            return down, across
    return None


def _power(text: str | None) -> float | None:
    """The objective, where the description of how the file was made begins its levels with it."""
    before_name = (text or "").partition("sourceFilename")[0]
    for item in before_name.split("-"):
        stated = fullmatch(r"levels=(\d+)(,.*)?", item.strip())
        if stated and 0 < int(stated[1]) <= MOST_POWER:
            return float(stated[1])
    return None


def _picture(root: Element, kind: str) -> bytes | None:
    for image in _images(root, kind):
        return _decoded(_value(image, "PIM_DP_IMAGE_DATA"))
    return None


def _decoded(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        return b64decode(text)
    except (binascii.Error, ValueError) as error:
        raise DamagedSlide("a picture or a text in its XML is damaged; fetch it again") from error
