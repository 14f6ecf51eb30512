"""Hostile files through `info`, `convert` and `ingest`: each has its expected outcome, in a table.

A file is refused with exit code 1 and one line that names it and says why, or it is odd but valid
and taken; it never crashes, hangs, prints a traceback, takes much memory or leaves anything behind.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.samples import dicom_slides, real_samples, vendors
from tests.samples.photo import make_photo
from tests.samples.slide import small_svs
from tests.slides import expected
from tests.warm import ask, warm

MOST_SECONDS = 20
"""Of a processor, whatever else a machine does; what is sound takes one or two."""
MOST_BYTES = 1 << 30

# What a slide's reader refuses is refused by all three commands with the same phrase. Where the
# commands differ, the outcome of each stands here: None is success.
INFO: dict[str, str | None] = {
    name: None if row.outcome == "opened" else row.phrase for name, row in expected.HOSTILE.items()
}
CONVERT: dict[str, str | None] = {
    "hostile/derived/CMU-bitrot-tile.svs": "tile (4, 5)",
    "hostile/tiff-fuzz/98870d9601e110a003d9878161f6d3c43dc9a05c-2.tif": "tile (0, 2)",
    "hostile/tiff-fuzz/*": "tile (0, 0)",
}
INGEST: dict[str, str | None] = {
    **CONVERT,
    "hostile/tiff-fuzz/261a52dd6b11fc8c6454889586122739a77a0d86.tif": "--mpp",
    "hostile/tiff-fuzz/98870d9601e110a003d9878161f6d3c43dc9a05c-2.tif": "--mpp",
    "hostile/tiff-fuzz/61e0d863a43e4f9f5e0eeb6f3448f20fcd1a3ce0-3.tif": "fetch the file again",
    "hostile/tiff-fuzz/*": "--mpp",
    "hostile/tiff/multipage_single_frame_loop.tiff": "--mpp",
    "hostile/tiff/tiff_strip_cmyk_jpeg.tif": "--mpp",
    "hostile/bomb/17000x17000.avif": "announces 17000 × 17000",
    "hostile/bomb/png-51200x51200-1bit.png": "announces 51200 × 51200",
    "hostile/heif/github_20.heic": "no slide of a format",
    "hostile/heif/clap-overflow-divide-zero.heic": "HEIC is damaged",
    "hostile/heif/github_138.heic": "HEIC is damaged",
    "hostile/heif/github_367_1.heic": "HEIC is damaged",
    "hostile/heif/*": "HEIC is cut off",
    "hostile/photo/broken.png": "PNG is cut off",
    "hostile/photo/corrupted-olympus.jpg": "damaged at byte",
    "hostile/photo/exif_gps_typeerror.jpg": None,
    "hostile/photo/icc_profile_big.jpg": None,
    "hostile/photo/libvips-truncated.jpg": "cut off",
    "hostile/photo/multiple_exif.jpg": None,
    "hostile/photo/pil_sample_cmyk.jpg": None,
    "hostile/photo/truncated_image.png": "PNG is cut off",
    "hostile/photo/truncated_jpeg.jpg": "cut off",
    "hostile/wsi/vms-stub/*.vms": "Premature end of JPEG",
    "hostile/wsi/vms-stub/*": None,
}

MADE: dict[str, tuple[Callable[[Path], object], dict[str, str | None]]] = {
    "empty.svs": (lambda p: p.write_bytes(b""), {"*": "empty"}),
    "words.svs": (lambda p: p.write_bytes(b"not a slide"), {"*": "no slide"}),
    "cut.svs": (
        lambda p: p.write_bytes(_bytes(lambda q: small_svs(q, 600, 600))[:9000]),
        {"*": "cut short"},
    ),
    "cut.dcm": (
        lambda p: p.write_bytes(
            _bytes(lambda q: dicom_slides.write_instance(q, vendors.picture()))[:40_000]
        ),
        {"*": "cut inside its frames"},
    ),
    "cut.jpg": (
        lambda p: p.write_bytes(
            _bytes(lambda q: make_photo(q, kind="clinical", seed=1, width=320, height=240))[:9000]
        ),
        {"ingest": "cut off", "*": "JPEG picture"},
    ),
    "picture.png": (lambda p: p.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(60)), {"*": "PNG"}),
}


def _bytes(make: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made"
        make(path)
        return path.read_bytes()


@dataclass(frozen=True)
class Outcome:
    """What a run of the command left."""

    code: int
    stdout: str
    stderr: str
    processor_s: float
    bytes_most: int


@pytest.fixture(scope="module")
def command() -> Iterator["subprocess.Popen[str]"]:
    with warm() as process:
        yield process


def run(process: "subprocess.Popen[str]", folder: Path, *arguments: object) -> Outcome:
    """Run the command, which may take many times what it should before it counts as hung."""
    output, errors = folder / "output", folder / "errors"
    request = {
        "arguments": [str(one) for one in arguments],
        "variables": {
            "SANSVERRE_DATA": str(folder / "data"),
            "SANSVERRE_SECRETS": str(folder / "secrets"),
            "TMPDIR": str(folder / "tmp"),
        },
        "output": str(output),
        "errors": str(errors),
    }
    taken = ask(process, request)
    return Outcome(stdout=output.read_text(), stderr=errors.read_text(), **taken)


def hostile_files() -> list[str]:
    """Names of all hostile files, real or made."""
    folder = real_samples()
    if folder is None:
        return list(MADE)
    return sorted(
        path.relative_to(folder).as_posix()
        for path in (folder / "hostile").rglob("*")
        if path.is_file()
    )


def wanted(command: str, name: str) -> str | None:
    """The phrase of the reason, or None for success."""
    if name in MADE:
        rows = MADE[name][1]
        return rows.get(command, rows["*"])
    tables = {"info": [INFO], "convert": [CONVERT, INFO], "ingest": [INGEST, INFO]}[command]
    for table in tables:
        if name in table:
            return table[name]
    for table in tables:
        for row, phrase in table.items():
            if "*" in row and fnmatch(name, row):
                return phrase
    raise KeyError(f"{name} is not in the table")


@pytest.fixture
def hostile(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    name: str = request.param
    folder = real_samples()
    if folder is not None:
        yield name, folder / name
        return
    path = tmp_path / name
    MADE[name][0](path)
    yield name, path


@pytest.mark.parametrize("verb", ["info", "convert", "ingest"])
@pytest.mark.parametrize("hostile", hostile_files(), indirect=True)
def test_outcome(
    command: "subprocess.Popen[str]",
    verb: str,
    hostile: tuple[str, Path],
    tmp_path: Path,
    empty_catalogue: Path,
) -> None:
    name, path = hostile
    place = tmp_path / "place"
    (place / "tmp").mkdir(parents=True)
    (place / "data").mkdir(mode=0o700)
    shutil.copy(empty_catalogue, place / "data")
    arguments: dict[str, list[object]] = {
        "info": ["info", path, "--json"],
        "convert": ["convert", path, place / "out", "--to", "dicom", "--mpp", "0.5", "--json"],
        "ingest": ["ingest", path, "--json"],
    }
    outcome = run(command, place, *arguments[verb])
    phrase = wanted(verb, name)
    assert "Traceback" not in outcome.stderr
    assert outcome.processor_s < MOST_SECONDS
    assert outcome.bytes_most < MOST_BYTES
    assert not list((place / "tmp").iterdir())
    if phrase is None:
        assert (outcome.code, outcome.stderr) == (0, "")
        assert isinstance(json.loads(outcome.stdout), dict)
        if verb == "ingest":
            assert json.loads(outcome.stdout)["state"] == "published"
        return
    assert outcome.code == 1
    assert len(outcome.stderr.splitlines()) == 1
    assert path.name in outcome.stderr
    assert phrase in outcome.stderr
    assert not (place / "out").exists()
    if verb == "ingest":
        assert phrase in json.loads(outcome.stdout)["error"]
        objects = [one for one in (place / "data" / "objects").rglob("*") if one.is_file()]
        assert objects == []


def test_the_table_names_no_file_that_is_absent() -> None:
    names = hostile_files()
    if real_samples() is None:
        assert set(names) == set(MADE)
        return
    for row in {**INFO, **CONVERT, **INGEST}:
        assert any(fnmatch(name, row) or name == row for name in names), row
