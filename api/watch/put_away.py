"""What becomes of files once they are safely in the archive: moved, or removed; never replaced.

Every step can be repeated by whoever comes after a kill, and none loses what has come in between:
a file is looked at again under a name of our own, which no scanner writes to.
"""

import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from api.watch.survey import Print, Prints
from archive.durable import make_durable

HELD = ".sansverre-"
"""How a file is named between the folder and its end."""
COPYING = ".part"
_NO_SUCH_WAY = frozenset({errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


def give_back(folder: Path) -> None:
    """Give what a killed process held its own name again, to be dealt with anew."""
    for held in sorted(folder.rglob(f"{HELD}*")):
        name = held.name.removeprefix(HELD)
        if name and held.is_file() and not held.is_symlink():
            _rename(held, held.with_name(name))


def move(folder: Path, files: Prints, done: Path, own: str) -> None:
    """Move files below `done`, as they lie in the folder; raises OSError.

    Where other files lie there already, all go below `done`/`own`, which is this unit's alone.
    """
    present = {path: seen for path, seen in files.items() if (folder / path).exists()}
    taken = any(_is_other(folder / path, done / path) for path in present)
    base = done / own if taken or (done / own).is_dir() else done
    for path, seen in present.items():
        target = base / path
        target.parent.mkdir(parents=True, exist_ok=True)
        _move(folder / path, seen, target)
    _clear(folder, files)


def remove(folder: Path, files: Prints) -> None:
    """Remove files from the folder; raises OSError."""
    for path, seen in files.items():
        _remove(folder / path, seen)
    _clear(folder, files)


def _move(file: Path, seen: Print, target: Path) -> None:
    held = _hold(file, seen)
    if held is None:
        return
    if not _link(held, target):
        draft = target.with_name(f".{target.name}{COPYING}")
        shutil.copy2(held, draft)
        make_durable(draft)
        draft.replace(target)
    make_durable(target.parent)
    held.unlink()


def _link(held: Path, target: Path) -> bool:
    """Give the file its new name as well; False where it must be copied."""
    try:
        os.link(held, target, follow_symlinks=False)
    except FileExistsError:
        # Left by whoever was killed between the two names.
        return held.samefile(target)
    except OSError as error:
        if error.errno not in _NO_SUCH_WAY:
            raise
        return False
    return True


def _remove(file: Path, seen: Print) -> None:
    held = _hold(file, seen)
    if held is not None:
        held.unlink()


def _hold(file: Path, seen: Print) -> Path | None:
    """The file under a name of our own, if it is still the one that was seen."""
    held = file.with_name(f"{HELD}{file.name}")
    try:
        if Print.of(file.lstat()) != seen:
            return None
        file.rename(held)
    except FileNotFoundError:
        return None
    if Print.of(held.lstat()) != seen:
        # Replaced just now: what came is not what was taken.
        _rename(held, file)
        return None
    return held


def _rename(held: Path, name: Path) -> None:
    """Rename a file back, unless yet another has come under its name."""
    try:
        os.link(held, name, follow_symlinks=False)
    except FileExistsError:
        held.rename(name.with_name(f"{name.stem}-2{name.suffix}"))
    except OSError as error:
        if error.errno not in _NO_SUCH_WAY:
            raise
        held.rename(name)
    else:
        held.unlink()


def _is_other(file: Path, target: Path) -> bool:
    """Whether something else than this file lies where it is to go."""
    try:
        there, here = target.lstat(), file.lstat()
    except FileNotFoundError:
        return False
    return (there.st_size, there.st_mtime_ns) != (here.st_size, here.st_mtime_ns)


def _clear(folder: Path, files: Iterable[str]) -> None:
    """Remove the folders of companions that are empty now, never those of the main file."""
    depths = {path.count("/") for path in files}
    for parent in sorted({Path(path).parent for path in files}, reverse=True):
        if len(parent.parts) > min(depths):
            try:
                (folder / parent).rmdir()
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.ENOENT, errno.EEXIST}:
                    raise
