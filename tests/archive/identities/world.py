"""Two establishments that give the same numbers to other people, and what is true of them."""

import tempfile
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
)

from archive.cases.order import Numbered, Stay, Visit
from archive.catalog import Catalog
from archive.identities.ins import Ins
from archive.identities.issuer import Issuer
from archive.identities.records import Outcome
from archive.identities.schema import Act
from archive.identities.stated import Stated
from archive.identity import PatientIdentity
from tests.archive.cases.conftest import LABORATORY
from tests.archive.conftest import ELSEWHERE, HERE
from tests.archive.empty import empty_catalogue_in
from tests.archive.identities.truth import Truth
from tests.archive.test_moves import REMOTE

NUMBERS = ("1", "2", "3")
OLD, NEW = "V6", "6"
"""A number by an older name of its issuer, and by the first one."""
ISSUER, OLDER = Issuer("CHU", ("1.2.250.1",), ("GAM CHU",)), "VIEUX"
CALLED = st.sampled_from(["CHU", *ISSUER.oids, *ISSUER.also])
AT = st.sampled_from([HERE, ELSEWHERE])
NUMBER = st.sampled_from(NUMBERS)
ANY_NUMBER = st.sampled_from((*NUMBERS, NEW))
NAMES = "abcdefgh"
NAME = st.sampled_from(NAMES)
LATE = st.integers(0, 3)
START = datetime(2026, 3, 1, tzinfo=UTC)


def visit_of(name: str) -> Visit:
    return Visit(Stay.VISIT, Numbered(f"V{name}", "CHU"))


class World(RuleBasedStateMachine):
    """A catalogue, the truth of each establishment, and what all rules say and note by."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.catalog = Catalog.open(empty_catalogue_in(self.folder.name))
        self.truth = {HERE: Truth(), ELSEWHERE: Truth()}
        self.keys: dict[tuple[str, str], str] = {}
        self.clock = 0
        self.table = dict.fromkeys(self.truth, (ISSUER,))

    def teardown(self) -> None:
        self.catalog.close()
        self.folder.cleanup()

    @initialize()
    def begin(self) -> None:
        self.catalog.outbox.know(HERE, REMOTE)
        self.catalog.cases.declare(dict.fromkeys(self.truth, LABORATORY))
        self.catalog.identities.declare(self.table)
        for at in self.truth:
            for number in NUMBERS:
                done = self.said(at, number, 0, {})
                self.keys[at, number] = self.taken(at, done).key
                self.truth[at].name[number] = f"MARTIN^{at[-1]}{number}"

    def said(
        self,
        at: str,
        number: str,
        late: int,
        more: dict[str, object],
        ins: Ins | None = None,
        called: str = "CHU",
    ) -> Stated:
        self.clock += 10
        moment = START + timedelta(seconds=self.clock - 12 * late)
        known = self.truth[at].name.get(number, f"MARTIN^{at[-1]}{number}")
        traits = {"name": known, "sex": "F", "birth_date": date(1970, 1, 1), **more}
        return Stated(number, called, traits, moment, "GAM", ins)

    def is_told(self, at: str) -> bool:
        """Whether the site has said whom the older name means."""
        return OLDER in self.table[at][0].also

    def taken(self, at: str, said: Stated) -> Outcome:
        return self.catalog.identities.state(at, said)

    def newest(self, at: str, number: str) -> int:
        key = self.keys[at, number]
        return self.catalog.identities.history(key, establishment=at)[0].id

    def acts(self, at: str, number: str) -> dict[int, Act]:
        events = self.catalog.identities.history(self.keys[at, number], establishment=at)
        return {one.id: one.act for one in events}

    def know(self, at: str, number: str, called: str, name: str) -> None:
        meant = PatientIdentity(number.removeprefix("V"), called)
        self.keys[at, number] = self.catalog.lesions.patient_key(meant, establishment=at)
        self.truth[at].name[number] = name

    def came(self, at: str, number: str, name: str, image_id: str) -> None:
        truth = self.truth[at]
        truth.exam_of[name] = image_id
        truth.home[self.catalog.image(image_id, establishment=at).exam_id] = number

    def note(self, at: str, about: str, change: dict[str, str | None]) -> None:
        truth = self.truth[at]
        before = {one: truth.into.get(one) for one in change}
        truth.put(truth.into, change)
        truth.done[self.newest(at, about)] = [("into", before)]
