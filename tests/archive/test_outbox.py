"""The queue gives an archive what is for it, and nothing that another may not see."""

from dataclasses import replace

import pytest

from archive.catalog import Catalog
from archive.errors import LeaseLost
from archive.identities.ins import Ins
from archive.identity import PatientIdentity
from archive.record import (
    GRADES,
    Image,
    ImageKind,
    ImageState,
    ObjectRole,
    OutboxState,
    StoredObject,
)
from archive.storage import Storage
from archive.telling.forms import known_as
from archive.telling.rows import Ending
from archive.telling.rules import Takes
from archive.telling.told import Told
from tests.archive.conftest import ELSEWHERE, HERE, digest
from tests.archive.identities.saying import INS, OTHER_INS, qualified
from tests.archive.test_backlog import photographed, told

PACS = "pacs"


def test_an_archive_that_is_another_establishments_now_gets_nothing_of_the_first(
    catalog: Catalog,
) -> None:
    catalog.outbox.know(HERE, PACS)
    before = photographed(catalog, "before", HERE)
    catalog.outbox.know(ELSEWHERE, PACS)
    after = photographed(catalog, "after", HERE)
    assert catalog.outbox.claim("w", ELSEWHERE, PACS, 60) is None
    assert [one.state for one in told(catalog, [before])] == [OutboxState.WAITING]
    assert told(catalog, [after]) == []
    theirs = photographed(catalog, "theirs", ELSEWHERE)
    telling = catalog.outbox.claim("w", ELSEWHERE, PACS, 60)
    assert telling is not None
    assert telling.image_id == theirs.id


def test_an_archive_that_is_given_back_is_told_on(catalog: Catalog) -> None:
    catalog.outbox.know(HERE, PACS)
    before = photographed(catalog, "before", HERE)
    catalog.outbox.know(ELSEWHERE, PACS)
    catalog.outbox.know(HERE, PACS, frozenset({Takes.PHOTOGRAPHS}))
    telling = catalog.outbox.claim("w", HERE, PACS, 60)
    assert telling is not None
    assert telling.image_id == before.id
    assert len(told(catalog, [photographed(catalog, "again", HERE)])) == 1


def test_what_waits_is_listed_from_the_oldest_and_what_was_sent_from_the_latest(
    catalog: Catalog,
) -> None:
    out = catalog.outbox
    out.know(HERE, PACS)
    images = [photographed(catalog, str(number), HERE).id for number in range(6)]
    for ending in (*map(Ending, GRADES), Ending(OutboxState.TASK, "refused")):
        telling = out.claim("w", HERE, PACS, 60)
        assert telling is not None
        out.end(telling, ending)
    first, second = out.sent(PACS, establishment=HERE, limit=2)
    (third,) = out.sent(PACS, establishment=HERE, before=second.id)
    assert [one.image_id for one in (first, second, third)] == images[2::-1]
    assert out.sent(PACS, establishment=ELSEWHERE) == ()
    # A task is found whatever waits before it.
    (task,) = out.listed([OutboxState.TASK], establishment=HERE, remote=PACS, limit=1)
    assert task.image_id == images[3]
    (waiting,) = out.listed([OutboxState.WAITING], establishment=HERE, remote=PACS, limit=1)
    after = out.listed([OutboxState.WAITING], establishment=HERE, remote=PACS, after=waiting.id)
    assert [one.image_id for one in (waiting, *after)] == images[4:]


@pytest.mark.parametrize("is_held", [False, True])
def test_what_was_tried_and_never_left_becomes_the_new_incarnation_too(
    catalog: Catalog, is_held: bool
) -> None:
    out = catalog.outbox
    out.know(HERE, PACS)
    _, second = (of_one_exam(catalog, name) for name in ("first", "second"))
    one, other = (out.claim("w", HERE, PACS, 60) for _ in range(2))
    assert one is not None
    assert other is not None
    if not is_held:
        out.put_off(other, 900, "down")
    exam, _ = out.context(one)
    one = out.leaving(one, Told.of(exam, "1.2.3"))
    out.reincarnate(one, lambda form, uid, part: known_as(form, uid, exam, PACS, 1, part))
    (row,) = told(catalog, [second])
    assert (row.state, row.incarnation) == (OutboxState.WAITING, 1)
    assert row.sop_instance_uid != other.sop_instance_uid
    # Whoever composed it under the UID before does not send it.
    with pytest.raises(LeaseLost):
        out.leaving(other, Told.of(exam, "1.2.3"))


