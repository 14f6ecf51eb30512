"""What a DICOM whole-slide instance says, as plain values.

Source: PS3.3 A.32.8 (VL Whole Slide Microscopy).
"""

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from operator import attrgetter
from pathlib import Path
from re import fullmatch

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

from slides.dicom_frames import Places, find_frames
from slides.dicom_losses import losses_of
from slides.dicom_planes import (
    Arrangement,
    PlaneKey,
    arrange,
    arrange_part,
    identifier,
    optical_paths,
)
from slides.errors import DamagedSlide, UnsupportedSlide
from slides.slide import Channel, Scanner, Specimen
from slides.specimen import read_specimen
from tiles.coding import Loss

WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
PART_OF_A_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.3"
OTHER_OBJECTS = {
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation",
    "1.2.840.10008.5.1.4.1.1.91.1": "annotations on a slide",
    "1.2.840.10008.5.1.4.1.1.77.1.4": "a photograph",
}

# What is needed to tell to which slide a file belongs.
BELONGING = ["SOPClassUID", "SeriesInstanceUID"]

Arranging = Callable[[list[Dataset], int, int, int], Arrangement]
"""Which frame shows which tile, given the headers, how many frames, how many columns and rows."""

_warning_filters = threading.Lock()


FLUORESCENCE = frozenset({"111743", "111749"})
"""Codes of CID 8123: epifluorescence, total internal reflection fluorescence."""


@dataclass(frozen=True, eq=False)
class File:
    """One file: a whole instance, or a part of one that was cut into a concatenation."""

    path: Path
    header: Dataset = field(repr=False)
    fragments: Places = field(repr=False)
    """For every frame the offsets and lengths of its parts in the file."""

    series: tuple[str, str]
    """The UIDs of its study and its series."""
    number: int
    """Its place in the series."""
    concatenation: str
    """What the parts of one instance have in common, empty for a whole one."""
    parts: int
    """Of how many files the concatenation consists, 0 where it is not said."""
    first: int
    """The number of its first frame among those of the whole (C.7.6.16.2.2.4)."""


@dataclass(frozen=True, eq=False)
class Instance:
    """One whole-slide instance: a level of the slide, some planes of one, or a picture beside it.

    `frames` holds for every plane and every tile, row by row, the number of its frame, or -1 where
    none is stored.
    """

    files: tuple[File, ...]
    series: tuple[str, str]
    flavour: str
    """The third value of Image Type: VOLUME, LABEL, OVERVIEW or THUMBNAIL."""
    width: int
    height: int
    tile_width: int
    tile_height: int
    samples: int
    bits: int
    signed: bool
    photometric: str
    planar: bool
    planes: tuple[PlaneKey, ...]
    channels: dict[str, Channel]
    """What each optical path is, by its identifier."""
    transfer_syntax: str
    mpp_um: tuple[float, float] | None
    objective_power: float | None
    icc_profile: bytes | None = field(repr=False)
    scanner: Scanner
    acquired_at: datetime | None
    barcode: str | None
    specimen: Specimen
    losses: tuple[Loss, ...]
    """The lossy compressions its pixels went through, that of its frames the last."""
    frames: NDArray[np.int64] = field(repr=False)

    @property
    def path(self) -> Path:
        """Its file, the first where it has several."""
        return self.files[0].path

    @property
    def place(self) -> tuple[int, str]:
        """Its place among the instances of its series."""
        return self.files[0].number, self.path.name

    @property
    def stored_bytes(self) -> int:
        """What its frames take."""
        return _stored_bytes(self.files)


def belonging(path: Path) -> tuple[str, str]:
    """SOP Class UID and Series Instance UID of a file, empty where it has none."""
    try:
        with _quiet():
            found = dcmread(path, stop_before_pixels=True, specific_tags=list(BELONGING))
            return str(found.get("SOPClassUID", "")), str(found.get("SeriesInstanceUID", ""))
    except Exception:  # noqa: BLE001  (a parser of foreign bytes raises anything)
        # A neighbour that cannot be read belongs to no slide that could be told.
        return "", ""


