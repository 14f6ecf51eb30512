"""Vendors' formats that OpenSlide reads: pixels only, their encoded tiles are not to be had.

NDPI, VMS, VMU (Hamamatsu), MRXS (3DHISTECH), SCN (Leica), BIF (Ventana), Philips TIFF, Trestle, CZI
(Zeiss, 8-bit colour) and svslide (Sakura).
"""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
from openslide import OpenSlide, OpenSlideError
from PIL import Image

from slides.errors import DamagedSlide, MissingFile, TooLarge, UnsupportedSlide
from slides.ini_file import named_files, present
from slides.limits import MOST_SEGMENT_BYTES, check_bomb, check_extent
from slides.openslide_stored import Behind, behind
from slides.scenes import chosen
from slides.slide import WHITE, AssociatedImage, Facts, Scanner, Slide
from slides.stated import moment, positive
from tiles.errors import DamagedCodestream, OutsideImage, ShortRead
from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.source import Encoding, Frame, Pixels, assemble

FORMATS = {
    "aperio": "svs",
    "hamamatsu": "ndpi",
    "leica": "scn",
    "mirax": "mrxs",
    "philips": "philips",
    "philips-tiff": "philips",
    "sakura": "svslide",
    "trestle": "trestle",
    "ventana": "bif",
    "zeiss": "czi",
}
MANUFACTURERS = {
    "aperio": "Aperio",
    "hamamatsu": "Hamamatsu",
    "leica": "Leica",
    "mirax": "3DHISTECH",
    "philips": "Philips",
    "philips-tiff": "Philips",
    "sakura": "Sakura",
    "trestle": "Trestle",
    "ventana": "Ventana",
    "zeiss": "Zeiss",
}
TILE = 512
HAMAMATSU_INDEX = {
    ".vms": "Virtual Microscope Specimen",
    ".vmu": "Uncompressed Virtual Microscope Specimen",
}
"""The section of the index that names the slide's files, by its extension."""

T = TypeVar("T")


class OpenSlideSource:
    """A TileSource over OpenSlide; transparent pixels show the slide's background.

    Boxes are put together from aligned squares of 512 pixels, so that a pixel is the same
    whichever box it is read in, also where levels are no whole multiples of one another.
    """

    def __init__(
        self, path: Path, background: tuple[int, int, int], bounds: Box | None = None
    ) -> None:
        self._path = path
        self._background = background
        self._blank = np.full((TILE, TILE, 3), background, np.uint8)
        self._bounds = bounds
        self._lock = threading.Lock()
        self._closed = False
        self._handle: OpenSlide | None = None
        self._scales = self.ask(lambda slide: slide.level_downsamples)
        sizes = self.ask(lambda slide: slide.level_dimensions)
        self.pyramid = Pyramid(tuple(Level(width, height, TILE, TILE) for width, height in sizes))

    def encoding(self, level: int) -> Encoding:
        """Opaque."""
        self.pyramid.level(level)
        return Encoding.OPAQUE

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """The pixels of a box over the background."""
        shape = self.pyramid.level(level)
        if plane != FIRST:
            raise OutsideImage(f"{plane} of a slide with one plane")

        def read_tile(column: int, row: int) -> Pixels:
            place = shape.box(column, row)
            if level == 0 and self._never_scanned(place):
                return self._blank[: place.height, : place.width]
            scale = self._scales[level]
            corner = round(place.x * scale), round(place.y * scale)
            size = place.width, place.height
            region = self.ask(lambda slide: slide.read_region(corner, level, size))
            return _over(region, self._background)

        return assemble(self, level, box, read_tile)

    def _never_scanned(self, place: Box) -> bool:
        """Whether a box of level 0 is over a tile away from what was scanned.

        Most of a glass is not, and OpenSlide takes as long for nothing as for something.
        """
        seen = self._bounds
        return seen is not None and (
            place.right + TILE < seen.x
            or place.bottom + TILE < seen.y
            or place.x - TILE > seen.right
            or place.y - TILE > seen.bottom
        )

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        """None, once the address is found to exist."""
        del plane
        self.pyramid.level(level).box(column, row)
        return None

    def close(self) -> None:
        """Release the slide; safe to call twice."""
        with self._lock:
            handle, self._handle, self._closed = self._handle, None, True
        if handle is not None:
            handle.close()

    def ask(self, question: Callable[[OpenSlide], T]) -> T:
        """What OpenSlide answers; raises DamagedCodestream.

        After an error OpenSlide answers nothing more, so the slide is opened anew: one damaged
        tile must not cost the others.
        """
        handle = None
        try:
            handle = self._opened()
            return question(handle)
        except OpenSlideError as error:
            with self._lock:
                if self._handle is handle:
                    # Not closed here: other threads may be reading by it.
                    self._handle = None
            raise DamagedCodestream(_without_name(error, self._path)) from error

    def _opened(self) -> OpenSlide:
        with self._lock:
            if self._closed:
                raise ShortRead("the slide has been closed")
            if self._handle is None:
                self._handle = OpenSlide(self._path)
            return self._handle


