"""How the pixels that OpenSlide gives are stored, which it does not say: what they lost before.

Where a file does not tell, its pixels count as JPEG, which all scanners write whose files are read
through OpenSlide: DICOM knows no third answer beside lossy and never lossy (PS3.3 C.7.6.1.1.5), and
an image must not be called lossless that may not be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from slides.ini_file import named_files, present
from slides.mirax_structure import read_images
from tiles.coding import Loss, losses_in
from tiles.source import Encoding

if TYPE_CHECKING:
    from slides.tiff_structure import Page

MIRAX_FORMATS = {"JPEG": Encoding.JPEG, "PNG": Encoding.DEFLATE, "BMP24": Encoding.RAW}


@dataclass(frozen=True, slots=True)
class Stored:
    """The encoding of some pixels, and their sizes in bytes: decoded, and in the file."""

    encoding: Encoding
    decoded_bytes: int
    stored_bytes: int

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What was lost when they were encoded."""
        return losses_in(self.encoding, self.decoded_bytes, self.stored_bytes)


@dataclass(frozen=True, slots=True)
class Behind:
    """How a slide is stored: its levels alike, and the pictures beside them by their names."""

    levels: Stored
    beside: Mapping[str, Stored] = field(default_factory=dict)

    def of(self, name: str, width: int, height: int) -> Stored:
        """How a picture is stored; one of which the file does not tell, as the levels are."""
        own = self.beside.get(name)
        if own is not None:
            return own
        decoded = width * height * 3
        share = self.levels.stored_bytes / max(1, self.levels.decoded_bytes)
        return Stored(self.levels.encoding, decoded, max(1, round(decoded * share)))


def behind(
    path: Path,
    vendor: str,
    files: Sequence[Path],
    level: tuple[int, int],
    beside: Mapping[str, tuple[int, int]],
) -> Behind:
    """How a slide of these files is stored; `level` and `beside` are sizes in pixels.

    Raises DamagedSlide where its structure cannot be followed.
    """
    match path.suffix.lower():
        case ".mrxs":
            return _mirax(path.with_suffix(""), beside)
        case ".vms":
            return _vms(path, level, beside)
        case ".vmu":
            size = sum(one.stat().st_size for one in files)
            return Behind(Stored(Encoding.RAW, _colours(level), size))
    if vendor == "zeiss":
        return Behind(_czi(path))
    with path.open("rb") as stream:
        is_tiff = stream.read(2) in {b"II", b"MM"}
    if is_tiff:
        from slides.tiff_structure import read_structure  # slow to load, as what reads TIFF is

        return _tiff(read_structure(path), beside)
    return Behind(Stored(Encoding.JPEG, _colours(level), sum(one.stat().st_size for one in files)))


def _mirax(folder: Path, beside: Mapping[str, tuple[int, int]]) -> Behind:
    images = read_images(folder)
    encoding = MIRAX_FORMATS.get(images.format, Encoding.JPEG)
    pictures = {
        # The only kind that OpenSlide reads.
        name: Stored(Encoding.JPEG, _colours(size), images.beside[name])
        for name, size in beside.items()
        if name in images.beside
    }
    return Behind(Stored(encoding, images.decoded_bytes, images.stored_bytes), pictures)


def _vms(path: Path, level: tuple[int, int], beside: Mapping[str, tuple[int, int]]) -> Behind:
    def bytes_of(key: str) -> int:
        names = named_files(path, "Virtual Microscope Specimen", key)
        return sum(file.stat().st_size for file in present(path.parent, names))

    macro = {
        name: Stored(Encoding.JPEG, _colours(size), bytes_of("MacroImage"))
        for name, size in beside.items()
        if name == "macro"
    }
    return Behind(Stored(Encoding.JPEG, _colours(level), bytes_of("ImageFile")), macro)


def _czi(path: Path) -> Stored:
    from slides.czi_structure import read_structure, stored_in
    from slides.shared_file import SharedFile

    file = SharedFile(path)
    try:
        return Stored(*stored_in(file, read_structure(file).blocks))
    finally:
        file.close()


def _tiff(pages: "Sequence[Page]", beside: Mapping[str, tuple[int, int]]) -> Behind:
    """The levels are the largest page and all others of its encoding, but for the pictures."""
    every = [*pages, *(page for one in pages for page in one.reduced)]
    largest = max(every, key=lambda page: page.width * page.height)
    pictures = {
        name: page
        for name, size in beside.items()
        for page in every
        if (page.width, page.height) == size and page is not largest
    }
    own = [
        page
        for page in every
        if page.compression == largest.compression and page not in pictures.values()
    ]
    return Behind(_stored(own), {name: _stored([page]) for name, page in pictures.items()})


def _stored(pages: "Sequence[Page]") -> Stored:
    decoded = sum(page.width * page.height * page.samples for page in pages)
    return Stored(_encoding(pages[0]), decoded, sum(int(page.counts.sum()) for page in pages))


def _encoding(page: "Page") -> Encoding:
    from slides.tiff_kinds import INFLATE, JPEG, JPEG_2000, PICTURES

    if page.compression == JPEG:
        return Encoding.JPEG
    if page.compression in JPEG_2000:
        return Encoding.JPEG_2000
    known = INFLATE.get(page.compression) or PICTURES.get(page.compression)
    return known[0] if known else Encoding.RAW


def _colours(size: tuple[int, int]) -> int:
    """The bytes of a picture of this size in colours."""
    return size[0] * size[1] * 3
