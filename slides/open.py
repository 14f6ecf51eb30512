"""Open a slide of any format, found by its content."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from slides.errors import DamagedSlide, MissingFile, SlideError, UnknownFormat, UnsupportedSlide
from slides.slide import Slide
from tiles.errors import ShortRead, TilesError, UnsupportedPixels


class Format(Protocol):
    """A module of `formats`."""

    def open(self, path: Path, scene: int | None = None) -> Slide:
        """The slide, or one scene of it counted from 1; raises SlideError."""
        ...


HEAD_BYTES = 4096
DICOM_AT, DICOM = 128, b"DICM"
CZI = b"ZISRAWFILE"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How TIFF and BigTIFF begin, in either byte order."""

# What people send by mistake: where it begins, what it is, what to do.
MISTAKEN = (
    (0, b"\xff\xd8\xff", "it is a JPEG picture, not a slide; ingest photographs as such"),
    (0, b"\x89PNG", "it is a PNG picture, not a slide; ingest photographs as such"),
    (0, b"GIF8", "it is a GIF picture, not a slide; ingest photographs as such"),
    (4, b"ftyp", "it is a HEIF photograph or a film, not a slide; ingest photographs as such"),
    (0, b"PK\3\4", "it is a zip archive; unpack it and open the slide inside"),
    (257, b"ustar", "it is a tar archive; unpack it and open the slide inside"),
)


def open_slide(path: Path, scene: int | None = None) -> Slide:
    """Open a slide's file, or the folder of one DICOM series; the caller closes it.

    Of a file with several scenes it is the one with the number `scene`, from 1; else all of them
    where they lie on one canvas, or the first. Raises MissingFile, UnknownFormat, NoSuchScene,
    UnsupportedSlide, DamagedSlide or TooLarge, each with `path`.
    """
    with _named(path):
        return _with_barcodes(_open(path, scene))


def open_unread(path: Path, scene: int | None = None) -> Slide:
    """A slide as `open_slide` opens it, but for the barcodes of its label: sooner, for its pixels.

    Raises as `open_slide`.
    """
    with _named(path):
        return _open(path, scene)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Raise what befalls a file as what `open_slide` promises."""
    try:
        yield
    except SlideError as error:
        error.path = error.path or path
        raise
    except UnsupportedPixels as error:
        raise UnsupportedSlide(str(error), path) from error
    except (TilesError, ShortRead) as error:
        raise DamagedSlide(f"{error}; fetch the file again from the scanner", path) from error


def _open(path: Path, scene: int | None) -> Slide:
    if not path.exists():
        raise MissingFile("there is no such file; check its name")
    if path.is_dir():
        return _dicom().open(path, scene)
    if not path.is_file():
        raise UnknownFormat("it is neither a file nor a folder; give a slide's file")
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if not head:
        raise DamagedSlide("the file is empty; fetch it again from the scanner")
    found = _format_of(path, head)
    if found is not None:
        return found.open(path, scene)
    for offset, magic, reason in MISTAKEN:
        if head[offset : offset + len(magic)] == magic:
            raise UnknownFormat(reason)
    raise UnknownFormat(
        "it is no slide of a format read here; export it as SVS, DICOM or pyramidal TIFF"
    )


def _format_of(path: Path, head: bytes) -> Format | None:
    """The module that reads a file with this content; no other is loaded, as that takes long."""
    if head[DICOM_AT : DICOM_AT + len(DICOM)] == DICOM:
        return _dicom()
    if head.startswith(TIFF):
        from slides.formats import tiff

        return tiff
    if head.startswith(CZI):
        from slides.formats import czi

        return czi
    from slides.formats import openslide

    return openslide if openslide.detect(path, head) else None


def _dicom() -> Format:
    from slides.formats import dicom

    return dicom


def _with_barcodes(slide: Slide) -> Slide:
    """The slide with what its label says added to what the scanner stored.

    Scanners without a label image leave the label in the macro.
    """
    label = slide.associated.get("label") or slide.associated.get("macro")
    if label is None:
        return slide
    from slides.label import read_barcodes

    try:
        found = read_barcodes(label)
    except BaseException:
        slide.close()
        raise
    barcodes = tuple(dict.fromkeys((*slide.facts.barcodes, *found)))
    return replace(slide, facts=replace(slide.facts, barcodes=barcodes, label_barcodes=found))
