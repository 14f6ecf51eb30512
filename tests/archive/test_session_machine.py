"""Whatever is done to a session in whatever order, it keeps what it promises."""

import tempfile

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from archive.capture import View
from archive.catalog import Catalog
from archive.errors import ArchiveError, DifferentPatient, NotReady, TransitionRefused
from archive.lesion import Photograph
from archive.partial import Partial
from archive.record import ImageState, JobState, ObjectRole
from archive.session import SessionState
from tests.archive.conftest import HERE, stored
from tests.archive.empty import empty_catalogue_in
from tests.archive.sessions import (
    BUILD,
    CLOSE_UP,
    CONFIRMED,
    DOCTOR,
    OVERVIEW,
    begun,
    shot,
)

ON_ITS_WAY = {ImageState.RECEIVED, ImageState.OPENED, ImageState.BUILT}


class SessionMachine(RuleBasedStateMachine):
    """One session, and who uses it: nurses, workers, a physician."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.catalog = Catalog.open(empty_catalogue_in(self.folder.name))
        self.session = begun(self.catalog)
        self.state = SessionState.OPEN
        self.taken: dict[str, ImageState] = {}
        self.sorted: set[str] = set()
        self.halves: dict[str, Partial] = {}
        self.asked: set[str] = set()
        self.shots = 0

    def teardown(self) -> None:
        self.catalog.close()
        self.folder.cleanup()

    def pick(self, data: st.DataObject) -> str:
        return str(data.draw(st.sampled_from(sorted(self.taken)), label="image"))

    @precondition(lambda self: self.state is SessionState.OPEN and self.shots < 5)
    @rule()
    def shoot(self) -> None:
        self.shots += 1
        image = shot(self.catalog, self.session, str(self.shots))
        self.taken[image.id] = image.state

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), capture=st.sampled_from([OVERVIEW, CLOSE_UP]))
    def sort(self, data: st.DataObject, capture: object) -> None:
        image = self.pick(data)
        said = Photograph(image, capture)  # type: ignore[arg-type]
        try:
            self.catalog.pictures.state(
                self.session.id, said, kept_despite=True, establishment=HERE
            )
        except TransitionRefused:
            assert self.state is not SessionState.OPEN
            return
        assert self.state is SessionState.OPEN
        self.sorted.add(image)
        self.halves.pop(image, None)

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), view=st.sampled_from(View), phototype=st.sampled_from([None, 1, 6]))
    def begin_to_sort(self, data: st.DataObject, view: View, phototype: int | None) -> None:
        image, said = self.pick(data), Partial(view, phototype=phototype, mm_per_pixel=(0.05, 0.05))
        try:
            self.catalog.pictures.state_partly(
                self.session.id, image, said, kept_despite=False, establishment=HERE
            )
        except TransitionRefused:
            assert self.state is not SessionState.OPEN
            return
        assert self.state is SessionState.OPEN
        self.sorted.discard(image)
        self.halves[image] = said

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        image = self.pick(data)
        refused = self.taken[image] is ImageState.REFUSED
        may = refused or self.state is SessionState.OPEN
        try:
            self.catalog.pictures.take_back(self.session.id, image, establishment=HERE)
        except TransitionRefused:
            assert not may
            return
        assert may
        del self.taken[image]
        self.sorted.discard(image)
        self.halves.pop(image, None)
        self.asked.discard(image)

    @rule(right=st.booleans())
    def send(self, right: bool) -> None:
        confirmed = CONFIRMED if right else type(CONFIRMED)("X", None, None)
        unsorted = set(self.taken) - self.sorted
        refused = {one for one, state in self.taken.items() if state is ImageState.REFUSED}
        ready = self.state is not SessionState.OPEN or (
            bool(self.taken) and not unsorted and not refused
        )
        try:
            self.catalog.sessions.send(self.session.id, confirmed, BUILD, establishment=HERE)
        except DifferentPatient:
            assert not right
            return
        except (NotReady, TransitionRefused):
            assert right
            assert not ready
            return
        assert right
        assert ready
        if self.state is SessionState.OPEN:
            self.state = SessionState.SENT
        self.asked |= {one for one, state in self.taken.items() if state in ON_ITS_WAY}

    @rule(fails=st.booleans())
    def work(self, fails: bool) -> None:
        """A worker does the oldest job; one that builds may find the file at fault."""
        job = self.catalog.jobs.claim("w", 60)
        if job is None:
            return
        if job.kind == "check":
            assert job.image_id in self.taken
        else:
            assert job.image_id in self.asked
        if fails:
            self.catalog.jobs.fail(job, retry_in_s=None, reason="damaged")
            if self.taken[job.image_id] is not ImageState.PUBLISHED:
                self.taken[job.image_id] = ImageState.REFUSED
            return
        if job.kind == "build" and self.taken[job.image_id] in ON_ITS_WAY:
            self.catalog.advance(job.image_id, ImageState.OPENED, attempt=job)
            photo = [stored(ObjectRole.PHOTO)]
            self.catalog.advance(job.image_id, ImageState.BUILT, add_objects=photo, attempt=job)
            self.catalog.advance(job.image_id, ImageState.PUBLISHED, attempt=job)
            self.taken[job.image_id] = ImageState.PUBLISHED
        self.catalog.jobs.finish(job)

    @rule()
    def sign(self) -> None:
        published = all(one is ImageState.PUBLISHED for one in self.taken.values())
        may = self.state is SessionState.SIGNED or (self.state is SessionState.SENT and published)
        try:
            self.catalog.sessions.sign(self.session.id, DOCTOR, establishment=HERE)
        except (NotReady, TransitionRefused):
            assert not may
            return
        assert may
        self.state = SessionState.SIGNED

    @rule(number=st.sampled_from(["A1", "A2"]))
    def reconcile(self, number: str) -> None:
        known = self.catalog.sessions.session(self.session.id, establishment=HERE)
        may = known.is_provisional or known.accession_number == number
        try:
            self.catalog.sessions.reconcile(self.session.id, number, None, establishment=HERE)
        except ArchiveError:
            assert not may
            return
        assert may

    @invariant()
    def it_is_as_it_was_left(self) -> None:
        found = self.catalog.sessions.session(self.session.id, establishment=HERE)
        assert found.state is self.state
        assert {one.image_id: one.state for one in found.pictures} == self.taken
        assert {one.image_id for one in found.pictures if one.stated} == self.sorted
        halves = {one.image_id: one.partial for one in found.pictures if one.partial}
        assert halves == self.halves
        assert (found.exam_id, found.patient) == (self.session.exam_id, self.session.patient)

    @invariant()
    def nothing_is_built_before_it_is_sent_and_nothing_sent_is_forgotten(self) -> None:
        if self.state is SessionState.OPEN:
            assert set(self.taken.values()) <= {ImageState.RECEIVED, ImageState.REFUSED}
            assert not self.asked
        else:
            left = {one for one, state in self.taken.items() if state in ON_ITS_WAY}
            assert left <= self.asked
            assert self.catalog.jobs.counts()[JobState.WAITING] >= len(left)


SessionMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=18, deadline=None)
TestSession = SessionMachine.TestCase
