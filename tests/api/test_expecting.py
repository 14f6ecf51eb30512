"""Who is expected, asked of a real worklist: read, kept, and said when it is silent."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from api.errors import BadSettings
from api.expecting import Turn, ask, ask_once
from api.work import Workplace
from api.worklists import ModalityWorklist, read_worklists
from archive.cases.day import Expected
from archive.dimse.calling import Called
from archive.dimse.scheduled import Asking, Scheduled, scheduled
from archive.errors import LinkDown
from archive.identity import PatientIdentity
from tests.orthanc import TITLE, Orthanc, free_ports, orthanc

PARIS = ZoneInfo("Europe/Paris")
HERE = "Hôpital A"


def step(
    folder: Path,
    number: str,
    name: str,
    at: datetime,
    modality: str = "XC",
    patient_id: str = "1",
    accession: str = "A1",
) -> Path:
    """A file of Orthanc's worklist, in UTF-8."""
    one = Dataset()
    one.ScheduledProcedureStepID = number
    one.ScheduledProcedureStepStartDate = at.strftime("%Y%m%d")
    one.ScheduledProcedureStepStartTime = at.strftime("%H%M%S")
    one.Modality = modality
    one.ScheduledStationAETitle = "SANSVERRE"
    one.ScheduledProcedureStepDescription = "Contrôle de cicatrice"
    whole = Dataset()
    whole.SpecificCharacterSet = "ISO_IR 192"
    whole.PatientName = name
    whole.PatientID = patient_id
    whole.PatientBirthDate = "19570307"
    whole.PatientSex = "F"
    whole.AccessionNumber = accession
    whole.StudyInstanceUID = generate_uid()
    whole.RequestedProcedureID = number
    whole.RequestedProcedureDescription = "Dermatologie"
    whole.ScheduledProcedureStepSequence = Items([one])
    whole.file_meta = FileMetaDataset()
    whole.file_meta.MediaStorageSOPClassUID = UID("1.2.276.0.7230010.3.1.0.1")
    whole.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    whole.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = folder / f"{number}.wl"
    whole.save_as(file, enforce_file_format=True)
    return file


@pytest.fixture(scope="module")
def list_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Orthanc, Path]]:
    folder, files = tmp_path_factory.mktemp("orthanc"), tmp_path_factory.mktemp("worklists")
    (files / "lockfile").touch()
    with orthanc(folder, files) as running:
        yield running, files


@pytest.fixture
def emptied(list_of: tuple[Orthanc, Path]) -> tuple[Orthanc, Path]:
    for file in list_of[1].glob("*.wl"):
        file.unlink()
    return list_of


def midday() -> datetime:
    return datetime.now(PARIS).replace(hour=12, minute=30, second=0, microsecond=0)


def stated(port: int) -> ModalityWorklist:
    return ModalityWorklist(
        "radiology", HERE, "127.0.0.1", port, TITLE, issuer="NORD", zone="Europe/Paris"
    )


def expected(place: Workplace) -> tuple[Expected, ...]:
    begin = datetime.combine(midday().date(), time.min, PARIS).astimezone(UTC)
    return place.catalog.cases.day.between(begin, begin + timedelta(days=1), establishment=HERE)


def test_steps_of_a_day_are_read_with_their_names_in_utf8(
    emptied: tuple[Orthanc, Path],
) -> None:
    running, files = emptied
    step(files, "S1", "DUPRÉ-MŒBIUS^Élodie", midday())
    step(files, "S2", "PETIT^Luc", midday(), modality="CT", patient_id="2")
    step(files, "S3", "DEMAIN^Zoé", midday() + timedelta(days=1), patient_id="3")
    step(files, "S4", "SANS^Numéro", midday(), patient_id="")
    called = Called(TITLE, "127.0.0.1", running.dicom_port)
    asking = Asking("NORD", ("XC", "DMS"), "Europe/Paris")
    (one,) = scheduled("SANSVERRE", called, midday().date(), asking)
    assert one.patient.name == "DUPRÉ-MŒBIUS^Élodie"
    assert (one.patient.patient_id, one.patient.issuer) == ("1", "NORD")
    assert (one.patient.birth_date, one.patient.sex) == (date(1957, 3, 7), "F")
    assert (one.number, one.accession_number, one.what) == (
        "A1/S1/S1",
        "A1",
        "Contrôle de cicatrice",
    )
    assert one.starts_at == midday()
    everything = scheduled("SANSVERRE", called, midday().date(), Asking("", (), "Europe/Paris"))
    assert {one.number for one in everything} == {"A1/S1/S1", "A1/S2/S2"}


