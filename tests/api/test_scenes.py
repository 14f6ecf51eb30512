"""Files of several pictures, from the command line to the archive."""

import json
from pathlib import Path

import pytest

from api import cli
from api.ingest import Order, ingest
from api.settings import Settings
from api.work import open_workplace
from archive.record import ObjectRole
from tests.api.test_ingest import is_whole
from tests.samples.scenes import ome_scenes
from tests.samples.vendors import picture


@pytest.fixture
def several(tmp_path: Path) -> Path:
    return ome_scenes(tmp_path / "several.ome.tif", (picture(700, 500), picture(300, 400)))


def test_info_lists_scenes(several: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(several)]) == 0
    said = capsys.readouterr().out
    assert "scene 1     700 × 500, its levels are these:" in said
    assert "scene 2     300 × 400\n" in said
    assert cli.main(["info", str(several), "--scene", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["scene"], told["levels"][0]["width"]) == (2, 300)
    assert [one["width"] for one in told["scenes"]] == [700, 300]
    assert cli.main(["info", str(several), "--scene", "3"]) == 1
    assert "no scene 3" in capsys.readouterr().err


def test_convert_tells_of_each_scene(
    several: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.main(["convert", str(several), str(out), "--to", "dicom", "--verify"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said if line.startswith("scene")] == ["scene 1", "scene 2"] * 2
    assert sorted(one.name for one in out.iterdir()) == ["scene-1", "scene-2"]
    only = tmp_path / "only"
    more = ["--to", "dicom", "--scene", "2", "--json"]
    assert cli.main(["convert", str(several), str(only), *more]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["scene"], told["levels"][0]["width"]) == (2, 300)
    assert (only / "level-0.dcm").is_file()


def test_every_scene_is_taken_in_as_an_image_of_one_exam(
    several: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):  # a second time changes nothing
        assert cli.main(["ingest", "--json", str(several)]) == 0
        told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [one["scene"] for one in told] == [1, 2]
        assert len({one["image"] for one in told}) == 2
        assert len({one["study_instance_uid"] for one in told}) == 1
    with open_workplace(settings) as place:
        images = [place.catalog.image(one["image"], establishment=None) for one in told]
        assert [image.facts["width"] for image in images] == [700, 300]
        assert all(is_whole(place, image) for image in images)
        uids = {
            one.sop_instance_uid for image in images for one in image.objects_as(ObjectRole.LEVEL)
        }
        assert len(uids) == sum(len(image.objects_as(ObjectRole.LEVEL)) for image in images)
        assert ingest(place, several, Order("local")).image == told[0]["image"]
