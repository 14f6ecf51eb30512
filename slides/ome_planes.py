"""Which page of an OME-TIFF shows which plane, and what light each channel is.

Source: the OME data model, 2016-06 (Pixels, TiffData, Channel).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import isfinite, nan
from pathlib import Path
from xml.etree.ElementTree import Element

from slides.errors import DamagedSlide, MissingFile, UnsupportedSlide
from slides.slide import Channel
from slides.tiff_structure import Page, read_structure
from tiles.pyramid import Plane

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
NM_PER_UM = 1000.0
FLUORESCENCE = frozenset({"Fluorescence", "Epifluorescence"})
MOST_PLANES = 4096
MINISBLACK = 1


@dataclass(frozen=True, slots=True)
class Extents:
    """How many focal planes, channels and times an image has, and which of them varies first."""

    order: str
    z: int
    c: int
    t: int

    def count(self) -> int:
        """How many planes there are."""
        return self.z * self.c * self.t

    def plane(self, number: int) -> tuple[int, int, int]:
        """Focal plane, channel and time of a plane by its number in the file's order."""
        found = {}
        for axis in self.order:
            extent = {"Z": self.z, "C": self.c, "T": self.t}[axis]
            number, found[axis] = divmod(number, extent)
        return found["Z"], found["C"], found["T"]

    def number(self, z: int, c: int, t: int) -> int:
        """The inverse of `plane`."""
        number, step = 0, 1
        for axis in self.order:
            at, extent = {"Z": (z, self.z), "C": (c, self.c), "T": (t, self.t)}[axis]
            number, step = number + at * step, step * extent
        return number


def pages_of(root: Element, pixels: Element, pages: Sequence[Page]) -> dict[Plane, Page]:
    """The page of each plane, in the order of DICOM's TILED_FULL, out of all files of the set.

    Raises UnsupportedSlide for several times, MissingFile or DamagedSlide where one is missing.
    """
    extents = _extents(pixels, in_colour=any(page.samples > 1 for page in pages))
    if extents.t > 1:
        raise UnsupportedSlide(
            f"it was taken at {extents.t} times, and a slide at one; export one of them"
        )
    if extents.count() > MOST_PLANES:
        raise UnsupportedSlide(f"it has {extents.count()} planes, more than are read")
    named = dict(_named(root, pixels, extents, pages))
    found: dict[Plane, Page] = {}
    for c, z in product(range(extents.c), range(extents.z)):
        page = named.get((z, c, 0))
        if page is None:
            raise DamagedSlide("its OME-XML names no page for some planes; export it again")
        found[Plane(z, c)] = page
    return _samples_apart(found) if extents.c == 1 else found


def channels_of(pixels: Element) -> tuple[Channel, ...]:
    """The light of each channel, as far as it is described."""
    described = list(pixels.iterfind("{*}Channel"))
    return tuple(_channel(one, among=len(described)) for one in described)


def focal_spacing_of(pixels: Element) -> float | None:
    """How far apart focal planes lie, in micrometres."""
    unit = UM_PER_UNIT.get(pixels.get("PhysicalSizeZUnit", "µm"))
    size = number_of(pixels, "PhysicalSizeZ", 0)
    several = number_of(pixels, "SizeZ", 1) > 1
    return size * unit if several and unit is not None and size > 0 else None


def number_of(element: Element, name: str, default: float) -> float:
    """An attribute that is a number; raises DamagedSlide where it is something else."""
    try:
        number = float(element.get(name, default))
    except ValueError:
        number = nan
    if not isfinite(number):
        raise DamagedSlide(f"its OME-XML has no number for {name}; export it again")
    return number


def _extents(pixels: Element, *, in_colour: bool) -> Extents:
    order = pixels.get("DimensionOrder", "XYZCT")[2:]
    if sorted(order) != ["C", "T", "Z"]:
        raise DamagedSlide("its OME-XML states no order of its planes; export it again")
    samples = [number_of(one, "SamplesPerPixel", 1) for one in pixels.iterfind("{*}Channel")]
    channels = len(samples) or int(number_of(pixels, "SizeC", 1))
    if not samples and channels == 3 and in_colour:
        channels = 1  # a colour picture whose channels are not described
    depth, times = (int(number_of(pixels, f"Size{axis}", 1)) for axis in "ZT")
    if min(channels, depth, times) < 1:
        raise DamagedSlide("its OME-XML describes no plane; export it again")
    return Extents(order, depth, channels, times)


