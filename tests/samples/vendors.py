"""Files that OpenSlide and we take for those of several scanners, made from any RGB picture.

Each maker takes where to write and the pixels of the largest level, (rows, columns, 3) uint8, and
writes three levels, each half of the one before.
"""

import base64
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from tests.samples.jpeg2000 import subsampled

RGB = NDArray[np.uint8]
TILE = 256
MPP_UM = 0.5
SPACING_MM = MPP_UM / 1000
BARCODE = "SV-00042"


def picture(width: int = 1024, height: int = 768) -> RGB:
    """A picture in which every place looks different: soft colours, rings and a few lines."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    rings = np.sin(np.hypot(x - width / 3, y - height / 2) / 9)
    red = 210 + 30 * rings
    green = 120 + 90 * x / width + 15 * np.sin(y / 23)
    blue = 160 + 70 * y / height
    pixels = np.stack((red, green, blue), axis=2)
    pixels[:: height // 7, :, :2] *= 0.6
    made: RGB = np.clip(pixels, 0, 255).astype(np.uint8)
    return made


def halves(pixels: RGB, count: int = 3) -> list[RGB]:
    """The picture and its reductions by two, odd edges dropped as scanners do."""
    levels = [pixels]
    while len(levels) < count:
        last = levels[-1]
        even = last[: last.shape[0] // 2 * 2, : last.shape[1] // 2 * 2]
        levels.append(np.asarray(Image.fromarray(np.ascontiguousarray(even)).reduce(2)))
    return levels


def _tiled(**more: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "photometric": "rgb",
        "compression": "jpeg",
        "compressionargs": {"level": 90},
        "tile": (TILE, TILE),
        "metadata": None,
    }
    return usual | more


def _stripped(**more: Any) -> dict[str, Any]:
    return {
        "photometric": "rgb",
        "compression": "jpeg",
        "rowsperstrip": 16,
        "metadata": None,
    } | more


def thumbnail(pixels: RGB) -> RGB:
    """The picture at 200 columns."""
    height = max(1, pixels.shape[0] * 200 // pixels.shape[1])
    return np.asarray(Image.fromarray(pixels).resize((200, height)))


def generic(path: Path, pixels: RGB, **more: Any) -> Path:
    """A tiled pyramid that names no vendor; `more` goes to the writer of every level."""
    with tifffile.TiffWriter(path) as tiff:
        for index, level in enumerate(halves(pixels)):
            per_cm = 10_000 / MPP_UM / 2**index
            tiff.write(
                level,
                subfiletype=1 if index else 0,
                resolution=(per_cm, per_cm),
                resolutionunit="CENTIMETER",
                **_tiled(**more),
            )
    return path


def aperio_jpeg_2000(
    path: Path,
    pixels: RGB,
    compression: int = 33005,
    *,
    reversible: bool = False,
    half_chroma: bool = False,
    **more: Any,
) -> Path:
    """An SVS whose tiles are JPEG 2000, as RGB (33005) or as YCbCr (33003).

    The scanner's own went through the irreversible wavelet; `more` goes to the encoder. With
    `half_chroma` Cb and Cr have half the columns, as the scanner's 33003 has them.
    """
    args = {"mct": False, "reversible": reversible, "level": 0 if reversible else 45} | more
    height, width = pixels.shape[:2]
    title = f"Aperio Image Library v12.0.15\r\n{width}x{height} ({TILE}x{TILE}) J2K/YUV16 Q=70"
    facts = f"{title}|AppMag = 40|MPP = {MPP_UM}|ScanScope ID = SS0001|Date = 03/04/21"
    with tifffile.TiffWriter(path) as tiff:
        for index, level in enumerate(halves(pixels)):
            said = f"{facts}|Time = 10:11:12|Time Zone = GMT+01:00" if index == 0 else title
            stored = _ycbcr(level) if compression == 33003 else level
            tiles = _tiled(compression=compression, compressionargs=args)
            data: RGB | Iterator[bytes] = stored
            if half_chroma:
                tiles |= {"shape": stored.shape, "dtype": stored.dtype, "compressionargs": None}
                data = (subsampled(tile) for tile in _cut(_to_whole_tiles(stored)))
            tiff.write(data, description=said, **tiles)
            if index == 0:
                tiff.write(thumbnail(pixels), description=title, **_stripped())
    return path


def _cut(pixels: RGB) -> Iterator[RGB]:
    for y in range(0, pixels.shape[0], TILE):
        for x in range(0, pixels.shape[1], TILE):
            yield pixels[y : y + TILE, x : x + TILE]


def _ycbcr(pixels: RGB) -> RGB:
    return np.asarray(Image.fromarray(pixels).convert("YCbCr"))


def ome_pyramid(path: Path, pixels: RGB) -> Path:
    """An OME-TIFF with its levels in SubIFDs and its spacing in nanometres."""
    first, *reduced = halves(pixels)
    metadata = {
        "axes": "YXS",
        "PhysicalSizeX": MPP_UM * 1000,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": MPP_UM * 1000,
        "PhysicalSizeYUnit": "nm",
    }
    with tifffile.TiffWriter(path, bigtiff=True, ome=True) as tiff:
        tiff.write(first, subifds=len(reduced), **_tiled(metadata=metadata))
        for level in reduced:
            tiff.write(level, subfiletype=1, **_tiled())
    return path


def trestle(path: Path, pixels: RGB, *, overlap: int = 0) -> Path:
    """A Trestle MedScan TIFF."""
    said = f"Objective Power=20;Background Color=F0F0F0;OverlapsXY= {overlap} {overlap} 0 0 0 0"
    with tifffile.TiffWriter(path) as tiff:
        for index, level in enumerate(halves(pixels)):
            description = "" if index else said
            # Trestle writes micrometres where TIFF asks for pixels an inch.
            resolution = {"resolution": (MPP_UM, MPP_UM)}
            more = {"software": "MedScan", "description": description} | resolution
            tiff.write(level, **_tiled(**more))
    return path


def philips(path: Path, pixels: RGB, *, empty: Sequence[int] = ()) -> Path:
    """A Philips TIFF with its label in the XML; every level is padded to whole tiles.

    `empty` are tiles of the largest level that are not stored.
    """
    levels = halves(_to_whole_tiles(pixels))
    root = Element("DataObject", ObjectType="DPUfsImport")
    _attribute(root, "DICOM_MANUFACTURER", "PHILIPS")
    _attribute(root, "DICOM_DEVICE_SERIAL_NUMBER", "FMT0001")
    _attribute(root, "DICOM_ACQUISITION_DATETIME", "20210304101112.000000")
    _attribute(root, "PIM_DP_UFS_BARCODE", base64.b64encode(BARCODE.encode()).decode())
    images = _array(root, "PIM_DP_SCANNED_IMAGES")
    slide = SubElement(images, "DataObject", ObjectType="DPScannedImage")
    _attribute(slide, "PIM_DP_IMAGE_TYPE", "WSI")
    made = 'tiff-useBigTIFF=1-levels=40,2,3-q75-sourceFilename="T-levels=20-a.isyntax"'
    _attribute(slide, "DICOM_DERIVATION_DESCRIPTION", made)
    _attribute(slide, "DICOM_PIXEL_SPACING", _pair(SPACING_MM), "IDoubleArray")
    representations = _array(slide, "PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE")
    for index, level in enumerate(levels):
        one = SubElement(representations, "DataObject", ObjectType="PixelDataRepresentation")
        _attribute(one, "DICOM_PIXEL_SPACING", _pair(SPACING_MM * 2**index), "IDoubleArray")
        _attribute(one, "PIIM_PIXEL_DATA_REPRESENTATION_NUMBER", index, "IUInt16")
        _attribute(one, "PIIM_PIXEL_DATA_REPRESENTATION_COLUMNS", level.shape[1], "IUInt32")
        _attribute(one, "PIIM_PIXEL_DATA_REPRESENTATION_ROWS", level.shape[0], "IUInt32")
    for kind in ("LABELIMAGE", "MACROIMAGE"):
        label = SubElement(images, "DataObject", ObjectType="DPScannedImage")
        _attribute(label, "PIM_DP_IMAGE_TYPE", kind)
        encoded = io.BytesIO()
        Image.fromarray(thumbnail(pixels)).save(encoded, "JPEG")
        _attribute(label, "PIM_DP_IMAGE_DATA", base64.b64encode(encoded.getvalue()).decode())
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for index, level in enumerate(levels):
            tiff.write(
                _to_whole_tiles(level),
                description="" if index else tostring(root, encoding="unicode"),
                software="Philips DP v1.0",
                subfiletype=1 if index else 0,
                **_tiled(),
            )
    return without(path, empty)


def _to_whole_tiles(pixels: RGB) -> RGB:
    rows, columns = (-extent % TILE for extent in pixels.shape[:2])
    return np.pad(pixels, ((0, rows), (0, columns), (0, 0)), constant_values=255)


def without(path: Path, tiles: Sequence[int], page: int = 0) -> Path:
    """The file with some tiles of a page never stored: offset and length are 0."""
    with tifffile.TiffFile(path, mode="r+") as tiff:
        for code in (324, 325) if tiles else ():
            tag = tiff.pages[page].aspage().tags[code]
            tag.overwrite([0 if n in tiles else value for n, value in enumerate(tag.value)])
    return path


def _attribute(parent: Element, name: str, value: object, kind: str = "IString") -> Element:
    place = {"Name": name, "Group": "0x301D", "Element": "0x1000", "PMSVR": kind}
    element = SubElement(parent, "Attribute", place)
    element.text = str(value)
    return element


def _array(parent: Element, name: str) -> Element:
    element = _attribute(parent, name, "", "IDataObjectArray")
    element.text = None
    return SubElement(element, "Array")


def _pair(value: float) -> str:
    return f'"{value}" "{value}"'


def ventana(path: Path, pixels: RGB, *, overlap: int = 0) -> Path:
    """A Ventana BIF of one area; extents are whole tiles."""
    height, width = pixels.shape[:2]
    columns, rows = int(width) // TILE, int(height) // TILE
    scan = Element("iScan", ScanRes=str(MPP_UM), Magnification="20", ScannerModel="VENTANA DP 200")
    encoded = Element("EncodeInfo", Ver="2")
    info = SubElement(encoded, "SlideInfo")
    SubElement(info, "iScan", ScanRes=str(MPP_UM), Magnification="20")
    area = {"XIMAGESIZE": width, "YIMAGESIZE": height, "NumRows": 1, "NumCols": 1}
    SubElement(info, "AoiInfo", _texts(area | {"Pos-X": 0, "Pos-Y": 0}))
    grid = {"AOIScanned": 1, "AOIIndex": 0, "Width": TILE, "Height": TILE}
    grid |= {"NumRows": rows, "NumCols": columns, "Pos-X": 0, "Pos-Y": 0}
    joints = SubElement(SubElement(encoded, "SlideStitchInfo"), "ImageInfo", _texts(grid))

    def number(column: int, row: int) -> int:
        """Tiles are counted from the bottom, to and fro."""
        place: int = column if row % 2 == 0 else columns - 1 - column
        return row * columns + place + 1

    def join(direction: str, one: int, two: int) -> None:
        sides = {"FlagJoined": 1, "Confidence": 98, "Tile1": one, "Tile2": two}
        sides |= {"OverlapX": overlap, "OverlapY": overlap}
        SubElement(joints, "TileJointInfo", _texts(sides) | {"Direction": direction})

    for row in range(rows):
        for column in range(columns):
            if column + 1 < columns:
                join("RIGHT", number(column, row), number(column + 1, row))
            if row + 1 < rows:
                join("UP", number(column, row), number(column, row + 1))
    origin = SubElement(encoded, "AoiOrigin")
    SubElement(origin, "AOI0", OriginX="0", OriginY="0")
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        label = _stripped(description="Label_Image", extratags=[_xmp(scan)])
        tiff.write(thumbnail(pixels), **label)
        for index, level in enumerate(halves(pixels)):
            said = f"level={index} mag={20 / 2**index} quality=90"
            tags = [] if index else [_xmp(encoded)]
            tiff.write(level, description=said, extratags=tags, **_tiled())
    return path


def qptiff(path: Path, channels: Sequence[NDArray[Any]], **more: Any) -> Path:
    """A QPTIFF of one picture in colour, or of a grey one a channel; `more` goes to the writer."""
    colours = ("0,0,255", "0,255,0", "255,0,0")
    pyramids = [halves(channel) for channel in channels]
    grey = channels[0].ndim == 2

    def said(kind: str, number: int) -> str:
        root = Element("PerkinElmer-QPI-ImageDescription")
        told = {"AcquisitionSoftware": "VectraScan", "ImageType": kind, "Objective": "20x"}
        if grey:
            told |= {"Name": f"Opal {number}", "Color": colours[number % 3]}
        for name, text in (told | {"InstrumentType": "Vectra Polaris", "Barcode": BARCODE}).items():
            SubElement(root, name).text = text
        return '<?xml version="1.0" encoding="utf-16"?>\r\n' + tostring(root, encoding="unicode")

    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        small = thumbnail(np.asarray(Image.fromarray(channels[0]).convert("RGB")))
        for level in range(3):
            kind = "ReducedResolution" if level else "FullResolution"
            per_cm = 10_000 / MPP_UM / 2**level
            for number, pyramid in enumerate(pyramids):
                how = _tiled(
                    description=said(kind, number),
                    photometric="minisblack" if grey else "rgb",
                    software="PerkinElmer-QPI",
                    subfiletype=1 if level else 0,
                    resolution=(per_cm, per_cm),
                    resolutionunit="CENTIMETER",
                    datetime="2021:03:04 10:11:12",
                )
                tiff.write(pyramid[level], **(how | more))
            if level == 0:
                tiff.write(small, description=said("Thumbnail", 0), **_stripped())
        tiff.write(small, description=said("Overview", 0), **_stripped())
        tiff.write(small, description=said("Label", 0), **_stripped())
    return path


def _texts(values: dict[str, int]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items()}


def _xmp(root: Element) -> tuple[int, str, int, bytes, bool]:
    text = tostring(root)
    return 700, "B", len(text), text, True


GLASS_NM = (26_000_000, 76_000_000)


def leica(path: Path, pixels: RGB, *, areas: int = 1, glass_nm: tuple[int, int] = GLASS_NM) -> Path:
    """A Leica SCN: a macro of the whole glass, and areas with their levels."""
    levels = halves(pixels)
    small = thumbnail(pixels)
    area_nm = (round(pixels.shape[1] * MPP_UM * 1000), round(pixels.shape[0] * MPP_UM * 1000))
    root = Element("scn", xmlns="http://www.leica-microsystems.com/scn/2010/10/01")
    sides = _texts({"sizeX": glass_nm[0], "sizeY": glass_nm[1]})
    collection = SubElement(root, "collection", {"name": "made", "uuid": "urn:uuid:0"} | sides)
    SubElement(collection, "barcode").text = base64.b64encode(BARCODE.encode()).decode()
    _leica_image(collection, "macro", [small], 0, (0, 0), glass_nm, 0.6)
    for number in range(areas):
        corner_nm = (glass_nm[0] * 4 // 13, glass_nm[1] * 5 // 19 + number * 2_000_000)
        first = 1 + number * len(levels)
        _leica_image(collection, f"area {number}", levels, first, corner_nm, area_nm, 20)
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for index, level in enumerate([small, *levels * areas]):
            said = "" if index else tostring(root, encoding="unicode")
            per_cm = 10_000 / MPP_UM / 2 ** (max(index - 1, 0) % len(levels))
            resolution = {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}
            tiff.write(level, description=said, **_tiled(**resolution))
    return path


def _leica_image(
    collection: Element,
    name: str,
    levels: Sequence[RGB],
    first_page: int,
    corner_nm: tuple[int, int],
    extent_nm: tuple[int, int],
    objective: float,
) -> None:
    image = SubElement(collection, "image", name=name, uuid=f"urn:uuid:{name}")
    SubElement(image, "creationDate").text = "2021-03-04T10:11:12Z"
    SubElement(image, "device", model="Leica SCN400", version="1.5")
    extent = {"sizeX": levels[0].shape[1], "sizeY": levels[0].shape[0]}
    pixels = SubElement(image, "pixels", _texts(extent))
    for index, level in enumerate(levels):
        size = {"sizeX": level.shape[1], "sizeY": level.shape[0]}
        SubElement(pixels, "dimension", _texts(size | {"r": index, "ifd": first_page + index}))
    view = {"sizeX": extent_nm[0], "sizeY": extent_nm[1]}
    SubElement(image, "view", _texts(view | {"offsetX": corner_nm[0], "offsetY": corner_nm[1]}))
    settings = SubElement(image, "scanSettings")
    SubElement(SubElement(settings, "objectiveSettings"), "objective").text = str(objective)
    light = SubElement(settings, "illuminationSettings")
    SubElement(light, "numericalAperture").text = "0.4"
    SubElement(light, "illuminationSource").text = "brightfield"


def planar(path: Path, pixels: RGB) -> Path:
    """A tiled TIFF whose colours lie apart (PlanarConfiguration 2)."""
    apart = np.ascontiguousarray(np.moveaxis(pixels, 2, 0))
    with tifffile.TiffWriter(path) as tiff:
        more = {"compression": "lzw", "compressionargs": None, "planarconfig": "separate"}
        tiff.write(apart, **_tiled(**more))
    return path


def strips(path: Path, pixels: NDArray[Any], rows: int = 50, **more: Any) -> Path:
    """A TIFF in strips of `rows`; `more` goes to the writer."""
    usual: dict[str, Any] = {"photometric": "rgb", "rowsperstrip": rows, "metadata": None}
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(pixels, **(usual | more))
    return path
