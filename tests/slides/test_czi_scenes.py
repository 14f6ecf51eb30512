"""CZI in colour, its scenes, and the pictures it carries beside the slide."""

import io
from pathlib import Path

import numpy as np
import openslide
import pytest
from PIL import Image

from slides.convert import Request, convert
from slides.errors import DamagedSlide, NoSuchScene, UnsupportedSlide
from slides.open import open_slide
from slides.slide import Scene, colours
from tests.samples.czi import METADATA, Block, write_czi
from tests.samples.dicom_planes import whole
from tests.samples.vendors import RGB, picture
from tests.slides.converted import complaints
from tests.slides.test_vendors import shown
from tiles.pyramid import Plane

PICTURE = picture(700, 500)
COLOURS = METADATA.replace("<Channels>", "<None>", 1).replace("</Channels>", "</None>", 1)
NAMED = """<Image><SizeX>1600</SizeX><SizeY>500</SizeY><SizeS>2</SizeS><Scenes>
<Scene Index="0" Name="ScanRegion0"/><Scene Index="1" Name="Somebody"/></Scenes>"""
SCENES = (Scene(700, 500, "ScanRegion0"), Scene(700, 500))


def blocks_of(pixels: RGB, at: tuple[int, int] = (1000, 50), **how: object) -> list[Block]:
    """A picture cut into blocks of 200 pixels."""
    rows, columns = pixels.shape[:2]
    return [
        Block(pixels[y : y + 200, x : x + 200], at[0] + x, at[1] + y, **how)  # type: ignore[arg-type]
        for y in range(0, rows, 200)
        for x in range(0, columns, 200)
    ]


def two_scenes(path: Path, compression: str, apart: int = 900) -> Path:
    """Two areas of a glass, side by side (or not), with a label and a preview."""
    blocks = [
        *blocks_of(PICTURE, compression=compression),
        *blocks_of(255 - PICTURE, (1000 + apart, 50), scene=1, compression=compression),
    ]
    small = write_czi(path.with_suffix(".label"), [Block(picture(300, 200), 0, 0)])
    jpeg = io.BytesIO()
    Image.fromarray(picture(120, 80)).save(jpeg, "JPEG")
    inside = small.read_bytes()
    beside = {"Label": inside, "SlidePreview": inside, "Thumbnail": jpeg.getvalue()}
    small.unlink()
    return write_czi(path, blocks, COLOURS.replace("<Image>", NAMED), beside)


@pytest.mark.parametrize("compression", ["none", "zstd0", "zstd1", "jpegxr"])
def test_scenes_of_one_glass_are_one_picture_or_one_each(compression: str, tmp_path: Path) -> None:
    path = two_scenes(tmp_path / "a.czi", compression)
    with open_slide(path) as slide:
        assert (slide.scenes, slide.scene, slide.shown) == (SCENES, None, (None,))
        canvas = colours(slide.source)
        assert canvas.shape == (500, 1600, 3)
        assert np.array_equal(canvas[:, :700], PICTURE)
        assert np.array_equal(canvas[:, 900:], 255 - PICTURE)
        assert (canvas[:, 700:900] == 255).all()
        if compression != "jpegxr":  # OpenSlide cannot read it
            with openslide.OpenSlide(path) as theirs:
                assert np.array_equal(canvas, shown(theirs, 0))
    for number, expected in ((1, PICTURE), (2, 255 - PICTURE)):
        with open_slide(path, number) as slide:
            assert np.array_equal(colours(slide.source), expected)
            assert slide.scene == number
            assert slide.facts.mpp_um == pytest.approx((0.325, 0.325))
            assert np.array_equal(slide.associated["label"].pixels(), picture(300, 200))
            assert set(slide.associated) == {"label", "macro", "thumbnail"}
    with pytest.raises(NoSuchScene, match="no scene 3: it holds 2 scenes"):
        open_slide(path, 3)


def test_scenes_that_would_hide_one_another_are_apart(tmp_path: Path) -> None:
    path = two_scenes(tmp_path / "a.czi", "jpegxr", apart=300)
    report = convert(path, tmp_path / "out", Request(verify=True))
    assert [one.scene for one in (report, *report.others)] == [1, 2]
    assert {file.name for file in report.out.iterdir()} >= {"label.dcm", "overview.dcm"}
    for one in (report, *report.others):
        assert complaints(one.out) == []
    with open_slide(tmp_path / "out" / "scene-2") as written:
        assert written.source.pyramid.width == 700
        assert np.array_equal(written.associated["label"].pixels(), picture(300, 200))


def test_colours_on_several_focal_planes(tmp_path: Path) -> None:
    blocks = [*blocks_of(PICTURE, compression="zstd1"), *blocks_of(255 - PICTURE, z=1)]
    path = write_czi(tmp_path / "a.czi", blocks, COLOURS)
    with open_slide(path) as slide:
        assert slide.source.pyramid.planes == (Plane(0, 0), Plane(1, 0))
        assert np.array_equal(whole(slide), np.stack([PICTURE, 255 - PICTURE])[None])
        assert slide.facts.channels == ()
    convert(path, tmp_path / "out", Request(verify=True))
    assert complaints(tmp_path / "out") == []


def test_measured_light_has_its_label_too(tmp_path: Path) -> None:
    small = write_czi(tmp_path / "small", blocks_of(picture(300, 200))).read_bytes()
    grey = np.ascontiguousarray(PICTURE[..., 0])
    path = write_czi(tmp_path / "a.czi", [Block(grey, 0, 0)], beside={"Label": small})
    with open_slide(path) as slide:
        assert np.array_equal(slide.associated["label"].pixels(), picture(300, 200))
    convert(path, tmp_path / "out", Request(verify=True))
    assert complaints(tmp_path / "out") == []
    data = path.read_bytes()
    path.write_bytes(data.replace(b"ZISRAWATTACH", b"ZISRAWATTACK"))
    with pytest.raises(DamagedSlide, match="pictures beside the slide"):
        open_slide(path)


@pytest.mark.parametrize("pixels", [PICTURE, PICTURE[..., 0]], ids=["colours", "grey"])
def test_times_are_refused_with_what_to_do(pixels: RGB, tmp_path: Path) -> None:
    blocks = [Block(pixels, 0, 0), Block(pixels, 0, 0, t=1)]
    path = write_czi(tmp_path / "a.czi", blocks)
    with pytest.raises(UnsupportedSlide, match=r"2 times, .* export each as a file of its own"):
        open_slide(path)
