"""What is cut for an archive and what is not, whatever its rule says."""

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import JPEGBaseline8Bit

from api import cutting
from api.settings import Settings
from api.work import Workplace
from archive.modules import file_meta
from archive.record import ObjectRole, StoredObject
from tests.api.telling.places import at
from tiles.frames import InMemory, write_instance


def laid(place: Workplace, folder: Path, frames: int = 4, **said: Any) -> StoredObject:
    """A level of these frames, of 1000 bytes each, of which a header says more."""
    header = Dataset()
    header.SOPInstanceUID = "1.2.3"
    header.DimensionOrganizationType = "TILED_FULL"
    header.NumberOfFrames = header.TotalPixelMatrixColumns = frames
    header.TotalPixelMatrixRows = header.Rows = header.Columns = 1
    header.SamplesPerPixel, header.BitsAllocated = 3, 8
    for keyword, value in said.items():
        setattr(header, keyword, value)
    header.file_meta = file_meta("1.2", "1.2.3", JPEGBaseline8Bit)
    written = write_instance(folder / "level.dcm", header, InMemory([bytes(1000)] * frames))
    key = place.storage.put(written.path)
    return StoredObject(ObjectRole.LEVEL, key, written.length_bytes, "application/dicom", 0)


def test_what_is_cut_and_what_is_not(
    settings: Settings, empty_catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = cutting.ROOM_BYTES + 1000
    with at(settings, empty_catalogue) as place:
        for most, expected in (
            (room + 4 * 1040, [range(4)]),
            (room + 2 * 1040, [range(2), range(2, 4)]),
            (room - 1000, []),
        ):
            assert cutting.groups_of(place, laid(place, tmp_path), most) == expected
        for said in (
            {"DimensionOrganizationType": "TILED_SPARSE"},
            {"ConcatenationUID": "1.2.4", "InConcatenationNumber": 1},
        ):
            assert cutting.groups_of(place, laid(place, tmp_path, **said), room + 2 * 1040) == []
        monkeypatch.setattr(cutting, "MOST_PARTS", 3)
        assert cutting.groups_of(place, laid(place, tmp_path), room + 1040) == []
