"""The command `photo`: what is stated reaches the archive, and what cannot be is refused."""

import io
import json
from datetime import date
from pathlib import Path

import pytest
from pydicom import dcmread

from api import cli
from api.settings import Settings
from api.work import Workplace
from archive.body_site import Side, site_of_code
from archive.identity import PatientIdentity
from archive.lesion import Lesion, LesionEvent, LesionEventKind, LesionSaid
from archive.record import ImageKind, ImageState, ObjectRole
from tests.api.conftest import small_file
from tests.samples.photo import make_photo

ANNE = ("--patient-id", "1", "--issuer", "R")
FOREARM = ("--site", "70559009", "--side", "L")


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photo(tmp_path_factory.mktemp("photo") / "one.jpg", width=96, height=64)


@pytest.fixture
def lesion(place: Workplace) -> Lesion:
    patient = PatientIdentity("1", "R")
    place.catalog.receive(
        establishment="local",
        kind=ImageKind.PHOTO,
        source_sha256="0" * 64,
        plan="full",
        patient=patient,
    )
    key = place.catalog.lesions.patient_key(patient, establishment="local")
    seen = LesionEvent(LesionEventKind.FIRST_SEEN, date(2025, 3, 1))
    said = LesionSaid(site_of_code("70559009"), Side.LEFT)
    return place.catalog.lesions.create(key, said, seen, establishment="local")


def test_dermoscopy_of_a_lesion(
    place: Workplace, picture: Path, lesion: Lesion, capsys: pytest.CaptureFixture[str]
) -> None:
    how = ("--kind", "dermoscopy", "--immersion", "ultrasound-gel", "--magnification", "10")
    who = ("--operator", "ESSAI^Dr", "--phototype", "3", "--mm-per-pixel", "0.02")
    words = ["photo", str(picture), *ANNE, *FOREARM, *how, *who, "--lesion", "l1", "--json"]
    assert cli.main(words) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["state"] == "published"
    assert (line["view"], line["side"], line["lesion"]) == ("dermoscopy", "L", lesion.id)
    assert line["site"]["fr"] == "Face antérieure de l’avant-bras"
    (one,) = place.catalog.image(line["image"], establishment="local").objects_as(ObjectRole.PHOTO)
    data = dcmread(io.BytesIO(place.storage.read_range(one.key, 0, one.length_bytes)))
    assert (data.Modality, data.TrackingUID) == ("DMS", lesion.tracking_uid)
    assert (data.ContactMethod, data.ImmersionMedia) == ("CONTACT", "ULTRASOUND_GEL")
    assert cli.main(words) == 0
    assert json.loads(capsys.readouterr().out) == line


def test_a_new_lesion_is_begun_once_on_the_day_of_its_first_photograph(
    place: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = [
        str(make_photo(tmp_path / f"{visit}.jpg", width=96, height=64, visit=visit))
        for visit in (1, 2)
    ]
    words = ["photo", *pictures, *ANNE, *FOREARM, "--lesion", "new", "--json"]
    for _ in range(2):
        assert cli.main(words) == 0
        told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        (one,) = {line["lesion"] for line in told}
        begun = place.catalog.lesions.lesion(one, establishment="local")
        assert (begun.number, begun.said.side) == (1, Side.LEFT)
        assert [event.on for event in begun.events] == [date(2024, 3, 14)]
        seen = place.catalog.photographs.of_lesion(one, establishment="local")
        assert [one.taken_at.date() for one in seen] == [date(2024, 3, 14), date(2024, 9, 12)]


def test_a_pose_begins_no_lesion(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["photo", str(picture), *ANNE, "--site", "nez", "--kind", "overview"]
    assert cli.main([*words, "--lesion", "new"]) == 1
    assert "many lesions" in capsys.readouterr().err


def test_what_was_stated_otherwise_before_is_told(
    settings: Settings, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["photo", str(picture), *ANNE, "--site", "front"]) == 0
    assert "published, close-up of Front" in capsys.readouterr().out
    assert cli.main(["photo", str(picture), *ANNE, "--site", "nez", "--json"]) == 1
    said = capsys.readouterr()
    assert "says otherwise" in json.loads(said.out)["error"]
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--site", "ongle"], "Give one's code"),
        (["--site", "avant-bras anterieure"], "which side"),
        (["--site", "nez", "--side", "L"], "leave the side out"),
        (["--site", "nez", "--lesion", "L7"], "no such"),
        (["--site", "nez", "--contact", "contact"], "dermoscop"),
        (["--site", "nez", "--operator-rpps", "10000000009"], "without a name"),
        (["--site", "nez", "--operator", "A", "--operator-rpps", "1"], "11 digits"),
        (["--site", "nez", "--kind", "overview", "--lesion", "L1"], "many lesions"),
        (["--site", "nez", "--overview", "0" * 32], "no such overview"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason_before_anything_is_kept(
    place: Workplace,
    lesion: Lesion,
    picture: Path,
    words: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert lesion.number == 1
    assert cli.main(["photo", str(picture), *ANNE, *words]) == 1
    said = capsys.readouterr()
    assert says in said.err
    assert len(said.err.splitlines()) == 1
    assert said.out == ""
    states = tuple(ImageState)
    assert len(place.catalog.exams(establishment=None, states=states).exams) == 1


def test_a_slide_is_no_photograph(
    place: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["photo", str(small_file(tmp_path)), *ANNE, "--site", "nez"]) == 1
    assert "it is a slide" in capsys.readouterr().err
    assert place.catalog.exams(establishment=None, states=tuple(ImageState)).exams == ()


@pytest.mark.parametrize(
    "words",
    [["--site", "nez"], ["--patient-id", "1"], [*ANNE, "--site", "nez", "--phototype", "7"]],
)
def test_wrong_usage_exits_2(picture: Path, words: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["photo", str(picture), *words])
    assert left.value.code == 2
