"""Every photograph there is, taken in: valid, upright, pixel for pixel, and silent about the rest.

Real files where there are some, else one of every form that the project makes.
"""

import io
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import pack

import cv2
import numpy as np
import pi_heif
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps
from pydicom import dcmread
from pydicom.encaps import get_frame

from archive.catalog import Catalog
from archive.record import Image as Record
from archive.record import ImageState, ObjectRole
from archive.storage import Storage
from dermato.ingest import ingest_photo
from tests.archive.empty import empty_catalogue_in
from tests.dermato.archived import errors_of, received, stored_bytes
from tests.dermato.jpegtran import turned
from tests.samples import real_samples
from tests.samples.cameras import CAMERAS, MARK, PLACE


@dataclass(frozen=True)
class Stored:
    """A photograph and what became of it; `kept` is all that lies on the disk afterwards."""

    path: Path
    image: Record
    instance: bytes
    kept: bytes
    errors: list[str]


def taken_in(paths: Iterable[Path], scratch: Path) -> Iterator[Stored]:
    with Catalog.open(empty_catalogue_in(scratch)) as catalog:
        for number, path in enumerate(paths):
            folder = scratch / str(number)
            folder.mkdir()
            storage = Storage.open(folder.as_uri())
            image = ingest_photo(path, received(catalog, storage, path), catalog, storage)
            instance = stored_bytes(image, storage, ObjectRole.PHOTO)
            files = [one.read_bytes() for one in folder.rglob("*") if one.is_file()]
            kept = b"".join((*files, json.dumps(image.facts).encode()))
            yield Stored(path, image, instance, kept, errors_of(instance, scratch))


def real_photographs(folder: Path) -> list[Path]:
    every = [*(folder / "derm").rglob("*"), *(folder / "phone-photos").rglob("*")]
    return sorted(path for path in every if path.is_file())


@pytest.fixture(scope="module")
def made() -> Iterator[dict[str, Stored]]:
    """One of every form, taken in."""
    with tempfile.TemporaryDirectory() as name:
        for file, make in CAMERAS.items():
            make(Path(name, file))
        paths = [Path(name, file) for file in CAMERAS]
        yield {one.path.name: one for one in taken_in(paths, Path(name))}


def shown(path: Path) -> NDArray[np.uint8]:
    """What other software shows of a file, upright, in 8 bits."""
    if path.suffix in {".heic", ".heif", ".hif"}:
        return _heif(path)
    with Image.open(path) as picture:
        # A TIFF is stood upright as it is loaded.
        picture.load()
        orientation = picture.getexif().get(0x0112, 1)
        # Pillow cuts 16 bits off, and OpenCV fails at a TIFF that lies on its side.
        if path.suffix == ".png" or path.stem.endswith("-16"):
            pixels = _deep(path)
        else:
            pixels = np.asarray(picture if picture.mode in {"L", "RGB"} else picture.convert("RGB"))
    return _upright(pixels, orientation)


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    picture = Image.fromarray(pixels)
    picture.getexif()[0x0112] = orientation
    return np.asarray(ImageOps.exif_transpose(picture))


def _deep(path: Path) -> NDArray[np.uint8]:
    raw = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert raw is not None
    values = raw / (65535 if raw.dtype == np.uint16 else 255)
    if raw.ndim == 3:
        opacity = values[..., 3:] if raw.shape[2] == 4 else 1.0
        values = values[..., 2::-1] * opacity + (1 - opacity)
    return np.rint(values * 255).astype(np.uint8)


def _heif(path: Path) -> NDArray[np.uint8]:
    file = pi_heif.open_heif(path, convert_hdr_to_8bit=False)
    image = file[file.primary_index]
    bits = image.info["bit_depth"]
    if bits == 8:
        return np.asarray(image.to_pillow())
    raw = np.array(image) >> (16 - bits)
    rounded: NDArray[np.uint8] = np.rint(raw * (255 / ((1 << bits) - 1))).astype(np.uint8)
    return rounded


