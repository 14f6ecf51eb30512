"""Zeiss CZI, grey: fluorescence of 8 or 16 bits, channels, focal planes, mosaics, scenes.

Blocks lie where the stage was, possibly over one another, those with a higher mosaic number on top;
scenes are areas of one glass and are shown together, as they lie. Reduced blocks are not read.
Colour slides are read through OpenSlide.
"""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any
from xml.etree.ElementTree import Element

import imagecodecs
import numpy as np

from slides.czi_structure import (
    BGR24,
    GRAY8,
    GRAY16,
    PIXELS,
    Block,
    Structure,
    data_of,
    read_structure,
    stored_in,
)
from slides.errors import DamagedSlide, UnsupportedSlide
from slides.limits import check_bomb, check_segment
from slides.scenes import chosen
from slides.shared_file import SharedFile
from slides.slide import Channel, Facts, Scanner, Slide
from slides.stated import positive
from tiles.coding import losses_in
from tiles.errors import DamagedCodestream, OutsideImage, TilesError
from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.source import Encoding, Frame, Pixels

UNCOMPRESSED, JPEG, JPEG_XR, ZSTD0, ZSTD1 = 0, 1, 4, 5, 6
READ = frozenset({UNCOMPRESSED, JPEG, JPEG_XR, ZSTD0, ZSTD1})
UM_PER_M = 1e6
KEPT_BYTES = 64 << 20
SINGLE = frozenset("RIHVTB")
"""Dimensions along which a slide has one place: rotations, phases, views, times and the like."""
NAMES = {"T": "times", "R": "rotations", "I": "illuminations", "H": "phases", "V": "views"}
FLUORESCENCE = frozenset({"Fluorescence", "Epifluorescence"})


def open(path: Path, scene: int | None = None) -> Slide:  # noqa: A001
    """Open a CZI file; memory is bounded by its blocks.

    Raises DamagedSlide, UnsupportedSlide, NoSuchScene or TooLarge.
    """
    chosen((), scene)
    file = SharedFile(path)
    try:
        structure = read_structure(file)
        if all(block.pixel_type == BGR24 for block in structure.blocks):
            file.close()
            return _through_openslide(path)
        source = _source(structure, file)
        lost = losses_in(*stored_in(file, structure.blocks))
        return Slide(source, _facts(structure, source.pyramid), {}, (path,), (lost,))
    except BaseException:
        file.close()
        raise


def _through_openslide(path: Path) -> Slide:
    from slides.formats import openslide

    return openslide.open(path)


class CziSource:
    """A TileSource over the blocks of a CZI file; what no block covers is dark."""

    def __init__(
        self, planes: dict[Plane, list[Block]], box: Box, bits: int, file: SharedFile
    ) -> None:
        self._planes = planes
        self._box = box
        self._file = file
        self._type = np.dtype(f"u{bits // 8}")
        self._kept: OrderedDict[int, Pixels] = OrderedDict()
        self._lock = Lock()
        tile = _tile_of(max(block.height for blocks in planes.values() for block in blocks))
        level = Level(box.width, box.height, tile, tile)
        self.pyramid = Pyramid((level,), samples=1, bits=bits, planes=tuple(planes))

    def encoding(self, level: int) -> Encoding:
        """Opaque: blocks are no tiles."""
        self.pyramid.level(level)
        return Encoding.OPAQUE

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """The pixels of a box, put together from the blocks that it touches."""
        grid = self.pyramid.level(level)
        if plane not in self._planes:
            raise OutsideImage(f"{plane} of {len(self._planes)}")
        if box.within(grid.width, grid.height) != box or box.width < 1 or box.height < 1:
            raise OutsideImage(f"{box} of a level of {grid.width} × {grid.height}")
        out = np.zeros((box.height, box.width, 1), self._type)
        for block in self._planes[plane]:
            x, y = block.x - self._box.x - box.x, block.y - self._box.y - box.y
            left, top = max(x, 0), max(y, 0)
            right, bottom = min(x + block.width, box.width), min(y + block.height, box.height)
            if left < right and top < bottom:
                own = self._decoded(block)
                out[top:bottom, left:right, 0] = own[top - y : bottom - y, left - x : right - x]
        return out

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        """None, once the address is found to exist."""
        del plane
        self.pyramid.level(level).box(column, row)
        return None

    def close(self) -> None:
        """Release the file and memory; safe to call twice."""
        self._file.close()
        with self._lock:
            self._kept.clear()

    def _decoded(self, block: Block) -> Pixels:
        """The pixels of a block, the last ones kept."""
        with self._lock:
            if block.position in self._kept:
                self._kept.move_to_end(block.position)
                return self._kept[block.position]
        pixels = _decode(self._file.read(*data_of(self._file, block)), block, self._type)
        with self._lock:
            self._kept[block.position] = pixels
            while sum(one.nbytes for one in self._kept.values()) > KEPT_BYTES:
                self._kept.popitem(last=False)
        return pixels


def _tile_of(height: int) -> int:
    """About as high as a block, so that few are decoded for each row of tiles."""
    return max(256, min(2048, 1 << (height - 1).bit_length()))


def _decode(data: bytes, block: Block, kind: "np.dtype[Any]") -> Pixels:
    """The pixels of a block, (rows, columns); raises DamagedCodestream."""
    shape = block.height, block.width
    size = shape[0] * shape[1] * kind.itemsize
    try:
        if block.compression in {JPEG, JPEG_XR}:
            decode = "jpeg8_decode" if block.compression == JPEG else "jpegxr_decode"
            pixels = np.asarray(getattr(imagecodecs, decode)(data))
            if pixels.shape != shape or pixels.dtype != kind:
                raise DamagedCodestream("it does not hold the pixels its directory promises")
            return pixels
        raw = data if block.compression == UNCOMPRESSED else _unpacked(data, block, size)
        return np.frombuffer(raw, kind.newbyteorder("<"), shape[0] * shape[1]).reshape(shape)
    except (TilesError, RuntimeError, ValueError) as error:
        raise DamagedCodestream(
            f"the block at ({block.x}, {block.y}) does not decode: {error}"
        ) from error


