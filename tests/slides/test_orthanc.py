"""Orthanc stores what is written, and gives back every frame as it was."""

import io
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from pydicom import dcmread

from slides.convert import Request, convert
from tests.orthanc import TITLE, Orthanc, orthanc
from tests.samples import sample
from tests.samples.slide import small_svs
from tests.slides.converted import CMU, stored
from tests.slides.test_verify import frame_at


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A slide as DICOM that is zarr as well: with an index behind its frames."""
    folder = tmp_path_factory.mktemp("converted") / "out"
    convert(sample(CMU, small_svs), folder, Request(to="both"))
    return folder


@pytest.fixture(scope="module")
def kept(archive: Orthanc, out: Path) -> dict[Path, str]:
    """What Orthanc calls each instance."""
    names = {}
    for path in sorted(out.glob("*.dcm")):
        answer = archive.web.post("/instances", content=path.read_bytes())
        assert answer.json()["Status"] == "Success"
        names[path] = answer.json()["ID"]
    return names


def test_it_listens_on_the_loopback_alone(archive: Orthanc) -> None:
    port = archive.web.base_url.port
    listening = {
        one.laddr.ip
        for one in psutil.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN and one.laddr.port in {port, archive.dicom_port}
    }
    assert listening <= {"127.0.0.1", "::1"}


def test_every_frame_comes_back_as_it_is(archive: Orthanc, kept: dict[Path, str]) -> None:
    for path, name in kept.items():
        data = path.read_bytes()
        count = int(dcmread(path, stop_before_pixels=True).NumberOfFrames)
        assert archive.web.get(f"/instances/{name}/frames").json() == list(range(count))
        for number in range(count):
            at, length = frame_at(path, number)
            frame = archive.web.get(f"/instances/{name}/frames/{number}/raw").content
            assert frame == data[at : at + length]


def test_a_file_comes_back_as_it_is(archive: Orthanc, kept: dict[Path, str]) -> None:
    for path, name in kept.items():
        assert archive.web.get(f"/instances/{name}/file").content == path.read_bytes()


def test_one_study_one_series_and_what_their_headers_say(
    archive: Orthanc, kept: dict[Path, str]
) -> None:
    assert len(archive.web.get("/studies").json()) == 1
    (series,) = archive.web.get("/series").json()
    assert len(archive.web.get(f"/series/{series}").json()["Instances"]) == len(kept)
    for path, name in kept.items():
        own = dcmread(path, stop_before_pixels=True)
        told = archive.web.get(f"/instances/{name}/simplified-tags").json()
        for keyword in (
            "SOPInstanceUID",
            "StudyInstanceUID",
            "ContainerIdentifier",
            "TotalPixelMatrixColumns",
            "TotalPixelMatrixRows",
            "NumberOfFrames",
            "DimensionOrganizationType",
            "LossyImageCompression",
        ):
            assert told.get(keyword, "") == str(own.get(keyword, ""))
        path_of_light = told["OpticalPathSequence"][0]
        assert path_of_light["IlluminationTypeCodeSequence"][0]["CodeValue"] == "111744"
        syntax = archive.web.get(f"/instances/{name}/metadata/TransferSyntax").text
        assert syntax == own.file_meta.TransferSyntaxUID


def test_it_shows_the_pixels_that_are_there(
    archive: Orthanc, kept: dict[Path, str], out: Path
) -> None:
    name = kept[out / "level-0.dcm"]
    shown = Image.open(io.BytesIO(archive.web.get(f"/instances/{name}/frames/3/preview").content))
    image = stored(out)
    level = image.pyramid.levels[0]
    own = image.pixels(0, level.box(3, 0))
    assert np.abs(np.asarray(shown.convert("RGB")).astype(int) - own).max() <= 3


def test_it_takes_them_over_the_network_of_scanners(
    archive: Orthanc, kept: dict[Path, str], out: Path
) -> None:
    """By C-STORE, as it takes pictures from modalities: the same objects, known already."""
    level = out / "level-1.dcm"
    name = kept[level]
    archive.web.delete(f"/instances/{name}").raise_for_status()
    store = [
        "/usr/bin/storescu",
        "-R",
        "-xy",
        "-aec",
        TITLE,
        "127.0.0.1",
        str(archive.dicom_port),
        str(level),
    ]
    subprocess.run(store, check=True, capture_output=True)
    at, length = frame_at(level, 0)
    frame = archive.web.get(f"/instances/{name}/frames/0/raw").content
    # What came so ends with its frames: the other tests are of the whole file.
    archive.web.delete(f"/instances/{name}").raise_for_status()
    archive.web.post("/instances", content=level.read_bytes()).raise_for_status()
    assert frame == level.read_bytes()[at : at + length]
