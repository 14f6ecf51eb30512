"""The files as they came: kept as objects, and laid out again for those who read them by path."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from api.errors import ChildCrashed, Refused
from archive.errors import StorageFailure
from archive.record import Image, ObjectRole, StoredObject
from archive.storage import Storage
from tiles.errors import DamagedTileMap
from tiles.tile_map import TileMap, read_tile_map, write_tile_map


@dataclass(frozen=True, slots=True)
class Original:
    """The files of one image: `files` by the name each is laid out under, `main` to be opened.

    Names tell nothing but what readers need (an extension, a companion's own name): the file that
    was given is called `original`.
    """

    main: str
    files: dict[str, Path]
    sha256: str
    seen: dict[str, tuple[int, int]]
    """Size and time of each file before it was read."""


def take_stock(main: Path, files: list[Path], known: Mapping[Path, str] | None = None) -> Original:
    """Name and digest the files; of several files the digests are digested, whatever their order.

    `known` are digests that need not be found out again. Raises OSError where one cannot be read.
    """
    if main.is_dir():
        named = {f"original/{number:05}.dcm": file for number, file in enumerate(sorted(files))}
        top = "original"
    else:
        named = {_name(main, file): file for file in sorted({main, *files})}
        top = _name(main, main)
    seen = {name: _seen(file) for name, file in named.items()}
    known = known or {}
    digests = sorted(known.get(file) or _sha256(file) for file in named.values())
    if len(digests) == 1:
        return Original(top, named, digests[0], seen)
    return Original(top, named, hashlib.sha256("\n".join(digests).encode()).hexdigest(), seen)


def keep(
    original: Original, put: Callable[[Path], str], undo: Callable[[str], None]
) -> tuple[list[StoredObject], dict[str, object]]:
    """Store the files; gives the objects and the facts by which `laid_out` finds them.

    `put` stores a file and gives its key, and `undo` is called for each key where that fails.
    Raises Refused where a file changed since it was digested; then nothing is kept.
    """
    objects: list[StoredObject] = []
    names = {}
    try:
        for name, file in original.files.items():
            key, size_bytes = put(file), original.seen[name][0]
            names[key] = name
            objects.append(
                StoredObject(ObjectRole.ORIGINAL, key, size_bytes, "application/octet-stream")
            )
            if _seen(file) != original.seen[name]:
                raise Refused(
                    "the file is still being written; try again when it is complete", "Busy"
                )
    except BaseException:
        for one in objects:
            undo(one.key)
        raise
    return objects, {"original": {"main": original.main, "names": names}}


def read_mapped(data: bytes, files: list[Path], original: Original) -> TileMap:
    """The map that a child made of an original's tiles; `files` are those it numbers.

    Raises ChildCrashed for one that points outside them.
    """
    sizes = {file: original.seen[name][0] for name, file in original.files.items()}
    try:
        return read_tile_map(data, [sizes[file] for file in files])
    except DamagedTileMap as error:
        raise ChildCrashed("its answer is garbled") from error


def keep_tile_map(
    tile_map: TileMap,
    files: list[Path],
    original: Original,
    kept: list[StoredObject],
    storage: Storage,
) -> StoredObject:
    """Store the map of an original that was just kept, its files named by their objects."""
    key_of = {file: one.key for file, one in zip(original.files.values(), kept, strict=True)}
    data = write_tile_map(replace(tile_map, keys=tuple(key_of[file] for file in files)))
    key = storage.put_bytes(data)
    return StoredObject(ObjectRole.TILE_MAP, key, len(data), "application/octet-stream")


@contextmanager
def laid_out(
    image: Image, storage: Storage, scratch: Path, meanwhile: Callable[[], None] | None = None
) -> Iterator[Path]:
    """The path of the image's original, its companions where they belong; gone afterwards.

    `meanwhile` is called again and again where they are fetched from elsewhere.
    """
    stored = image.facts["original"]
    with TemporaryDirectory(prefix="original-", dir=scratch) as folder:
        for one in image.objects_as(ObjectRole.ORIGINAL):
            place = Path(folder, *PurePosixPath(stored["names"][one.key]).parts)
            place.parent.mkdir(parents=True, exist_ok=True)
            storage.lay_out(one.key, one.length_bytes, place, meanwhile)
        main = Path(folder, stored["main"])
        if not main.exists():
            raise StorageFailure("The original of the image is missing.")
        yield main


def _name(main: Path, file: Path) -> str:
    if file == main:
        return f"original{main.suffix}"
    try:
        parts = file.relative_to(main.parent).parts
    except ValueError as error:
        raise Refused("a file it needs lies outside its folder", "OutsideFolder") from error
    # Mirax looks for its data in a folder named like the file.
    head = "original" if parts[0] == main.stem else parts[0]
    return str(PurePosixPath(head, *parts[1:]))


def _seen(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_size, found.st_mtime_ns


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
