"""Slides of many files in a deposit: with all their files, without some, and beside others."""

import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from api.settings import Settings
from api.taking import take_once
from api.work import Workplace
from archive.record import ObjectRole
from tests.api.uploads.client import Client
from tests.api.uploads.test_taking import PATIENT, sent, states
from tests.samples import sample
from tests.samples.dicom_planes import smooth
from tests.samples.mirax import write_mirax
from tests.samples.vendors import picture
from tests.slides.test_ome_planes import _set as ome_set


@pytest.fixture
def client(client: Client, place: Workplace) -> Client:
    """With a place to work at."""
    return client


def files_of(folder: Path) -> dict[str, bytes]:
    found = sorted(one for one in folder.rglob("*") if one.is_file())
    return {str(one.relative_to(folder)): one.read_bytes() for one in found}


@pytest.fixture
def mirax(tmp_path: Path) -> dict[str, bytes]:
    folder = tmp_path / "mirax"
    folder.mkdir()
    write_mirax(folder / "a.mrxs", picture(512, 512))
    return files_of(folder)


@pytest.fixture
def hamamatsu(tmp_path: Path) -> dict[str, bytes]:
    """Four pictures, a map, a macro, and the index that names them."""
    folder = tmp_path / "hamamatsu"
    folder.mkdir()
    lines = ["NoJpegColumns=2", "NoJpegRows=1", "ImageFile=a(0,0).jpg", "ImageFile(1,0)=a(1,0).jpg"]
    lines += ["MapFile=a_map.jpg", "MacroImage=a_macro.jpg", "OptimisationFile=a.opt"]
    lines += ["SourceLens=20", "PhysicalWidth=640000", "PhysicalHeight=240000"]
    lines += ["PhysicalMacroWidth=640000", "PhysicalMacroHeight=240000"]
    index = "[Virtual Microscope Specimen]\n" + "\n".join(lines) + "\n"
    (folder / "a.vms").write_text(index)
    for name in ("a(0,0)", "a(1,0)", "a_map", "a_macro"):
        Picture.fromarray(picture(640, 480)).save(folder / f"{name}.jpg", restart_marker_rows=1)
    return files_of(folder)


def taken(client: Client, place: Workplace, files: dict[str, bytes]) -> str:
    deposit = client.deposit(patient=PATIENT)
    sent(client, deposit, files)
    assert take_once(place)
    return deposit


def why(client: Client, deposit: str, path: str) -> tuple[str, str, str | None]:
    told = client.file(deposit, path)
    return told["state"], told["reason"]["code"], told["reason"]["detail"]


@pytest.mark.parametrize("order", ["first", "last", "between"])
def test_a_slides_files_come_in_any_order(
    client: Client, place: Workplace, mirax: dict[str, bytes], order: str
) -> None:
    parts = [one for one in mirax if one != "a.mrxs"]
    parts.insert({"first": 0, "last": len(parts), "between": 1}[order], "a.mrxs")
    deposit = taken(client, place, {path: mirax[path] for path in parts})
    found = states(client, deposit)
    assert found.pop("a.mrxs") == "taken"
    assert set(found.values()) == {"companion"}
    image = place.catalog.image(client.file(deposit, "a.mrxs")["image"], establishment="north")
    originals = image.objects_as(ObjectRole.ORIGINAL)
    kept = [place.storage.read_range(one.key, 0, one.length_bytes) for one in originals]
    assert sorted(kept) == sorted(mirax.values())


@pytest.mark.parametrize("missing", ["a/Data0000.dat", "a/Index.dat", "a/Slidedat.ini"])
def test_a_missing_file_is_named(
    client: Client, place: Workplace, mirax: dict[str, bytes], missing: str
) -> None:
    deposit = taken(client, place, {one: mirax[one] for one in mirax if one != missing})
    state, code, detail = why(client, deposit, "a.mrxs")
    assert (state, code) == ("refused", "missing")
    assert detail is not None
    assert detail.endswith(missing.rpartition("/")[2])
    reason = client.file(deposit, "a.mrxs")["reason"]
    assert "Déposez-les tous ensemble" in reason["fr"]
    assert "Send all of them together" in reason["en"]
    for part in set(mirax) - {"a.mrxs", missing}:
        assert why(client, deposit, part) == ("refused", "part", "a.mrxs")
    # Nothing of it is a photograph, though its own file is a JPEG.
    assert place.catalog.exams(establishment="north").exams == ()
    # The whole of it, brought again, is taken.
    assert states(client, taken(client, place, mirax))["a.mrxs"] == "taken"