def read_file(path: Path) -> File:
    """The header of a file and the places of its frames; no pixel is read.

    Raises UnsupportedSlide for what is no picture of a slide, DamagedSlide for what is cut short.
    """
    with _blaming_the_header(), path.open("rb") as stream, _quiet():
        header = dcmread(stream, stop_before_pixels=True)
        _refuse_other_objects(header)
        count = int(header.get("NumberOfFrames", 1))
        syntax = str(header.file_meta.TransferSyntaxUID)
        return File(
            path=path,
            header=header,
            fragments=find_frames(stream, header, syntax, count),
            series=(
                str(header.get("StudyInstanceUID", "")),
                str(header.get("SeriesInstanceUID", "")),
            ),
            number=int(header.get("InstanceNumber") or 0),
            concatenation=str(header.get("ConcatenationUID", "")),
            parts=int(header.get("InConcatenationTotalNumber") or 0),
            first=int(header.get("ConcatenationFrameOffsetNumber") or 0),
        )


def instances_of(files: Sequence[File]) -> list[Instance]:
    """The instances of a series, in the order of their first files, concatenations put together.

    Raises DamagedSlide where a part is missing.
    """
    groups: dict[str, list[File]] = {}
    for file in files:
        groups.setdefault(file.concatenation or str(file.path), []).append(file)
    return [_instance(_whole(group)) for group in groups.values()]


def part_alone(file: File) -> Instance:
    """A part of a concatenation as an instance in which all other tiles are missing.

    Raises DamagedSlide and UnsupportedSlide.
    """
    with _blaming_the_header(), _quiet():
        return _read([file], lambda headers, *grid: arrange_part(headers[0], *grid))


def _whole(parts: list[File]) -> list[File]:
    """The parts of one concatenation in their order, each once."""
    if not parts[0].concatenation:
        return parts
    ordered = sorted(
        {part.first: part for part in reversed(parts)}.values(), key=attrgetter("first")
    )
    total = ordered[0].parts
    if len(ordered) < total:
        raise DamagedSlide(
            f"it is cut into {total} parts, of which {total - len(ordered)} are missing; put all "
            "files of the series into one folder"
        )
    expected = 0
    for part in ordered:
        if part.first != expected:
            raise DamagedSlide(
                f"a part of it, from frame {expected + 1} on, is missing; put all files of the "
                "series into one folder"
            )
        expected += len(part.fragments)
    return ordered


