"""What could not be told to anybody, or not without harm to all others, is refused at once."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from api.instances.examine import examined
from archive.received.outcome import Failure
from tests.api.conftest import Web
from tests.api.instances.conftest import Make, Take
from tests.samples.dicom_slides import Made
from tiles.errors import DamagedInstance
from tiles.instance import read_header


def on_top(data: Dataset) -> None:
    data.PatientWeight, data.RecommendedDisplayFrameRate = "73.5", 7


def within(data: Dataset) -> None:
    on_top(data.OpticalPathSequence[0])


@pytest.mark.parametrize("change", [on_top, within])
def test_a_value_that_cannot_be_read_is_refused_by_its_name(
    web: Web, make: Make, take: Take, change: Callable[[Dataset], None]
) -> None:
    """A number that is none can be read; of half a number nobody can be told."""
    file = make("level", change=change).read_bytes()
    weight, rate = b"DS\x04\x0073.5", b"IS\x02\x007 "
    assert (file.count(weight), file.count(rate)) == (1, 1)
    half = file.replace(rate, b"FD\x02\x007 ")
    outcome = take(half)
    assert outcome.failure is Failure.CANNOT_UNDERSTAND
    assert outcome.reason == "its RecommendedDisplayFrameRate cannot be read"
    assert outcome.sop_instance_uid
    assert take(file.replace(weight, weight[:4] + b"abcd")).is_kept
    study = f"/dicomweb/studies/{outcome.study_instance_uid}"
    for address in (study, f"{study}/metadata", "/dicomweb/instances?includefield=all"):
        assert web.get(address).status_code == 200


def test_a_header_has_a_bound(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is held whole by whoever serves it; how long the frames are does not count."""
    most = 1 << 20
    for module in ("api.instances.examine", "tiles.instance"):
        monkeypatch.setattr(f"{module}.MOST_HEADER_BYTES", most)

    def large(data: Dataset) -> None:
        data.private_block(0x0009, "MAKER", create=True).add_new(1, "OB", bytes(4 * most))

    native = Made(table="native")
    file = make("level", made=native, change=large)
    told = examined(file, tmp_path / "anew")
    assert told["failure"] == Failure.CANNOT_UNDERSTAND
    assert "header" in told["reason"]
    data = file.read_bytes()
    tracemalloc.start()
    with pytest.raises(DamagedInstance, match="longer"):
        read_header(lambda at, length: data[at : at + length], len(data))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * most
    sound = make("sound", 1300, 900, made=native)
    assert sound.stat().st_size > most
    assert "failure" not in examined(sound, tmp_path / "anew")


def test_what_lies_beside_the_frames_makes_no_bomb_smaller(make: Make, tmp_path: Path) -> None:
    def blown_up(data: Dataset) -> None:
        data.Rows = data.Columns = 40_000
        data.TotalPixelMatrixRows = data.TotalPixelMatrixColumns = 40_000
        data.private_block(0x0009, "MAKER", create=True).add_new(1, "OB", bytes(6 << 20))

    told = examined(make("bomb", 100, 100, change=blown_up), tmp_path / "anew")
    assert told["failure"] == Failure.CANNOT_UNDERSTAND
    assert "bomb" in told["reason"]


def test_all_losses_are_told_of_what_is_written_anew(make: Make, tmp_path: Path) -> None:
    def change(data: Dataset) -> None:
        data.LossyImageCompression = "01"
        data.LossyImageCompressionRatio = ["7.5", "12.25", "20.5"]
        data.LossyImageCompressionMethod = ["ISO_10918_1", "ISO_15444_1", "ISO_10918_1"]

    anew = tmp_path / "anew"
    assert examined(make("level", made=Made(fragments=2), change=change), anew)["is_anew"]
    told = dcmread(anew, stop_before_pixels=True)
    assert [float(one) for one in told.LossyImageCompressionRatio] == [7.5, 12.25, 20.5]
    assert len(told.LossyImageCompressionMethod) == 3
