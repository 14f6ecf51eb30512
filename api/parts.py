"""Which file another one is a part of, as scanners name those of a slide of many files."""

import re
from collections.abc import Mapping

MIRAX, HAMAMATSU = ".mrxs", (".vms", ".vmu")

_MIRAX_PART = re.compile(r"(data\d+|index)\.dat|slidedat\.ini", re.IGNORECASE)
_HAMAMATSU_PART = re.compile(
    r"(.+?)(\(\d+,\d+\)|_map\d*|_macro)?\.(jpg|ngr|opt|mdz)", re.IGNORECASE | re.DOTALL
)

_NUMBERED = re.compile(r"\(\d+,\d+\)\.")


def main_of(path: str, named: Mapping[str, str]) -> str | None:
    """The file that this one is a part of, or what it is expected to be called; None for no part.

    `named` are the paths there are, by their small letters. A name that a photograph may have as
    well tells of a part only where its main file is there.
    """
    folder, _, name = path.rpartition("/")
    if folder and is_mirax_part(name):
        return index_of(folder, named, (MIRAX,))
    index = hamamatsu_index(path, named)
    if index is None or index.lower() in named or _NUMBERED.search(name):
        return index
    return None


def is_mirax_part(name: str) -> bool:
    """Whether a file is called as those in the folder of a MIRAX slide are."""
    return _MIRAX_PART.fullmatch(name) is not None


def hamamatsu_index(path: str, named: Mapping[str, str]) -> str | None:
    """The index file of the slide that a picture is a part of."""
    parted = _HAMAMATSU_PART.fullmatch(path)
    if parted is None:
        return None
    index = index_of(parted[1], named, HAMAMATSU)
    # A picture without a number is a photograph, unless its index lies beside it.
    return index if parted[2] or index.lower() in named else None


def index_of(stem: str, named: Mapping[str, str], suffixes: tuple[str, ...]) -> str:
    """The file of that stem with one of these suffixes, or what it is expected to be called."""
    wanted = (named.get(stem.lower() + suffix) for suffix in suffixes)
    return next((path for path in wanted if path is not None), stem + suffixes[0])
