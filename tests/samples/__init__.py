"""What tests run on: real files where there are some, else files the project makes.

`SANSVERRE_SAMPLES` names a folder of real slides and photographs. Where it is set, every file a
test asks for must be there; where it is not, the same test runs on a made stand-in.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache, wraps
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Concatenate, ParamSpec

How = ParamSpec("How")


def real_samples() -> Path | None:
    """The folder of real files, or None where tests make their own."""
    given = os.environ.get("SANSVERRE_SAMPLES")
    return Path(given) if given else None


@cache
def _made_folder() -> TemporaryDirectory[str]:
    """A folder for made files, removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="sansverre-samples-")


def sample(relative: str, made: Callable[[Path], object]) -> Path:
    """The real file at `relative`, or the one that `made(path)` writes, once a process.

    Raises FileNotFoundError where real files are promised and this one is absent. Treat it as
    read-only: other tests share it.
    """
    if folder := real_samples():
        path = folder / relative
        if not path.exists():
            raise FileNotFoundError(f"SANSVERRE_SAMPLES is set but has no {relative}")
        return path
    path = Path(_made_folder().name) / relative
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made(path)
    return path


def made_once(
    make: Callable[Concatenate[Path, How], Path],
) -> Callable[Concatenate[Path, How], Path]:
    """The same maker, which copies what it made before in this process of the same arguments.

    For what takes long to make and is the same each time; `inspect.unwrap` gives the maker itself.
    """

    @wraps(make)
    def copied(path: Path, /, *args: How.args, **options: How.kwargs) -> Path:
        words = repr((make.__name__, args, sorted(options.items())))
        kept = Path(_made_folder().name, sha256(words.encode()).hexdigest())
        if not kept.exists():
            make(path, *args, **options)
            shutil.copyfile(path, kept)
        else:
            shutil.copyfile(kept, path)
        return path

    return copied
