"""Levels larger than an archive takes, as the parts of a concatenation: of the store, into a file.

Nothing is laid out whole: a part is read out of the store as it is written.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from pydicom.dataset import Dataset

from api.work import Workplace
from archive.concatenation import Part, parts_of
from archive.errors import StorageFailure
from archive.record import Image, ObjectRole, StoredObject
from tiles.cut import StoredFrames, digests, lie_together, neighbours, sizes_of
from tiles.errors import DamagedInstance
from tiles.instance import read_header, read_index
from tiles.reheader import write_under
from tiles.source import Encoding, ReadRange

ROOM_BYTES = 16 << 10
"""For what tells a part from the whole, and for the longest identity of its patient."""
MOST_PARTS = 0xFFFF
"""InConcatenationTotalNumber is of 16 bits."""
DAMAGED = "A stored object is damaged; restore the store from its backup."


def larger(image: Image, most_bytes: int) -> tuple[StoredObject, ...]:
    """The levels of a slide that are larger than that."""
    levels = image.objects_as(ObjectRole.LEVEL)
    return tuple(one for one in levels if one.length_bytes > most_bytes)


def groups_of(place: Workplace, stored: StoredObject, most_bytes: int) -> list[range]:
    """The frames of a level that go together, so that no part is larger; none if it is not cut.

    One is not whose frames are not compressed, or lie by what each of them says (TILED_SPARSE), or
    are a part already; nor one of which a frame alone is too large, or of which there would be more
    parts than can be counted. Raises DamagedInstance, and what the store raises.
    """
    read = _reading(place, stored)
    header, at = read_header(read, stored.length_bytes)
    if header.get("DimensionOrganizationType") != "TILED_FULL" or "ConcatenationUID" in header:
        return []
    index = read_index(read, stored.length_bytes)
    if index.encoding is Encoding.RAW or not lie_together(index):
        return []
    tables = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
    head = at - sum(len(header.get(one) or b"") for one in tables)
    sizes, room = sizes_of(index), most_bytes - head - ROOM_BYTES
    groups = neighbours(sizes, room)
    return groups if max(sizes) <= room and len(groups) <= MOST_PARTS else []


def parts(
    place: Workplace, stored: StoredObject, most_bytes: int, meanwhile: Callable[[], None]
) -> tuple[Part, ...]:
    """The parts of a level that is cut, each with its digest; all of it is read once.

    `meanwhile` is called for every stretch that is read. Raises StorageFailure where it is damaged.
    """
    groups = groups_of(place, stored, most_bytes)
    read = _reading(place, stored)
    whole, each = digests(read, read_index(read, stored.length_bytes), groups, meanwhile)
    if stored.pixel_sha256 not in {None, whole}:
        raise StorageFailure(DAMAGED)
    return parts_of(str(stored.sop_instance_uid), groups, each)


def write_part(
    place: Workplace,
    stored: StoredObject,
    part: Part,
    target: Path,
    change: Callable[[Dataset], Dataset],
    meanwhile: Callable[[], None],
) -> None:
    """Write the frames of a part, under what `change` makes of the header of the whole.

    Raises StorageFailure where they are not those that were cut.
    """
    read = _reading(place, stored)
    header, _ = read_header(read, stored.length_bytes)
    index = read_index(read, stored.length_bytes)
    frames = StoredFrames(read, index, part.numbers, part.sha256)
    try:
        write_under(header, frames, target, change, lambda *_: meanwhile())
    except DamagedInstance as error:
        raise StorageFailure(DAMAGED) from error


def _reading(place: Workplace, stored: StoredObject) -> ReadRange:
    return partial(place.storage.read_range, stored.key)