@pytest.mark.parametrize("has_left", [False, True])
def test_a_number_is_another_patients_there_whatever_became_of_what_left(
    catalog: Catalog, has_left: bool
) -> None:
    """A task of which the archive has something, and one that was never sent."""
    out = catalog.outbox
    out.know(HERE, PACS)
    of_one_exam(catalog, "first")
    of_one_exam(catalog, "second", replace(ANNE, issuer="CITY", name="C^D"), "Y")
    first, second = (out.claim("w", HERE, PACS, 60) for _ in range(2))
    assert first is not None
    assert second is not None
    if has_left:
        exam, _ = out.context(first)
        first = out.leaving(first, Told.of(exam, "1.2.3"))
    out.end(first, Ending(OutboxState.TASK, "look there"))
    assert out.shares_number(second) is has_left


def test_of_an_ins_the_queue_keeps_whether_it_holds_and_nothing_of_the_number(
    catalog: Catalog,
) -> None:
    out = catalog.outbox
    out.know(HERE, PACS)
    image = of_one_exam(catalog, "first")

    def stated(ins: Ins, minutes: int) -> None:
        catalog.identities.state(HERE, replace(qualified("1", {}, ins, minutes), issuer="R"))

    stated(INS, 0)
    one = out.claim("w", HERE, PACS, 60)
    assert one is not None
    exam, _ = out.context(one)
    first = Told.of(exam, "1.2.3")
    out.end(out.leaving(one, first), Ending(OutboxState.TASK, "kept"))
    stated(OTHER_INS, 1)
    (row,) = told(catalog, [image])
    again = out.claim("w", HERE, PACS, 60)
    assert again is not None
    exam, _ = out.context(again)
    assert exam.patient is not None
    assert exam.patient.ins == OTHER_INS.number
    now = Told.of(exam, "1.2.3")
    # What is written is the same whoever's number it is, and still it is known to be another.
    assert now.written() == first.written()
    assert not any(before.is_person_of(now) for before in row.told)
    assert not any(now.keeps_numbers_of(before) for before in row.told)


def test_what_is_asked_anew_meanwhile_does_not_leave_as_it_was(catalog: Catalog) -> None:
    out = catalog.outbox
    out.know(HERE, PACS)
    of_one_exam(catalog, "first")
    one = out.claim("w", HERE, PACS, 60)
    assert one is not None
    exam, _ = out.context(one)
    catalog.identities.state(HERE, replace(qualified("1", {}), issuer="R"))
    with pytest.raises(LeaseLost):
        out.leaving(one, Told.of(exam, "1.2.3"))
    # It is not held any more, and leaves with the identifier.
    again = out.claim("w", HERE, PACS, 60)
    assert again is not None
    assert again.told == ()


ANNE = PatientIdentity("1", "R", "A^B")


def of_one_exam(
    catalog: Catalog, name: str, patient: PatientIdentity = ANNE, order: str = "X"
) -> Image:
    image = catalog.receive(
        establishment=HERE,
        kind=ImageKind.PHOTO,
        source_sha256=digest(name),
        plan="photo",
        patient=patient,
        accession_number=order,
    )
    uid = f"1.2.{int(digest(name)[:12], 16)}"
    key = Storage.new_key()
    one = StoredObject(ObjectRole.PHOTO, key, 9, "application/dicom", None, "1.2", uid)
    catalog.advance(image.id, ImageState.OPENED)
    catalog.advance(image.id, ImageState.BUILT, add_objects=[one])
    return catalog.advance(image.id, ImageState.PUBLISHED)