def _named(
    root: Element, pixels: Element, extents: Extents, pages: Sequence[Page]
) -> Iterator[tuple[tuple[int, int, int], Page]]:
    """Focal plane, channel and time of every page that is named, with the page."""
    blocks = list(pixels.iterfind("{*}TiffData"))
    if not blocks:
        number = min(extents.count(), len(pages))
        yield from ((extents.plane(n), pages[n]) for n in range(number))
    set_of: dict[Path, Sequence[Page]] = {pages[0].file: pages}
    for block in blocks:
        file = _file_of(block, root, pages[0].file)
        if file not in set_of:
            set_of[file] = _companion(file)
        own = set_of[file]
        z, c, t = (int(number_of(block, f"First{axis}", 0)) for axis in "ZCT")
        index = int(number_of(block, "IFD", 0))
        rest = 1 if "IFD" in block.attrib else min(extents.count(), len(own))
        planes = int(number_of(block, "PlaneCount", rest))
        begin = extents.number(z, c, t)
        for step in range(min(planes, extents.count() - begin)):
            if not 0 <= index + step < len(own):
                if planes > 1 and step:
                    break
                raise DamagedSlide(
                    f"its OME-XML names page {index + step} of {len(own)}; export it again"
                )
            yield extents.plane(begin + step), own[index + step]


def _file_of(block: Element, root: Element, opened: Path) -> Path:
    """The file that holds a block's pages: the one that was opened, or another beside it."""
    uuid = block.find("{*}UUID")
    own = root.get("UUID")
    if uuid is None or own is None or (uuid.text or "").strip() == own:
        return opened
    name = Path(uuid.get("FileName", "").replace("\\", "/")).name
    if not name:
        raise UnsupportedSlide("some of its planes are in other files; export it as one")
    return opened.with_name(name)


def _companion(file: Path) -> Sequence[Page]:
    if not file.is_file():
        raise MissingFile(
            "one of the files that hold its planes is missing; send the whole set",
            missing=(file.name,),
        )
    return read_structure(file)


def _samples_apart(planes: dict[Plane, Page]) -> dict[Plane, Page]:
    """The samples of grey pages as channels, where each page has several, one after another."""
    first = next(iter(planes.values()))
    if not first.planar or first.photometric != MINISBLACK:
        return planes
    return {
        Plane(plane.focal_plane, number): _sample(page, number)
        for number in range(first.samples)
        for plane, page in planes.items()
    }


def _sample(page: Page, number: int) -> Page:
    each = len(page.offsets) // max(1, page.samples)
    own = slice(number * each, (number + 1) * each)
    return replace(
        page,
        samples=1,
        extra_samples=(),
        planar=False,
        offsets=page.offsets[own],
        counts=page.counts[own],
        reduced=tuple(_sample(reduced, number) for reduced in page.reduced),
    )


def _channel(described: Element, among: int) -> Channel:
    excitation, emission = (
        _wavelength(described, kind) for kind in ("ExcitationWavelength", "EmissionWavelength")
    )
    stated = {described.get("ContrastMethod"), described.get("IlluminationType")}
    grey = number_of(described, "SamplesPerPixel", 1) == 1
    light = bool(excitation or emission or described.get("Fluor"))
    colour = int(number_of(described, "Color", 0)) & 0xFFFFFFFF
    return Channel(
        name=(described.get("Name") or described.get("Fluor") or "").strip(),
        fluorescent=bool(stated & FLUORESCENCE) or (grey and (light or among > 1)),
        excitation_nm=excitation,
        emission_nm=emission,
        colour=(colour >> 24, colour >> 16 & 0xFF, colour >> 8 & 0xFF)
        if "Color" in described.attrib and grey
        else None,
    )


def _wavelength(described: Element, name: str) -> float | None:
    unit = UM_PER_UNIT.get(described.get(f"{name}Unit", "nm"))
    length = number_of(described, name, 0)
    return length * unit * NM_PER_UM if unit is not None and length > 0 else None
