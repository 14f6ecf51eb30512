"""The command: what it prints, where, and its exit codes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.doors import Doors
from api.policies import Role
from api.settings import read_settings, signing_key
from archive.catalog import Catalog
from archive.record import ObjectRole
from archive.storage import Storage
from tests.api.conftest import small_file
from tests.samples import vendors
from tests.samples.photo import make_photo
from tests.warm import ask, warm

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_file(tmp_path_factory.mktemp("cli"))


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return {
        "SANSVERRE_DATA": str(tmp_path / "data"),
        "SANSVERRE_SECRETS": str(tmp_path / "keys"),
        "TMPDIR": str(tmp_path / "tmp"),
    }


@pytest.fixture(scope="module")
def command() -> Iterator["subprocess.Popen[str]"]:
    with warm() as process:
        yield process


@pytest.fixture
def run(
    command: "subprocess.Popen[str]",
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    variables: dict[str, str],
) -> Run:
    """Run the command with data of its own, in a process of its own."""
    (tmp_path / "tmp").mkdir()
    output, errors = (tmp_path_factory.mktemp("said") / name for name in ("output", "errors"))

    def ran(*arguments: object) -> "subprocess.CompletedProcess[str]":
        for one in (output, errors):
            one.write_bytes(b"")
        words = [str(one) for one in arguments]
        request = {
            "arguments": words,
            "variables": {**os.environ, **variables},
            "folder": str(tmp_path),
            "output": str(output),
            "errors": str(errors),
        }
        code = ask(command, request)["code"]
        done = subprocess.CompletedProcess(words, code, output.read_text(), errors.read_text())
        assert "Traceback" not in done.stderr
        return done

    return ran


def is_one_line_about(done: "subprocess.CompletedProcess[str]", name: str) -> bool:
    return (
        done.returncode == 1
        and len(done.stderr.splitlines()) == 1
        and done.stderr.startswith("sansverre: ")
        and name in done.stderr
    )


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


def test_what_lies_where_the_result_belongs_stays(run: Run, slide: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder").mkdir()
    for name in ("link", "folder", "missing/out"):
        assert is_one_line_about(run("convert", slide, tmp_path / name, "--to", "dicom"), name[:7])
    assert (tmp_path / "link").is_symlink()
    assert list((tmp_path / "folder").iterdir()) == []


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


@pytest.mark.parametrize("form", ["dicom", "zarr"])
def test_convert(run: Run, slide: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / ("out" if form == "dicom" else "out.ome.zarr")
    done = run("convert", slide, out, "--to", form, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert isinstance(json.loads(done.stdout), dict)
    assert list(out.glob("*.dcm" if form == "dicom" else "zarr.json"))
    assert sorted(one.name for one in tmp_path.iterdir()) == [out.name, "tmp"]
    again = run("convert", slide, out, "--to", form)
    assert is_one_line_about(again, out.name)


def test_convert_prints_the_plan_before_it_works(run: Run, slide: Path, tmp_path: Path) -> None:
    done = run("convert", slide, tmp_path / "out", "--to", "dicom")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    levels = len(list((tmp_path / "out").glob("level-*")))
    assert [line.split()[:2] for line in lines[:levels]] == [
        ["level", str(number)] for number in range(levels)
    ]
    said = dict(line.split(maxsplit=1) for line in lines[levels:-1])
    assert said["container_identifier"] == "SV24-00007;1, from the label's barcode"
    assert "from the scanner's header" in said["serial_number"]
    assert "500 × 400" in lines[0]
    assert "copy: from 0, " in lines[0]
    assert "250 × 200" in lines[1]
    assert "derive: " in lines[1]
    assert lines[-1] == f"{tmp_path / 'out'}: complete"


def test_convert_says_what_a_file_says_but_no_patient(
    run: Run, slide: Path, tmp_path: Path
) -> None:
    metadata = tmp_path / "metadata.csv"
    metadata.write_text("patient_id;stain\n4711;HES|PAS\n")
    done = run("convert", slide, tmp_path / "out", "--to", "dicom", "--metadata", metadata)
    assert (done.returncode, done.stderr) == (0, "")
    said = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert said["patient_id"] == "(not shown), from the --metadata"
    assert said["stains"].startswith("hematoxylin stain, water soluble eosin stain, saffron stain")
    metadata.write_text("stain\npurple\n")
    refused = run("convert", slide, tmp_path / "other", "--to", "dicom", "--metadata", metadata)
    assert is_one_line_about(refused, slide.name)
    assert "known are HE, HES" in refused.stderr


def test_convert_without_a_trace_of_whose_it_was(
    run: Run, slide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("--to", "dicom", "--deidentify")
    kept = run("convert", slide, tmp_path / "out", *asked, "--label", "keep")
    assert kept.returncode == 2
    monkeypatch.setenv("SANSVERRE_DEIDENTIFICATION_KEY", "short")
    assert "16 characters" in run("convert", slide, tmp_path / "out", *asked).stderr
    monkeypatch.setenv("SANSVERRE_DEIDENTIFICATION_KEY", "a secret of this test")
    done = run("convert", slide, tmp_path / "out", *asked)
    assert (done.returncode, done.stderr) == (0, "")
    everything = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert b"SV24-00007" not in everything
    assert "SV24-00007" not in done.stdout
    monkeypatch.delenv("SANSVERRE_DEIDENTIFICATION_KEY")
    assert run("convert", slide, tmp_path / "other", *asked).returncode == 0
    assert (tmp_path / "other" / "level-0.dcm").read_bytes() != (
        tmp_path / "out" / "level-0.dcm"
    ).read_bytes()


def test_convert_in_parts(run: Run, slide: Path, tmp_path: Path) -> None:
    asked = ("--max-instance-bytes", "100000")
    wrong = run("convert", slide, tmp_path / "out", "--to", "both", *asked)
    assert wrong.returncode == 2
    assert run("convert", slide, tmp_path / "out", "--to", "dicom", *asked).returncode == 0
    sizes = [path.stat().st_size for path in (tmp_path / "out").iterdir()]
    assert max(sizes) <= 100_000
    assert run("info", tmp_path / "out").returncode == 0


def test_convert_verified(run: Run, slide: Path, tmp_path: Path) -> None:
    done = run("convert", slide, tmp_path / "out", "--to", "dicom", "--verify")
    assert (done.returncode, done.stderr) == (0, "")
    proof = [line for line in done.stdout.splitlines() if "verified: " in line]
    assert "6 tiles: 6 copied, their bytes equal; 0 missing" in proof[0]
    assert "dB" in proof[1]
    told = run("convert", slide, tmp_path / "json", "--to", "both", "--verify", "--json")
    verified = json.loads(told.stdout)["verified"]
    assert verified["instances"] == len(list((tmp_path / "json").glob("*.dcm")))
    assert [level["missing"] for level in verified["levels"]] == [0] * len(proof)
    plain = json.loads(run("convert", slide, tmp_path / "no", "--to", "dicom", "--json").stdout)
    assert plain["verified"] is None


def test_convert_without_loss_or_not_at_all(run: Run, slide: Path, tmp_path: Path) -> None:
    picture = vendors.picture(300, 200)
    stored = {"compression": "lzw", "compressionargs": None}
    raw = vendors.generic(tmp_path / "raw.tif", picture, **stored)
    wanted = ("--to", "dicom", "--lossless-only", "--json")
    assert is_one_line_about(run("convert", raw, tmp_path / "no", *wanted), "level 0")
    done = run("convert", slide, tmp_path / "out", *wanted)
    assert done.returncode == 0
    base, *others = json.loads(done.stdout)["levels"]
    assert (base["action"], base["source_level"]) == ("copy", 0)
    assert {step["action"] for step in others} == {"derive"}
    assert all(step["reason"] for step in (base, *others))
    assert not (tmp_path / "no").exists()


def test_convert_into_nowhere(run: Run, slide: Path, tmp_path: Path) -> None:
    done = run("convert", slide, tmp_path / "no" / "out", "--to", "dicom")
    assert is_one_line_about(done, "no such folder")


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


def test_reindex_gives_files_their_index_back(run: Run, slide: Path, tmp_path: Path) -> None:
    assert run("convert", slide, "out", "--to", "both").returncode == 0
    levels = sorted((tmp_path / "out").glob("level-*.dcm"))
    assert (tmp_path / "out/slide.ome.zarr/0/c/0/0/0").samefile(levels[0])
    whole = [path.read_bytes() for path in levels]
    for path, content in zip(levels, whole, strict=True):
        path.write_bytes(content[: content.rindex(b"\xfc\xff\xfc\xffOB")])
    (tmp_path / "notes.txt").write_text("no instance")
    done = run("reindex", *levels, "notes.txt", "absent.dcm")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [f"{path}: index written" for path in levels]
    complaints = done.stderr.splitlines()
    assert len(complaints) == 2
    assert complaints[0].startswith("sansverre: notes.txt: ")
    assert "absent.dcm: there is no such file" in complaints[1]
    assert [path.read_bytes() for path in levels] == whole
    again = run("reindex", *levels, "--json")
    assert again.returncode == 0
    told = [json.loads(line) for line in again.stdout.splitlines()]
    assert told == [{"file": str(path), "changed": False} for path in levels]
    assert [path.name for path in tmp_path.glob("out/.*")] == []


def test_reindex_replaces_what_a_link_points_to(run: Run, slide: Path, tmp_path: Path) -> None:
    assert run("convert", slide, "out", "--to", "dicom").returncode == 0
    path = tmp_path / "out/level-0.dcm"
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b"\xfc\xff\xfc\xffOB")])
    (tmp_path / "link.dcm").symlink_to(path)
    assert run("reindex", "link.dcm").returncode == 0
    assert path.read_bytes() == whole
    assert (tmp_path / "link.dcm").is_symlink()
