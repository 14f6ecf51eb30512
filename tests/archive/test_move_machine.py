"""No image is shown under a patient whose it is not, whatever is done in whatever order."""

import tempfile
from datetime import date

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from archive.advice import Who
from archive.body_site import Side
from archive.catalog import Catalog
from archive.errors import ArchiveError, DifferentPatient, InvalidCapture, NotFound
from archive.identity import PatientIdentity
from archive.lesion import LesionEvent, LesionEventKind, LesionSaid, Photograph
from archive.move import Destination
from archive.record import Image, ImageState, OutboxState, Sent
from archive.session import Confirmed, Pin, Session, SessionState
from archive.sessions import Opening
from archive.telling.rows import Ending
from tests.archive.conftest import HERE
from tests.archive.empty import empty_catalogue_in
from tests.archive.sessions import BUILD, CLOSE_UP, FOREARM, OVERVIEW, shot
from tests.archive.test_moves import REMOTE, WHO, carried_out, publish, slide

PEOPLE = [PatientIdentity(str(n), "CHU", f"DOE^{n}", date(1970, 1, n), "F") for n in (1, 2)]
ANY = st.integers(0, 999)
DOCTOR, COLLEAGUE = Who(HERE, "doctor"), Who(HERE, "colleague")


class MoveMachine(RuleBasedStateMachine):
    """Two patients of an establishment: files come, are stated, sent, published and moved."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.catalog = Catalog.open(empty_catalogue_in(self.folder.name))
        self.whose: dict[str, int] = {}
        self.of_file: dict[str, str] = {}
        self.asked: dict[str, int] = {}
        self.advices: dict[str, int] = {}

    def teardown(self) -> None:
        self.catalog.close()
        self.folder.cleanup()

    @initialize()
    def begin(self) -> None:
        self.catalog.outbox.know(HERE, REMOTE)
        for who in (DOCTOR, COLLEAGUE):
            self.catalog.advices.write_card(who, who.subject, "")
        self.sessions = [self.opened(one) for one in (0, 1)]
        self.keys = [one.patient_key for one in self.sessions]
        seen = LesionEvent(LesionEventKind.FIRST_SEEN, date(2025, 3, 1))
        said = LesionSaid(FOREARM, Side.LEFT)
        self.lesions = [
            self.catalog.lesions.create(key, said, seen, establishment=HERE).id for key in self.keys
        ]

    def opened(self, patient: int) -> Session:
        return self.catalog.sessions.open(HERE, Opening(PEOPLE[patient]))

    def read(self, image: str) -> Image:
        return self.catalog.image(image, establishment=HERE)

    def pick(self, number: int, state: ImageState = ImageState.PUBLISHED) -> str | None:
        found = sorted(one for one in self.whose if self.read(one).state is state)
        return found[number % len(found)] if found else None

    def session(self, patient: int) -> Session:
        found = self.catalog.sessions.session(self.sessions[patient].id, establishment=HERE)
        if found.state is not SessionState.OPEN:
            found = self.sessions[patient] = self.opened(patient)
        return found

    @rule(name=st.sampled_from("abcd"), patient=st.integers(0, 1))
    def a_file_comes(self, name: str, patient: int) -> None:
        known = self.of_file.get(name)
        session = self.session(patient)
        whose = self.catalog.sessions.assignment(session.id)
        if known is None:
            image = shot(self.catalog, session, name)
            self.of_file[name], self.whose[image.id] = image.id, patient
            return
        before = self.read(known)
        try:
            found = self.catalog.receive(
                establishment=HERE,
                kind=before.kind,
                source_sha256=before.source_sha256,
                plan="full",
                patient=whose.patient,
                accession_number=whose.accession_number,
                issuer=whose.issuer,
            )
        except DifferentPatient:
            assert self.whose[known] != patient
            return
        assert self.whose[known] == patient
        assert found == before
        added = self.catalog.pictures.add(session.id, known, BUILD)
        assert added is (found.exam_id == session.exam_id)

    @rule(patient=st.integers(0, 1), name=st.sampled_from("xy"))
    def a_slide_comes(self, patient: int, name: str) -> None:
        if name not in self.of_file:
            image = slide(self.catalog, name, PEOPLE[patient])
            self.of_file[name], self.whose[image.id] = image.id, patient

    @rule(number=ANY, lesion=st.sampled_from([0, 1, None]), close=st.booleans())
    def it_is_stated(self, number: int, lesion: int | None, close: bool) -> None:
        image = self.pick(number, ImageState.RECEIVED)
        if image is None:
            return
        patient = self.whose[image]
        named = None if lesion is None or not close else self.lesions[lesion]
        said = Photograph(image, CLOSE_UP if close else OVERVIEW, named)
        session = self.session(patient).id
        try:
            self.catalog.pictures.state(session, said, kept_despite=False, establishment=HERE)
        except (NotFound, InvalidCapture):
            return
        assert named is None or lesion == patient

    @rule(number=ANY, lesion=st.integers(0, 1))
    def a_lesion_is_pinned(self, number: int, lesion: int) -> None:
        image = self.pick(number, ImageState.RECEIVED)
        if image is None:
            return
        patient = self.whose[image]
        pins = [Pin(self.lesions[lesion], 0.5, 0.5)]
        try:
            self.catalog.pictures.pin(self.session(patient).id, image, pins, establishment=HERE)
        except (NotFound, InvalidCapture):
            return
        assert lesion == patient

    @rule(number=ANY)
    def it_is_handed_over(self, number: int) -> None:
        image = self.pick(number, ImageState.RECEIVED)
        if image is None:
            return
        here, there = self.whose[image], 1 - self.whose[image]
        self.catalog.pictures.hand_over(
            self.session(here).id, [image], self.session(there).id, establishment=HERE
        )
        self.whose[image] = there

    @rule(patient=st.integers(0, 1))
    def the_session_is_sent(self, patient: int) -> None:
        session, who = self.session(patient), PEOPLE[patient]
        confirmed = Confirmed(who.name, who.birth_date, who.sex)
        try:
            self.catalog.sessions.send(session.id, confirmed, BUILD, establishment=HERE)
        except ArchiveError:
            return
        while job := self.catalog.jobs.claim("w", 60, kinds=("check", "build")):
            if job.kind == "build":
                publish(self.catalog, self.read(job.image_id))
            self.catalog.jobs.finish(job)

    @rule(number=ANY, whole=st.booleans(), shown=st.booleans())
    def it_is_moved(self, number: int, whole: bool, shown: bool) -> None:
        image = self.pick(number)
        if image is None:
            return
        exam = self.catalog.exam(self.read(image).exam_id, establishment=HERE)
        images = [one.id for one in exam.images] if whole else [image]
        to = 1 - self.whose[image]
        where = Destination(PEOPLE[to], lesion=self.lesions[to] if shown else None)
        try:
            self.catalog.moves.ask(images, where, WHO, establishment=HERE)
        except ArchiveError:
            return
        self.asked.update(dict.fromkeys(images, to))

    @precondition(lambda self: self.asked)
    @rule(dies=st.booleans())
    def a_worker_moves(self, dies: bool) -> None:
        job = self.catalog.jobs.claim("w", 60, kinds=("move",))
        if job is None:
            return
        images = [one.image.id for one in self.catalog.moves.act(job.payload["act"])]
        if dies:
            self.catalog.jobs.lapse("w")
            return
        carried_out(self.catalog, job)
        self.catalog.jobs.finish(job)
        for one in images:
            self.whose[one] = self.asked.pop(one)

    @rule(first=ANY, second=ANY, lesion=st.integers(0, 1))
    def a_worker_or_a_physician_looks(self, first: int, second: int, lesion: int) -> None:
        one, other = self.pick(first), self.pick(second)
        if one is None or other is None:
            return
        try:
            self.catalog.aids.ask_comparison(self.lesions[lesion], one, other, establishment=HERE)
        except NotFound:
            pass
        else:
            assert self.whose[one] == self.whose[other] == lesion
        try:
            exam = self.read(one).exam_id
            self.catalog.biopsies.link(self.lesions[lesion], exam, establishment=HERE)
        except (NotFound, InvalidCapture):
            return
        assert self.whose[one] == lesion

    @rule(number=ANY)
    def a_colleague_is_asked(self, number: int) -> None:
        image = self.pick(number)
        if image is not None:
            code = self.catalog.advices.card(COLLEAGUE)
            assert code is not None
            asked = self.catalog.advices.ask(DOCTOR, "?", [image], to=code.id)
            self.advices[asked.id] = self.whose[image]

    @rule()
    def the_archive_is_told(self) -> None:
        while telling := self.catalog.outbox.claim("w", HERE, REMOTE, 60):
            self.catalog.outbox.end(telling, Ending(OutboxState.READ_BACK))

    @invariant()
    def every_list_of_a_patient_shows_theirs(self) -> None:
        if not hasattr(self, "keys"):
            return
        published = {one for one in self.whose if self.read(one).state is ImageState.PUBLISHED}
        for patient, key in enumerate(self.keys):
            album = self.catalog.gallery.of_patient(key, establishment=HERE)
            mine = {one for one in published if self.whose[one] == patient}
            assert {one.image.id for one in album.shown} == mine
            assert {one.lesion for one in album.shown} <= {1, None}
            taken = self.catalog.photographs.of_lesions([self.lesions[patient]])
            for shown in taken[self.lesions[patient]]:
                assert self.whose[shown.photograph.image_id] == patient
            for exam in self.catalog.biopsies.of([self.lesions[patient]])[self.lesions[patient]]:
                found = self.catalog.exam(exam, establishment=HERE)
                assert found.patient == PEOPLE[patient]
                assert any(one.kind == "slide" for one in found.images)

    @invariant()
    def every_session_shows_its_patients(self) -> None:
        page = self.catalog.sessions.between(None, None, establishment=HERE)
        for listed in page.listed:
            session = self.catalog.sessions.session(listed.session.id, establishment=HERE)
            patient = PEOPLE.index(session.patient)
            for one in session.pictures:
                assert self.whose[one.image_id] == patient
                assert {pin.lesion for pin in one.pins} <= {self.lesions[patient]}
                if one.stated is not None:
                    linked = {one.stated.overview, one.stated.earlier} - {None}
                    assert all(self.whose[str(link)] == patient for link in linked)

    @invariant()
    def every_request_shows_its_patient(self) -> None:
        for advice in self.catalog.advices.mine(DOCTOR):
            assert all(self.whose[one] == self.advices[advice.id] for one in advice.images)
        for image, patient in self.whose.items():
            about = {self.advices[one.id] for one in self.catalog.advices.mine(COLLEAGUE)}
            if patient not in about:
                try:
                    self.catalog.advices.lent(image, COLLEAGUE)
                except NotFound:
                    continue
                raise AssertionError("a picture of somebody else is lent")

    @invariant()
    def archives_are_told_the_truth_in_the_end(self) -> None:
        tellings = self.catalog.outbox.of_images(list(self.whose))
        for image_id, told in tellings.items():
            image = self.read(image_id)
            if image.state is not ImageState.PUBLISHED or image.kind != "photo":
                assert told == ()
                continue
            now = {str(one.sop_instance_uid) for one in image.objects if one.sop_instance_uid}
            rejected = {one.sop_instance_uid for one in told if one.kind is Sent.REJECTION}
            assert not now & rejected
            for one in told:
                if one.kind is Sent.REJECTION:
                    continue
                if one.sop_instance_uid in now:
                    assert one.exam_id == image.exam_id
                else:
                    assert one.sop_instance_uid in rejected or one.attempt == 0
            assert now <= {one.sop_instance_uid for one in told if one.kind is Sent.OBJECT}


MoveMachine.TestCase.settings = settings(max_examples=8, stateful_step_count=25, deadline=None)
TestMoves = MoveMachine.TestCase
