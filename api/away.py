"""A picture to take away: a JPEG with nothing in it but the picture and its colours."""

from dataclasses import dataclass
from functools import partial

from api.opened import OpenImage
from archive.storage import Storage
from tiles.codec import encode_jpeg
from tiles.colour import in_jpeg, srgb_profile, without_texts
from tiles.errors import OutsideImage
from tiles.instance import read_profile
from tiles.pyramid import Box
from tiles.region import Colours, as_they_are, scaled, to_srgb
from tiles.source import Encoding

QUALITY = 95


@dataclass(frozen=True, slots=True)
class Wish:
    """Which part of a picture, and how: `longest` bounds the longer side, None does not.

    `as_stored` keeps the camera's own colours, with their profile; otherwise they become sRGB.
    """

    region: Box | None = None
    longest: int | None = None
    as_stored: bool = False


@dataclass(frozen=True, slots=True)
class Away:
    """The JPEG; `scale` is how many pixels of the image one of it shows across."""

    jpeg: bytes
    width: int
    height: int
    scale: float


def take_away(opened: OpenImage, storage: Storage, wish: Wish) -> Away:
    """The picture as wished; a photograph kept as JPEG leaves with that very scan where it can.

    Holds one picture decoded. Raises OutsideImage, and what the source raises on reading.
    """
    source = opened.source
    base = source.pyramid.level(0)
    whole = Box(0, 0, base.width, base.height)
    region = wish.region or whole
    if region.within(base.width, base.height) != region or not region.width or not region.height:
        raise OutsideImage(f"{region} of an image of {base.width} × {base.height}")
    longest = max(region.width, region.height)
    scale = max(1.0, longest / (wish.longest or longest))
    width, height = (max(1, round(one / scale)) for one in (region.width, region.height))
    profile = None
    if opened.profiled is not None:
        one = opened.profiled
        profile = read_profile(partial(storage.read_range, one.key), one.length_bytes)
    colours: Colours = as_they_are if wish.as_stored or not profile else to_srgb(profile)
    untouched = (region, width, colours) == (whole, base.width, as_they_are)
    is_one = base.tiles == 1 and base.is_whole(0, 0)
    if untouched and is_one and source.encoding(0) is Encoding.JPEG_BASELINE:
        frame = source.frame(0, 0, 0)
        assert frame is not None
        jpeg = bytes(frame.data)
    else:
        pixels = scaled(source, region, (width, height))
        is_grey = pixels.shape[2] == 1
        jpeg = encode_jpeg(
            pixels if is_grey else colours(pixels), QUALITY, "gray" if is_grey else "444"
        )
    told = without_texts(profile or b"") if wish.as_stored else srgb_profile()
    if told and source.pyramid.samples == 3:
        jpeg = in_jpeg(jpeg, told)
    return Away(jpeg, width, height, scale)
