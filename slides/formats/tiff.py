"""TIFF, tiled or in strips: Aperio SVS, OME-TIFF and generic pyramids, read by ourselves.

Encoded tiles can be had as they are stored, so they can be copied.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path

from slides.embedded import embedded_jpeg
from slides.errors import NotAddressable, UnsupportedSlide
from slides.formats import imagej, leica, ndpi, ome_tiff, philips, qptiff, svs, trestle, ventana
from slides.limits import check_bomb
from slides.oriented import ORIENTATIONS, OrientedSource
from slides.restart_picture import RestartPicture, open_restarts
from slides.scenes import chosen, naming
from slides.shared_file import SharedFile
from slides.slide import Addresses, AssociatedImage, Scene, Slide, colours
from slides.tiff_layout import MOST_WHOLE_PIXELS, Layout, arrange, as_one_strip
from slides.tiff_picture import Picture, open_picture
from slides.tiff_structure import Page, read_structure
from tiles.errors import OutsideImage
from tiles.pyramid import FIRST, Box, Plane, Pyramid
from tiles.source import Encoding, Frame, Pixels, Run, TileSource, assemble

DARK = (0, 0, 0)
"""What was not scanned, where light comes from the tissue."""
VENDORS = (svs, ome_tiff, philips, ndpi, ventana, leica, trestle, qptiff, imagej)


Levels = tuple[Picture | RestartPicture, ...]


class TiffSource:
    """A TileSource over the levels of a TIFF, read by offset from shared files, mostly one."""

    def __init__(
        self,
        planes: Mapping[Plane, Levels],
        files: Iterable[SharedFile],
        *,
        gaps_from_above: bool = False,
    ) -> None:
        self._planes = planes
        self._files = tuple(files)
        self._gaps_from_above = gaps_from_above
        first = next(iter(planes.values()))
        self.pyramid = Pyramid(
            tuple(picture.level for picture in first),
            samples=first[0].samples,
            bits=first[0].bits,
            planes=tuple(planes),
        )

    def encoding(self, level: int) -> Encoding:
        """How the tiles of a level are stored; strips count as tiles."""
        return self._picture(level).encoding

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """The pixels of a box.

        Tiles that were never stored are of the background, or reduced from the level above.
        """
        gappy = self._drawn_from_above(level, plane)
        if gappy is None:
            return assemble(self, level, box, self._picture(level, plane).tile)

        def read_tile(column: int, row: int) -> Pixels:
            if gappy.is_stored(column, row):
                return gappy.tile(column, row)
            return self._from_above(level, gappy.level.box(column, row), plane)

        return assemble(self, level, box, read_tile)

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        """A tile as one complete codestream (JPEG, JPEG 2000); None for all other encodings."""
        return self._picture(level, plane).frame(column, row)

    def runs(self, level: int, columns: range, rows: range, plane: Plane = FIRST) -> Iterator[Run]:
        """What `frame` gives for each of these tiles, row by row, out of long reads."""
        return self._picture(level, plane).runs(columns, rows)

    def addresses(self, level: int) -> Addresses | None:
        """Where the tiles of a level lie; None where samples lie apart, or a gap is not blank."""
        return None if self._drawn_from_above(level) else self._picture(level).addresses

    def close(self) -> None:
        """Release the files; safe to call twice."""
        for file in self._files:
            file.close()

    def _drawn_from_above(self, level: int, plane: Plane = FIRST) -> Picture | None:
        """A level some of whose tiles are drawn from the one above it."""
        picture = self._picture(level, plane)
        if not self._gaps_from_above or level == 0 or not isinstance(picture, Picture):
            return None
        return picture if picture.has_gaps else None

    def _from_above(self, level: int, box: Box, plane: Plane) -> Pixels:
        """A box of a level, reduced from what the level above has there."""
        import cv2

        above, here = self.pyramid.levels[level - 1], self.pyramid.levels[level]
        across, down = above.width / here.width, above.height / here.height
        x, y = int(box.x * across), int(box.y * down)
        right, bottom = ceil(box.right * across), ceil(box.bottom * down)
        place = Box(x, y, right - x, bottom - y).within(above.width, above.height)
        pixels = self.pixels(level - 1, place, plane)
        size = box.width, box.height
        reduced: Pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        return reduced.reshape(box.height, box.width, self.pyramid.samples)

    def _picture(self, level: int, plane: Plane = FIRST) -> Picture | RestartPicture:
        self.pyramid.level(level)
        if plane not in self._planes:
            raise OutsideImage(f"{plane} of {len(self._planes)}")
        return self._planes[plane][level]


def open(path: Path, scene: int | None = None) -> Slide:  # noqa: A001
    """Open a TIFF of 8- or 16-bit grey or 8-bit RGB pixels; memory is bounded by one tile or strip.

    Vendors' files whose tiles are not where we look are read through OpenSlide.
    """
    _refuse_mere_index(path)
    pages = read_structure(path)
    vendor = next((known for known in VENDORS if known.recognised(pages)), None)
    if vendor is ome_tiff:
        scenes = ome_tiff.scenes(pages)
        number = chosen(scenes, scene) or (1 if scenes else None)
        with naming(number):
            slide = _open(path, ome_tiff.arrange(pages, number))
        return replace(slide, scenes=scenes, scene=number)
    if vendor is leica and (scenes := leica.scenes(pages)):
        return _areas(path, pages, scenes, chosen(scenes, scene))
    chosen((), scene)
    if vendor is trestle and trestle.overview_of(path).exists():
        return _through_openslide(path)
    try:
        layout = (vendor.arrange if vendor else arrange)(pages)
    except NotAddressable:
        return _through_openslide(path)
    try:
        return _open(path, layout)
    except NotAddressable as error:
        if layout.stack:
            # Others would show one plane of it.
            raise UnsupportedSlide(f"{error}; export one of its planes") from error
        return _through_openslide(path)


def _areas(
    path: Path, pages: Sequence[Page], scenes: tuple[Scene, ...], number: int | None
) -> Slide:
    """The areas of a glass on one canvas, as OpenSlide lays them, or one of them."""
    if number is None:
        return replace(_through_openslide(path), scenes=scenes)
    try:
        with naming(number):
            slide = _open(path, leica.arrange(pages, number))
    except NotAddressable as error:
        # OpenSlide has no areas, but what all of them make.
        raise UnsupportedSlide(f"{error}; leave --scene out") from error
    return replace(slide, scenes=scenes, scene=number)


def _refuse_mere_index(path: Path) -> None:
    """Refuse Olympus's VSI, whose own pictures are its overview; raises UnsupportedSlide."""
    folder = path.with_name(f"_{path.stem}_")
    if path.suffix.lower() == ".vsi" or any(folder.glob("*/*.ets")):
        raise UnsupportedSlide(
            "it is an Olympus VSI, whose slide is in the .ets files of the folder beside it, which "
            "are not read; export it as TIFF or DICOM"
        )


