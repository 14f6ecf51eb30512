"""IIIF Image API 3.0, level 2: what images are told to be, and pictures of any part of them.

Sections (§) are those of the specification, https://iiif.io/api/image/3.0/.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from starlette.types import Scope

from api.answer import ASKED_EACH_TIME, Answer, holds, unchanged
from api.opened import OpenImage
from api.sources import Sources
from archive.record import Image
from tiles.iiif import Asked, Format, Limits, Quality, read_request, tile_asked_for
from tiles.pyramid import DeepZoom

LIMITS = Limits()
IMAGE_CONTEXT = "http://iiif.io/api/image/3/context.json"
LEVEL_2 = "http://iiif.io/api/image/3/level2.json"

TYPES = {
    Format.JPG: "image/jpeg",
    Format.PNG: "image/png",
    Format.WEBP: "image/webp",
}
FEATURES = (
    *("canonicalLinkHeader", "mirroring", "profileLinkHeader", "rotationArbitrary"),
    "sizeUpscaling",
)
"""What level 2 does not ask for."""

_LEAST_SIZE = 128

CORS = (
    # Any site's viewer may ask; it must bring a token, as the cookie never goes with such requests.
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"Link, ETag"),
)
"""What lets the scripts of any site read an answer, errors included."""

_PREFLIGHT = {
    "access-control-allow-methods": "GET, HEAD, OPTIONS",
    "access-control-allow-headers": "Accept, Authorization, If-None-Match",
    "access-control-max-age": "86400",
}


def is_iiif(path: str) -> bool:
    """Whether viewers of other sites may ask for this address."""
    return path.startswith("/iiif/")


def preflight(scope: Scope) -> Answer | None:
    """The answer to a browser that asks whether it may ask (§7.1), which it does as a stranger."""
    if scope["method"] != "OPTIONS" or not is_iiif(scope["path"]):
        return None
    if all(name != b"access-control-request-method" for name, _ in scope["headers"]):
        return None
    return Answer(HTTPStatus.OK, b"", _PREFLIGHT)


def to_information(image: Image) -> Answer:
    """Whoever asks for the image itself is shown to what is told of it (§2)."""
    return Answer(HTTPStatus.SEE_OTHER, b"", {"location": f"/iiif/3/{image.id}/info.json"})


async def information(sources: Sources, image: Image, origin: str, scope: Scope) -> Answer:
    """What is told of an image (§5)."""
    opened = await sources.open(image)
    return linked_json(described(f"{origin}/iiif/3/{image.id}", opened), IMAGE_CONTEXT, scope)


def described(address: str, opened: OpenImage) -> dict[str, Any]:
    """The information document of an image.

    Its tiles are those of the stored grid, and its sizes the levels within the limits.
    """
    view = opened.deep_zoom
    sizes = [
        {"width": level.width, "height": level.height}
        for level in opened.levels
        if LIMITS.hold(level.width, level.height)
        and (max(level.width, level.height) >= _LEAST_SIZE or level == opened.levels[-1])
    ]
    tiled = [1]
    while max(-(-view.width // tiled[-1]), -(-view.height // tiled[-1])) > view.tile_size:
        tiled.append(2 * tiled[-1])
    grey = opened.source.pyramid.samples == 1
    qualities = [Quality.GRAY, Quality.BITONAL] if grey else list(Quality)[1:]
    return {
        "@context": IMAGE_CONTEXT,
        "id": address,
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": "level2",
        "width": view.width,
        "height": view.height,
        "maxWidth": LIMITS.width,
        "maxHeight": LIMITS.height,
        "maxArea": LIMITS.area,
        "sizes": sizes,
        "tiles": [{"width": view.tile_size, "height": view.tile_size, "scaleFactors": tiled}],
        "preferredFormats": [Format.JPG],
        "extraFormats": [Format.WEBP],
        "extraQualities": qualities,
        "extraFeatures": list(FEATURES),
    }


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A picture, the Deep Zoom tile that covers it, and whether it is that tile as it is."""

    asked: Asked
    tile: tuple[int, int, int] | None
    is_tile: bool
    tag: str


@lru_cache(maxsize=8192)
def _wanted(fields: tuple[str, str, str, str, str], view: DeepZoom) -> _Wanted:
    """What an address means, remembered: those who look at one slide ask for the same tiles."""
    asked = read_request(fields, (view.width, view.height), LIMITS)
    tile = tile_asked_for(asked, view)
    changed = asked.mirrored or asked.degrees or asked.quality is not Quality.DEFAULT
    is_tile = tile is not None and not changed and asked.format is Format.JPG
    # A comma would end the tag where callers name several.
    return _Wanted(asked, tile, is_tile, asked.canonical.replace(",", "."))


async def picture(
    sources: Sources, image: Image, fields: dict[str, str], origin: str, kept: str, scope: Scope
) -> Answer:
    """A picture (§4); raises MalformedRequest and what reading raises."""
    opened = await sources.open(image)
    named = fields["region"], fields["size"], fields["rotation"], fields["quality"]
    wanted = _wanted((*named, fields["format"]), opened.deep_zoom)
    asked, tag = wanted.asked, f'"{opened.tag}-iiif-{wanted.tag}"'
    if holds(scope, tag):
        return unchanged(tag, kept)
    if wanted.is_tile and wanted.tile is not None:
        body = await sources.tile(image, opened, wanted.tile)
    else:
        body = await sources.region(image, opened, asked, wanted.tile)
    canonical = f'<{origin}/iiif/3/{image.id}/{asked.canonical}>;rel="canonical"'
    headers = {
        "content-type": TYPES[asked.format],
        "cache-control": kept,
        "etag": tag,
        "link": f'{canonical}, <{LEVEL_2}>;rel="profile"',
    }
    return Answer(HTTPStatus.OK, body, headers)


def linked_json(document: dict[str, Any], context: str, scope: Scope) -> Answer:
    """A JSON-LD document, as JSON for those who ask for that alone (§5.1)."""
    headers = {
        "content-type": (
            "application/json" if _plain_json(scope) else f'application/ld+json;profile="{context}"'
        ),
        "cache-control": ASKED_EACH_TIME,
        "link": f'<{LEVEL_2}>;rel="profile"',
        "vary": "Accept",
    }
    return Answer(HTTPStatus.OK, json.dumps(document, ensure_ascii=False).encode(), headers)


def _plain_json(scope: Scope) -> bool:
    """Whether JSON is wanted rather than JSON-LD (RFC 9110, 12.5.1); where either is, it is not."""
    told = ",".join(v.decode("latin-1") for name, v in scope["headers"] if name == b"accept")
    weights: dict[str, float] = {}
    for part in told.split(","):
        kind, *parameters = (one.strip().lower() for one in part.split(";"))
        weight = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        weights[kind] = float(weight) if weight.replace(".", "", 1).isdigit() else 0.0
    otherwise = weights.get("application/*", weights.get("*/*", 0.0))
    linked = weights.get("application/ld+json", otherwise)
    return weights.get("application/json", otherwise) > linked
