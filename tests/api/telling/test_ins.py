"""A national identifier that was withdrawn or replaced is nowhere left, or a person has a task."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from api.archives import RadiologyArchive
from api.given_back import held
from api.settings import Settings
from api.why import NO_INS, OTHER_INS
from api.work import Workplace
from archive.identities.ins import INS_ISSUER, NIA, NIR, Ins, key_of
from archive.identities.stated import Stated, Status
from archive.identity import PatientIdentity
from archive.record import OutboxState, Sent
from archive.telling.rules import Corrections, Takes
from tests.api.instances.conftest import picture
from tests.api.telling.places import (
    HERE,
    all_sent,
    at,
    kept,
    photographed,
    states,
    telling,
    told,
    uid_of,
)
from tests.dermato.archived import errors_of
from tests.orthanc import Orthanc
from tests.samples.dicom_slides import write_instance

GOOD = (Sent.OBJECT, OutboxState.READ_BACK)
STARTS = datetime(2026, 3, 1, tzinfo=UTC)


def numbered(first: str) -> Ins:
    return Ins(f"{first}{key_of(first):02d}")


FIRST, SECOND = numbered("2550814168025"), numbered("2550814168026")


def said(place: Workplace, who: PatientIdentity, hour: int, ins: Ins | None, **more: Any) -> None:
    """What a message says of a qualified identity in that hour."""
    traits = {"name": who.name, "sex": who.sex, "status": Status.QUALIFIED}
    at = STARTS + timedelta(hours=hour)
    stated = Stated(who.patient_id, who.issuer, traits, at, "ADT", ins, **more)
    place.catalog.identities.state(HERE, stated)


def person(number: str) -> PatientIdentity:
    return PatientIdentity(number, "R", "FAUX^Anne", sex="F")


def ins_there(archive: Orthanc, uid: str) -> list[list[str]]:
    """The numbers beside the patient's own of each copy that Orthanc has."""
    found = archive.web.post("/tools/lookup", content=uid).json()
    copies = [
        archive.web.get(f"/instances/{one['ID']}/tags?simplify").json()
        for one in found
        if one["Type"] == "Instance"
    ]
    return [
        [item["PatientID"] for item in copy.get("OtherPatientIDsSequence", ())] for copy in copies
    ]


@pytest.mark.parametrize("after", [None, SECOND], ids=["withdrawn", "replaced"])
def test_an_archive_that_keeps_the_one_before_has_not_got_it_right(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path, after: Ins | None
) -> None:
    who = person("i1" if after is None else "i2")
    seed = 801 if after is None else 802
    with telling(settings, empty_catalogue, archive, patience_s=0.0) as place:
        image = photographed(place, tmp_path, seed, who)
        said(place, who, 0, FIRST)
        all_sent(place)
        assert states(place, image) == [GOOD]
        assert ins_there(archive, uid_of(image)) == [[FIRST.number]]
        said(place, who, 1, after, withdraws_ins=after is None)
        all_sent(place)
        (task,) = told(place, image)
        assert (task.state, task.reason) == (OutboxState.TASK, OTHER_INS)
        assert FIRST.number not in str([one.written() for one in task.told])
        # A person removes the copy there, and has it looked at again.
        (there,) = archive.web.post("/tools/lookup", content=uid_of(image)).json()
        archive.web.delete(f"/instances/{there['ID']}").raise_for_status()
        place.catalog.outbox.ask_again(task.id, establishment=None)
        all_sent(place)
        assert states(place, image) == [GOOD]
        assert ins_there(archive, uid_of(image)) == [[] if after is None else [after.number]]


