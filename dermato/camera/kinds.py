"""Which reader a file is for, told by how it begins; and why others are refused."""

from collections.abc import Callable, Iterator
from struct import unpack_from

from dermato.camera.heif import read_avif, read_heif
from dermato.camera.jpeg import read_jpeg
from dermato.camera.picture import Jpeg, Picture
from dermato.camera.png import SIGNATURE, read_png
from dermato.camera.tiff import RAW, is_raw, read_tiff
from dermato.camera.webp import read_webp
from dermato.errors import DamagedPhoto, NotAPhotograph, UnsupportedPhoto

_REFUSED = (
    (0, b"GIF8", "a GIF picture"),
    (0, b"BM", "a BMP picture"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (4, b"JXL ", "a JPEG XL picture"),
    (4, b"jP  ", "a JPEG 2000 picture"),
    (0, b"II+\0", "a BigTIFF"),
    (0, b"MM\0+", "a BigTIFF"),
    (0, b"%PDF", "a PDF document"),
    (4, b"ftyp", "a film, or a picture of a kind not read here"),
)
_HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF = frozenset({b"avif", b"avis"})


def read(data: bytes) -> Jpeg | Picture:
    """The picture of a camera's file; raises NotAPhotograph, and what its reader raises."""
    if not data:
        raise DamagedPhoto("the file is empty; send the photograph again")
    if is_raw(data):
        raise UnsupportedPhoto(RAW)
    reader = _reader(data)
    if reader is not None:
        return reader(data)
    for offset, magic, kind in _REFUSED:
        if data[offset : offset + len(magic)] == magic:
            raise UnsupportedPhoto(f"it is {kind}; convert it to JPEG or PNG")
    raise NotAPhotograph("it is no photograph of a kind read here; send JPEG, HEIC, PNG or TIFF")


def _reader(data: bytes) -> Callable[[bytes], Jpeg | Picture] | None:
    if data[:3] == b"\xff\xd8\xff":
        return read_jpeg
    if data.startswith(SIGNATURE):
        return read_png
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return read_webp
    if data[:4] in {b"II*\0", b"MM\0*"}:
        return read_tiff
    brands = [*_brands(data)]
    # Both kinds also call themselves mif1.
    if _AVIF & {*brands}:
        return read_avif
    return read_heif if _HEIF & {*brands} else None


def _brands(data: bytes) -> Iterator[bytes]:
    """The major and the compatible brands of an ISO base media file (ISO/IEC 14496-12, 4.3)."""
    if data[4:8] != b"ftyp":
        return
    (length,) = unpack_from(">I", data)
    yield data[8:12]
    for at in range(16, min(length, len(data), 256) - 3, 4):
        yield data[at : at + 4]
