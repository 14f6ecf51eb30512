"""What is asked for of an instance without opening it: the answers of DICOM's queries."""

from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
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


def described(header: Dataset) -> Described:
    """What the header of an instance with pixels says; with its file meta information.

    Raises AttributeError and ValueError where what every such instance has is missing.
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
        int(header.Rows),
        int(header.Columns),
        int(header.get("NumberOfFrames") or 1),
        int(header.BitsAllocated),
    )


def described_in(path: Path) -> Described:
    """What the header of an instance's file says, as `described`."""
    return described(dcmread(path, stop_before_pixels=True))


def _number(header: Dataset, keyword: str) -> int | None:
    value = header.get(keyword)
    return None if value in {None, ""} else int(value)