def detect(path: Path, head: bytes = b"") -> bool:
    """Whether OpenSlide knows the vendor, for the formats that are read through it.

    The file of an MRXS is a mere JPEG; only with its folder does its content tell what it is.
    """
    if head.startswith(b"\xff\xd8") and path.suffix.lower() == ".mrxs":
        return True
    return OpenSlide.detect_format(path) in FORMATS


def open(path: Path, scene: int | None = None) -> Slide:  # noqa: A001
    """Open a slide through OpenSlide; raises UnsupportedSlide, DamagedSlide or MissingFile.

    What lies on one glass is one picture: there is no scene but the first (NoSuchScene).
    """
    chosen((), scene)
    files = _files(path)
    try:
        with OpenSlide(path) as slide:
            properties = dict(slide.properties)
            width, height = slide.dimensions
            icc_profile = _profile(slide.color_profile)
            beside = _sizes_beside(properties)
    except OpenSlideError as error:
        raise _refusal(error, path) from error
    facts = _facts(path, properties, icc_profile)
    seen = facts.bounds or Box(0, 0, width, height)
    check_extent(width, height)
    check_bomb(seen.width, seen.height, 3, sum(file.stat().st_size for file in files))
    kept = behind(path, properties["openslide.vendor"], files, (width, height), beside)
    source = OpenSlideSource(path, facts.background, facts.bounds)
    losses = (kept.levels.losses,) * len(source.pyramid.levels)
    return Slide(source, facts, _associated(source, beside, kept), files, losses)


def _over(region: Image.Image, background: tuple[int, int, int]) -> Pixels:
    ground = Image.new("RGB", region.size, background)
    ground.paste(region, mask=region.getchannel("A"))
    return np.asarray(ground)


def _profiles(slide: OpenSlide) -> Mapping[str, object]:
    """The colour profiles of the associated images, which the binding's types do not mention."""
    profiles: Mapping[str, object] = getattr(slide.associated_images, "profiles", {})
    return profiles


def _profile(profile: object) -> bytes | None:
    """The bytes of a profile as OpenSlide's Python binding gives it."""
    made = getattr(profile, "tobytes", None)
    return made() if made is not None else None


