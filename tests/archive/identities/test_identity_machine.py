"""No image is shown under a patient whose it is not, whatever is said in whatever order.

The truth is kept in words of its own: whose each exam and lesion is by its own number, and whom
each number was merged into.
"""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    rule,
    run_state_machine_as_test,
)

from archive.errors import ArchiveError, NotFound, TransitionRefused
from archive.identity import PatientIdentity
from archive.move import Destination
from archive.record import ImageState
from tests.archive.conftest import ELSEWHERE, HERE
from tests.archive.identities.arrivals import Arrivals
from tests.archive.identities.statements import Statements
from tests.archive.identities.world import (
    AT,
    NAME,
    NUMBER,
)
from tests.archive.test_moves import WHO, carried_out

ANY = st.integers(0, 999)
EVERY = tuple(ImageState)


class IdentityMachine(Arrivals, Statements):
    """Admissions, corrections, merges, visits, identifiers, moves, and all of it taken back."""

    @rule(name=NAME, number=NUMBER)
    def an_image_is_moved(self, name: str, number: str) -> None:
        truth = self.truth[HERE]
        if name not in truth.exam_of:
            return
        image = truth.exam_of[name]
        try:
            to = Destination(PatientIdentity(number, "CHU"))
            self.catalog.moves.ask([image], to, WHO, establishment=HERE)
        except ArchiveError:
            return
        job = self.catalog.jobs.claim("w", 60, kinds=("move",))
        assert job is not None
        carried_out(self.catalog, job)
        self.catalog.jobs.finish(job)
        exam = self.catalog.image(image, establishment=HERE).exam_id
        # A study that is made for it is at home in the number that was named.
        assert truth.root(truth.home.setdefault(exam, number)) == truth.root(number)

    @rule(at=AT, into=NUMBER, gone=NUMBER, name=NAME)
    def a_file_comes_late(self, at: str, into: str, gone: str, name: str) -> None:
        """A merge, an image under the number that ended, and then perhaps second thoughts."""
        self.patients_are_merged(at, into, gone, 0, twice=False)
        self.a_file_comes(at, gone, name)
        self.an_act_is_taken_back(at, 0)

    @rule(at=AT, which=st.integers(0, 4))
    def an_act_is_taken_back(self, at: str, which: int) -> None:
        truth = self.truth[at]
        if not truth.done:
            return
        # Of the last ones most of all, as what came after an act stands in the way of undoing it.
        event = sorted(truth.done, reverse=True)[which % len(truth.done)]
        try:
            self.catalog.identities.undo(event, "me", establishment=at)
        except TransitionRefused:
            # Something came after, which is to be taken back first.
            return
        places: dict[str, dict[str, Any]] = {
            "into": truth.into,
            "home": truth.home,
            "name": truth.name,
            "status": {},
            "went": truth.went,
        }
        for kind, before in truth.done.pop(event):
            truth.put(places[kind], before)

    @rule(which=ANY)
    def nothing_is_taken_back_from_elsewhere(self, which: int) -> None:
        if self.truth[HERE].done:
            event = sorted(self.truth[HERE].done)[which % len(self.truth[HERE].done)]
            with pytest.raises(NotFound):
                self.catalog.identities.undo(event, "me", establishment=ELSEWHERE)

    @invariant()
    def every_image_is_under_its_patient(self) -> None:
        for at, truth in self.truth.items():
            for image_id in truth.exam_of.values():
                image = self.catalog.image(image_id, establishment=at)
                exam = self.catalog.exam(image.exam_id, establishment=at, states=EVERY)
                root = truth.root(truth.home[image.exam_id])
                assert exam.patient is not None
                shown = exam.patient.patient_id, exam.patient.name
                assert shown == (root.removeprefix("V"), truth.name[root])
                assert (exam.patient.ins is not None) == (root in truth.ins)

    @invariant()
    def every_patient_has_their_images(self) -> None:
        for (at, number), key in self.keys.items():
            truth = self.truth[at]
            found = self.catalog.exams_of_patient(key, establishment=at, states=EVERY)
            images = {image.id for exam in found for image in exam.images}
            theirs = {
                one
                for one in truth.exam_of.values()
                if truth.root(truth.home[self.catalog.image(one, establishment=at).exam_id])
                == truth.root(number)
            }
            assert images == theirs
            other = ELSEWHERE if at == HERE else HERE
            with pytest.raises(NotFound):
                self.catalog.patient(key, establishment=other)

    @invariant()
    def an_order_stands_once_for_one_patient(self) -> None:
        for at, truth in self.truth.items():
            for case_id in truth.cases.values():
                said = self.catalog.cases.case(case_id, establishment=at).orders
                active = [one for one in said if not one.is_cancelled]
                whose = [truth.root(one.patient.patient_id) for one in active]
                if not truth.went:
                    assert len(set(whose)) == len(whose)

    @invariant()
    def lesions_go_with_their_patient_and_come_back_as_they_were(self) -> None:
        for at, truth in self.truth.items():
            for number in (one for there, one in self.keys if there == at):
                key = self.keys[at, number]
                found = self.catalog.lesions.of_patient(key, establishment=at)
                theirs = {
                    one
                    for one, (home, _) in truth.numbers.items()
                    if truth.root(home) == truth.root(number)
                }
                assert {one.id for one in found} == theirs
                assert len({one.number for one in found}) == len(found)
                for one in found:
                    home, own = truth.numbers[one.id]
                    assert one.number == own or home != truth.root(number)


IdentityMachine.TestCase.settings = settings(max_examples=4, stateful_step_count=16, deadline=None)
TestIdentities = IdentityMachine.TestCase


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_long_histories() -> None:
    run_state_machine_as_test(
        IdentityMachine,
        settings=settings(max_examples=300, stateful_step_count=50, deadline=None),
    )