def test_the_day_follows_the_list_and_says_when_it_is_silent(
    emptied: tuple[Orthanc, Path], place: Workplace
) -> None:
    running, files = emptied
    first = step(files, "S1", "DUPRÉ^Élodie", midday())
    one = stated(running.dicom_port)
    assert ask(place, one)
    (found,) = expected(place)
    assert (found.patient.name, found.accession_number, found.is_cancelled) == (
        "DUPRÉ^Élodie",
        "A1",
        False,
    )
    step(files, "S1", "DUPRÉ^Élodie", midday() + timedelta(hours=1))
    step(files, "S2", "PETIT^Luc", midday(), patient_id="2")
    assert ask(place, one)
    luc, elodie = expected(place)
    assert (luc.patient.name, elodie.patient.name) == ("PETIT^Luc", "DUPRÉ^Élodie")
    assert elodie.starts_at == midday() + timedelta(hours=1)
    (source,) = place.catalog.cases.day.sources(establishment=HERE)
    assert source.answers
    assert place.catalog.cases.day.sources(establishment="elsewhere") == ()

    first.unlink()
    (nobody,) = free_ports(1)
    gone = stated(nobody)
    assert not ask(place, gone)
    assert len(expected(place)) == 2
    (silent,) = place.catalog.cases.day.sources(establishment=HERE)
    assert (silent.answers, silent.answered_at) == (False, source.answered_at)
    turns = [Turn(gone)]
    assert not ask_once(place, turns)
    assert (turns[0].pause_s, turns[0].due > 0) == (30.0, True)
    place.catalog.cases.day.keep_sources({(HERE, "radiology"), (HERE, "other")})
    # One that was never asked is silent, whatever keeps it from being asked.
    other, known = place.catalog.cases.day.sources(establishment=HERE)
    assert (other.name, other.answers, other.answered_at) == ("other", False, None)
    assert known.answered_at is not None
    place.catalog.cases.day.keep_sources(set())
    assert place.catalog.cases.day.sources(establishment=HERE) == ()


def test_what_lies_ahead_and_is_named_no_more_is_cancelled(place: Workplace) -> None:
    now = datetime.now(UTC)
    day = (now - timedelta(hours=12), now + timedelta(hours=12))
    whom = PatientIdentity("1", "NORD", "DUPRÉ^Élodie")
    ahead = Scheduled("S1", whom, now + timedelta(hours=1))
    # What is too long for an accession number is none: cut, it would be another one.
    begun = Scheduled("S2", whom, now - timedelta(hours=1), "A" * 17)
    list_days = place.catalog.cases.day
    list_days.take_list(HERE, "radiology", day, [ahead, begun])
    list_days.take_list(HERE, "radiology", day, [])
    found = list_days.between(*day, establishment=HERE)
    assert [one.accession_number for one in found] == [None, None]
    assert [(one.starts_at < now, one.is_cancelled) for one in found] == [
        (True, False),
        (False, True),
    ]
    list_days.take_list(HERE, "radiology", day, [ahead])
    assert not any(one.is_cancelled for one in list_days.between(*day, establishment=HERE))


def test_one_that_is_not_there_is_down() -> None:
    (deaf,) = free_ports(1)
    with pytest.raises(LinkDown):
        scheduled("SANSVERRE", Called("X", "127.0.0.1", deaf), date(2026, 3, 2), Asking())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("worklists = 1", "must hold tables"),
        ("[worklists", "is no TOML"),
        ("[worklists.a]\nhost = 'x'", "needs its establishment"),
        ("[worklists.a]\ncolour = 'x'", "means nothing"),
        ("[worklists.a]\nestablishment='A'\nhost='h'\ntitle='T'", "needs its port"),
        ("[worklists.a]\nestablishment='A'\nhost='h'\ntitle='T'\nport=1\neach_s=1", "each_s"),
        ("[worklists.a]\nestablishment='A'\nhost='h'\ntitle='T'\nport=1\nzone='X/Y'", "zone"),
        (
            "[worklists.a]\nestablishment='A'\nhost='h'\ntitle='T'\nport=1\nmodalities='XC'",
            "modalities",
        ),
    ],
)
def test_what_is_wrong_with_the_table_is_told(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "worklists.toml"
    file.write_text(text)
    with pytest.raises(BadSettings, match=said):
        read_worklists(file)


def test_the_table_is_read(tmp_path: Path) -> None:
    file = tmp_path / "worklists.toml"
    file.write_text(
        "[worklists.ris]\nestablishment = 'A'\nhost = 'h'\nport = 104\ntitle = 'RIS'\n"
        "issuer = 'NORD'\nmodalities = ['XC']\nzone = 'Europe/Paris'\nauthorities = 'ca.pem'\n"
    )
    assert read_worklists(file) == (
        ModalityWorklist(
            *("ris", "A", "h", 104, "RIS", "SANSVERRE", "NORD", ("XC",), "Europe/Paris", 300.0),
            tmp_path / "ca.pem",
        ),
    )
    assert read_worklists(None) == ()
    with pytest.raises(BadSettings, match="cannot be read"):
        read_worklists(tmp_path / "none.toml")