def _sizes_beside(properties: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """The pictures beside the slide and how large they are; raises TooLarge."""
    sizes = {}
    for name in ("label", "macro", "thumbnail"):
        if f"openslide.associated.{name}.width" in properties:
            width, height = (
                int(properties[f"openslide.associated.{name}.{extent}"])
                for extent in ("width", "height")
            )
            if width * height * 4 > MOST_SEGMENT_BYTES:
                raise TooLarge(f"its {name} has {width} × {height} pixels; refused")
            sizes[name] = width, height
    return sizes


def _associated(
    source: OpenSlideSource, sizes: Mapping[str, tuple[int, int]], kept: Behind
) -> dict[str, AssociatedImage]:
    def image(name: str, width: int, height: int) -> AssociatedImage:
        def read() -> Pixels:
            picture = source.ask(lambda slide: slide.associated_images[name])
            return _over(picture, WHITE)

        stored = kept.of(name, width, height)
        profile = source.ask(lambda slide: _profiles(slide).get(name))
        return AssociatedImage(
            width,
            height,
            stored.encoding,
            read,
            icc_profile=_profile(profile),
            stored_bytes=stored.stored_bytes,
        )

    return {name: image(name, *size) for name, size in sizes.items()}


def _facts(path: Path, properties: dict[str, str], icc_profile: bytes | None) -> Facts:
    def number(key: str) -> float | None:
        return positive(properties.get(f"openslide.{key}"))

    def first(*keys: str) -> str | None:
        return next((properties[key].strip() for key in keys if properties.get(key)), None)

    vendor = properties.get("openslide.vendor", "")
    across, down = number("mpp-x"), number("mpp-y")
    colour = properties.get("openslide.background-color")
    bounds = [properties.get(f"openslide.bounds-{side}") for side in ("x", "y", "width", "height")]
    return Facts(
        format="vms" if vendor == "hamamatsu" and not _is_tiff(path) else FORMATS[vendor],
        mpp_um=(across, down) if across and down else None,
        objective_power=number("objective-power"),
        icc_profile=icc_profile,
        scanner=Scanner(
            manufacturer=first("tiff.Make", "philips.DICOM_MANUFACTURER") or MANUFACTURERS[vendor],
            model=first(
                "tiff.Model",
                "hamamatsu.Product",
                "leica.device-model",
                "ventana.ScannerModel",
                "philips.DICOM_MANUFACTURERS_MODEL_NAME",
            ),
            serial_number=first(
                "hamamatsu.NDP.S/N", "ventana.UnitNumber", "philips.DICOM_DEVICE_SERIAL_NUMBER"
            ),
            software=first("tiff.Software"),
        ),
        acquired_at=moment(
            first(
                "mirax.GENERAL.SLIDE_CREATIONDATETIME",
                "leica.creation-date",
                "philips.DICOM_ACQUISITION_DATETIME",
                *(["tiff.DateTime"] if _still_of_the_scan(properties) else []),
            )
        ),
        barcodes=(barcode,) if (barcode := first("openslide.barcode")) else (),
        background=_colour(colour) if colour else WHITE,
        bounds=Box(*(int(side) for side in bounds if side)) if all(bounds) else None,
    )


def _still_of_the_scan(properties: Mapping[str, str]) -> bool:
    """Whether the file's date is the day of the scan, not that of a later export."""
    day = properties.get("hamamatsu.Created", "").replace("/", ":")
    return properties.get("tiff.DateTime", "").startswith(day)


def _colour(text: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(text)
    return red, green, blue


def _is_tiff(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) in {b"II", b"MM"}


def _files(path: Path) -> tuple[Path, ...]:
    """Every file of the slide; raises MissingFile where one that it names is not there."""
    if path.suffix.lower() == ".mrxs":
        folder = path.with_suffix("")
        if not (folder / "Slidedat.ini").is_file():
            raise MissingFile(
                "its folder of the same name is not beside it; send both together",
                missing=(f"{folder.name}/Slidedat.ini",),
            )
        named = named_files(folder / "Slidedat.ini", "DATAFILE", "FILE_")
        return (path, folder / "Slidedat.ini", *present(folder, (*named, "Index.dat")))
    section = HAMAMATSU_INDEX.get(path.suffix.lower())
    if section is not None:
        named = named_files(path, section, "ImageFile", "MapFile", "MacroImage")
        return (path, *present(path.parent, named))
    return (path,)


def _refusal(error: OpenSlideError, path: Path) -> UnsupportedSlide | DamagedSlide:
    reason = _without_name(error, path)
    if any(word in reason.lower() for word in ("not supported", "unsupported", "unrecognized")):
        return UnsupportedSlide(f"{reason}; only 8-bit colour slides of one plane are read")
    return DamagedSlide(f"{reason}; fetch it again from the scanner")


def _without_name(error: OpenSlideError, path: Path) -> str:
    """OpenSlide's message without the file's name, which may be a patient's."""
    reason = str(error)
    for name in (str(path), str(path.parent), path.name, path.stem):
        reason = reason.replace(name, "the file")
    return " ".join(reason.split())
