"""The pictures beside the slide that a CZI carries in itself: label, preview, thumbnail.

Source: the ZISRAW file format, version 1.0 of CZI (attachment directory, attachments).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from slides.czi_structure import Readable, segment
from slides.errors import DamagedSlide
from tiles.errors import ShortRead

NAMES = {"Label": "label", "SlidePreview": "macro", "Thumbnail": "thumbnail"}
MOST_ATTACHMENTS = 4096

_DIRECTORY_BYTES = 256
_ENTRY = Struct("<2s10sqi16s8s80s")
_ATTACHMENT_BYTES = 256
_SIZE = Struct("<i")


@dataclass(frozen=True, slots=True)
class Part:
    """A file within a file, read by its own offsets."""

    file: Readable
    start: int
    size: int

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`; raises ShortRead."""
        if offset < 0 or length < 0 or offset + length > self.size:
            raise ShortRead(f"{length} bytes expected at {offset}, where none are")
        return self.file.read(self.start + offset, length)


def attachments(file: Readable, directory: int) -> Iterator[tuple[str, str, Part]]:
    """The name of each picture, what it is (`CZI`, `JPG`), and its bytes; raises DamagedSlide."""
    if directory <= 0:
        return
    try:
        yield from _attachments(file, directory)
    except Exception as error:  # a parser of foreign bytes raises anything
        raise DamagedSlide(
            "its list of pictures beside the slide is damaged; fetch it again from the scanner"
        ) from error


def _attachments(file: Readable, directory: int) -> Iterator[tuple[str, str, Part]]:
    length, start = segment(file, directory, b"ZISRAWATTDIR")
    count = int.from_bytes(file.read(start, 4), "little")
    if not 0 <= count <= MOST_ATTACHMENTS or length < _DIRECTORY_BYTES + count * _ENTRY.size:
        raise ValueError(f"{count} attachments")
    entries = file.read(start + _DIRECTORY_BYTES, count * _ENTRY.size)
    for _, _, position, _, _, kind, title in _ENTRY.iter_unpack(entries):
        name = NAMES.get(_text(title))
        if name is not None:
            _, content = segment(file, position, b"ZISRAWATTACH")
            (size,) = _SIZE.unpack(file.read(content, _SIZE.size))
            begin = content + _ATTACHMENT_BYTES
            if size < 0 or begin + size > file.size:
                raise ValueError("an attachment beyond the end")
            yield name, _text(kind), Part(file, begin, size)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")
