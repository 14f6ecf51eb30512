"""The command: what it prints, where, and its exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from api.doors import Doors
from api.policies import Role
from api.settings import read_settings, signing_key
from archive.catalog import Catalog
from archive.record import ObjectRole
from archive.storage import Storage
from tests.api.cli.conftest import Run, is_one_line_about
from tests.samples.photo import make_photo


def bad_files(folder: Path, slide: Path) -> dict[str, Path]:
    """A file of each kind of badness."""
    files = {
        "empty.svs": b"",
        "text.svs": b"not a slide at all",
        "truncated.svs": slide.read_bytes()[:2000],
        "header-only.tif": b"II*\x00\x08\x00\x00\x00",
        "endless.tif": b"II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00",
        "zeros.dcm": b"\x00" * 128 + b"DICM" + b"\xff" * 200,
        "picture.png": b"\x89PNG\r\n\x1a\n" + b"\x00" * 20,
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return {"missing.svs": folder / "missing.svs", **{name: folder / name for name in files}}


def test_help_is_quick_and_names_every_command(run: Run) -> None:
    done = run("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("info", "convert", "ingest", "serve", "token"))


def loaded_by(module: str) -> set[str]:
    program = f"import sys, {module}; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["api.cli", "api.settings", "api.doors"])
def test_what_reads_words_and_settings_imports_nothing_heavy(module: str) -> None:
    heavy = {"numpy", "dask", "pydicom", "fastapi", "sqlalchemy", "openslide"}
    assert loaded_by(module) & heavy == set()


def test_what_waits_for_work_has_loaded_nothing_that_opens_images() -> None:
    heavy = {"dask", "pydicom", "fastapi", "openslide", "PIL", "alembic"}
    assert loaded_by("api.worker, api.ingest") & heavy == set()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unknown"],
        ["info"],
        ["convert", "a", "b"],
        ["convert", "a", "b", "--to", "jpeg"],
        ["convert", "a", "b", "--to", "dicom", "--quality", "0"],
        ["convert", "a", "b", "--to", "dicom", "--quality", "١"],
        ["convert", "a", "b", "--to", "dicom", "--mpp", "0"],
        ["convert", "a", "b", "--to", "dicom", "--mpp", "nan"],
        ["convert", "a", "b", "--to", "dicom", "--mpp", "1,2,3"],
        ["ingest"],
        ["ingest", "a", "--birth-date", "19701301"],
        ["ingest", "a", "--birth-date", "1970-01-01"],
        ["ingest", "a", "--sex", "X"],
        ["ingest", "a", "--patient-name", "DOE^JANE"],
        ["serve", "--port", "65536"],
        ["serve", "--workers", "0"],
        ["token", "--role", "king"],
        ["token", "--role", "public"],
    ],
)
def test_wrong_usage_exits_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).returncode == 2


def test_info_for_machines(run: Run, slide: Path) -> None:
    done = run("info", slide, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert set(told) == {
        *("format", "levels", "mpp_um", "objective_power"),
        *("icc_profile", "associated_images", "barcodes"),
        *("bits", "optical_paths", "focal_planes", "channels", "scenes", "scene"),
    }
    assert told["levels"][0] == {
        "width": 500,
        "height": 400,
        "tile_width": 240,
        "tile_height": 240,
        "encoding": "jpeg-baseline",
    }
    assert told["mpp_um"] == [0.5, 0.5]
    assert told["icc_profile"] is False
    assert {"label", "macro"} <= set(told["associated_images"])


def test_info_for_people(run: Run, slide: Path) -> None:
    done = run("info", slide)
    assert done.returncode == 0
    assert "0.5 × 0.5 µm" in done.stdout
    assert "500 × 400" in done.stdout


def test_bad_files_are_refused_in_one_line(run: Run, slide: Path, tmp_path: Path) -> None:
    for name, path in bad_files(tmp_path, slide).items():
        assert is_one_line_about(run("info", path), name), name
        assert is_one_line_about(run("convert", path, tmp_path / "out", "--to", "dicom"), name)
        assert not (tmp_path / "out").exists()
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_name_cannot_write_on_the_terminal(run: Run) -> None:
    done = run("info", "a\x1b[2J\nb")
    assert is_one_line_about(done, "a [2J b")
    assert "\x1b" not in done.stderr


def test_ingest_takes_the_good_and_tells_the_bad(
    run: Run, slide: Path, tmp_path: Path, variables: dict[str, str]
) -> None:
    bad = tmp_path / "bad.svs"
    bad.write_bytes(b"nothing")
    photo = make_photo(tmp_path / "photo.jpg", width=640, height=480)
    patient = ["--patient-id", "1", "--issuer", "R", "--patient-name", "DOE^JANE"]
    done = run("ingest", slide, bad, photo, *patient, "--accession", "A1", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert is_one_line_about(done, "bad.svs")
    assert [set(line) for line in lines] == [
        {"file", "image", "exam", "study_instance_uid", "state"},
        {"file", "error"},
        {"file", "image", "exam", "study_instance_uid", "state"},
    ]
    assert lines[0]["state"] == lines[2]["state"] == "published"
    assert lines[0]["exam"] == lines[2]["exam"]
    again = run("ingest", slide, *patient, "--accession", "A1", "--json")
    assert json.loads(again.stdout) == lines[0]
    settings = read_settings(variables)
    with Catalog.open(settings.database_url) as catalog:
        image = catalog.image(lines[0]["image"], establishment="local")
    storage = Storage.open(settings.objects_url)
    (original,) = image.objects_as(ObjectRole.ORIGINAL)
    assert storage.read_range(original.key, 0, original.length_bytes) == slide.read_bytes()
    assert list((settings.data / "scratch").iterdir()) == []
    assert "DOE" not in done.stderr


def test_what_opens_but_does_not_build_is_refused_with_the_reason(
    run: Run, slide: Path, tmp_path: Path, variables: dict[str, str]
) -> None:
    damaged = tmp_path / "damaged.svs"
    content = bytearray(slide.read_bytes())
    # Over the first tiles: the structure stays whole, the pictures do not.
    content[1000:9000] = b"\x00" * 8000
    damaged.write_bytes(content)
    done = run("ingest", damaged, "--json")
    assert is_one_line_about(done, "damaged.svs")
    assert "error" in json.loads(done.stdout)
    settings = read_settings(variables)
    kept = [one for one in settings.objects.rglob("*") if one.is_file()]
    assert kept == []
    assert not list((settings.data / "scratch").iterdir())


@pytest.mark.parametrize("role", ["reader", "contributor", "physician", "operator"])
def test_token(run: Run, variables: dict[str, str], role: str) -> None:
    done = run("token", "--role", role, "--establishment", "north")
    caller = Doors(signing_key(read_settings(variables))).caller(done.stdout.strip())
    assert (caller.role, caller.establishment) == (Role[role.upper()], "north")


def test_bad_settings_are_told_in_one_line(run: Run, variables: dict[str, str]) -> None:
    variables["SANSVERRE_SECRETS"] = variables["SANSVERRE_DATA"]
    assert is_one_line_about(run("token"), "SANSVERRE_SECRETS")
