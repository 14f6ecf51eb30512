"""A slide as a scanner made it: its pixels, the facts about it and its associated images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tiles.coding import Loss
from tiles.pyramid import Box
from tiles.source import Encoding, Frame, Pixels, TileSource

WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Scanner:
    """What made the slide; the attributes are those of DICOM's General Equipment module."""

    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    software: str | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept (PS3.3 8.1)."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Specimen:
    """The glass, what lies on it, where that comes from and what was done with it.

    A stain is a text where no code is known for it (antibodies). `block_identifier` is that of the
    block the section was cut from.
    """

    container_identifier: str | None = None
    specimen_identifiers: tuple[str, ...] = ()
    description: str | None = None
    kind: Code | None = None
    body_site: Code | None = None
    side: Code | None = None
    collection: Code | None = None
    fixative: Code | None = None
    embedding_medium: Code | None = None
    block_identifier: str | None = None
    stains: tuple[Code | str, ...] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """The light of one optical path; `colour` is the one it is usually shown in, as R, G, B."""

    name: str = ""
    fluorescent: bool = False
    excitation_nm: float | None = None
    emission_nm: float | None = None
    colour: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the file says about itself; what it does not say is None or empty.

    `format` is one of svs, ndpi, mrxs, scn, bif, philips, trestle, vms, czi, dicom, qptiff,
    ome-tiff, tiff. `mpp_um` is the extent (x, y) of a pixel of level 0 in micrometres.
    `acquired_at` has a time zone only where the file states one. `background` fills what was not
    scanned. `bounds` is the scanned part of level 0, where the file leaves the rest empty.
    `channels` describes each optical path, where the file does; `focal_spacing_um` is how far apart
    its focal planes lie. `barcodes` are the texts the scanner stored, then those read off the
    label, which `label_barcodes` holds alone. Scanners of whole slides focus by themselves
    (`focus_method`).
    """

    format: str
    mpp_um: tuple[float, float] | None = None
    objective_power: float | None = None
    icc_profile: bytes | None = field(default=None, repr=False)
    scanner: Scanner = Scanner()
    acquired_at: datetime | None = None
    barcodes: tuple[str, ...] = ()
    background: tuple[int, int, int] = WHITE
    bounds: Box | None = None
    specimen: Specimen = Specimen()
    channels: tuple[Channel, ...] = ()
    focal_spacing_um: float | None = None
    numerical_aperture: float | None = None
    illumination: Code | None = None
    focus_method: Literal["AUTO", "MANUAL"] = "AUTO"
    label_barcodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AssociatedImage:
    """A picture beside the slide: its label, its macro (overview) or its thumbnail.

    `frame()` gives the encoded bytes where the whole picture is one complete codestream of
    `encoding`; otherwise None. `icc_profile` is the picture's own, `stored_bytes` what it takes in
    the file, where that is known. `cleaned` pictures had the label's text taken out of them.
    """

    width: int
    height: int
    encoding: Encoding
    read: Callable[[], Pixels] = field(repr=False)
    read_frame: Callable[[], Frame | None] = field(default=lambda: None, repr=False)
    icc_profile: bytes | None = field(default=None, repr=False)
    stored_bytes: int | None = None
    cleaned: bool = False
    lost: tuple[Loss, ...] | None = None
    """What its pixels went through, its own encoding the last; None where the file is silent."""

    def pixels(self) -> Pixels:
        """The picture, decoded anew at each call: `uint8` of shape (rows, columns, 3).

        Raises DamagedCodestream or ShortRead where the stored picture does not decode.
        """
        return self.read()

    def frame(self) -> Frame | None:
        """The picture's encoded bytes, or None where they are not one complete codestream."""
        return self.read_frame()


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the stored tiles of one level lie in a file, row by row; length 0 for none."""

    file: Path
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]


@runtime_checkable
class Addressed(Protocol):
    """A TileSource some of whose levels consist of tiles that lie each in one piece."""

    def addresses(self, level: int) -> Addresses | None:
        """Where the tiles of a level lie, or None where each is not one piece of one file."""
        ...


@dataclass(frozen=True, slots=True)
class Scene:
    """One of several pictures of a file, its size in pixels and the name its software gave it.

    Names that people may have chosen (a file's, a patient's) are left out.
    """

    width: int
    height: int
    name: str = ""


def colours(source: TileSource) -> Pixels:
    """All pixels of a source's largest level, grey ones thrice: (rows, columns, 3)."""
    whole = Box(0, 0, source.pyramid.width, source.pyramid.height)
    return in_colour(source.pixels(0, whole))


def in_colour(pixels: Pixels) -> Pixels:
    """Pixels of three samples, grey ones thrice."""
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


@dataclass(frozen=True)
class Slide:
    """An open slide.

    `associated` has the keys `label`, `macro` and `thumbnail`, each only where the file has it;
    `files` is every file the slide consists of.
    """

    source: TileSource
    facts: Facts
    associated: Mapping[str, AssociatedImage]
    files: tuple[Path, ...]
    losses: tuple[tuple[Loss, ...], ...] = ()
    """Of each level the lossy compressions its pixels went through, that of its tiles the last."""
    scenes: tuple[Scene, ...] = ()
    """All scenes of the file, where it has several; in its own order, counted from 1."""
    scene: int | None = None
    """Which of them this is; None for the file's only one, or all on one canvas."""

    @property
    def shown(self) -> tuple[int | None, ...]:
        """The scenes that together are all that this file shows: those to be converted."""
        return (None,) if self.scene is None else tuple(range(1, len(self.scenes) + 1))

    def lost(self, level: int) -> tuple[Loss, ...]:
        """What the pixels of a level lost on their way into this file, as far as is known."""
        return self.losses[level] if level < len(self.losses) else ()

    def close(self) -> None:
        """Release the files; safe to call twice. Associated images are unreadable afterwards."""
        self.source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
