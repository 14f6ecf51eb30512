"""What lies in a watched folder: slides and photographs, each with the files that belong to it.

Told by names, and of DICOM by how a file begins; what a file really is, its reader finds out later.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from stat import S_ISREG

from api.parts import MIRAX, hamamatsu_index, index_of, is_mirax_part

REPORT = ".refused.txt"
PHOTOGRAPHS = frozenset({".jpg", ".jpeg"})
SIDECARS = (".json", ".csv")
TEMPORARY = frozenset(
    {".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".lock", ".swp"}
)
"""How programs name what they have not finished writing."""
LITTER = frozenset({"thumbs.db", "desktop.ini"})

_NEVER_DICOM = frozenset(
    {
        *(".svs", ".tif", ".tiff", ".btf", ".tf8", ".ndpi", ".mrxs", ".czi", ".scn", ".bif"),
        *(".qptiff", ".svslide", ".vms", ".vmu", ".jpg", ".jpeg", ".png", ".heic", ".dat", ".ini"),
    }
)
_DICOM_AT, _DICOM = 128, b"DICM"


@dataclass(frozen=True, slots=True)
class Print:
    """What tells a file from itself before it was changed or replaced.

    The device is not a part of it: a network share gets another each time it is mounted.
    """

    inode: int
    size_bytes: int
    mtime_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> "Print":
        """Of what `stat` found."""
        return cls(found.st_ino, found.st_size, found.st_mtime_ns)


Prints = Mapping[str, Print]
"""Files by their paths relative to the watched folder."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What is taken as one: `main` is opened (and may not have come yet), `files` belong to it.

    `arriving_with` are other files that come in one go with it: until all are quiet, nobody knows
    whose they are.
    """

    main: str
    files: Prints
    sidecar: str | None = None
    arriving_with: Prints = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Survey:
    """The units in a folder, and everything that lies there."""

    units: Mapping[str, Unit]
    prints: Prints


def survey(folder: Path, leave: Collection[Path] = ()) -> Survey:
    """Look a folder and its subfolders over, but for those to `leave` and what is hidden.

    Links are not followed. Raises OSError where the folder itself cannot be read.
    """
    units: dict[str, Unit] = {}
    prints: dict[str, Print] = {}
    pending = [""]
    while pending:
        here = pending.pop()
        try:
            files, folders = _listed(folder / here, leave)
        except OSError:
            if not here:
                raise
            # Gone between two looks, or not ours to read.
            continue
        found = {_join(here, name): seen for name, seen in files.items()}
        mirax = {}
        for name in folders:
            path = _join(here, name)
            if _is_mirax(folder / path, here, name, found):
                mirax[path] = dict(_all_below(folder, path, leave))
            else:
                pending.append(path)
        prints.update(found)
        for parts in mirax.values():
            prints.update(parts)
        units.update((unit.main, unit) for unit in _units(folder, found, mirax))
    return Survey(units, prints)


def _units(folder: Path, found: Prints, mirax: Mapping[str, Prints]) -> Iterator[Unit]:
    """What the files of one folder are; `mirax` are the folders of slides beside them."""
    sidecars = {path for path in found if _suffix(path) in SIDECARS}
    files = {path: seen for path, seen in found.items() if path not in sidecars}
    named = {path.lower(): path for path in files}
    owned = {index_of(path, named, (MIRAX,)): dict(parts) for path, parts in mirax.items()}
    for path, seen in files.items():
        owner = hamamatsu_index(path, named)
        if owner is not None:
            owned.setdefault(owner, {})[path] = seen
    taken = {path for parts in owned.values() for path in parts}
    dicom = {path: seen for path, seen in files.items() if _is_dicom(folder / path)}
    photographs = {path: seen for path, seen in files.items() if _suffix(path) in PHOTOGRAPHS}
    for main in (*owned, *(path for path in files if path not in taken and path not in owned)):
        belonging = {**owned.get(main, {}), **({main: found[main]} if main in found else {})}
        if main in dicom:
            belonging = dicom
        sidecar = next((one for one in _sidecars(main) if one in sidecars), None)
        if sidecar is not None:
            belonging = {**belonging, sidecar: found[sidecar]}
        yield Unit(main, belonging, sidecar, photographs if main in photographs else {})


def _listed(folder: Path, leave: Collection[Path]) -> tuple[dict[str, Print], list[str]]:
    """The files that count, and the folders, of a folder."""
    files: dict[str, Print] = {}
    folders = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if Path(entry.path) not in leave:
                    folders.append(entry.name)
            elif not _is_ignored(entry.name):
                try:
                    # Not the entry's own: what a network share lists may be old.
                    found = Path(entry.path).lstat()
                except FileNotFoundError:
                    continue
                if S_ISREG(found.st_mode):
                    files[entry.name] = Print.of(found)
    return files, folders


def _all_below(folder: Path, here: str, leave: Collection[Path]) -> Iterator[tuple[str, Print]]:
    pending = [here]
    while pending:
        one = pending.pop()
        try:
            files, folders = _listed(folder / one, leave)
        except OSError:
            continue
        yield from ((_join(one, name), seen) for name, seen in files.items())
        pending.extend(_join(one, name) for name in folders)


def _is_ignored(name: str) -> bool:
    lowered = name.lower()
    return (
        lowered in LITTER
        or lowered.startswith("~$")
        or lowered.endswith(("~", REPORT))
        or PurePosixPath(lowered).suffix in TEMPORARY
    )


def _is_mirax(folder: Path, here: str, name: str, found: Iterable[str]) -> bool:
    """Whether a folder holds the data of a slide, whose own file may not have come yet."""
    if any(_join(here, name).lower() + MIRAX == path.lower() for path in found):
        return True
    try:
        return any(is_mirax_part(one.name) for one in folder.iterdir())
    except OSError:
        return False


def _is_dicom(file: Path) -> bool:
    if file.suffix.lower() in _NEVER_DICOM:
        return False
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return os.pread(descriptor, len(_DICOM), _DICOM_AT) == _DICOM
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _sidecars(main: str) -> Iterator[str]:
    stem = str(PurePosixPath(main).with_suffix(""))
    for name in dict.fromkeys((main, stem)):
        for suffix in SIDECARS:
            yield name + suffix


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


def _join(here: str, name: str) -> str:
    return f"{here}/{name}" if here else name
