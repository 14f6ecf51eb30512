"""Files of several pictures: each is shown and converted, none is dropped."""

import json
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile
from pydicom import dcmread

from slides.convert import Report, Request, convert
from slides.errors import LossRefused, MissingSpacing, NoSuchScene, UnsupportedSlide
from slides.open import open_slide
from slides.slide import Scene, colours
from tests.samples.scenes import ome_scenes
from tests.samples.vendors import RGB, generic, leica, picture
from tests.slides.converted import complaints
from tiles.pyramid import Box

PICTURES = (picture(700, 500), picture(300, 401), 255 - picture(700, 500))
SIZES = [(700, 500), (300, 401), (700, 500)]


@pytest.fixture(params=[False, True], ids=["in SubIFDs", "one after another"])
def several(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return ome_scenes(tmp_path / "several.ome.tif", PICTURES, flat=request.param)


def series(path: Path) -> list[RGB]:
    """The pictures as tifffile reads them, without label and levels."""
    with tifffile.TiffFile(path) as tiff:
        pages = [page.aspage() for page in tiff.pages]
        return [page.asarray() for page in pages if page.is_tiled and not page.is_reduced]


def test_every_scene_is_listed_and_can_be_opened(several: Path) -> None:
    stored = series(several)
    assert len(stored) == 3
    for number, pixels in enumerate(stored, 1):
        with open_slide(several, number) as slide:
            assert slide.scenes == tuple(Scene(*size) for size in SIZES)
            assert (slide.scene, slide.shown) == (number, (1, 2, 3))
            assert np.array_equal(colours(slide.source), pixels)
            found = [(one.width, one.height) for one in slide.source.pyramid.levels]
            width, height = SIZES[number - 1]
            assert found == [(width >> n, height >> n) for n in range(3)]
            assert list(slide.associated) == ["label"]
    with open_slide(several) as slide:
        assert slide.scene == 1


def test_a_scene_that_is_not_there_is_named(several: Path, tmp_path: Path) -> None:
    with pytest.raises(NoSuchScene, match=r"no scene 4: it holds 3 scenes"):
        open_slide(several, 4)
    one = generic(tmp_path / "one.tif", picture(300, 200))
    with pytest.raises(NoSuchScene, match="no scene 2: it holds one scene"):
        open_slide(one, 2)
    with open_slide(one, 1) as slide:
        assert (slide.scene, slide.scenes, slide.shown) == (None, (), (None,))


def test_all_scenes_are_converted_unless_one_is_asked_for(several: Path, tmp_path: Path) -> None:
    told: list[int | None] = []
    report = convert(
        several,
        tmp_path / "all",
        Request(verify=True),
        planned=lambda scenes: told.extend(one.slide.scene for one in scenes),
    )
    assert told == [1, 2, 3]
    reports: tuple[Report, ...] = (report, *report.others)
    assert [one.scene for one in reports] == [1, 2, 3]
    assert [one.out.name for one in reports] == ["scene-1", "scene-2", "scene-3"]
    assert sorted(one.name for one in (tmp_path / "all").iterdir()) == [
        "scene-1",
        "scene-2",
        "scene-3",
    ]
    for one, pixels in zip(reports, series(several), strict=True):
        assert one.proof is not None
        assert sorted(file.name for file in one.out.iterdir()) == list(one.files)
        with open_slide(one.out) as written:
            assert np.array_equal(colours(written.source), pixels)
        assert complaints(one.out) == []
    said = json.loads(json.dumps(report.as_json()))
    assert [one["scene"] for one in said["scenes"]] == [1, 2, 3]
    convert(several, tmp_path / "second", Request(verify=True, scene=2))
    for file in (tmp_path / "second").iterdir():
        assert file.read_bytes() == (tmp_path / "all" / "scene-2" / file.name).read_bytes()


@pytest.mark.parametrize("secret", [None, "a secret of some length"])
def test_scenes_are_series_of_one_study_and_show_one_glass(
    secret: str | None, tmp_path: Path
) -> None:
    path = ome_scenes(tmp_path / "several.ome.tif", (PICTURES[0], PICTURES[2]))
    convert(path, tmp_path / "all", Request(deidentify=secret))
    headers = [
        dcmread(file, stop_before_pixels=True) for file in sorted((tmp_path / "all").rglob("*.dcm"))
    ]
    assert len({one.StudyInstanceUID for one in headers}) == 1
    assert len({one.SOPInstanceUID for one in headers}) == len(headers)
    series = {(one.SeriesInstanceUID, one.SeriesNumber) for one in headers}
    assert sorted(number for _, number in series) == [1, 2]
    assert len({uid for uid, _ in series}) == 2
    levels = [one for one in headers if one.ImageType[2] == "VOLUME"]
    assert len({one.FrameOfReferenceUID for one in levels}) == 2
    specimens = {one.SpecimenDescriptionSequence[0].SpecimenUID for one in headers}
    assert len(specimens) == 1


def test_scenes_become_zarr_groups_and_both(tmp_path: Path) -> None:
    path = ome_scenes(tmp_path / "several.ome.tif", PICTURES[:2])
    convert(path, tmp_path / "zarr", Request(to="zarr", verify=True))
    convert(path, tmp_path / "both", Request(to="both", verify=True))
    for number in (1, 2):
        assert (tmp_path / "zarr" / f"scene-{number}" / "zarr.json").is_file()
        assert (tmp_path / "both" / f"scene-{number}" / "slide.ome.zarr").is_dir()


def test_what_one_scene_lacks_is_told_before_any_is_written(tmp_path: Path) -> None:
    path = ome_scenes(tmp_path / "a.ome.tif", PICTURES[:2], compression="zlib")
    with pytest.raises(LossRefused):
        convert(path, tmp_path / "out", Request(lossless_only=True))
    text = path.read_bytes().replace(b"PhysicalSizeX=", b"PhysicalSizeQ=")
    path.write_bytes(text)
    with pytest.raises(MissingSpacing):
        convert(path, tmp_path / "out", Request())
    assert [file.name for file in tmp_path.iterdir()] == ["a.ome.tif"]


def test_an_error_names_its_scene(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(PICTURES[1], photometric="rgb", metadata={"axes": "YXS"})
        tiff.write(np.zeros((3, 64, 64), np.uint8), metadata={"axes": "TYX"})
    with open_slide(path) as slide:
        assert slide.shown == (1, 2)
    with pytest.raises(UnsupportedSlide, match="in scene 2, it was taken at 3 times"):
        open_slide(path, 2)


def test_the_areas_of_a_glass_are_one_picture_as_openslide_shows_it(tmp_path: Path) -> None:
    path = leica(tmp_path / "a.scn", picture(1025, 769), areas=2)
    with open_slide(path) as slide, openslide.OpenSlide(path) as theirs:
        assert (slide.scene, slide.scenes) == (None, (Scene(1025, 769), Scene(1025, 769)))
        for number, level in enumerate(slide.source.pyramid.levels[2:], 2):
            box = Box(0, 0, level.width, level.height // 8)
            region = theirs.read_region((0, 0), number, (box.width, box.height))
            alpha = np.asarray(region)[..., 3:]
            own = slide.source.pixels(number, box)
            assert np.array_equal(own, np.where(alpha == 0, 255, np.asarray(region)[..., :3]))


@pytest.mark.parametrize("number", [1, 2])
def test_one_area_of_a_glass_is_copied(number: int, tmp_path: Path) -> None:
    path = leica(tmp_path / "a.scn", picture(1025, 769), areas=2)
    with tifffile.TiffFile(path) as tiff:
        expected = tiff.pages[1 + 3 * (number - 1)].asarray()
    report = convert(path, tmp_path / "out", Request(scene=number, verify=True))
    assert str(report.plan.levels[0].action) == "copy"
    assert complaints(tmp_path / "out") == []
    with open_slide(tmp_path / "out") as written:
        assert np.array_equal(colours(written.source), expected)
