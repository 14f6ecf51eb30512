"""What an archive gives back by C-GET is on disk as it comes, and no more of it than it can be."""

import tempfile
import tracemalloc
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from archive.dimse_link import DimseLink
from archive.dimse_station import Station
from archive.errors import LinkRefused
from archive.link import Instance, Named
from archive.telling.forms import SECONDARY_CAPTURE
from tests.orthanc import TITLE, Orthanc

SIDE = 4096
PIXELS = SIDE * SIDE
NAMED = Named("2.25.8201", SECONDARY_CAPTURE, "2.25.8203", "2.25.8202")


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where libraries write for a while."""
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def link(archive: Orthanc, tmp_path: Path) -> DimseLink:
    """The way to an archive that holds one large instance."""
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID = UID(NAMED.sop_class_uid)
    one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID = UID(NAMED.sop_instance_uid)
    one.StudyInstanceUID = NAMED.study_instance_uid
    one.SeriesInstanceUID = NAMED.series_instance_uid
    one.PatientID, one.PatientName = "g1", "FAUX^Large"
    one.Rows = one.Columns = SIDE
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.BitsAllocated = one.BitsStored = 8
    one.HighBit, one.PixelRepresentation = 7, 0
    one.PixelData = bytes(range(256)) * (PIXELS // 256)
    path = tmp_path / "large.dcm"
    one.save_as(path, enforce_file_format=True)
    found = DimseLink(Station("127.0.0.1", archive.dicom_port, TITLE))
    found.store(Instance(NAMED, path))
    return found


def test_an_instance_is_never_held_whole(link: DimseLink, spool: Path, tmp_path: Path) -> None:
    back = tmp_path / "back.dcm"
    tracemalloc.start()
    try:
        link.fetch(NAMED, NAMED.series_instance_uid, back, 2 * PIXELS)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < PIXELS // 2
    assert dcmread(back).PixelData == bytes(range(256)) * (PIXELS // 256)
    assert list(spool.iterdir()) == []


def test_more_than_it_can_be_is_refused_before_its_end_and_nothing_is_left(
    link: DimseLink, spool: Path, tmp_path: Path
) -> None:
    back = tmp_path / "back.dcm"
    heard: list[None] = []
    with pytest.raises(LinkRefused, match="more than the instance can be"):
        link.fetch(NAMED, NAMED.series_instance_uid, back, 1 << 20, lambda: heard.append(None))
    assert not back.exists()
    assert list(spool.iterdir()) == []
