"""Archives show whose an exam is after it was corrected, or a person has a task; never both."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from api.archives import REMOTE
from api.settings import Settings
from api.why import EARLIER_IDENTITY, WRONG_PATIENT
from archive.identities.decisions import Then
from archive.identities.schema import Act
from archive.identities.stated import Stated
from archive.identity import PatientIdentity
from archive.outbox import identity_changed
from archive.record import OutboxState, Sent
from archive.rejection import rejection_uid
from archive.telling.rules import Corrections
from tests.api.telling.places import (
    HERE,
    all_sent,
    corrected,
    kept,
    photographed,
    send_once,
    states,
    telling,
    told,
    uid_of,
)
from tests.orthanc import Orthanc

GOOD = (Sent.OBJECT, OutboxState.READ_BACK)


def person(number: str, name: str = "FAUX^Anne") -> PatientIdentity:
    return PatientIdentity(number, "R", name, sex="F")


def test_an_archive_that_hears_of_it_itself_is_asked_until_it_shows_it(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    """Nothing is sent; what another system corrects there ends the row."""
    before, after = person("h1"), person("h1", "JUSTE^Zoé")
    with telling(settings, empty_catalogue, archive) as place:
        image = photographed(place, tmp_path, 201, before)
        all_sent(place)
        corrected(place, before, after)
        assert send_once(place)
        (one,) = told(place, image)
        assert (one.state, one.attempt) == (OutboxState.WAITING, 2)
        (there,) = kept(archive, uid_of(image))
        assert there["PatientName"] == "FAUX^Anne"
        corrected(place, after, before)
        all_sent(place)
        assert states(place, image) == [GOOD]


@pytest.mark.parametrize(
    ("after", "reason"),
    [(person("h2", "JUSTE^Zoé"), EARLIER_IDENTITY), (person("h3"), WRONG_PATIENT)],
)
def test_what_never_arrives_there_is_a_task_and_never_done(
    settings: Settings,
    empty_catalogue: Path,
    archive: Orthanc,
    tmp_path: Path,
    after: PatientIdentity,
    reason: str,
) -> None:
    before, seed = person("h2"), 202 + int(after.patient_id[1])
    with telling(settings, empty_catalogue, archive, patience_s=0.0) as place:
        image = photographed(place, tmp_path, seed, before)
        all_sent(place)
        corrected(place, before, after)
        all_sent(place)
        (one,) = told(place, image)
        assert (one.state, one.reason) == (OutboxState.TASK, reason)
        # It is put right there by hand, or the correction is taken back.
        corrected(place, after, before)
        all_sent(place)
        assert states(place, image) == [GOOD]


def test_an_archive_that_overwrites_gets_the_same_instance_again(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    before, after = person("a1"), person("a2", "JUSTE^Zoé")
    rule = {"corrections": Corrections.AGAIN, "orthanc_url": str(archive.web.base_url)}
    with telling(settings, empty_catalogue, archive, **rule) as place:
        image = photographed(place, tmp_path, 211, before)
        all_sent(place)
        corrected(place, before, after)
        all_sent(place)
        assert states(place, image) == [GOOD]
    (there,) = kept(archive, uid_of(image))
    assert (there["PatientID"], there["PatientName"]) == ("a2", "JUSTE^Zoé")


def test_an_archive_that_keeps_what_it_had_is_a_task(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    """Orthanc stores what it has under another patient a second time, and says so to nobody."""
    before, after = person("k1"), person("k2")
    with telling(settings, empty_catalogue, archive, corrections=Corrections.AGAIN) as place:
        image = photographed(place, tmp_path, 212, before)
        all_sent(place)
        corrected(place, before, after)
        all_sent(place)
        (one,) = told(place, image)
        assert (one.state, one.reason) == (OutboxState.TASK, WRONG_PATIENT)


def test_elsewhere_it_is_rejected_and_comes_as_another_instance(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    """And back again: three instances, of which one is not rejected; a name alone rejects none."""
    before, after = person("r1"), person("r2", "JUSTE^Zoé")
    rule = {"corrections": Corrections.REINCARNATION, "orthanc_url": str(archive.web.base_url)}
    with telling(settings, empty_catalogue, archive, **rule) as place:
        image = photographed(place, tmp_path, 221, before)
        all_sent(place)
        corrected(place, before, after)
        all_sent(place)
        rejected = (Sent.REJECTION, OutboxState.READ_BACK)
        old = (Sent.OBJECT, OutboxState.SUPERSEDED)
        assert states(place, image) == [old, rejected, GOOD]
        first, note, second = told(place, image)
        assert kept(archive, first.sop_instance_uid) == []
        (there,) = kept(archive, second.sop_instance_uid)
        assert (there["PatientID"], there["PatientName"]) == ("r2", "JUSTE^Zoé")
        (noted,) = kept(archive, rejection_uid(note.sop_instance_uid))
        assert (noted["PatientID"], noted["PatientName"]) == ("r1", "FAUX^Anne")
        # What comes to the exam later is of the study that is not of two patients.
        later = photographed(place, tmp_path, 222, after)
        assert later.exam_id == image.exam_id
        all_sent(place)
        (new,) = told(place, later)
        assert new.state is OutboxState.READ_BACK
        (beside,) = kept(archive, new.sop_instance_uid)
        assert beside["StudyInstanceUID"] == there["StudyInstanceUID"]
        assert beside["StudyInstanceUID"] != noted["StudyInstanceUID"]
        corrected(place, after, before)
        all_sent(place)
        third = told(place, image)[-1]
        assert [one["PatientID"] for one in kept(archive, third.sop_instance_uid)] == ["r1"]
        assert kept(archive, second.sop_instance_uid) == []
        assert len({one.sop_instance_uid for one in told(place, image)}) == 3


def test_corrected_before_it_left_or_there_and_back_nothing_more_is_told(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    before, after = person("n1"), person("n2")
    with telling(
        settings, empty_catalogue, archive, corrections=Corrections.REINCARNATION
    ) as place:
        image = photographed(place, tmp_path, 231, before)
        corrected(place, before, after)
        all_sent(place)
        assert states(place, image) == [GOOD]
        corrected(place, after, before)
        corrected(place, before, after)
        all_sent(place)
        assert states(place, image) == [GOOD]
    assert [one["PatientID"] for one in kept(archive, uid_of(image))] == ["n2"]


def test_who_sends_while_it_is_corrected_does_not_end_it(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    before, after = person("w1"), person("w2")
    rule = {"corrections": Corrections.AGAIN, "orthanc_url": str(archive.web.base_url)}
    with telling(settings, empty_catalogue, archive, **rule) as place:
        image = photographed(place, tmp_path, 241, before)
        all_sent(place)
        outbox = place.catalog.outbox
        corrected(place, before, replace(before, name="FAUX^Ann"))
        sending = outbox.claim(place.worker, HERE, REMOTE, 3600)
        assert sending is not None
        corrected(place, before, after)
        assert not send_once(place)
        outbox.put_off(sending, 3600.0, "down")
        all_sent(place)
        assert states(place, image) == [GOOD]
    assert [one["PatientID"] for one in kept(archive, uid_of(image))] == ["w2"]


def test_a_correction_that_is_rolled_back_tells_nothing(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    with telling(settings, empty_catalogue, archive) as place:
        image = photographed(place, tmp_path, 251, person("b1"))
        all_sent(place)
        engine = sa.create_engine(settings.database_url)
        with engine.connect() as connection:
            identity_changed(connection, [image.exam_id])
            connection.rollback()
        engine.dispose()
        assert states(place, image) == [GOOD]
        assert place.catalog.exam(image.exam_id, establishment=HERE).images[0].id == image.id


def test_a_merge_reaches_the_archive_and_so_does_taking_it_back(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    stays, goes = (
        PatientIdentity(number, "R", "FAUX^Anne", date(1970, 1, 2), "F") for number in ("m1", "m2")
    )
    rule = {"corrections": Corrections.AGAIN, "orthanc_url": str(archive.web.base_url)}
    with telling(settings, empty_catalogue, archive, **rule) as place:
        photographed(place, tmp_path, 261, stays)
        image = photographed(place, tmp_path, 262, goes, order="A2")
        all_sent(place)
        identities = place.catalog.identities
        traits = {"name": stays.name, "birth_date": stays.birth_date, "sex": "F"}
        said = Stated("m1", "R", traits, datetime.now(UTC), "ADT")
        assert identities.merge(HERE, said, ("m2", "R")).then is Then.MERGE
        all_sent(place)
        assert states(place, image) == [GOOD]
        (there,) = kept(archive, uid_of(image))
        assert there["PatientID"] == "m1"
        key = place.catalog.exam(image.exam_id, establishment=HERE).patient_key
        merge = next(
            one for one in identities.history(str(key), establishment=HERE) if one.act is Act.MERGED
        )
        identities.undo(merge.id, "somebody", establishment=HERE)
        all_sent(place)
        assert states(place, image) == [GOOD]
    (there,) = kept(archive, uid_of(image))
    assert there["PatientID"] == "m2"
