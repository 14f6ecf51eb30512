"""What came under a number goes home when its merge is undone, and is of nobody on the way."""

from dataclasses import dataclass

import pytest

from archive.advice import Who
from archive.catalog import Catalog
from archive.errors import NotFound
from archive.identity import PatientIdentity
from archive.leaving import Leaving, Way
from archive.record import Image, ImageKind, ObjectRole
from archive.session import Purpose
from tests.archive.conftest import HERE, digest
from tests.archive.identities.saying import ZOE, said, undo_merge
from tests.archive.test_backlog import told
from tests.archive.test_moves import carried_out, publish

PACS = "pacs"
ASKER, ASKED = Who(HERE, "a"), Who(HERE, "b")


@dataclass
class Away:
    """A catalogue in which the second of two photographs of one order is on its way home."""

    catalog: Catalog
    first: Image
    second: Image
    advice: str

    def come_home(self) -> None:
        job = self.catalog.jobs.claim("w", 60, kinds=("move",))
        assert job is not None
        carried_out(self.catalog, job)


@pytest.fixture
def away(catalog: Catalog) -> Away:
    for number in "78":
        catalog.identities.state(HERE, said(number, ZOE))
    catalog.identities.merge(HERE, said("8", ZOE, 1), ("7", "CHU"))
    catalog.outbox.know(HERE, PACS)

    def came(number: str, file: str) -> Image:
        image = catalog.receive(
            establishment=HERE,
            kind=ImageKind.PHOTO,
            source_sha256=digest(file),
            plan="photo",
            patient=PatientIdentity(number, "CHU"),
            accession_number="A1",
        )
        return publish(catalog, image, ObjectRole.PHOTO)

    first, second = came("8", "a"), came("7", "b")
    assert first.exam_id == second.exam_id
    catalog.advices.write_card(ASKER, "A", "")
    to = catalog.advices.write_card(ASKED, "B", "")
    pictures = [first.id, second.id]
    asked = catalog.advices.ask(ASKER, "?", pictures, to=to.id)
    assert asked.images == (first.id, second.id)
    undo_merge(catalog, "8")
    return Away(catalog, first, second, asked.id)


def test_archives_are_told_of_it_once_it_is_home(away: Away) -> None:
    outbox = away.catalog.outbox
    claimed = [outbox.claim("w", HERE, PACS, 60) for _ in range(2)]
    assert [one and one.image_id for one in claimed] == [away.first.id, None]
    away.come_home()
    telling = outbox.claim("w", HERE, PACS, 60)
    assert telling is not None
    assert telling.image_id == away.second.id
    exam, _ = outbox.context(telling)
    assert exam.patient is not None
    assert exam.patient.patient_id == "7"
    # Nobody was told of it under the other number, so that nothing is to be taken back.
    assert len(told(away.catalog, [away.second])) == 2


def test_colleagues_who_were_asked_do_not_see_it(away: Away) -> None:
    catalog = away.catalog
    assert catalog.advices.advice(ASKED, away.advice).images == (away.first.id,)
    assert catalog.advices.lent(away.first.id, ASKED) == away.first
    with pytest.raises(NotFound):
        catalog.advices.lent(away.second.id, ASKED)


def test_it_does_not_leave(away: Away) -> None:
    catalog = away.catalog
    leaving = Leaving(Way.JPEG, Purpose.CARE, (away.second.id,))
    with pytest.raises(NotFound):
        catalog.departures.record(leaving, by="a", establishment=HERE)
    with pytest.raises(NotFound):
        catalog.departures.record_link(away.second.id, by="a", establishment=HERE)


def test_nothing_is_measured_in_it(away: Away) -> None:
    with pytest.raises(NotFound):
        away.catalog.aids.ask_ruler(away.second.id, establishment=HERE)
    asked = away.catalog.aids.ask_ruler(away.first.id, establishment=HERE)
    assert asked is not None
