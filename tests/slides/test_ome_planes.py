"""OME-TIFF stacks: which page is which plane, 16 bits, and what each channel is."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from slides.channels import shown
from slides.convert import Request, convert
from slides.errors import DamagedSlide, MissingFile, UnsupportedSlide
from slides.ome_planes import Extents
from slides.open import open_slide
from slides.slide import Channel
from tests.samples.dicom_planes import smooth, whole
from tests.slides.converted import complaints
from tiles.pyramid import Box, Plane


def write(path: Path, stack: Any, axes: str, **more: Any) -> Path:
    """A stack of the order of `axes`, as tifffile writes it."""
    described = {"axes": axes, "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2.0}
    described |= more.pop("metadata", {})
    tifffile.imwrite(path, stack, metadata=described, photometric="minisblack", ome=True, **more)
    return path


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"byteorder": ">"},
        {"tile": (64, 64)},
        {"tile": (64, 64), "compression": "zlib", "predictor": True},
        {"tile": (64, 64), "compression": "zlib", "predictor": True, "byteorder": ">"},
        {"rowsperstrip": 16, "compression": "lzw"},
        {"tile": (64, 64), "compression": "jpeg2000"},
        {"bigtiff": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_channels_and_focal_planes(how: dict[str, Any], dtype: str, tmp_path: Path) -> None:
    stack = smooth(2, 3, 150, 100, np.uint8 if dtype == "uint8" else np.uint16)
    stored = stack[..., 0] if dtype != "int16" else (stack[..., 0] ^ 0x8000).view(np.int16)
    if how.get("compression") == "jpeg2000" and dtype == "int16":
        return
    path = write(tmp_path / "a.ome.tif", stored, "CZYX", **how)
    with open_slide(path) as slide:
        assert np.array_equal(whole(slide), stack)
        assert slide.source.pyramid.planes == tuple(Plane(z, c) for c in (0, 1) for z in range(3))
        assert slide.facts.focal_spacing_um == 2
        assert slide.facts.mpp_um == (0.5, 0.5)
        assert all(channel.fluorescent for channel in slide.facts.channels)


@pytest.mark.parametrize("axes", ["CZYX", "ZCYX"])
def test_the_order_of_pages_is_the_files_own(axes: str, tmp_path: Path) -> None:
    stack = smooth(2, 3, 90, 70, np.uint16)
    stored = stack[..., 0] if axes == "CZYX" else stack[..., 0].swapaxes(0, 1)
    path = write(tmp_path / "a.ome.tif", stored, axes)
    with open_slide(path) as slide:
        assert np.array_equal(whole(slide), stack)


def test_channels_that_are_samples_of_one_page(tmp_path: Path) -> None:
    stack = smooth(4, 2, 90, 70, np.uint16)
    stored = stack[..., 0].swapaxes(0, 1)
    path = write(tmp_path / "a.ome.tif", stored, "ZSYX", planarconfig="separate")
    with tifffile.TiffFile(path) as tiff:
        assert len(tiff.pages) == 2
    with open_slide(path) as slide:
        assert np.array_equal(whole(slide), stack)


def test_every_plane_has_its_pyramid(tmp_path: Path) -> None:
    stack = smooth(2, 2, 300, 200, np.uint16)[..., 0]
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        common: dict[str, Any] = {"tile": (64, 64), "photometric": "minisblack"}
        tiff.write(stack, subifds=2, metadata={"axes": "CZYX"}, **common)
        for scale in (2, 4):
            tiff.write(stack[..., ::scale, ::scale], subfiletype=1, metadata=None, **common)
    with open_slide(path) as slide:
        assert [level.width for level in slide.source.pyramid.levels] == [300, 150, 75]
        for plane in slide.source.pyramid.planes:
            found = slide.source.pixels(2, Box(0, 0, 75, 50), plane)[..., 0]
            assert np.array_equal(found, stack[plane.optical_path, plane.focal_plane, ::4, ::4])


def test_what_channels_say_of_themselves(tmp_path: Path) -> None:
    stack = smooth(2, 1, 90, 70, np.uint16)[:, 0, ..., 0]
    channel = {
        "Name": ["DAPI", "Cy5"],
        "ExcitationWavelength": [358, 650],
        "EmissionWavelength": [461, 670],
        "Color": [0x0000FFFF, -16776961],
    }
    path = write(tmp_path / "a.ome.tif", stack, "CYX", metadata={"Channel": channel})
    with open_slide(path) as slide:
        assert slide.facts.channels == (
            Channel("DAPI", True, 358, 461, (0, 0, 255)),
            Channel("Cy5", True, 650, 670, (255, 0, 0)),
        )
        seen = shown(slide.facts.channels, ((0, 9), (5, 7)))
        assert [(one.name, one.colour, one.low) for one in seen] == [
            ("DAPI", (0, 0, 255), 0),
            ("Cy5", (255, 0, 0), 5),
        ]
    report = convert(path, tmp_path / "out", Request(to="both", verify=True))
    assert complaints(report.out) == []


def test_times_are_refused(tmp_path: Path) -> None:
    stack = smooth(2, 1, 90, 70, np.uint16)[:, 0, ..., 0]
    path = write(tmp_path / "a.ome.tif", stack, "TYX")
    with pytest.raises(UnsupportedSlide, match="2 times"):
        open_slide(path)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (r'IFD="1"', 'IFD="7"', DamagedSlide),
        (r'SizeC="2"', 'SizeC="x"', UnsupportedSlide | DamagedSlide),
        (r'DimensionOrder="\w+"', 'DimensionOrder="XYQQQ"', DamagedSlide),
        (r'PlaneCount="2"', 'PlaneCount="1"', DamagedSlide),
    ],
)
def test_a_description_that_does_not_fit_is_damage(
    old: str, new: str, error: Any, tmp_path: Path
) -> None:
    stack = smooth(2, 1, 90, 70, np.uint16)[:, 0, ..., 0]
    path = write(tmp_path / "a.ome.tif", stack, "CYX")
    with tifffile.TiffFile(path) as tiff:
        xml = str(tiff.ome_metadata)
    told = re.sub(old, new, xml)
    if told == xml:
        told = re.sub(r"<TiffData[^>]*>", '<TiffData IFD="7" PlaneCount="2">', xml)
    tifffile.tiffcomment(path, told.encode())
    if "SizeC" in old:
        with open_slide(path) as slide:  # the channels are counted, not believed
            assert len(slide.source.pyramid.planes) == 2
        return
    with pytest.raises(error):
        open_slide(path)


@given(
    order=st.permutations("ZCT").map("".join),
    z=st.integers(1, 5),
    c=st.integers(1, 5),
    t=st.integers(1, 5),
    number=st.integers(0, 124),
)
@settings(max_examples=200)
def test_planes_and_numbers_are_inverse(order: str, z: int, c: int, t: int, number: int) -> None:
    extents = Extents(order, z, c, t)
    number %= extents.count()
    plane = extents.plane(number)
    assert extents.number(*plane) == number
    assert all(at < extent for at, extent in zip(plane, (z, c, t), strict=True))


def _set(folder: Path, stack: Any) -> list[Path]:
    """A file for each channel, each with its focal planes, every one naming the others."""
    names = [f"set_C{number}.ome.tif" for number in range(len(stack))]
    blocks = "".join(
        f'<TiffData FirstC="{c}" FirstZ="{z}" FirstT="0" IFD="{z}" PlaneCount="1">'
        f'<UUID FileName="{name}">urn:uuid:{c}</UUID></TiffData>'
        for c, name in enumerate(names)
        for z in range(stack.shape[1])
    )
    size = f'SizeX="{stack.shape[3]}" SizeY="{stack.shape[2]}"'
    for c, name in enumerate(names):
        said = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{c}">'
            f'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" {size} '
            f'SizeZ="{stack.shape[1]}" SizeC="{len(stack)}" SizeT="1" PhysicalSizeX="0.5" '
            f'PhysicalSizeY="0.5">{blocks}</Pixels></Image></OME>'
        )
        with tifffile.TiffWriter(folder / name) as tiff:
            for z, plane in enumerate(stack[c]):
                description = said if z == 0 else None
                tiff.write(plane, description=description, photometric="minisblack", metadata=None)
    return [folder / name for name in names]


def test_planes_in_other_files_of_the_set(tmp_path: Path) -> None:
    stack = smooth(3, 2, 90, 70, np.uint8)
    files = _set(tmp_path, stack[..., 0])
    for path in files:
        with open_slide(path) as slide:
            assert np.array_equal(whole(slide), stack)
            assert set(slide.files) == set(files)
            assert slide.files[0] == path
    report = convert(files[1], tmp_path / "out", Request(verify=True))
    assert report.proof is not None
    assert not complaints(tmp_path / "out")
    files[2].unlink()
    with pytest.raises(MissingFile, match="send the whole set"):
        open_slide(files[0])


def test_a_set_names_no_file_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    files = _set(tmp_path, smooth(2, 1, 90, 70, np.uint8)[..., 0])
    text = files[0].read_bytes().replace(b"set_C1.ome.tif", b"../C1__.ome.tif"[:14])
    (tmp_path / "here" / "a.ome.tif").write_bytes(text)
    with pytest.raises(MissingFile):
        open_slide(tmp_path / "here" / "a.ome.tif")
