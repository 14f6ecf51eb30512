"""Zeiss CZI: channels, focal planes, mosaics and scenes, in 8 and 16 bits of grey and in colour.

Blocks lie where the stage was, possibly over one another, those with a higher mosaic number on top;
scenes are areas of one glass and are shown together, as they lie, or one by one. Reduced blocks are
not read. Colour slides are read through OpenSlide, which has them, where it shows all there is.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Lock
from xml.etree.ElementTree import Element

import numpy as np

from slides.czi_attachments import attachments
from slides.czi_blocks import JPEG, KINDS, READ, decode_block
from slides.czi_scenes import areas_of, around, lie_over_one_another
from slides.czi_structure import (
    BGR24,
    PIXELS,
    Block,
    Readable,
    Structure,
    data_of,
    read_structure,
    stored_in,
)
from slides.embedded import embedded_jpeg
from slides.errors import DamagedSlide, UnsupportedSlide
from slides.limits import check_bomb, check_segment
from slides.scenes import chosen
from slides.shared_file import SharedFile
from slides.slide import WHITE, AssociatedImage, Channel, Facts, Scanner, Scene, Slide, colours
from slides.stated import positive
from tiles.coding import losses_in
from tiles.errors import OutsideImage
from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.source import Encoding, Frame, Pixels

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
    file = SharedFile(path)
    try:
        structure = read_structure(file)
        blocks = [block for block in structure.blocks if block.is_whole]
        if not blocks:
            raise DamagedSlide("it holds reduced pictures alone; fetch it again from the scanner")
        scenes = areas_of(blocks, structure.metadata)
        listed = tuple(Scene(one.box.width, one.box.height, one.name) for one in scenes)
        number = chosen(listed, scene)
        if number is None and lie_over_one_another(scenes):
            number = 1
        if number is None and _is_openslides(blocks):
            _refuse_other_kinds(blocks)
            with suppress(UnsupportedSlide):
                slide = replace(_through_openslide(path), scenes=listed)
                file.close()
                return slide
        if number is not None:
            blocks = [one for one in blocks if one.scene == scenes[number - 1].index]
        source = _source(blocks, file, file.close)
        beside = dict(_beside(file, structure.attachments))
        facts = _facts(structure, source.pyramid)
        lost = losses_in(*stored_in(file, blocks))
        return Slide(source, facts, beside, (path,), (lost,), listed, number)
    except BaseException:
        file.close()
        raise


def _is_openslides(blocks: Sequence[Block]) -> bool:
    """Whether OpenSlide shows all of it: colours on one focal plane."""
    return all(one.pixel_type == BGR24 for one in blocks) and len({one.z for one in blocks}) == 1


def _through_openslide(path: Path) -> Slide:
    from slides.formats import openslide

    return openslide.open(path)


def _beside(file: SharedFile, directory: int) -> Iterator[tuple[str, AssociatedImage]]:
    """The pictures beside the slide; those of other kinds than are written today are left out."""
    for name, kind, part in attachments(file, directory):
        if kind == "JPG":
            yield name, embedded_jpeg(part.read(0, part.size), name)
        elif kind == "CZI":
            structure = read_structure(part)
            blocks = [block for block in structure.blocks if block.is_whole]
            if not blocks:
                raise DamagedSlide(f"its {name} has no pixels; fetch it again from the scanner")
            source = _source(blocks, part, lambda: None)
            encoding, _, stored_bytes = stored_in(part, blocks)
            yield (
                name,
                AssociatedImage(
                    width=source.pyramid.width,
                    height=source.pyramid.height,
                    encoding=encoding,
                    read=partial(colours, source),
                    stored_bytes=stored_bytes,
                ),
            )


class CziSource:
    """A TileSource over the blocks of a CZI file.

    What no block covers is dark, and white around colours. `close` is called when it is closed.
    """

    def __init__(
        self,
        planes: dict[Plane, list[Block]],
        box: Box,
        file: Readable,
        close: Callable[[], None],
    ) -> None:
        self._planes = planes
        self._box = box
        self._file = file
        self._close = close
        blocks = [block for own in planes.values() for block in own]
        self._type, samples = KINDS[blocks[0].pixel_type]
        self._background = 255 if samples == 3 else 0
        self._kept: OrderedDict[int, Pixels] = OrderedDict()
        self._lock = Lock()
        tile = _tile_of(max(block.height for block in blocks))
        level = Level(box.width, box.height, tile, tile)
        self.pyramid = Pyramid(
            (level,), samples=samples, bits=8 * self._type.itemsize, planes=tuple(planes)
        )

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
        shape = box.height, box.width, self.pyramid.samples
        out = np.full(shape, self._background, self._type)
        for block in self._planes[plane]:
            x, y = block.x - self._box.x - box.x, block.y - self._box.y - box.y
            left, top = max(x, 0), max(y, 0)
            right, bottom = min(x + block.width, box.width), min(y + block.height, box.height)
            if left < right and top < bottom:
                own = self._decoded(block)
                out[top:bottom, left:right] = own[top - y : bottom - y, left - x : right - x]
        return out

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        """None, once the address is found to exist."""
        del plane
        self.pyramid.level(level).box(column, row)
        return None

    def close(self) -> None:
        """Release the file and memory; safe to call twice."""
        self._close()
        with self._lock:
            self._kept.clear()

    def _decoded(self, block: Block) -> Pixels:
        """The pixels of a block, the last ones kept."""
        with self._lock:
            if block.position in self._kept:
                self._kept.move_to_end(block.position)
                return self._kept[block.position]
        pixels = decode_block(self._file.read(*data_of(self._file, block)), block)
        with self._lock:
            self._kept[block.position] = pixels
            while sum(one.nbytes for one in self._kept.values()) > KEPT_BYTES:
                self._kept.popitem(last=False)
        return pixels


def _tile_of(height: int) -> int:
    """About as high as a block, so that few are decoded for each row of tiles."""
    return max(256, min(2048, 1 << (height - 1).bit_length()))


def _source(blocks: Sequence[Block], file: Readable, close: Callable[[], None]) -> CziSource:
    _refuse_other_kinds(blocks)
    paths, heights = sorted({one.c for one in blocks}), sorted({one.z for one in blocks})
    planes: dict[Plane, list[Block]] = {
        Plane(z, c): [] for c in range(len(paths)) for z in range(len(heights))
    }
    for block in sorted(blocks, key=lambda one: one.mosaic):
        planes[Plane(heights.index(block.z), paths.index(block.c))].append(block)
    box = around(blocks)
    kind, samples = KINDS[blocks[0].pixel_type]
    check_bomb(box.width, box.height, samples * kind.itemsize, file.size)
    for block in blocks:
        check_segment("block", block.width * block.height * samples * kind.itemsize)
        data_of(file, block)
    return CziSource(planes, box, file, close)


def _refuse_other_kinds(blocks: Sequence[Block]) -> None:
    kinds = {block.pixel_type for block in blocks}
    if len(kinds) != 1 or not kinds <= KINDS.keys():
        named = " and ".join(PIXELS.get(kind, f"pixel type {kind}") for kind in sorted(kinds))
        raise UnsupportedSlide(f"it has channels of {named}; export it as 8- or 16-bit grey")
    if kinds == {BGR24} and len({block.c for block in blocks}) > 1:
        raise UnsupportedSlide("it has several channels of colours; export one of them")
    for axis in sorted(SINGLE):
        several = {block.indices.get(axis, 0) for block in blocks}
        if len(several) > 1:
            what = NAMES.get(axis, "blocks")
            raise UnsupportedSlide(
                f"it has {len(several)} {what}, and a slide one; export each as a file of its own"
            )
    read = READ - {JPEG} if kinds == {BGR24} else READ
    other = {block.compression for block in blocks} - read
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
        background=(0, 0, 0) if pyramid.samples == 1 else WHITE,
        channels=_channels(root, paths) if pyramid.samples == 1 else (),
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