def _unpacked(data: bytes, block: Block, size: int) -> bytes:
    """Pixels out of zstd, put together again where their high and low bytes lie apart."""
    apart = False
    if block.compression == ZSTD1:
        head = data[0] if data else 0
        if head not in {1, 3}:
            raise DamagedCodestream("its head is malformed")
        apart = head == 3 and data[1] == 1 and bool(data[2] & 1)
        data = data[head:]
    raw = bytes(imagecodecs.zstd_decode(data, out=size))
    if len(raw) != size:
        raise DamagedCodestream(f"{len(raw)} of {size} bytes")
    return np.frombuffer(raw, np.uint8).reshape(2, -1).T.tobytes() if apart else raw


def _source(structure: Structure, file: SharedFile) -> CziSource:
    blocks = [block for block in structure.blocks if block.is_whole]
    if not blocks:
        raise DamagedSlide("it holds reduced pictures alone; fetch it again from the scanner")
    _refuse_other_kinds(blocks)
    paths, heights = (sorted({one.indices.get(axis, 0) for one in blocks}) for axis in "CZ")
    planes: dict[Plane, list[Block]] = {
        Plane(z, c): [] for c in range(len(paths)) for z in range(len(heights))
    }
    for block in sorted(blocks, key=lambda one: one.indices.get("M", 0)):
        focal = heights.index(block.indices.get("Z", 0))
        planes[Plane(focal, paths.index(block.indices.get("C", 0)))].append(block)
    left, top = min(one.x for one in blocks), min(one.y for one in blocks)
    right = max(one.x + one.width for one in blocks)
    bottom = max(one.y + one.height for one in blocks)
    bits = 16 if blocks[0].pixel_type == GRAY16 else 8
    check_bomb(right - left, bottom - top, bits // 8, file.size)
    for block in blocks:
        check_segment("block", block.width * block.height * bits // 8)
        data_of(file, block)
    return CziSource(planes, Box(left, top, right - left, bottom - top), bits, file)


def _refuse_other_kinds(blocks: Sequence[Block]) -> None:
    kinds = {block.pixel_type for block in blocks}
    if len(kinds) > 1 or not kinds <= {GRAY8, GRAY16}:
        named = " and ".join(PIXELS.get(kind, f"pixel type {kind}") for kind in sorted(kinds))
        raise UnsupportedSlide(f"it has channels of {named}; export it as 8- or 16-bit grey")
    for axis in sorted(SINGLE):
        several = {block.indices.get(axis, 0) for block in blocks}
        if len(several) > 1:
            raise UnsupportedSlide(
                f"it has {len(several)} {NAMES.get(axis, 'blocks')}, and a slide one; export one"
            )
    other = {block.compression for block in blocks} - READ
    if other:
        raise UnsupportedSlide(f"its pixels are compressed by method {min(other)}; export it anew")


def _facts(structure: Structure, pyramid: Pyramid) -> Facts:
    root = structure.metadata
    if root is None:
        return Facts("czi")
    x, y, z = (_distance_um(root, axis) for axis in "XYZ")
    image = root.find("./Metadata/Information/Image")
    power = root.findtext(".//Objectives/Objective/NominalMagnification")
    paths = 1 + max(plane.optical_path for plane in pyramid.planes)
    return Facts(
        format="czi",
        mpp_um=(x, y) if x and y else None,
        objective_power=positive(power),
        scanner=Scanner(
            manufacturer="Zeiss",
            model=root.findtext(".//Microscopes/Microscope/System"),
            software=root.findtext("./Metadata/Information/Application/Name"),
        ),
        acquired_at=_moment(image.findtext("AcquisitionDateAndTime") if image is not None else ""),
        background=(0, 0, 0),
        channels=_channels(root, paths),
        focal_spacing_um=z if len(pyramid.planes) > paths else None,
    )


def _distance_um(root: Element, axis: str) -> float | None:
    metres = positive(
        (root.findtext(f"./Metadata/Scaling/Items/Distance[@Id='{axis}']/Value") or "").lower()
    )
    return metres * UM_PER_M if metres else None


def _channels(root: Element, count: int) -> tuple[Channel, ...]:
    told = root.findall("./Metadata/Information/Image/Dimensions/Channels/Channel")
    shown = root.findall("./Metadata/DisplaySetting/Channels/Channel")
    colours = {one.get("Id"): _colour(one.findtext("Color")) for one in shown}
    return tuple(
        Channel(
            name=(one.get("Name") or one.findtext("Fluor") or "").strip(),
            fluorescent=bool(
                {one.findtext("ContrastMethod"), one.findtext("IlluminationType")} & FLUORESCENCE
            ),
            excitation_nm=positive(one.findtext("ExcitationWavelength")),
            emission_nm=positive(one.findtext("EmissionWavelength")),
            colour=colours.get(one.get("Id")),
        )
        for one in told[:count]
    )


def _colour(text: str | None) -> tuple[int, int, int] | None:
    """`#AARRGGBB`, as R, G, B."""
    try:
        red, green, blue = bytes.fromhex((text or "").lstrip("#"))[-3:]
    except ValueError:
        return None
    return red, green, blue


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip()[:26].rstrip("Z")) if text else None
    except ValueError:
        # A date that is none says nothing.
        return None