def test_a_slide_without_its_folder_is_no_photograph(
    client: Client, place: Workplace, mirax: dict[str, bytes]
) -> None:
    deposit = taken(client, place, {"a.mrxs": mirax["a.mrxs"]})
    assert why(client, deposit, "a.mrxs") == ("refused", "missing", "a/Slidedat.ini")


def test_a_folder_without_its_slide_says_what_is_missing(
    client: Client, place: Workplace, mirax: dict[str, bytes]
) -> None:
    parts = {f"in/{one}": data for one, data in mirax.items() if one != "a.mrxs"}
    deposit = taken(client, place, parts)
    for part in parts:
        assert why(client, deposit, part) == ("refused", "missing", "a.mrxs")


def test_what_belongs_to_nothing_is_refused_by_itself(
    client: Client, place: Workplace, mirax: dict[str, bytes]
) -> None:
    others = {
        "a/notes.txt": b"hello",
        "Index.dat": b"not a slide",
        "b/_macro.jpg": b"not a picture",
    }
    deposit = taken(client, place, {**mirax, **others})
    for other in others:
        assert why(client, deposit, other)[:2] == ("refused", "unreadable")
    found = states(client, deposit)
    assert found["a.mrxs"] == "taken"
    assert found["a/Index.dat"] == "companion"


def test_pictures_of_a_slide_that_lacks_one_are_no_photographs(
    client: Client, place: Workplace, hamamatsu: dict[str, bytes]
) -> None:
    missing = "a(1,0).jpg"
    files = {one: data for one, data in hamamatsu.items() if one != missing}
    # A photograph of that kind of name, beside no slide, is one.
    files["mole_macro.jpg"] = hamamatsu["a_macro.jpg"]
    deposit = taken(client, place, files)
    assert why(client, deposit, "a.vms") == ("refused", "missing", missing)
    for part in ("a(0,0).jpg", "a_map.jpg", "a_macro.jpg"):
        assert why(client, deposit, part) == ("refused", "part", "a.vms")
    assert states(client, deposit)["mole_macro.jpg"] == "taken"


def test_a_slide_of_several_pictures_is_one(
    client: Client, place: Workplace, hamamatsu: dict[str, bytes]
) -> None:
    deposit = taken(client, place, hamamatsu)
    found = states(client, deposit)
    assert found.pop("a.vms") == "taken"
    assert set(found.values()) == {"companion"}


def test_planes_in_several_files_are_one_image(
    client: Client, place: Workplace, tmp_path: Path
) -> None:
    folder = tmp_path / "ome"
    folder.mkdir()
    ome_set(folder, smooth(3, 1, 90, 70, np.uint8)[..., 0])
    files = files_of(folder)
    deposit = taken(client, place, files)
    assert sorted(states(client, deposit).values()) == ["companion", "companion", "taken"]
    other = list(files)[1]
    short = taken(client, place, {one: data for one, data in files.items() if one != other})
    for path in files.keys() - {other}:
        assert why(client, short, path) == ("refused", "missing", other)


def test_a_real_slide_that_lacks_files_names_them(
    client: Client, place: Workplace, tmp_path: Path
) -> None:
    """The public MIRAX slide has no Data0005.dat and no Data0006.dat."""

    def made(path: Path) -> None:
        write_mirax(path, picture(512, 512))
        told = path.with_suffix("") / "Slidedat.ini"
        more = "FILE_COUNT = 3\nFILE_1 = Data0005.dat\nFILE_2 = Data0006.dat"
        told.write_text(told.read_text("utf-8-sig").replace("FILE_COUNT = 1", more), "utf-8-sig")

    main = sample("wsi/mirax/Mirax2-Fluorescence-2.mrxs", made)
    parts = {f"{main.stem}/{one.name}": one.read_bytes() for one in main.with_suffix("").iterdir()}
    shuffled = [*parts.items(), (main.name, main.read_bytes())]
    random.Random(0).shuffle(shuffled)
    deposit = taken(client, place, dict(shuffled))
    expected = ("refused", "missing", "Data0005.dat, Data0006.dat")
    assert why(client, deposit, main.name) == expected
    for part in parts:
        assert why(client, deposit, part) == ("refused", "part", main.name)


def test_no_file_name_is_logged(
    client: Client,
    place: Workplace,
    settings: Settings,
    mirax: dict[str, bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(0)
    renamed = {one.replace("a", "DOE", 1): data for one, data in mirax.items()}
    taken(client, place, {one: renamed[one] for one in renamed if "Index" not in one})
    assert "DOE" not in caplog.text
