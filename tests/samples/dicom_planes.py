"""DICOM slides of several planes, in every transfer syntax, whole or cut into concatenations."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.pixels.encoders.base import RLELosslessEncoder
from pydicom.uid import UID, generate_uid

from slides.slide import Slide
from tests.samples.dicom_slides import WHOLE_SLIDE
from tiles.pyramid import Box

Stack = NDArray[Any]
"""`uint8` or `uint16` of shape (optical paths, focal planes, rows, columns, samples)."""

NATIVE = {
    "implicit": "1.2.840.10008.1.2",
    "explicit": "1.2.840.10008.1.2.1",
    "big endian": "1.2.840.10008.1.2.2",
}
Encode = Callable[[NDArray[Any]], bytes]


def _rle(tile: NDArray[Any]) -> bytes:
    rows, columns, samples = tile.shape
    return RLELosslessEncoder.encode(
        np.ascontiguousarray(tile[..., 0] if samples == 1 else tile),
        rows=rows,
        columns=columns,
        samples_per_pixel=samples,
        bits_allocated=8 * tile.itemsize,
        bits_stored=8 * tile.itemsize,
        pixel_representation=0,
        photometric_interpretation="MONOCHROME2" if samples == 1 else "RGB",
        planar_configuration=0,
        number_of_frames=1,
    )


def _deflated(tile: NDArray[Any]) -> bytes:
    import zlib

    squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeeze.compress(tile.tobytes()) + squeeze.flush()


def _by(name: str, **how: Any) -> Encode:
    def encode(tile: NDArray[Any]) -> bytes:
        one = np.ascontiguousarray(tile[..., 0] if tile.shape[2] == 1 else tile)
        return bytes(getattr(imagecodecs, name)(one, **how))

    return encode


def _lossless_jpeg(tile: NDArray[Any]) -> bytes:
    encode = _by("jpeg8_encode", lossless=True, bitspersample=8 * tile.itemsize)
    return encode(tile)


def _jpeg_xl_of_jpeg(tile: NDArray[Any]) -> bytes:
    return bytes(imagecodecs.jpegxl_encode_jpeg(_by("jpeg8_encode", level=90)(tile)))


ENCAPSULATED: dict[str, tuple[str, Encode]] = {
    "JPEG": ("1.2.840.10008.1.2.4.50", _by("jpeg8_encode", level=95)),
    "JPEG extended": ("1.2.840.10008.1.2.4.51", _by("jpeg8_encode", level=98, bitspersample=12)),
    "JPEG lossless": ("1.2.840.10008.1.2.4.57", _lossless_jpeg),
    "JPEG lossless SV1": ("1.2.840.10008.1.2.4.70", _lossless_jpeg),
    "JPEG-LS": ("1.2.840.10008.1.2.4.80", _by("jpegls_encode")),
    "JPEG-LS near": ("1.2.840.10008.1.2.4.81", _by("jpegls_encode", level=2)),
    "JPEG 2000 lossless": (
        "1.2.840.10008.1.2.4.90",
        _by("jpeg2k_encode", level=0, codecformat="j2k", reversible=True),
    ),
    "JPEG 2000": ("1.2.840.10008.1.2.4.91", _by("jpeg2k_encode", level=80, codecformat="j2k")),
    "HTJ2K lossless": ("1.2.840.10008.1.2.4.201", _by("htj2k_encode")),
    "HTJ2K lossless RPCL": ("1.2.840.10008.1.2.4.202", _by("htj2k_encode")),
    "HTJ2K": ("1.2.840.10008.1.2.4.203", _by("htj2k_encode")),
    "JPEG XL lossless": ("1.2.840.10008.1.2.4.110", _by("jpegxl_encode", lossless=True, effort=1)),
    "JPEG XL of JPEG": ("1.2.840.10008.1.2.4.111", _jpeg_xl_of_jpeg),
    "JPEG XL": ("1.2.840.10008.1.2.4.112", _by("jpegxl_encode", level=98, effort=1)),
    "RLE": ("1.2.840.10008.1.2.5", _rle),
    "deflated frames": ("1.2.840.10008.1.2.8.1", _deflated),
}
SYNTAXES = (*NATIVE, *ENCAPSULATED)


@dataclass(frozen=True)
class Cut:
    """How the frames of an instance are written; `parts` is into how many files."""

    syntax: str = "explicit"
    tile: int = 64
    parts: int = 1
    sparse: bool = False
    without: frozenset[int] = frozenset()
    """Frames, by their number in TILED_FULL, that a sparse instance does not store."""
    first_path: int = 0
    first_um: float = 0.0
    spacing_um: float = 2.0
    total_known: bool = True
    fluorescent: bool = True


def write_stack(folder: Path, name: str, stack: Stack, cut: Cut | None = None) -> list[Path]:
    """Write one level as one instance or one concatenation; gives its files in order."""
    cut = cut or Cut()
    tiles = list(_tiles(stack, cut.tile))
    kept = [number for number in range(len(tiles)) if number not in cut.without]
    if cut.sparse:
        kept.reverse()
    each = -(-len(kept) // cut.parts)
    files = []
    for part in range(cut.parts):
        own = kept[part * each : (part + 1) * each]
        header = _header(name, stack, cut)
        header.NumberOfFrames = len(own)
        if cut.parts > 1:
            _concatenate(header, cut, part, part * each)
        if cut.sparse:
            header.PerFrameFunctionalGroupsSequence = [_group(stack, cut, one) for one in own]
        _set_pixels(header, [tiles[number] for number in own], cut)
        files.append(folder / f"{name}-{part}.dcm")
        header.save_as(
            files[-1],
            implicit_vr=cut.syntax == "implicit",
            little_endian=cut.syntax != "big endian",
            # The library does not know all transfer syntaxes yet.
            force_encoding=True,
        )
    return files


def _tiles(stack: Stack, tile: int) -> Iterator[NDArray[Any]]:
    """In the order of TILED_FULL (C.7.6.17.3)."""
    rows, columns = stack.shape[2:4]
    margin = ((0, -rows % tile), (0, -columns % tile), (0, 0))
    for plane in stack.reshape(-1, *stack.shape[2:]):
        padded = np.pad(plane, margin, mode="edge")
        for y in range(0, padded.shape[0], tile):
            for x in range(0, padded.shape[1], tile):
                yield np.ascontiguousarray(padded[y : y + tile, x : x + tile])


def _set_pixels(header: Dataset, tiles: list[NDArray[Any]], cut: Cut) -> None:
    if cut.syntax in NATIVE:
        big = cut.syntax == "big endian"
        kind = tiles[0].dtype.newbyteorder(">" if big else "<")
        header.PixelData = b"".join(one.astype(kind).tobytes() for one in tiles)
        header["PixelData"].VR = "OW"
        return
    frames = [ENCAPSULATED[cut.syntax][1](one) for one in tiles]
    if cut.parts % 2:
        header.PixelData = encapsulate(frames)
    else:
        data, offsets, lengths = encapsulate_extended(frames)
        header.ExtendedOffsetTable, header.ExtendedOffsetTableLengths = offsets, lengths
        header.PixelData = data
    header["PixelData"].VR = "OB"
    header["PixelData"].is_undefined_length = True


def _concatenate(header: Dataset, cut: Cut, part: int, first: int) -> None:
    header.ConcatenationUID = generate_uid(entropy_srcs=["whole", header.SOPInstanceUID])
    header.SOPInstanceUIDOfConcatenationSource = header.SOPInstanceUID
    header.SOPInstanceUID = generate_uid(entropy_srcs=[header.SOPInstanceUID, str(part)])
    header.InConcatenationNumber = part + 1
    header.ConcatenationFrameOffsetNumber = first
    if cut.total_known:
        header.InConcatenationTotalNumber = cut.parts


def _header(name: str, stack: Stack, cut: Cut) -> Dataset:
    paths, depth, rows, columns, samples = stack.shape
    bits = 8 * stack.itemsize
    header = Dataset()
    header.file_meta = FileMetaDataset()
    syntax = NATIVE.get(cut.syntax) or ENCAPSULATED[cut.syntax][0]
    header.file_meta.TransferSyntaxUID = UID(syntax)
    header.preamble = bytes(128)
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = UID(WHOLE_SLIDE)
    header.SOPInstanceUID = generate_uid(entropy_srcs=[name])
    header.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
    header.SeriesInstanceUID = generate_uid(entropy_srcs=["series"])
    header.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    header.TotalPixelMatrixRows, header.TotalPixelMatrixColumns = rows, columns
    header.TotalPixelMatrixFocalPlanes, header.NumberOfOpticalPaths = depth, paths
    header.Rows = header.Columns = cut.tile
    header.SamplesPerPixel = samples
    header.PhotometricInterpretation = "MONOCHROME2" if samples == 1 else "RGB"
    if samples > 1:
        header.PlanarConfiguration = 0
        if cut.syntax == "JPEG":
            header.PhotometricInterpretation = "YBR_FULL_422"
        elif cut.syntax.startswith("JPEG 2000"):
            header.PhotometricInterpretation = "YBR_ICT"
    header.BitsAllocated = header.BitsStored = bits
    header.HighBit, header.PixelRepresentation = bits - 1, 0
    header.DimensionOrganizationType = "TILED_SPARSE" if cut.sparse else "TILED_FULL"
    header.OpticalPathSequence = [_light(cut.first_path + one, cut) for one in range(paths)]
    origin, measures, shared = Dataset(), Dataset(), Dataset()
    origin.ZOffsetInSlideCoordinateSystem = cut.first_um
    header.TotalPixelMatrixOriginSequence = [origin]
    measures.PixelSpacing = [0.0005, 0.0005]
    measures.SpacingBetweenSlices = cut.spacing_um / 1000
    shared.PixelMeasuresSequence = [measures]
    header.SharedFunctionalGroupsSequence = [shared]
    return header


def _light(number: int, cut: Cut) -> Dataset:
    light, kind = Dataset(), Dataset()
    light.OpticalPathIdentifier = f"light {number}"
    light.OpticalPathDescription = f"Dye {number}"
    kind.CodeValue = "111743" if cut.fluorescent else "111744"
    kind.CodingSchemeDesignator, kind.CodeMeaning = "DCM", "a way to light a slide"
    light.IlluminationTypeCodeSequence = [kind]
    light.IlluminationWaveLength = 400.0 + 80 * number
    return light


def _group(stack: Stack, cut: Cut, number: int) -> Dataset:
    across, down = -(-stack.shape[3] // cut.tile), -(-stack.shape[2] // cut.tile)
    plane, place = divmod(number, across * down)
    path, focal = divmod(plane, stack.shape[1])
    position, light, group = Dataset(), Dataset(), Dataset()
    position.ColumnPositionInTotalImagePixelMatrix = place % across * cut.tile + 1
    position.RowPositionInTotalImagePixelMatrix = place // across * cut.tile + 1
    position.ZOffsetInSlideCoordinateSystem = cut.first_um + focal * cut.spacing_um
    light.OpticalPathIdentifier = f"light {cut.first_path + path}"
    group.PlanePositionSlideSequence = [position]
    group.OpticalPathIdentificationSequence = [light]
    return group


def smooth(paths: int, depth: int, width: int, height: int, dtype: Any, samples: int = 1) -> Stack:
    """Every plane another smooth picture, in the range of 12 bits where there are 16."""
    most = 255 if dtype == np.uint8 else 4095
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    planes = [
        most * (0.5 + 0.24 * (np.sin(x / (9 + n)) + np.cos(y / (13 + n) + n)))
        for n in range(paths * depth * samples)
    ]
    stacked = np.stack(planes).reshape(paths, depth, samples, height, width)
    return np.ascontiguousarray(np.moveaxis(stacked, 2, 4)).astype(dtype)


def whole(slide: Slide) -> NDArray[Any]:
    """All planes of the largest level, as the stack they were made from."""
    pyramid = slide.source.pyramid
    box = Box(0, 0, pyramid.width, pyramid.height)
    paths = 1 + max(plane.optical_path for plane in pyramid.planes)
    planes = np.stack([slide.source.pixels(0, box, plane) for plane in pyramid.planes])
    return planes.reshape(paths, -1, *planes.shape[1:])
