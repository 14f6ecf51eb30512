"""Ventana (Roche) BIF: tiled pages `level=N`, with the joints of their tiles in XML.

Where one area was scanned and its tiles do not overlap, they lie as TIFF has them; all else, which
has to be put together by its joints, is left to OpenSlide.
"""

from collections.abc import Sequence
from re import search
from xml.etree.ElementTree import Element

from slides.errors import DamagedSlide, NotAddressable
from slides.safe_xml import parse_xml
from slides.slide import Facts, Scanner
from slides.stated import moment, positive
from slides.tiff_layout import Layout, cropped
from slides.tiff_structure import Page

DATE_TIME, XML = 306, 700
BESIDE = {"Label Image": "macro", "Label_Image": "macro", "Thumbnail": "thumbnail"}


def recognised(pages: Sequence[Page]) -> bool:
    """Whether the pages are those of a BIF."""
    return "<iScan" in _xml(pages[0])


def arrange(pages: Sequence[Page]) -> Layout:
    """The pages of a BIF sorted by what they are.

    Raises NotAddressable where tiles overlap, or several areas or focal planes were scanned.
    """
    scan = parse_xml(_xml(pages[0]))
    scan = scan if scan.tag == "iScan" else next(scan.iter("iScan"), scan)
    if scan.get("Z-layers", "1") != "1":
        raise NotAddressable(f"it has {scan.get('Z-layers')} focal planes; export one of them")
    levels = [(page, *_level(page)) for page in pages if "level=" in page.description]
    if [number for _, number, _ in levels] != list(range(len(levels))) or not levels:
        raise NotAddressable("its levels are not numbered from the largest down")
    base, _, magnification = levels[0]
    columns, rows = _only_area(parse_xml(_xml(base)), base)
    shown = []
    for page, _, reduced in levels:
        factor = magnification / reduced
        same_tiles = (page.tile_width, page.tile_height) == (base.tile_width, base.tile_height)
        if not page.tiled or not same_tiles or factor < 1 or factor != int(factor):
            raise NotAddressable("one of its levels is no whole reduction of the first")
        width, height = columns * page.tile_width, rows * page.tile_height
        shown.append(cropped(page, int(width // factor), int(height // factor)))
    beside = {
        BESIDE[page.description.strip()]: page
        for page in pages
        if page.description.strip() in BESIDE
    }
    return Layout(tuple(shown), _facts(scan, base), beside)


def _xml(page: Page) -> str:
    value = page.tags.get(XML)
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return text.strip("\0 \r\n") if isinstance(text, str) else ""


def _level(page: Page) -> tuple[int, float]:
    """The number and the magnification of a level."""
    number = search(r"level=(\d+)", page.description)
    magnification = search(r"mag=([\d.]+)", page.description)
    power = positive(magnification[1]) if magnification else None
    if number is None or power is None:
        raise NotAddressable("one of its levels has no magnification")
    return int(number[1]), power


def _only_area(encoded: Element, base: Page) -> tuple[int, int]:
    """Columns and rows of tiles of the one area, which fills the picture without overlaps."""
    areas = encoded.findall("SlideStitchInfo/ImageInfo")
    origins = [*(encoded.find("AoiOrigin") or ())]
    if len(areas) != 1 or len(origins) != 1 or areas[0].get("AOIScanned") != "1":
        raise NotAddressable(f"{len(areas)} areas of it were scanned; export them one by one")
    (area,), (origin,) = areas, origins
    joints = area.findall("TileJointInfo")
    numbers = [
        _number(element, name)
        for elements, names in (
            (joints, ("OverlapX", "OverlapY")),
            ([origin], ("OriginX", "OriginY")),
        )
        for element in elements
        for name in names
    ]
    tile = _number(area, "Width"), _number(area, "Height")
    columns, rows = _number(area, "NumCols"), _number(area, "NumRows")
    if any(numbers) or tile != (base.tile_width, base.tile_height):
        raise NotAddressable("its tiles overlap; export it as a pyramidal TIFF")
    if (columns, rows) != (-(-base.width // tile[0]), -(-base.height // tile[1])):
        raise NotAddressable("its area is not the whole picture; export it as a pyramidal TIFF")
    return columns, rows


def _number(element: Element, name: str) -> int:
    try:
        return int(element.get(name, "0"))
    except ValueError as error:
        raise DamagedSlide(f"its XML has no number for {name}; fetch it again") from error


def _facts(scan: Element, page: Page) -> Facts:
    spacing = positive(scan.get("ScanRes"))
    written = page.tags.get(DATE_TIME)
    return Facts(
        format="bif",
        mpp_um=(spacing, spacing) if spacing else None,
        objective_power=positive(scan.get("Magnification")),
        icc_profile=page.icc_profile,
        scanner=Scanner(
            manufacturer=page.make or "Ventana",
            model=page.model or scan.get("ScannerModel"),
            serial_number=scan.get("UnitNumber"),
            software=page.software,
        ),
        acquired_at=moment(written) if isinstance(written, str) else None,
    )
