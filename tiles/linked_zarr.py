"""An OME-Zarr group whose shards are DICOM instances: one set of bytes, two standards.

Each level's array is one shard, and the shard is the instance: another name of the same file, in
which zarr finds each frame as a chunk by the index at the end (`tiles.trailing_index`). Real
extents are the array's, so the padding of edge tiles is what zarr expects of a regular grid.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tiles import ngff
from tiles.composite import Channel
from tiles.errors import DamagedShard, NoLinks, UnsupportedPixels
from tiles.instance import FrameIndex, read_index
from tiles.trailing_index import read_trailing_index


@dataclass(frozen=True, slots=True)
class LinkedLevel:
    """One instance that is to be a level, and the extent (x, y) of its pixels."""

    path: Path
    spacing_um: tuple[float, float]


def link(
    folder: Path,
    levels: Sequence[LinkedLevel],
    name: str,
    method: str,
    channels: Sequence[Channel] = (),
    focal_step_um: float = 1.0,
) -> None:
    """Make a group, in a folder that does not exist yet, out of instances on the same file system.

    Raises DamagedShard where an instance has no index, UnsupportedPixels for frames that no zarr
    codec reads, NoLinks where the file system gives no file a second name.
    """
    found = [_index(level.path) for level in levels]
    layout = layout_of(found[0], focal_step_um)
    folder.mkdir()
    spacings = [level.spacing_um for level in levels]
    ngff.write_document(folder, ngff.group_document(layout, spacings, name, method, channels))
    for number, (level, index) in enumerate(zip(levels, found, strict=True)):
        place = folder / str(number)
        shard = place.joinpath("c", *("0" for _ in layout.axes))
        shard.parent.mkdir(parents=True)
        ngff.write_document(place, encoded_array(layout, index))
        _name_again(level.path, shard)


def layout_of(index: FrameIndex, focal_step_um: float = 1.0) -> ngff.Layout:
    """What the arrays of an image have in common, by its largest instance."""
    return ngff.Layout(
        index.samples, index.bits, index.optical_paths, index.focal_planes, focal_step_um
    )


def encoded_array(layout: ngff.Layout, index: FrameIndex) -> ngff.Json:
    """The zarr.json of a level that is one shard of its frames as they are stored."""
    codec = ngff.FRAME_CODECS.get(index.encoding)
    if codec is None:
        raise UnsupportedPixels(f"no zarr codec is known for {index.encoding} frames")
    chunk = layout.chunk(index.level)
    shard = ngff.whole_chunks(layout.shape(index.level), chunk)
    codecs = [*ngff.samples_last(layout), {"name": codec}]
    return ngff.array_document(layout, index.level, shard, ngff.sharded(chunk, codecs))


def _index(path: Path) -> FrameIndex:
    """Where the frames of an instance lie, once its two tables agree about it."""
    with path.open("rb") as file:
        read, size_bytes = partial(_pread, file.fileno()), path.stat().st_size
        index = read_index(read, size_bytes)
        offsets, lengths = read_trailing_index(read, size_bytes, len(index.offsets))
    if (offsets != index.offsets).any() or (lengths != index.lengths).any():
        raise DamagedShard("the index at the end of the instance is not that of its frames")
    return index


def _pread(file: int, offset: int, length: int) -> bytes:
    return os.pread(file, length, offset)


def _name_again(path: Path, shard: Path) -> None:
    """Give a file a second name; never a second copy of its bytes."""
    try:
        shard.hardlink_to(path)
    except OSError:
        try:
            shard.symlink_to(os.path.relpath(path, shard.parent))
        except OSError as error:
            raise NoLinks(
                "the file system can give no file two names; convert to dicom alone, or elsewhere"
            ) from error
