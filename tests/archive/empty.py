"""Catalogues that nobody has written to, for machines that begin many: to make one takes long."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from archive.catalog import Catalog


@cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder, "catalog.sqlite")
        Catalog.open(f"sqlite:///{path}").close()
        return path.read_bytes()


def empty_catalogue_in(folder: str | Path) -> str:
    """The URL of one that is laid there."""
    path = Path(folder, "catalog.sqlite")
    path.write_bytes(_empty())
    return f"sqlite:///{path}"