def test_an_archive_that_overwrites_gets_it_without(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    who = person("i3")
    rule = {"corrections": Corrections.AGAIN, "orthanc_url": str(archive.web.base_url)}
    with telling(settings, empty_catalogue, archive, **rule) as place:
        image = photographed(place, tmp_path, 803, who)
        said(place, who, 0, FIRST)
        all_sent(place)
        said(place, who, 1, None, withdraws_ins=True)
        all_sent(place)
        assert states(place, image) == [GOOD]
    assert ins_there(archive, uid_of(image)) == [[]]


def test_elsewhere_it_comes_as_another_instance_once_it_is_untrue_and_not_before(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    """One that is known only now is no reason to reject what was sent without it."""
    who = person("i4")
    rule = {"corrections": Corrections.REINCARNATION, "orthanc_url": str(archive.web.base_url)}
    with telling(settings, empty_catalogue, archive, **rule) as place:
        image = photographed(place, tmp_path, 804, who)
        all_sent(place)
        said(place, who, 0, FIRST)
        all_sent(place)
        assert states(place, image) == [GOOD]
        other = photographed(place, tmp_path, 805, who, order="A2")
        all_sent(place)
        said(place, who, 1, None, withdraws_ins=True)
        all_sent(place)
        old = [(Sent.OBJECT, OutboxState.SUPERSEDED), (Sent.REJECTION, OutboxState.READ_BACK)]
        assert states(place, other) == [*old, GOOD]
        first, _, second = told(place, other)
        assert kept(archive, first.sop_instance_uid) == []
        assert ins_there(archive, second.sop_instance_uid) == [[]]


def test_a_registry_that_goes_by_it_is_sent_manifests_of_qualified_identities_alone(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    """And forgets them with it: what was told of is taken back, and the outbox holds no INS."""
    who = person("i6")
    rule = RadiologyArchive(
        archive.dicomweb_url,
        HERE,
        str(archive.web.base_url),
        takes=frozenset({Takes.MANIFESTS}),
        by_ins=True,
    )
    with at(settings, empty_catalogue, rule) as place:
        image = photographed(place, tmp_path, 806, who)
        all_sent(place)
        (task,) = told(place, image)
        assert (task.state, task.reason) == (OutboxState.TASK, NO_INS)
        assert kept(archive, task.sop_instance_uid) == []
        said(place, who, 0, FIRST)
        all_sent(place)
        assert states(place, image) == [GOOD]
        (found,) = archive.web.post("/tools/lookup", content=task.sop_instance_uid).json()
        file = archive.web.get(f"/instances/{found['ID']}/file").content
        there = dcmread(io.BytesIO(file))
        assert (there.PatientID, there.IssuerOfPatientID) == (FIRST.number, INS_ISSUER)
        assert there.IssuerOfPatientIDQualifiersSequence[0].UniversalEntityID == NIR
        assert errors_of(file, tmp_path) == []
        said(place, who, 1, None, withdraws_ins=True)
        all_sent(place)
        old, note, new = told(place, image)
        assert (note.kind, note.state) == (Sent.REJECTION, OutboxState.READ_BACK)
        assert (old.state, new.state) == (OutboxState.SUPERSEDED, OutboxState.TASK)
        assert new.reason == NO_INS
        assert kept(archive, old.sop_instance_uid) == []
        assert FIRST.number not in str([one.written() for row in (old, note) for one in row.told])


def other_numbers(*items: tuple[str, str, str]) -> Sequence:
    sequence = Sequence()
    for number, issuer, authority in items:
        item, qualifiers = Dataset(), Dataset()
        item.PatientID = number
        if issuer:
            item.IssuerOfPatientID = issuer
        if authority:
            qualifiers.UniversalEntityID, qualifiers.UniversalEntityIDType = authority, "ISO"
            item.IssuerOfPatientIDQualifiersSequence = Sequence([qualifiers])
        sequence.append(item)
    return sequence


OURS = (FIRST.number, INS_ISSUER, NIR)


@pytest.mark.parametrize(
    ("ours", "theirs", "is_same"),
    [
        ((), (), True),
        ((OURS,), (OURS,), True),
        ((OURS,), (), True),
        ((OURS,), (OURS, ("77", "CITY", "")), True),
        ((), (OURS,), False),
        ((), ((FIRST.number, "", ""),), False),
        ((), ((FIRST.number, INS_ISSUER, ""),), False),
        ((), ((FIRST.number, "", NIA),), False),
        ((OURS,), ((SECOND.number, INS_ISSUER, NIR),), False),
        ((OURS,), (OURS, (SECOND.number, INS_ISSUER, NIR)), False),
    ],
)
def test_a_foreign_ins_is_another_identity(
    tmp_path: Path,
    ours: tuple[tuple[str, str, str], ...],
    theirs: tuple[tuple[str, str, str], ...],
    is_same: bool,
) -> None:
    """An archive may keep none, or numbers of its own beside; never an INS that was not sent."""
    files = []
    for name, numbers in (("sent", ours), ("back", theirs)):
        path = write_instance(tmp_path / f"{name}.dcm", picture(64, 64))
        header = dcmread(path)
        header.SOPInstanceUID, header.PatientID = "2.25.1", "7"
        header.OtherPatientIDsSequence = other_numbers(*numbers)
        header.save_as(path)
        files.append(path)
    found = held(lambda *_: None, *files)
    assert (found["same_identity"], found["same_ins"]) == (is_same, is_same)
