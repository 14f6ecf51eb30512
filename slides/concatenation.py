"""Instances cut into parts for archives that take none over a size.

Source: PS3.3 C.7.6.16 (the attributes of a concatenation), C.7.6.17.3 (TILED_FULL goes on across
its parts), 7.5.1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from archive.identity import uid_from
from slides.errors import NotFaithful, TooLarge
from slides.instances import Instance
from tiles.frames import Written, write_frames
from tiles.instance import FrameIndex, read_header, read_index

FRAME_BYTES = 8 + 16 + 16
"""What a frame takes beside its own bytes: its item, and its places in both tables."""

ROOM_BYTES = 512
"""For what tells a part from the whole."""

COMPARED_BYTES = 1 << 22

OF_THE_WHOLE = frozenset(
    {"SOPInstanceUID", "NumberOfFrames", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"}
)


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
    room = most_bytes - (pixels_at - 16 * len(index.lengths)) - ROOM_BYTES
    groups = _groups([int(one) + FRAME_BYTES for one in index.lengths], room)
    for number, frames in enumerate(groups, 1):
        path = whole.path.with_stem(f"{whole.path.stem}-part-{number}")
        head = _part_header(header, frames, number, len(groups))
        unfinished = write_frames(path, head, _Stored(whole.path, index, frames))
        part = unfinished.finish(head, ratio=whole.ratio)
        if not _same_items(whole, int(index.offsets[frames.start]) - 8, part):
            raise NotFaithful(f"{path.name} reads otherwise than it was written; convert it again")
    whole.path.unlink()


def _groups(sizes: Sequence[int], room: int) -> list[range]:
    """Neighbouring frames, as many together as there is room for."""
    if max(sizes) > room:
        needed = max(sizes) - room
        raise TooLarge(f"a tile alone makes a larger instance: allow {needed} bytes more")
    groups = []
    first = taken = 0
    for number, size in enumerate(sizes):
        if taken + size > room:
            groups.append(range(first, number))
            first, taken = number, 0
        taken += size
    return [*groups, range(first, len(sizes))]


def _part_header(header: Dataset, frames: range, number: int, count: int) -> Dataset:
    """The header of a part: the whole's, but for what tells which part it is."""
    source = str(header.SOPInstanceUID)
    # A data set shares its elements with those it is made from: what differs is not taken over.
    part = Dataset({one.tag: one for one in header if one.keyword not in OF_THE_WHOLE})
    concatenation = uid_from("concatenation", source, str(count))
    uid = UID(uid_from("part", concatenation, str(frames.start), str(len(frames))))
    part.file_meta = FileMetaDataset()
    part.file_meta.update(header.file_meta)
    del part.file_meta.MediaStorageSOPInstanceUID
    part.SOPInstanceUID = part.file_meta.MediaStorageSOPInstanceUID = uid
    part.ConcatenationUID = concatenation
    part.SOPInstanceUIDOfConcatenationSource = source
    part.InConcatenationNumber = number
    part.InConcatenationTotalNumber = count
    part.ConcatenationFrameOffsetNumber = frames.start
    part.NumberOfFrames = len(frames)
    return part


@dataclass(frozen=True, slots=True)
class _Stored:
    """Some frames of an instance, read one at a time."""

    path: Path
    index: FrameIndex
    numbers: range

    def __len__(self) -> int:
        return len(self.numbers)

    def lots(self) -> Iterator[Sequence[bytes]]:
        """The frames."""
        with self.path.open("rb") as file:
            for number in self.numbers:
                file.seek(int(self.index.offsets[number]))
                yield (file.read(int(self.index.lengths[number])),)


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
