"""Photographs of both classes in a real Orthanc and back, and the colours in which they are shown.

The same file is decoded by Pillow and turned into sRGB by LittleCMS, and Display P3 also by its
definition; what we draw of what Orthanc gave back is held against both.
"""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms
from pydicom import dcmread

from api.settings import Settings
from api.work import Workplace
from archive.body_site import Side, site_of_code
from archive.capture import Capture, Dermoscopy, View
from archive.lesion import Photograph
from archive.record import Image as Record
from archive.record import ImageState, ObjectRole
from dermato.header import DERMOSCOPIC, VL_PHOTOGRAPHIC
from dermato.ingest import ingest_photo
from tests.api.conftest import Web, reading
from tests.dermato.archived import received, stored_bytes
from tests.orthanc import Orthanc, orthanc
from tests.samples import sample
from tests.samples.display_p3 import display_p3, p3_to_srgb
from tests.samples.photo import make_photo
from tests.samples.tissue import display_profile

Array = NDArray[np.uint8]

MEAN, MOST = 0.6, 4
"""Of 255: a whole picture against LittleCMS; tiles, being JPEG, may have twice the mean."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


def plain(folder: Path) -> Path:
    """A camera's JPEG, YBR with halved colours and no profile."""
    return sample("derm/dermoscopy/ISIC_0000000.jpg", without_profile)


def without_profile(path: Path) -> Path:
    make_photo(path, kind="dermoscopy", width=320, height=240)
    with Image.open(path) as picture:
        picture.load()
        picture.save(path, "JPEG", quality=92, subsampling="4:2:0", icc_profile=None)
    return path


def with_profile(folder: Path, profile: bytes, form: str) -> Path:
    """The same colours' numbers under a profile, some of them beyond what skin has."""
    with Image.open(plain(folder)) as picture:
        pixels = np.asarray(picture.convert("RGB").resize((320, 240))).copy()
    ramp = np.linspace(0, 255, 320).astype(np.uint8)
    pixels[:16] = np.stack((ramp, ramp[::-1], np.full(320, 40, np.uint8)), -1)
    path = folder / f"profiled.{form}"
    Image.fromarray(pixels).save(path, icc_profile=profile, quality=95, subsampling=0)
    return path


FILES: dict[str, Callable[[Path], Path]] = {
    "ybr": plain,
    "srgb": lambda folder: with_profile(folder, display_profile(), "jpg"),
    "p3": lambda folder: with_profile(folder, display_p3(), "jpg"),
    "p3-lossless": lambda folder: with_profile(folder, display_p3(), "png"),
}


def published(place: Workplace, path: Path, view: View) -> Record:
    image = received(place.catalog, place.storage, path)
    used = Dermoscopy() if view is View.DERMOSCOPY else None
    capture = Capture(view, site_of_code("70559009"), Side.LEFT, used)
    place.catalog.photographs.state(Photograph(image.id, capture), establishment=None)
    done = ingest_photo(path, image, place.catalog, place.storage)
    assert done.state is ImageState.PUBLISHED
    return done


def by_littlecms(path: Path) -> Array:
    """The file as any colour-managed viewer shows it."""
    with Image.open(path) as picture:
        profile, pixels = picture.info.get("icc_profile"), picture.convert("RGB")
    if not profile:
        return np.asarray(pixels)
    return np.asarray(turned(pixels, profile))


def turned(picture: Image.Image, profile: bytes) -> Image.Image:
    own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.buildTransform(own, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    ImageCms.applyTransform(picture, transform, inPlace=True)
    return picture


def difference(one: Array, other: Array) -> tuple[float, int]:
    apart = np.abs(one.astype(int) - other)
    return float(apart.mean()), int(apart.max())


def drawn(web: Web, address: str) -> Array:
    answer = web.get(address)
    assert answer.status_code == 200
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert "icc_profile" not in picture.info
        return np.asarray(picture.convert("RGB"))


def by_tiles(web: Web, image: Record, width: int, height: int) -> Array:
    """The largest Deep Zoom level, put together as a viewer does."""
    told = web.get(f"/api/images/{image.id}").json()
    size, top = told["tile_size"], (max(width, height) - 1).bit_length()
    whole = np.zeros((height, width, 3), np.uint8)
    for row in range(-(-height // size)):
        for column in range(-(-width // size)):
            tile = drawn(web, f"/deepzoom/{image.id}_files/{top}/{column}_{row}.jpeg")
            y, x = row * size, column * size
            whole[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
    return whole


@pytest.mark.parametrize("view", [View.CLOSE_UP, View.DERMOSCOPY])
@pytest.mark.parametrize("name", FILES)
def test_orthanc_takes_it_gives_it_back_and_it_is_shown_in_its_colours(
    name: str,
    view: View,
    place: Workplace,
    settings: Settings,
    archive: Orthanc,
    tmp_path: Path,
) -> None:
    path = FILES[name](tmp_path)
    image = published(place, path, view)
    data = stored_bytes(image, place.storage, ObjectRole.PHOTO)
    taken = archive.web.post("/instances", content=data).json()
    assert taken["Status"] == "Success"
    back = archive.web.get(f"/instances/{taken['ID']}/file").content
    assert back == data
    header = dcmread(io.BytesIO(back))
    wanted = DERMOSCOPIC if view is View.DERMOSCOPY else VL_PHOTOGRAPHIC
    assert header.SOPClassUID == wanted
    assert ("ICCProfile" in header) == (name != "ybr")

    # Orthanc decodes to the numbers that the camera meant; it knows nothing of profiles.
    preview = archive.web.get(f"/instances/{taken['ID']}/preview").content
    with Image.open(io.BytesIO(preview)) as shown, Image.open(path) as own:
        mean, most = difference(np.asarray(shown.convert("RGB")), np.asarray(own.convert("RGB")))
    assert (mean < 1, most <= MOST) == (True, True), (mean, most)

    wanted_pixels = by_littlecms(path)
    height, width = wanted_pixels.shape[:2]
    with reading(settings, "Hôpital A") as web:
        whole = drawn(web, f"/iiif/3/{image.id}/full/max/0/default.png")
        tiles = by_tiles(web, image, width, height)
    mean, most = difference(whole, wanted_pixels)
    assert (mean < MEAN, most <= MOST) == (True, True), (mean, most)
    mean, _ = difference(tiles, wanted_pixels)
    assert mean < 2 * MEAN
    # The seams of tiles, and their second compression, are no other colour.
    assert np.abs(tiles.astype(float).mean((0, 1)) - wanted_pixels.mean((0, 1))).max() < MEAN
    if name.startswith("p3"):
        with Image.open(path) as own:
            stored = np.asarray(own.convert("RGB"))
        mean, most = difference(whole, p3_to_srgb(stored))
        assert (mean < 1, most <= 3) == (True, True), (mean, most)
        unmanaged, _ = difference(stored, wanted_pixels)
        assert unmanaged > 5 * MEAN


def test_a_profile_of_our_own_is_what_littlecms_takes_it_for() -> None:
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    every = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
    shown = np.asarray(turned(Image.fromarray(every), display_p3()))
    mean, most = difference(shown, p3_to_srgb(every))
    assert (mean < 0.5, most <= 2) == (True, True), (mean, most)