def _open(path: Path, layout: Layout) -> Slide:
    stack = layout.stack or {FIRST: layout.levels}
    files = {one: SharedFile(one) for one in _files_of(path, stack)}
    file = files[path]
    try:
        main = layout.levels[0]
        check_bomb(main.width, main.height, main.samples, file.size)
        facts = layout.facts
        if main.bits == 16 or any(channel.fluorescent for channel in facts.channels):
            facts = replace(facts, background=DARK)
        planes = {
            plane: tuple(
                _opened(page, f"level {index}", files[page.file], facts.background)
                for index, page in enumerate(pages)
            )
            for plane, pages in stack.items()
        }
        _refuse_unlike(planes)
        pictures = next(iter(planes.values()))
        source: TileSource = TiffSource(
            planes, files.values(), gaps_from_above=layout.gaps_from_above
        )
        orientation = ORIENTATIONS.get(main.orientation)
        if orientation is not None:
            source = OrientedSource(source, orientation)
            if orientation.transposed and facts.mpp_um is not None:
                facts = replace(facts, mpp_um=facts.mpp_um[::-1])
        associated = {
            name: _associated(page, name, file) for name, page in layout.associated.items()
        } | {name: embedded_jpeg(data, name) for name, data in layout.jpegs.items()}
    except BaseException:
        for one in files.values():
            one.close()
        raise
    losses = tuple(picture.losses for picture in pictures)
    return Slide(source, facts, associated, tuple(files), losses)


def _files_of(path: Path, stack: Mapping[Plane, Sequence[Page]]) -> tuple[Path, ...]:
    """The file that was opened, and those that hold other planes."""
    others = (page.file for pages in stack.values() for page in pages)
    return tuple(dict.fromkeys((path, *others)))


def _opened(
    page: Page, name: str, file: SharedFile, background: tuple[int, int, int]
) -> Picture | RestartPicture:
    if page.strip is None:
        return replace(open_picture(page, name, file), background=background)
    try:
        return open_restarts(page, name, file)
    except NotAddressable:
        if page.width * page.height > MOST_WHOLE_PIXELS:
            raise
        return open_picture(as_one_strip(page), name, file)


def _refuse_unlike(planes: Mapping[Plane, Levels]) -> None:
    """Refuse planes that are not alike; raises UnsupportedSlide."""
    kinds = {
        tuple((one.level, one.encoding, one.samples, one.bits) for one in levels)
        for levels in planes.values()
    }
    if len(kinds) > 1:
        raise UnsupportedSlide("its planes are not stored alike; export one of them")


def _through_openslide(path: Path) -> Slide:
    from slides.formats import openslide

    return openslide.open(path)


def _associated(page: Page, name: str, file: SharedFile) -> AssociatedImage:
    check_bomb(page.width, page.height, page.samples, file.size)
    picture = open_picture(page, f"the {name}", file)
    source = TiffSource({FIRST: (picture,)}, (file,))

    return AssociatedImage(
        width=page.width,
        height=page.height,
        encoding=picture.encoding,
        read=lambda: colours(source),
        read_frame=picture.one_frame,
        icc_profile=page.icc_profile,
        stored_bytes=int(page.counts.sum()),
    )
