"""Instances cut into parts (`archive.concatenation`) for archives that take none over a size."""

from collections.abc import Sequence
from copy import deepcopy
from functools import partial

from archive.concatenation import as_part, parts_of
from slides.errors import NotFaithful, TooLarge
from slides.instances import Instance
from tiles.cut import StoredFrames, neighbours, sizes_of
from tiles.frames import Written
from tiles.instance import read_header, read_index
from tiles.reheader import write_under

ROOM_BYTES = 512
"""For what tells a part from the whole."""

COMPARED_BYTES = 1 << 22


def split(instances: Sequence[Instance], most_bytes: int) -> None:
    """Replace every instance of more than `most_bytes` by parts that have none more.

    Raises TooLarge where one tile alone is, and NotFaithful where a part reads otherwise than it
    was written; the whole is there until its parts are.
    """
    for instance in instances:
        if instance.written.length_bytes > most_bytes:
            _split(instance, most_bytes)


def _split(instance: Instance, most_bytes: int) -> None:
    whole = instance.written
    with whole.path.open("rb") as file:

        def read(offset: int, length: int) -> bytes:
            file.seek(offset)
            return file.read(length)

        header, pixels_at = read_header(read, whole.length_bytes)
        index = read_index(read, whole.length_bytes)
        sizes = sizes_of(index)
        room = most_bytes - (pixels_at - 16 * len(sizes)) - ROOM_BYTES
        if max(sizes) > room:
            needed = max(sizes) - room
            raise TooLarge(f"a tile alone makes a larger instance: allow {needed} bytes more")
        for part in parts_of(str(header.SOPInstanceUID), neighbours(sizes, room)):
            path = whole.path.with_stem(f"{whole.path.stem}-part-{part.number}")
            # A data set shares what it is made from: each part has its own.
            own = deepcopy(header)
            frames = StoredFrames(read, index, part.numbers)
            written = write_under(own, frames, path, partial(as_part, part=part))
            if not _same_items(whole, int(index.offsets[part.first_frame]) - 8, written):
                raise NotFaithful(
                    f"{path.name} reads otherwise than it was written; convert it again"
                )
    whole.path.unlink()


def _same_items(whole: Written, at: int, part: Written) -> bool:
    """Whether a part's items are, byte for byte, those of the whole from a place on."""
    start, size = part.items
    with whole.path.open("rb") as theirs, part.path.open("rb") as ours:
        theirs.seek(at)
        ours.seek(start)
        while size:
            length = min(size, COMPARED_BYTES)
            data = ours.read(length)
            if len(data) != length or data != theirs.read(length):
                return False
            size -= length
    return True
