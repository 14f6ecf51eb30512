"""Any sequence of operations leaves the catalogue as a small model of it says."""

import tempfile
from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from archive.catalog import Catalog
from archive.errors import DifferentPatient, LeaseLost, NotFound, TransitionRefused
from archive.identity import PatientIdentity
from archive.jobs import Job
from archive.record import TRANSITIONS, ImageKind, ImageState, JobState, ObjectRole, StoredObject
from tests.archive.conftest import ELSEWHERE, HERE, digest, stored
from tests.archive.empty import empty_catalogue_in

ESTABLISHMENTS = st.sampled_from([HERE, ELSEWHERE])
PATIENTS = st.sampled_from([None, PatientIdentity("1", "CHU"), PatientIdentity("2", "CHU")])
NAMES = st.sampled_from(["a", "b", "c"])
PLANS = st.sampled_from(["full", "source"])
ORDERS = st.sampled_from([None, "A1"])
STATES = st.sampled_from(ImageState)
ROLES = st.sampled_from([ObjectRole.LEVEL, ObjectRole.ORIGINAL, ObjectRole.PHOTO])
PIXELS = {ObjectRole.LEVEL, ObjectRole.PHOTO}
MAX_ATTEMPTS = 2


@dataclass
class ModelImage:
    establishment: str
    state: ImageState = ImageState.RECEIVED
    objects: set[StoredObject] = field(default_factory=set)
    facts: dict[str, int] = field(default_factory=dict)


@dataclass
class ModelJob:
    image_id: str
    state: JobState = JobState.WAITING
    attempt: int = 0
    lapsed: bool = False

    @property
    def claimable(self) -> bool:
        return self.state is JobState.WAITING or (self.state is JobState.LEASED and self.lapsed)


class CatalogMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.url = empty_catalogue_in(self.folder.name)
        self.catalog = Catalog.open(self.url)
        self.files: dict[tuple[str, str, str], str] = {}
        self.owners: dict[tuple[str, str], PatientIdentity | None] = {}
        self.orders: dict[tuple[str, str], PatientIdentity | None] = {}
        self.images: dict[str, ModelImage] = {}
        self.jobs: dict[int, ModelJob] = {}
        self.claims: list[Job] = []

    def teardown(self) -> None:
        self.catalog.close()
        self.folder.cleanup()

    def pick(self, data: st.DataObject) -> tuple[str, ModelImage]:
        image_id = data.draw(st.sampled_from(list(self.images)), label="image")
        return image_id, self.images[image_id]

    @rule(establishment=ESTABLISHMENTS, patient=PATIENTS, name=NAMES, plan=PLANS, order=ORDERS)
    def receive(
        self,
        establishment: str,
        patient: PatientIdentity | None,
        name: str,
        plan: str,
        order: str | None,
    ) -> None:
        file = (establishment, name, plan)
        theirs = self.owners.get((establishment, name), patient) != patient
        taken = (
            order is not None
            and file not in self.files
            and self.orders.get((establishment, order), patient) != patient
        )
        try:
            image = self.catalog.receive(
                establishment=establishment,
                kind=ImageKind.SLIDE,
                source_sha256=digest(name),
                plan=plan,
                patient=patient,
                accession_number=order,
            )
        except DifferentPatient:
            assert theirs or taken
            return
        assert not theirs
        assert not taken
        if file in self.files:
            assert image.id == self.files[file]
            return
        assert image.id not in self.images
        self.files[file] = image.id
        self.owners[establishment, name] = patient
        if order is not None:
            self.orders[establishment, order] = patient
        self.images[image.id] = ModelImage(establishment)

    @precondition(lambda self: self.images)
    @rule(data=st.data(), to=STATES, role=st.none() | ROLES)
    def advance(self, data: st.DataObject, to: ImageState, role: ObjectRole | None) -> None:
        image_id, model = self.pick(data)
        added = {stored(role)} if role else set()
        allowed = (
            to is not ImageState.REFUSED
            and (model.state, to) in TRANSITIONS
            and (
                to is not ImageState.PUBLISHED
                or any(one.role in PIXELS for one in model.objects | added)
            )
        )
        try:
            self.catalog.advance(image_id, to, facts={to: len(added)}, add_objects=added)
        except TransitionRefused:
            assert not allowed
            return
        assert allowed
        model.state = to
        model.objects |= added
        model.facts[to] = len(added)

    @precondition(lambda self: self.images)
    @rule(data=st.data(), role=ROLES)
    def remove_objects(self, data: st.DataObject, role: ObjectRole) -> None:
        image_id, model = self.pick(data)
        gone = {one for one in model.objects if one.role is role}
        left = any(one.role in PIXELS for one in model.objects - gone)
        allowed = model.state is not ImageState.PUBLISHED or left
        try:
            assert set(self.catalog.remove_objects(image_id, role)) == gone
        except TransitionRefused:
            assert not allowed
            return
        assert allowed
        model.objects -= gone

    @precondition(lambda self: self.images)
    @rule(data=st.data())
    def enqueue(self, data: st.DataObject) -> None:
        image_id, _ = self.pick(data)
        unfinished = [
            job_id
            for job_id, job in self.jobs.items()
            if job.image_id == image_id and job.state in {JobState.WAITING, JobState.LEASED}
        ]
        job = self.catalog.jobs.enqueue("ingest", image_id, {}, max_attempts=MAX_ATTEMPTS)
        if unfinished:
            assert [job.id] == unfinished
        else:
            assert job.id not in self.jobs
            self.jobs[job.id] = ModelJob(image_id)

    @rule(lapses=st.booleans())
    def claim(self, lapses: bool) -> None:
        free = {job_id for job_id, job in self.jobs.items() if job.claimable}
        spent = {job_id for job_id in free if self.jobs[job_id].attempt == MAX_ATTEMPTS}
        job = self.catalog.jobs.claim("worker", 0 if lapses else 3600)
        for job_id in spent:
            # Given up when it was in the way of a claim; that may be a later one.
            if self.catalog.jobs.job(job_id).state is JobState.FAILED:
                self.fails(self.jobs[job_id])
        if job is None:
            assert free == spent
            assert all(self.jobs[job_id].state is JobState.FAILED for job_id in spent)
            return
        assert job.id in free - spent
        model = self.jobs[job.id]
        model.state, model.lapsed = JobState.LEASED, lapses
        model.attempt += 1
        assert job.attempt == model.attempt
        self.claims.append(job)

    def fails(self, job: ModelJob) -> None:
        job.state = JobState.FAILED
        image = self.images[job.image_id]
        if (image.state, ImageState.REFUSED) in TRANSITIONS:
            image.state = ImageState.REFUSED

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), how=st.sampled_from(["finish", "fail", "retry", "renew", "attach"]))
    def use_a_claim(self, data: st.DataObject, how: str) -> None:
        job = data.draw(st.sampled_from(self.claims), label="claim")
        model = self.jobs[job.id]
        held = model.state is JobState.LEASED and model.attempt == job.attempt
        try:
            if how == "finish":
                self.catalog.jobs.finish(job)
            elif how == "renew":
                self.catalog.jobs.renew(job, 3600)
            elif how == "attach":
                self.catalog.attach(job.image_id, facts={"attempt": job.attempt}, attempt=job)
            else:
                retry_in_s = 0 if how == "retry" else None
                self.catalog.jobs.fail(job, retry_in_s=retry_in_s, reason="why")
        except LeaseLost:
            assert not held
            return
        assert held
        if how == "finish":
            model.state = JobState.DONE
        elif how == "renew":
            model.lapsed = False
        elif how == "attach":
            self.images[job.image_id].facts["attempt"] = job.attempt
        elif how == "retry" and model.attempt < MAX_ATTEMPTS:
            model.state = JobState.WAITING
        else:
            self.fails(model)

    @rule()
    def restart(self) -> None:
        self.catalog.close()
        self.catalog = Catalog.open(self.url)

    @invariant()
    def the_images_are_those_of_the_model(self) -> None:
        page = self.catalog.exams(establishment=None, limit=1000, states=list(ImageState))
        images = {image.id: image for exam in page.exams for image in exam.images}
        assert images.keys() == self.images.keys()
        for image_id, model in self.images.items():
            image = images[image_id]
            assert image.state is model.state
            assert set(image.objects) == model.objects
            assert image.facts == model.facts
            assert (image.reason is not None) == (model.state is ImageState.REFUSED)

    @precondition(lambda self: self.images)
    @rule(data=st.data(), establishment=ESTABLISHMENTS)
    def look(self, data: st.DataObject, establishment: str) -> None:
        image_id, model = self.pick(data)
        try:
            image = self.catalog.image(image_id, establishment=establishment)
        except NotFound:
            assert model.establishment != establishment
            return
        assert model.establishment == establishment
        assert image == self.catalog.image(image_id, establishment=None)

    @rule(establishment=ESTABLISHMENTS)
    def list_what_is_published(self, establishment: str) -> None:
        page = self.catalog.exams(establishment=establishment)
        assert {image.id for exam in page.exams for image in exam.images} == {
            image_id
            for image_id, model in self.images.items()
            if model.establishment == establishment and model.state is ImageState.PUBLISHED
        }

    @invariant()
    def the_jobs_are_those_of_the_model(self) -> None:
        for job_id, model in self.jobs.items():
            job = self.catalog.jobs.job(job_id)
            assert replace(job, lease_until=None, payload={}, reason=None) == Job(
                id=job_id,
                kind="ingest",
                image_id=model.image_id,
                payload={},
                state=model.state,
                attempt=model.attempt,
                max_attempts=MAX_ATTEMPTS,
                lease_until=None,
                reason=None,
            )


TestCatalogMachine = CatalogMachine.TestCase
TestCatalogMachine.settings = settings(max_examples=12, stateful_step_count=40, deadline=None)
