"""What converting prints, and leaves; and what gives a converted file its index back."""

import json
from pathlib import Path

import pytest

from tests.api.cli.conftest import Run, is_one_line_about
from tests.samples import vendors


def test_what_lies_where_the_result_belongs_stays(run: Run, slide: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder").mkdir()
    for name in ("link", "folder", "missing/out"):
        assert is_one_line_about(run("convert", slide, tmp_path / name, "--to", "dicom"), name[:7])
    assert (tmp_path / "link").is_symlink()
    assert list((tmp_path / "folder").iterdir()) == []


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
