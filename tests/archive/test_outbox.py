"""The queue gives an archive what is for it, and nothing that another may not see."""

import pytest

from archive.catalog import Catalog
from archive.errors import LeaseLost
from archive.identity import PatientIdentity
from archive.record import Image, ImageKind, ImageState, ObjectRole, OutboxState, StoredObject
from archive.storage import Storage
from archive.telling.forms import known_as
from archive.telling.rules import Takes
from archive.telling.told import Told
from tests.archive.conftest import ELSEWHERE, HERE, digest
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
    out.reincarnate(one, lambda form, uid: known_as(form, uid, exam, PACS, 1))
    (row,) = told(catalog, [second])
    assert (row.state, row.incarnation) == (OutboxState.WAITING, 1)
    assert row.sop_instance_uid != other.sop_instance_uid
    # Whoever composed it under the UID before does not send it.
    with pytest.raises(LeaseLost):
        out.leaving(other, Told.of(exam, "1.2.3"))


def of_one_exam(catalog: Catalog, name: str) -> Image:
    image = catalog.receive(
        establishment=HERE,
        kind=ImageKind.PHOTO,
        source_sha256=digest(name),
        plan="photo",
        patient=PatientIdentity("1", "R", "A^B"),
        accession_number="X",
    )
    uid = f"1.2.{int(digest(name)[:12], 16)}"
    key = Storage.new_key()
    one = StoredObject(ObjectRole.PHOTO, key, 9, "application/dicom", None, "1.2", uid)
    catalog.advance(image.id, ImageState.OPENED)
    catalog.advance(image.id, ImageState.BUILT, add_objects=[one])
    return catalog.advance(image.id, ImageState.PUBLISHED)
