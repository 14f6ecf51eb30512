"""DICOM whole-slide instances in the ways that other software writes them."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, generate_uid

WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
Table = Literal["basic", "extended", "none", "native"]


@dataclass(frozen=True)
class Made:
    """How an instance is made; `fragments` is into how many parts each frame is cut."""

    flavour: str = "VOLUME"
    table: Table = "basic"
    tile: int = 128
    fragments: int = 1
    sparse_without: tuple[int, ...] | None = None
    planar: bool = False
    series: str = "1"
    mpp_um: float = 0.5


def write_instance(path: Path, pixels: NDArray[np.uint8], made: Made | None = None) -> Path:
    """Write one instance of a slide; TILED_SPARSE without some tiles where `made` names them."""
    made = made or Made()
    tiles = _tiles(pixels, made.tile)
    header = _header(path, pixels, made)
    if made.sparse_without is not None:
        columns = -(-pixels.shape[1] // made.tile)
        kept = [number for number in range(len(tiles)) if number not in made.sparse_without]
        # Stored from the last to the first, as nothing forbids.
        kept.reverse()
        header.DimensionOrganizationType = "TILED_SPARSE"
        header.PerFrameFunctionalGroupsSequence = [
            _position(number % columns, number // columns, made.tile) for number in kept
        ]
        tiles = [tiles[number] for number in kept]
    header.NumberOfFrames = len(tiles)
    _set_pixels(header, tiles, made)
    header.save_as(path, enforce_file_format=True)
    return path


def _tiles(pixels: NDArray[np.uint8], tile: int) -> list[NDArray[np.uint8]]:
    height, width = pixels.shape[:2]
    padded = np.pad(pixels, ((0, -height % tile), (0, -width % tile), (0, 0)), mode="edge")
    return [
        np.ascontiguousarray(padded[y : y + tile, x : x + tile])
        for y in range(0, padded.shape[0], tile)
        for x in range(0, padded.shape[1], tile)
    ]


def _set_pixels(header: Dataset, tiles: list[NDArray[np.uint8]], made: Made) -> None:
    if made.table == "native":
        ordered = [np.moveaxis(one, 2, 0) if made.planar else one for one in tiles]
        header.PixelData = b"".join(one.tobytes() for one in ordered)
        return
    frames = [
        simplejpeg.encode_jpeg(one, quality=92, colorspace="RGB", colorsubsampling="444")
        for one in tiles
    ]
    if made.table == "extended":
        data, offsets, lengths = encapsulate_extended(frames)
        header.ExtendedOffsetTable, header.ExtendedOffsetTableLengths = offsets, lengths
        header.PixelData = data
    else:
        header.PixelData = encapsulate(frames, made.fragments, has_bot=made.table == "basic")
    header["PixelData"].VR = "OB"
    header["PixelData"].is_undefined_length = True


def _header(path: Path, pixels: NDArray[np.uint8], made: Made) -> Dataset:
    header = Dataset()
    header.file_meta = FileMetaDataset()
    native = made.table == "native"
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if native else JPEGBaseline8Bit
    header.SOPClassUID = WHOLE_SLIDE
    header.SOPInstanceUID = generate_uid(entropy_srcs=[path.name, made.series])
    header.StudyInstanceUID = generate_uid(entropy_srcs=["study", made.series])
    header.SeriesInstanceUID = generate_uid(entropy_srcs=["series", made.series])
    header.ImageType = ["ORIGINAL", "PRIMARY", made.flavour, "NONE"]
    header.Manufacturer, header.ManufacturerModelName = "Maker", "Scanner"
    header.DeviceSerialNumber, header.SoftwareVersions = "7", ["1.0", "2.0"]
    header.AcquisitionDateTime = "20210304101112.5+0100"
    header.ContainerIdentifier = "C-1"
    specimen = Dataset()
    specimen.SpecimenIdentifier = "C-1-A"
    header.SpecimenDescriptionSequence = [specimen]
    if made.flavour == "LABEL":
        header.BarcodeValue = "SV-00042"
    light = Dataset()
    light.ObjectiveLensPower = 40
    light.ICCProfile = (6).to_bytes(4, "big") + b"AB" + b"\0\0"
    header.OpticalPathSequence = [light]
    header.TotalPixelMatrixRows, header.TotalPixelMatrixColumns = pixels.shape[:2]
    header.Rows = header.Columns = made.tile
    header.SamplesPerPixel = 3
    header.PhotometricInterpretation = "RGB" if native else "YBR_FULL_422"
    header.PlanarConfiguration = int(made.planar)
    header.BitsAllocated = header.BitsStored = 8
    header.HighBit, header.PixelRepresentation = 7, 0
    header.DimensionOrganizationType = "TILED_FULL"
    measures, shared = Dataset(), Dataset()
    measures.PixelSpacing = [made.mpp_um / 1000, made.mpp_um / 1000]
    shared.PixelMeasuresSequence = [measures]
    header.SharedFunctionalGroupsSequence = [shared]
    return header


def _position(column: int, row: int, tile: int) -> Dataset:
    place, group = Dataset(), Dataset()
    place.ColumnPositionInTotalImagePixelMatrix = column * tile + 1
    place.RowPositionInTotalImagePixelMatrix = row * tile + 1
    group.PlanePositionSlideSequence = [place]
    return group


def decoded(pixels: NDArray[np.uint8], made: Made) -> NDArray[np.uint8]:
    """What a reader should give for `pixels` written so: each tile after its own JPEG."""
    tiles = _tiles(pixels, made.tile)
    columns = -(-pixels.shape[1] // made.tile)
    rows = []
    for first in range(0, len(tiles), columns):
        shown = []
        for number in range(first, first + columns):
            tile = tiles[number]
            if made.table != "native":
                code = simplejpeg.encode_jpeg(
                    tile, quality=92, colorspace="RGB", colorsubsampling="444"
                )
                tile = simplejpeg.decode_jpeg(code)
            if number in (made.sparse_without or ()):
                tile = np.full_like(tile, 255)
            shown.append(tile)
        rows.append(np.concatenate(shown, axis=1))
    whole = np.concatenate(rows, axis=0)
    return np.asarray(whole[: pixels.shape[0], : pixels.shape[1]])


def cut(path: Path, out: Path, share: float) -> Path:
    """The first `share` of a file."""
    with path.open("rb") as stream, io.BytesIO() as kept:
        kept.write(stream.read(int(path.stat().st_size * share)))
        out.write_bytes(kept.getvalue())
    return out
