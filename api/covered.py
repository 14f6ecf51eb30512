"""Covered pictures stay closed until the caller opens them on purpose, which is written down."""

import asyncio
import time

from api.doors import Caller
from api.errors import Covered
from archive.catalog import Catalog
from archive.record import Image, ImageState

SEEN_AGAIN_S = 30.0
REMEMBERED = 4096
"""Whose openings of which pictures a process remembers."""


def cover_of(image: Image) -> str | None:
    """Why an image is covered; None for most, and while a session still sorts its pictures.

    Once it is built, as whoever found it published may have read it a moment before.
    """
    if image.state not in {ImageState.BUILT, ImageState.PUBLISHED}:
        return None
    return image.facts.get("covered")


class Covers:
    """What was opened by whom, as this process knows it."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._open: dict[tuple[str, str], float] = {}

    async def require_open(self, caller: Caller, image: Image) -> None:
        """Raise Covered where this caller has not opened the picture."""
        key = (caller.subject, image.id)
        if self._open.get(key, 0.0) > time.monotonic():
            return
        is_open = self._catalog.covers.is_open
        if not await asyncio.to_thread(is_open, image.id, caller.subject):
            raise Covered("this picture is opened on purpose")
        if len(self._open) >= REMEMBERED:
            self._open.clear()
        self._open[key] = time.monotonic() + SEEN_AGAIN_S
