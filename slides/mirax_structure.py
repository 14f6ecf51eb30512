"""What the index of a MIRAX slide (3DHISTECH, .mrxs) says of its images: how each is stored.

Source: OpenSlide's description of the format. `Slidedat.ini` names the layers and their sections;
`Index.dat` begins with a version and the slide's identifier, then holds integers of 32 bits: a
table of records for the levels and one for all else, each record a list of pages.
"""

from collections.abc import Iterator
from configparser import SectionProxy
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from struct import error as StructError  # noqa: N812  (it is a class in disguise)

from slides.errors import DamagedSlide
from slides.ini_file import read_ini

VERSION_BYTES = 5
BESIDE = {
    "ScanDataLayer_SlideThumbnail": "macro",
    "ScanDataLayer_SlideBarcode": "label",
    "ScanDataLayer_SlidePreview": "thumbnail",
}
"""Records of pictures beside the slide, and what such pictures are called."""
MOST_IMAGES = 1 << 24

_POINTER = Struct("<i")
_PAGE = Struct("<ii")
_IMAGE = Struct("<iiii")
_PICTURE = Struct("<iiiii")


@dataclass(frozen=True, slots=True)
class Images:
    """How the images of the largest level are stored, and how long the pictures beside them are.

    `format` is JPEG, PNG or BMP24.
    """

    format: str
    decoded_bytes: int
    stored_bytes: int
    beside: dict[str, int]


def read_images(folder: Path) -> Images:
    """What the folder of a slide says; raises DamagedSlide where it cannot be followed."""
    told = read_ini(folder / "Slidedat.ini")
    try:
        layers = told["HIERARCHICAL"]
        index = (folder / Path(layers["INDEXFILE"]).name).read_bytes()
        levels, others = _PAGE.unpack_from(index, VERSION_BYTES + len(told["GENERAL"]["SLIDE_ID"]))
        lengths = list(_lengths(index, levels))
        largest = told[layers["HIER_0_VAL_0_SECTION"]]
        pixels = int(largest["DIGITIZER_WIDTH"]) * int(largest["DIGITIZER_HEIGHT"])
        beside = {
            BESIDE[record]: _length(index, others + number * _POINTER.size)
            for number, record in enumerate(_records(layers))
            if record in BESIDE
        }
        return Images(largest["IMAGE_FORMAT"], len(lengths) * pixels * 3, sum(lengths), beside)
    except (StructError, KeyError, ValueError, OSError) as error:
        raise DamagedSlide("its index is damaged; fetch the slide again") from error


def _records(layers: SectionProxy) -> Iterator[str]:
    """The names of the records that are no levels, in their order."""
    for layer in range(int(layers["NONHIER_COUNT"])):
        for value in range(int(layers[f"NONHIER_{layer}_COUNT"])):
            yield layers[f"NONHIER_{layer}_VAL_{value}"]


def _lengths(index: bytes, record: int) -> Iterator[int]:
    """The lengths of the images of a level, page by page."""
    seen = 0
    page = _first_page(index, record)
    while page:
        count, following = _PAGE.unpack_from(index, page)
        seen += count
        if count < 0 or seen > MOST_IMAGES or 0 < following <= page:
            raise ValueError("its pages follow one another in no order")
        for number in range(count):
            yield _IMAGE.unpack_from(index, page + _PAGE.size + number * _IMAGE.size)[2]
        page = following


def _length(index: bytes, record: int) -> int:
    """The length of the only item of a record."""
    page = _first_page(index, record)
    return int(_PICTURE.unpack_from(index, page + _PAGE.size)[3])


def _first_page(index: bytes, record: int) -> int:
    """The first page that may hold items: the one that a record points to never does."""
    (empty,) = _POINTER.unpack_from(index, record)
    return int(_PAGE.unpack_from(index, empty)[1])