def check_pixels(stored: Stored) -> str:
    """Compare what is stored with what other software shows; say how it was stored."""
    data = dcmread(io.BytesIO(stored.instance))
    wanted = shown(stored.path)
    if data.file_meta.TransferSyntaxUID.name.startswith("JPEG-LS"):
        assert np.array_equal(data.pixel_array, wanted)
        return "pixels without loss"
    frame = get_frame(data.PixelData, 0, number_of_frames=1)
    with Image.open(io.BytesIO(frame)) as picture:
        pixels = np.asarray(picture)
    with Image.open(stored.path) as picture:
        orientation = picture.getexif().get(0x0112, 1)
    if orientation == 1:
        assert np.array_equal(pixels, wanted)
        return "coefficients" if stored.image.facts["recoded"] else "scan copied"
    other = turned(stored.path.read_bytes(), orientation)
    with Image.open(io.BytesIO(other)) as picture:
        assert np.array_equal(pixels, np.asarray(picture))
    # A decoder rounds rows before columns, and rows are columns now.
    apart = np.abs(pixels.astype(np.int16) - wanted)
    assert apart.max() <= 8
    assert apart.mean() < 0.5
    return "coefficients"


def told(path: Path) -> Iterator[bytes]:
    """What a real file says of place, device and owner, as bytes that may be searched for."""
    with (
        Image.open(path)
        if path.suffix not in {".heic", ".heif", ".hif"}
        else _heif_as_pillow(path) as picture
    ):
        block = picture.getexif()
        place, camera = block.get_ifd(0x8825), block.get_ifd(0x8769)
        other = [picture.info.get("xmp"), picture.info.get("comment")]
    for value in place.values():
        if isinstance(value, tuple) and len(value) == 3:
            rationals = [part for one in value for part in (one.numerator, one.denominator)]
            yield from (pack("<6I", *rationals), pack(">6I", *rationals))
    other += [camera.get(tag) for tag in (0xA430, 0xA431, 0xA435, 0xA420, 0x927C, 0x9286)]
    for one in other:
        raw = one.encode() if isinstance(one, str) else bytes(one or b"")
        raw = raw.strip(b"\0 ")
        if len(raw) >= 5:
            yield raw[:48]
            yield raw[len(raw) // 2 :][:48] if len(raw) >= 96 else raw[:48]


def _heif_as_pillow(path: Path) -> Image.Image:
    file = pi_heif.open_heif(path)
    picture = Image.new("RGB", (1, 1))
    picture.info.update(file.info)
    if file.info.get("exif"):
        picture.getexif().load(file.info["exif"])
    return picture


def check(stored: Stored) -> str:
    assert stored.image.state is ImageState.PUBLISHED
    assert stored.errors == []
    for one in (MARK.encode(), PLACE, b"Exif\0\0", b"http://ns.adobe.com", *told(stored.path)):
        if one.strip(b"\0 "):
            assert one not in stored.kept, one
    return check_pixels(stored)


@pytest.mark.parametrize("name", CAMERAS)
def test_every_form(name: str, made: dict[str, Stored]) -> None:
    source = made[name].path.read_bytes()
    if name != "ten_bits.heic":
        assert MARK.encode() in source, "the file is meant to say something"
    check(made[name])


def test_every_real_photograph_is_stored_without_a_second_loss(
    made: dict[str, Stored], tmp_path: Path, artefacts: Path
) -> None:
    how: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    folder = real_samples()
    every = taken_in(real_photographs(folder), tmp_path) if folder else made.values()
    for stored in every:
        how[check(stored)] += 1
        reasons[stored.image.facts["recoded"] or "the camera's own scan"] += 1
    report = {"photographs": how.total(), "stored": dict(how), "why": dict(reasons)}
    (artefacts / "photographs.json").write_text(json.dumps(report, indent=1))
    assert how["scan copied"]
    assert how["coefficients"]
    assert how["pixels without loss"]
