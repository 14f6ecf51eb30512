"""Opening by content: what is no slide is refused with what it is and what to do."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slides.errors import DamagedSlide, MissingFile, SlideError, UnknownFormat
from slides.open import open_slide
from tests.samples import dicom_slides, vendors
from tests.samples.slide import small_svs
from tests.slides.reading import read_corners


def test_the_name_says_nothing_of_the_format(tmp_path: Path) -> None:
    path = vendors.ventana(tmp_path / "slide.jpeg", vendors.picture())
    with open_slide(path) as slide:
        assert slide.facts.format == "bif"


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        (b"", DamagedSlide, "empty"),
        (b"\xff\xd8\xff\xe0" + bytes(99), UnknownFormat, "JPEG picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), UnknownFormat, "PNG picture"),
        (b"\0\0\0\x18ftypheic" + bytes(99), UnknownFormat, "HEIF photograph"),
        (b"PK\3\4" + bytes(99), UnknownFormat, "zip archive; unpack it"),
        (bytes(257) + b"ustar" + bytes(99), UnknownFormat, "tar archive; unpack it"),
        (b"hello", UnknownFormat, "no slide of a format read here"),
        (bytes(128) + b"DICM" + bytes(9), DamagedSlide, "DICOM header"),
        (b"II*\0", DamagedSlide, "TIFF directories"),
    ],
)
def test_what_is_no_slide_is_named(
    content: bytes, kind: type[SlideError], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.svs"
    path.write_bytes(content)
    with pytest.raises(kind, match=reason) as caught:
        open_slide(path)
    assert caught.value.path == path
    assert "\n" not in str(caught.value)
    assert path.name not in str(caught.value)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="no such file") as caught:
        open_slide(tmp_path / "a.svs")
    assert isinstance(caught.value, FileNotFoundError)


def test_a_device_is_no_slide() -> None:
    with pytest.raises(UnknownFormat, match="neither a file nor a folder"):
        open_slide(Path("/dev/null"))


def test_every_error_is_also_a_builtin() -> None:
    for kind in SlideError.__subclasses__():
        assert issubclass(kind, ValueError | OSError)
        assert kind.__doc__


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Small files whose headers lie at their beginning."""
    folder, pixels = tmp_path_factory.mktemp("whole"), vendors.picture(200, 140)
    return [
        vendors.generic(folder / "a.tif", pixels),
        vendors.ome_pyramid(folder / "a.ome.tif", pixels),
        dicom_slides.write_instance(folder / "a.dcm", pixels),
    ]


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    which=st.integers(0, 2),
    edits=st.lists(st.tuples(st.integers(0, 2500), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_a_changed_header_never_escapes_as_another_error(
    which: int, edits: list[tuple[int, int]], whole_files: list[Path], tmp_path: Path
) -> None:
    content = bytearray(whole_files[which].read_bytes())
    for at, value in edits:
        content[at % len(content)] = value
    path = tmp_path / "changed"
    path.write_bytes(content)
    answer = read_corners(path)
    assert answer.outcome == "opened" or answer.reason


def test_what_a_slide_does_not_need_is_not_loaded(tmp_path: Path) -> None:
    path = small_svs(tmp_path / "slide.svs", 512, 512, 256)
    program = "import sys; from api.tasks import describe; describe(lambda *_: None, sys.argv[1])"
    loaded = subprocess.run(
        [sys.executable, "-c", f"{program}; print(*sorted(sys.modules))", path],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert "tifffile" in loaded
    assert not {"pydicom", "openslide", "PIL", "dask", "zarr", "cv2"} & set(loaded)
