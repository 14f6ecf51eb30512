"""Others' libraries as small WSGI applications, run in virtual environments of their own.

`PEER` names the one that `application` is, and `SLIDE` the file it reads, for `benchmarks.iiif`.
"""

import io
import os
from collections.abc import Callable, Iterable
from typing import Any

REGION_PX = 256
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def _answering(picture: Callable[[int, int], bytes]) -> Application:
    """An application that gives `picture(a, b)` for /a/b."""

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        first, second = environ["PATH_INFO"].strip("/").split("/")
        body = picture(int(first), int(second))
        start("200 OK", [("Content-Type", "image/jpeg"), ("Content-Length", str(len(body)))])
        return [body]

    return application


def large_image(path: str) -> Application:
    """Regions whose corner is at x, y, as large-image gives them; nothing is kept but the slide."""
    import large_image as library

    source = library.open(path, noCache=True, encoding="JPEG", jpegQuality=90)

    def region(x: int, y: int) -> bytes:
        where = {"left": x, "top": y, "width": REGION_PX, "height": REGION_PX}
        data, _ = source.getRegion(region={**where, "units": "base_pixels"}, encoding="JPEG")
        return bytes(data)

    return _answering(region)


def openslide(path: str) -> Application:
    """Tiles of the largest level, by column and row, with the settings of OpenSlide's example."""
    from openslide import OpenSlide
    from openslide.deepzoom import DeepZoomGenerator

    tiles = DeepZoomGenerator(OpenSlide(path), tile_size=254, overlap=1, limit_bounds=True)

    def tile(column: int, row: int) -> bytes:
        picture = tiles.get_tile(tiles.level_count - 1, (column, row))
        buffer = io.BytesIO()
        picture.save(buffer, "jpeg", quality=75)
        return buffer.getvalue()

    return _answering(tile)


application = {"large-image": large_image, "openslide": openslide}[os.environ["PEER"]](
    os.environ["SLIDE"]
)
