"""Every real file is opened or refused as the table says; made ones where there are no real ones.

Each is read in a child process: no file may crash, hang or take much memory.
"""

from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.samples import dicom_slides, real_samples, vendors
from tests.samples.slide import small_svs
from tests.slides import expected
from tests.slides.expected import Expected, damaged, opened, unknown
from tests.slides.reading import Answer, ask

FOLDERS = ("wsi", "dicom-wsi", "hostile")
COMPANIONS = "*/Mirax2-Fluorescence-2/*"
TABLE = expected.SLIDES | expected.HOSTILE


def _cut(make: Callable[[Path], Path], share: float) -> Callable[[Path], Path]:
    def cut(path: Path) -> Path:
        whole = make(path.with_name(f"whole-{path.name}"))
        return dicom_slides.cut(whole, path, share)

    return cut


def _written(content: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


MADE: dict[str, tuple[Callable[[Path], Path], Expected]] = {
    "a.svs": (lambda path: small_svs(path, 600, 600), opened("svs", 1)),
    "generic.tif": (lambda path: vendors.generic(path, vendors.picture()), opened("tiff", 3)),
    "pyramid.ome.tif": (
        lambda path: vendors.ome_pyramid(path, vendors.picture()),
        opened("ome-tiff", 3),
    ),
    "a.bif": (lambda path: vendors.ventana(path, vendors.picture()), opened("bif", 3)),
    "a.dcm": (
        lambda path: dicom_slides.write_instance(path, vendors.picture()),
        opened("dicom", 1),
    ),
    "cut.svs": (_cut(lambda path: small_svs(path, 600, 600), 0.6), damaged("cut short")),
    "cut/cut.dcm": (
        _cut(lambda path: dicom_slides.write_instance(path, vendors.picture()), 0.6),
        damaged("cut inside its frames"),
    ),
    "empty.svs": (_written(b""), damaged("empty")),
    "words.svs": (_written(b"words"), unknown("no slide")),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    """What becomes of every file, by its name."""
    folder = real_samples()
    if folder is None:
        folder = tmp_path_factory.mktemp("made")
        for name, (make, _) in MADE.items():
            (folder / name).parent.mkdir(exist_ok=True)
            make(folder / name)
        paths = [folder / name for name in MADE]
    else:
        found = (path for top in FOLDERS for path in sorted((folder / top).rglob("*")))
        paths = [path for path in found if path.is_file() and not path.match(COMPANIONS)]
    names = [path.relative_to(folder).as_posix() for path in paths]
    return dict(zip(names, ask(paths), strict=True))


def _rows() -> dict[str, Expected]:
    return TABLE if real_samples() else {name: row for name, (_, row) in MADE.items()}


def _row_of(name: str, rows: dict[str, Expected]) -> str | None:
    if name in rows:
        return name
    return next((row for row in rows if row.endswith("*") and fnmatch(name, row)), None)


@pytest.mark.parametrize("row", _rows())
def test_files_are_opened_or_refused_with_the_reason(row: str, answers: dict[str, Answer]) -> None:
    wanted = _rows()[row]
    of_row = {name: one for name, one in answers.items() if _row_of(name, _rows()) == row}
    assert of_row, "the table names a file that is not there"
    for name, answer in of_row.items():
        assert answer.outcome == wanted.outcome, f"{name}: {answer}"
        assert wanted.phrase in answer.reason, f"{name}: {answer}"
        assert "\n" not in answer.reason
        assert Path(name).name not in answer.reason
        if wanted.outcome == "opened":
            assert (answer.format, answer.levels) == (wanted.format, wanted.levels)
            assert answer.damaged == wanted.damaged, f"{name}: {answer}"


def test_every_file_is_in_the_table(answers: dict[str, Answer]) -> None:
    unexpected = [name for name in answers if _row_of(name, _rows()) is None]
    assert not unexpected
