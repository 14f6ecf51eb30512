"""What is asked for of an instance without opening it: the answers of DICOM's queries."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


@dataclass(frozen=True, slots=True)
class DescribedSeries:
    """A series as it is searched for (PS3.18 Table 10.6.3-4)."""

    series_instance_uid: str
    modality: str
    series_number: int | None = None
    series_description: str | None = None


@dataclass(frozen=True, slots=True)
class Described:
    """An instance as it is searched for (PS3.18 Table 10.6.3-5), and the series it is of."""

    series: DescribedSeries
    transfer_syntax_uid: str
    instance_number: int | None
    rows: int
    columns: int
    frames: int
    bits_allocated: int


def described(header: "Dataset") -> Described:
    """What the header of an instance says; with its file meta information.

    Of a document, which has no pixels, all that is of them is 0. Raises AttributeError and
    ValueError where what every such instance has is missing.
    """
    return Described(
        DescribedSeries(
            str(header.SeriesInstanceUID),
            str(header.Modality),
            _number(header, "SeriesNumber"),
            str(header.get("SeriesDescription") or "") or None,
        ),
        str(header.file_meta.TransferSyntaxUID),
        _number(header, "InstanceNumber"),
        *_extent(header),
    )


def _extent(header: "Dataset") -> tuple[int, int, int, int]:
    if "EncapsulatedDocument" in header:
        return 0, 0, 0, 0
    frames = int(header.get("NumberOfFrames") or 1)
    return int(header.Rows), int(header.Columns), frames, int(header.BitsAllocated)


def described_in(file: Path | BinaryIO) -> Described:
    """What the header of an instance's file says, as `described`."""
    # What reads records alone, settings among it, has no use for it.
    from pydicom import dcmread

    return described(dcmread(file, stop_before_pixels=True))


def _number(header: "Dataset", keyword: str) -> int | None:
    value = header.get(keyword)
    return None if value in {None, ""} else int(value)
