"""What is told in parts: each of them once, and the whole ended behind them, whatever happens."""

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.catalog import Catalog
from archive.concatenation import Part, parts_of
from archive.errors import LeaseLost
from archive.outbox import identity_changed, look_again
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
from archive.telling.rows import Ending, Telling
from archive.telling.rules import Takes
from tests.archive.conftest import digest

PACS = "pacs"
OPEN = {OutboxState.WAITING, OutboxState.TASK}
NUMBERS = count()
"""Each example is of an establishment of its own."""


def test_parts_are_functions_of_the_cut() -> None:
    same, other = parts_of("1.2.3", [range(3), range(3, 5)]), parts_of("1.2.3", [range(5)])
    assert same == parts_of("1.2.3", [range(3), range(3, 5)])
    moved = parts_of("1.2.3", [range(2), range(2, 5)])
    uids = [one.uid for one in (*same, *other, *moved)]
    assert len(set(uids)) == len(uids)
    assert len({one.concatenation_uid for one in (*same, *other, *moved)}) == 3
    assert [(one.number, one.count, list(one.numbers)) for one in same] == [
        (1, 2, [0, 1, 2]),
        (2, 2, [3, 4]),
    ]
    assert Part.read(same[0].written()) == same[0]


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    parts=st.integers(1, 4),
    turns=st.lists(
        st.sampled_from(["good", "task", "put off", "lost", "corrected", "looked at", "again"])
        | st.sampled_from(GRADES),
        max_size=25,
    ),
)
def test_the_whole_ends_once_all_parts_have_and_no_better(
    catalog: Catalog, parts: int, turns: list[str]
) -> None:
    site = Site(catalog, parts)
    for turn in turns:
        site.take(turn)
        site.check()
    site.take("again")
    while site.claims():
        site.check()
    whole, *rows = site.rows()
    assert {one.state for one in rows} <= set(GRADES)
    assert whole.state is min((one.state for one in rows), key=GRADES.index)
    # It was told in its parts, and as nothing else.
    assert [one.part.number for one in rows if one.part] == list(range(1, parts + 1))


class Site:
    """An archive that is told of a slide of one level, which is cut."""

    def __init__(self, catalog: Catalog, parts: int) -> None:
        self.catalog, self.house = catalog, f"house {next(NUMBERS)}"
        catalog.outbox.know(self.house, PACS, frozenset({Takes.SLIDES}))
        self.image = published(catalog, self.house)
        telling = self.claimed()
        assert telling is not None
        exam, _ = catalog.outbox.context(telling)
        uid = telling.object_uid
        groups = [range(number, number + 1) for number in range(parts)]
        catalog.outbox.cut(
            telling,
            parts_of(uid, groups),
            lambda form, uid, part: known_as(form, uid, exam, PACS, 0, part),
        )

    def rows(self) -> tuple[Telling, ...]:
        return self.catalog.outbox.of_images([self.image.id])[self.image.id]

    def claimed(self) -> Telling | None:
        return self.catalog.outbox.claim("w", self.house, PACS, 60)

    def claims(self, becomes: str = "good") -> bool:
        """Take what is due, and have that become of it; of the whole only what its parts are."""
        outbox, telling = self.catalog.outbox, self.claimed()
        if telling is None:
            return False
        if telling.parts:
            reached = outbox.reached(telling)
            assert not reached & OPEN
            outbox.end(telling, Ending(min(reached, key=GRADES.index)))
        elif becomes == "lost":
            outbox.lapse("w")
            again = self.claimed()
            assert again is not None
            assert (again.id, again.attempt) == (telling.id, telling.attempt + 1)
            outbox.put_off(again, 0, "down")
        elif becomes == "put off":
            outbox.put_off(telling, 0, "down")
        elif becomes == "task":
            outbox.end(telling, Ending(OutboxState.TASK, "look there"))
        else:
            state = OutboxState.READ_BACK if becomes == "good" else OutboxState(becomes)
            outbox.end(telling, Ending(state))
        return True

    def take(self, turn: str) -> None:
        if turn == "again":
            self.catalog.backlog.ask_again(self.house, PACS)
        elif turn in {"corrected", "looked at"}:
            with self.catalog._database.write() as connection:
                if turn == "looked at":
                    look_again(connection, self.image.exam_id)
                else:
                    identity_changed(connection, [self.image.exam_id])
        else:
            self.claims(turn)

    def check(self) -> None:
        whole, *rows = self.rows()
        assert whole.parts == len(rows)
        if whole.state is not OutboxState.WAITING:
            assert not {one.state for one in rows} & OPEN
        counts = self.catalog.backlog.counts(self.house, PACS)
        assert sum(counts.values()) == len(rows)
        listed = self.catalog.outbox.listed(list(OutboxState), establishment=self.house)
        assert [one.id for one in listed] == [one.id for one in rows]


def published(catalog: Catalog, name: str) -> Image:
    image = catalog.receive(
        establishment=name, kind=ImageKind.SLIDE, source_sha256=digest(name), plan="full"
    )
    uid, key = f"1.2.{int(digest(name)[:12], 16)}", Storage.new_key()
    level = StoredObject(ObjectRole.LEVEL, key, 9, "application/dicom", 0, "1.2", uid)
    catalog.advance(image.id, ImageState.OPENED)
    catalog.advance(image.id, ImageState.BUILT, add_objects=[level])
    return catalog.advance(image.id, ImageState.PUBLISHED)


def test_who_lost_it_cuts_nothing(catalog: Catalog) -> None:
    catalog.outbox.know("house", PACS, frozenset({Takes.SLIDES}))
    image = published(catalog, "house")
    first = catalog.outbox.claim("w", "house", PACS, 60)
    assert first is not None
    catalog.outbox.lapse("w")
    assert catalog.outbox.claim("another", "house", PACS, 60) is not None
    cut = parts_of(first.object_uid, [range(1)])
    with pytest.raises(LeaseLost):
        catalog.outbox.cut(first, cut, lambda *_: "1.2.3")
    (one,) = catalog.outbox.of_images([image.id])[image.id]
    assert one.parts == 0
