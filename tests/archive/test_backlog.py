"""What an archive lacks is put into its outbox once, whoever asks for it and however often."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from archive.catalog import Catalog
from archive.record import Image, ImageKind, ImageState, ObjectRole, OutboxState, StoredObject
from archive.storage import Storage
from archive.telling.rows import Ending, Telling
from tests.archive.conftest import ELSEWHERE, HERE, digest, published

REMOTE = "radiology"


def photographed(catalog: Catalog, name: str, establishment: str = HERE) -> Image:
    image = catalog.receive(
        establishment=establishment,
        kind=ImageKind.PHOTO,
        source_sha256=digest(name),
        plan="photo",
    )
    uid = f"1.2.{int(digest(name)[:12], 16)}"
    one = StoredObject(
        ObjectRole.PHOTO, Storage.new_key(), 9, "application/dicom", None, "1.2", uid
    )
    catalog.advance(image.id, ImageState.OPENED)
    catalog.advance(image.id, ImageState.BUILT, add_objects=[one])
    return catalog.advance(image.id, ImageState.PUBLISHED)


def told(catalog: Catalog, images: list[Image]) -> list[Telling]:
    found = catalog.outbox.of_images([one.id for one in images])
    return [telling for one in images for telling in found[one.id]]


def test_what_was_published_before_is_put_in_once(catalog: Catalog) -> None:
    before = [photographed(catalog, f"before {number}") for number in range(7)]
    others = [photographed(catalog, "elsewhere", ELSEWHERE), published(catalog, "slide")]
    catalog.outbox.know(HERE, REMOTE)
    after = photographed(catalog, "after")
    assert catalog.backlog.lacking(HERE, REMOTE) == 7
    assert len(told(catalog, [*before, *others, after])) == 1
    with ThreadPoolExecutor(3) as several:
        asked = [several.submit(catalog.backlog.put_in, HERE, REMOTE, 60.0) for _ in range(3)]
        assert sum(one.result() for one in asked) == 7
    assert catalog.backlog.lacking(HERE, REMOTE) == 0
    assert catalog.backlog.put_in(HERE, REMOTE, 60.0) == 0
    assert [one.image_id for one in told(catalog, before)] == [one.id for one in before]
    assert told(catalog, others) == []
    assert all(one.created_at <= datetime.now(UTC) for one in told(catalog, before))
    # One of them is due at once, beside the new one: the others do not stand before what comes.
    due = []
    while telling := catalog.outbox.claim("w", HERE, REMOTE, 60):
        due.append(telling.image_id)
        catalog.outbox.end(telling, Ending(OutboxState.READ_BACK))
    assert sorted(due) == sorted([before[0].id, after.id])
    counts = catalog.backlog.counts(HERE, REMOTE)
    assert (counts[OutboxState.WAITING], counts[OutboxState.READ_BACK]) == (6, 2)
    assert sum(catalog.backlog.counts(ELSEWHERE, REMOTE).values()) == 0


def test_a_task_that_somebody_saw_to_is_looked_at_again(catalog: Catalog) -> None:
    catalog.outbox.know(HERE, REMOTE)
    images = [photographed(catalog, "one"), photographed(catalog, "two")]
    for state, reason in ((OutboxState.TASK, "Look there."), (OutboxState.READ_BACK, None)):
        telling = catalog.outbox.claim("w", HERE, REMOTE, 60)
        assert telling is not None
        catalog.outbox.end(telling, Ending(state, reason, ("PatientName",)))
    assert catalog.backlog.ask_again(ELSEWHERE, REMOTE) == 0
    assert catalog.backlog.ask_again(HERE, REMOTE) == 1
    states = [one.state for one in told(catalog, images)]
    assert sorted(states) == [OutboxState.READ_BACK, OutboxState.WAITING]
    again = catalog.outbox.claim("w", HERE, REMOTE, 60)
    assert again is not None
    assert (again.attempt, list(again.coerced or ())) == (2, ["PatientName"])
    assert catalog.backlog.ask_again(HERE, REMOTE) == 0