@contextmanager
def _blaming_the_header() -> Iterator[None]:
    try:
        yield
    except (UnsupportedSlide, DamagedSlide):
        raise
    except Exception as error:  # a parser of foreign bytes raises anything
        raise DamagedSlide(
            "its DICOM header is damaged or cut short; fetch it again from where it came"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the parser's warnings, which quote values of a patient's header, from being shown."""
    with _warning_filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _refuse_other_objects(header: Dataset) -> None:
    kind = str(header.get("SOPClassUID", ""))
    if not kind:
        raise DamagedSlide("its DICOM header says not what it is: it is damaged or cut short")
    if kind not in {WHOLE_SLIDE, PART_OF_A_SLIDE}:
        what = OTHER_OBJECTS.get(kind, "no picture of a slide")
        raise UnsupportedSlide(
            f"the DICOM object is {what}; give a VL Whole Slide Microscopy image"
        )


def _instance(files: list[File]) -> Instance:
    with _blaming_the_header(), _quiet():
        return _read(files)


def _read(files: list[File], arranged: Arranging = arrange) -> Instance:
    header = files[0].header
    if "Rows" not in header or "Columns" not in header:
        raise DamagedSlide("its DICOM header ends before the picture; fetch it again")
    width = int(header.get("TotalPixelMatrixColumns", header.Columns))
    height = int(header.get("TotalPixelMatrixRows", header.Rows))
    tile_width, tile_height = int(header.Columns), int(header.Rows)
    if min(width, height, tile_width, tile_height) < 1:
        raise DamagedSlide("its DICOM header states a picture without pixels; fetch it again")
    count = sum(len(file.fragments) for file in files)
    columns, rows = -(-width // tile_width), -(-height // tile_height)
    paths = optical_paths(header)
    image_type = [str(value) for value in header.get("ImageType", [])]
    profile = paths[0].get("ICCProfile") or header.get("ICCProfile")
    power = paths[0].get("ObjectiveLensPower")
    arrangement = arranged([file.header for file in files], count, columns, rows)
    return Instance(
        files=tuple(files),
        series=files[0].series,
        flavour=image_type[2] if len(image_type) > 2 else "VOLUME",
        width=width,
        height=height,
        tile_width=tile_width,
        tile_height=tile_height,
        samples=int(header.get("SamplesPerPixel", 1)),
        bits=int(header.get("BitsAllocated", 0)),
        signed=bool(header.get("PixelRepresentation", 0)),
        photometric=str(header.get("PhotometricInterpretation", "")),
        planar=bool(header.get("PlanarConfiguration", 0)),
        planes=arrangement.planes,
        channels={identifier(path): _channel(path) for path in paths},
        transfer_syntax=str(header.file_meta.TransferSyntaxUID),
        mpp_um=_spacing(header, width, height),
        objective_power=float(power) if power else None,
        icc_profile=_unpadded(profile),
        scanner=_scanner(header),
        acquired_at=_moment(header.get("AcquisitionDateTime"), header.get("TimezoneOffsetFromUTC")),
        barcode=_text(header, "BarcodeValue"),
        specimen=read_specimen(header),
        losses=losses_of(header, _decoded_bytes(header, count), _stored_bytes(files)),
        frames=arrangement.frames,
    )


def _stored_bytes(files: Sequence[File]) -> int:
    return sum(length for file in files for frame in file.fragments for _, length in frame)


def _decoded_bytes(header: Dataset, count: int) -> int:
    samples = int(header.get("SamplesPerPixel", 1))
    frame = int(header.Rows) * int(header.Columns) * samples
    return frame * count * int(header.get("BitsAllocated", 8)) // 8


def _channel(path: Dataset) -> Channel:
    codes = path.get("IlluminationTypeCodeSequence") or []
    return Channel(
        name=_text(path, "OpticalPathDescription") or identifier(path),
        fluorescent=any(str(code.get("CodeValue")) in FLUORESCENCE for code in codes),
        excitation_nm=_positive(path.get("IlluminationWaveLength")),
        emission_nm=_positive(path.get("ImagePathFilterPassThroughWavelength")),
    )


def _positive(value: object) -> float | None:
    number = float(str(value)) if value else 0.0
    return number if number > 0 else None


def _text(dataset: Dataset, keyword: str) -> str | None:
    return str(dataset.get(keyword) or "").strip() or None


def _unpadded(profile: object) -> bytes | None:
    """An ICC profile in its own length, which its first four bytes state."""
    if not isinstance(profile, bytes) or not profile:
        return None
    return profile[: int.from_bytes(profile[:4], "big")]


def _scanner(header: Dataset) -> Scanner:
    versions = header.get("SoftwareVersions") or ""
    return Scanner(
        manufacturer=_text(header, "Manufacturer"),
        model=_text(header, "ManufacturerModelName"),
        serial_number=_text(header, "DeviceSerialNumber"),
        software=(versions if isinstance(versions, str) else ", ".join(versions)) or None,
    )


def _spacing(header: Dataset, width: int, height: int) -> tuple[float, float] | None:
    """From the pixel measures, else from the size of what was imaged."""
    for shared in header.get("SharedFunctionalGroupsSequence") or []:
        for measures in shared.get("PixelMeasuresSequence") or []:
            between_rows, between_columns = (float(mm) for mm in measures.PixelSpacing)
            if between_rows > 0 and between_columns > 0:
                return between_columns * 1000, between_rows * 1000
    across_mm = float(header.get("ImagedVolumeWidth") or 0)
    down_mm = float(header.get("ImagedVolumeHeight") or 0)
    if across_mm > 0 and down_mm > 0:
        return across_mm / width * 1000, down_mm / height * 1000
    return None


def _moment(stated: object, offset: object) -> datetime | None:
    """A DT value (PS3.5, 6.2) that is complete to the second."""
    parts = fullmatch(r"(\d{14})(?:\.(\d{1,6}))?([+-]\d{4})?", str(stated or "").strip())
    if not parts:
        return None
    zone = fullmatch(r"([+-])(\d\d)(\d\d)", parts[3] or str(offset or ""))
    try:
        moment = datetime.strptime(parts[1], "%Y%m%d%H%M%S")  # noqa: DTZ007  (kept as stated)
        if not zone:
            return moment
        minutes = 60 * int(zone[2]) + int(zone[3])
        ahead = timedelta(minutes=-minutes if zone[1] == "-" else minutes)
        return moment.replace(tzinfo=timezone(ahead))
    except ValueError:
        # Scanners whose clock was never set write zeros.
        return None
