"""No image is shown under a patient whose it is not, whatever is said in whatever order.

Two establishments give the same numbers to other people. The truth is kept here, in words of its
own: whose each exam and lesion is by its own number, and whom each number was merged into.
"""

import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from archive.body_site import Side
from archive.cases.order import Numbered, OrderPlaced, Stay, Visit
from archive.catalog import Catalog
from archive.described import Described, DescribedSeries
from archive.errors import ArchiveError, NotFound, TransitionRefused
from archive.identities.decisions import Then
from archive.identities.ins import Ins, key_of
from archive.identities.issuer import Issuer
from archive.identities.records import Outcome
from archive.identities.schema import Act, DoubtKind, Verdict
from archive.identities.stated import Stated, Status
from archive.identity import PatientIdentity
from archive.lesion import LesionEvent, LesionEventKind, LesionSaid
from archive.move import Destination
from archive.received.arrived import Arrived, Shown
from archive.record import ImageKind, ImageState, JobState, ObjectRole
from tests.archive.cases.conftest import LABORATORY, container, label, scanned
from tests.archive.conftest import ELSEWHERE, HERE, digest
from tests.archive.empty import empty_catalogue_in
from tests.archive.identities.truth import Truth
from tests.archive.sessions import FOREARM
from tests.archive.test_moves import REMOTE, WHO, carried_out, done, publish

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
ANY = st.integers(0, 999)
START = datetime(2026, 3, 1, tzinfo=UTC)
BODIES = {HERE: "2550814168025", ELSEWHERE: "2550814168026"}
EVERY = tuple(ImageState)
NOTHING_NEW = {"something newer was done", "the visit is that patient's already"}


def visit_of(name: str) -> Visit:
    return Visit(Stay.VISIT, Numbered(f"V{name}", "CHU"))


class IdentityMachine(RuleBasedStateMachine):
    """Admissions, corrections, merges, visits, identifiers, moves, and all of it taken back."""

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

    @rule(at=AT, number=NUMBER, name=NAME, called=CALLED)
    def a_file_comes(self, at: str, number: str, name: str, called: str = "CHU") -> None:
        truth = self.truth[at]
        if name in truth.exam_of:
            return
        image = self.catalog.receive(
            establishment=at,
            kind=ImageKind.SLIDE,
            source_sha256=digest(name),
            plan="full",
            patient=PatientIdentity(number, called),
        )
        publish(self.catalog, image, ObjectRole.LEVEL)
        self.came(at, number, name, image.id)

    @rule(at=AT, name=NAME)
    def a_file_comes_by_an_older_name(self, at: str, name: str) -> None:
        """Of another patient, until the site says that it is the same issuer."""
        truth, number = self.truth[at], NEW if self.is_told(at) else OLD
        if name in truth.exam_of:
            return
        image = self.catalog.receive(
            establishment=at,
            kind=ImageKind.SLIDE,
            source_sha256=digest(name),
            plan="full",
            patient=PatientIdentity(NEW, OLDER),
        )
        publish(self.catalog, image, ObjectRole.LEVEL)
        if (at, number) not in self.keys:
            self.know(at, number, OLDER, "")
        self.came(at, number, name, image.id)

    def know(self, at: str, number: str, called: str, name: str) -> None:
        meant = PatientIdentity(number.removeprefix("V"), called)
        self.keys[at, number] = self.catalog.lesions.patient_key(meant, establishment=at)
        self.truth[at].name[number] = name

    @rule(at=AT)
    def the_site_says_which_issuers_are_one(self, at: str) -> None:
        """Who has the number by an older name has it by the first, where it is nobody's."""
        truth = self.truth[at]
        is_free = (at, NEW) not in self.keys
        self.table[at] = (replace(ISSUER, also=(*ISSUER.also, OLDER)),)
        self.catalog.identities.declare(self.table)
        if (at, OLD) in self.keys and is_free:
            self.know(at, NEW, "CHU", truth.name[OLD])
            self.note(at, NEW, {OLD: NEW, NEW: truth.into.get(OLD)})

    @rule(at=AT, number=NUMBER, name=NAME, called=CALLED)
    def an_instance_is_sent(self, at: str, number: str, name: str, called: str) -> None:
        """By C-STORE or STOW-RS: it says itself whose it is, and is kept as it came."""
        truth = self.truth[at]
        if name in truth.exam_of:
            return
        uid = f"2.25.{NAMES.index(name) + 1}{list(self.truth).index(at)}"
        arrived = Arrived(
            sop_class_uid="1.2.840.10008.5.1.4.1.1.77.1.6",
            sop_instance_uid=f"{uid}.1",
            study_instance_uid=uid,
            described=Described(DescribedSeries(f"{uid}.2", "SM"), "1.2", 1, 240, 240, 1, 8),
            kind=ImageKind.SLIDE,
            role=ObjectRole.LEVEL,
            width=240,
            height=240,
            shown=Shown(3, 8, 1),
            pixel_sha256=digest(f"{at}{name}"),
            looks_sha256=digest("looks"),
            facts={},
            patient=PatientIdentity(number, called, "MARTIN", date(1970, 1, 1), "F"),
        )
        kept = self.catalog.received.keep(arrived, uid, 100, lambda *_: True, establishment=at)
        self.came(at, number, name, kept.image_id)

    @rule(at=AT, number=NUMBER, name=NAME, is_late=st.booleans(), late=LATE, called=CALLED)
    def a_glass_is_scanned(
        self, at: str, number: str, name: str, is_late: bool, late: int, called: str
    ) -> None:
        """Its label names a case, whose order says whose it is; perhaps only afterwards."""
        truth = self.truth[at]
        if name in truth.exam_of:
            return
        accession = f"26H0010{NAMES.index(name)}"
        self.clock += 10
        said_at = self.clock - 12 * late
        order = OrderPlaced(
            establishment=at,
            order=Numbered(f"O-{accession}", "LABO"),
            accession=Numbered(accession, "LABO"),
            patient=PatientIdentity(number, called),
            said_at=START + timedelta(seconds=said_at),
            containers=(container("A1-1"),),
            visits=(visit_of(name),),
        )
        if not is_late:
            self.catalog.cases.place(order)
        text = label("A1-1", accession)
        image = scanned(self.catalog, text, name, establishment=at)
        publish(self.catalog, image, ObjectRole.LEVEL)
        if is_late:
            self.catalog.cases.place(order)
        if self.catalog.cases.expected(at, [text]) is None:
            self.the_visit_is_asked_about(at, name)
        while self.catalog.jobs.counts()[JobState.WAITING]:
            done(self.catalog)
        self.came(at, truth.leads(number, name, said_at), name, image.id)
        truth.ordered[name] = self.catalog.image(image.id, establishment=at).exam_id

    @rule(at=AT, number=NUMBER, name=NAME, late=LATE, is_cancelled=st.booleans(), called=CALLED)
    def an_order_is_said_again(
        self, at: str, number: str, name: str, late: int, is_cancelled: bool, called: str
    ) -> None:
        """Under any number, perhaps before the merge that makes it the same patient's."""
        truth, accession = self.truth[at], f"26H0010{NAMES.index(name)}"
        if name not in truth.ordered:
            return
        self.clock += 10
        order = OrderPlaced(
            establishment=at,
            order=Numbered(f"O-{accession}", "LABO"),
            accession=Numbered(accession, "LABO"),
            patient=PatientIdentity(number, called),
            said_at=START + timedelta(seconds=self.clock - 12 * late),
            containers=(container("A1-1"),),
            is_cancelled=is_cancelled,
        )
        truth.cases[name] = self.catalog.cases.place(order)

    def the_visit_is_asked_about(self, at: str, name: str) -> None:
        """Where it is not sure whose the visit is, the slide waits for a person, who stays."""
        found = self.catalog.identities.doubts(establishment=at)
        asked = [one for one in found if one.kind is DoubtKind.VISIT]
        assert asked
        for one in asked:
            self.catalog.identities.decide(one.id, Verdict.DIFFERENT, "me", establishment=at)
        self.catalog.cases.look_again()
        assert self.catalog.cases.settle_some()

    def came(self, at: str, number: str, name: str, image_id: str) -> None:
        truth = self.truth[at]
        truth.exam_of[name] = image_id
        truth.home[self.catalog.image(image_id, establishment=at).exam_id] = number

    @rule(at=AT, number=NUMBER)
    def a_lesion_is_found(self, at: str, number: str) -> None:
        truth = self.truth[at]
        seen = LesionEvent(LesionEventKind.FIRST_SEEN, date(2025, 3, 1))
        made = self.catalog.lesions.create(
            self.keys[at, number], LesionSaid(FOREARM, Side.LEFT), seen, establishment=at
        )
        truth.numbers[made.id] = (truth.root(number), made.number)

    @rule(at=AT, number=ANY_NUMBER, late=LATE, name=st.sampled_from("xyz"), called=CALLED)
    def a_name_is_corrected(self, at: str, number: str, late: int, name: str, called: str) -> None:
        if (at, number) not in self.keys:
            return
        said = self.said(at, number, late, {"name": f"MARTIN^{name}"}, called=called)
        truth, before = self.truth[at], self.truth[at].name[number]
        if self.taken(at, said).then is Then.UPDATE and before != f"MARTIN^{name}":
            truth.name[number] = f"MARTIN^{name}"
            truth.done[self.newest(at, number)] = [("name", {number: before})]

    @rule(
        at=AT,
        into=NUMBER,
        gone=st.sampled_from((*NUMBERS, OLD, NEW)),
        late=LATE,
        twice=st.booleans(),
        called=CALLED,
    )
    def patients_are_merged(
        self, at: str, into: str, gone: str, late: int, twice: bool, called: str = "CHU"
    ) -> None:
        is_old = gone == OLD
        if into == gone or (at, gone) not in self.keys or (is_old and self.is_told(at)):
            return
        truth, said = self.truth[at], self.said(at, into, late, {}, called=called)
        ends = (gone.removeprefix("V"), OLDER if is_old else "CHU")
        then = self.catalog.identities.merge(at, said, ends).then
        if twice:
            again = self.catalog.identities.merge(at, said, ends).then
            assert again in {Then.IGNORE, Then.WAIT}
        if then is Then.MERGE:
            assert truth.root(into) != truth.root(gone)
            self.note(at, into, {gone: into})
        elif then is Then.TURN:
            assert truth.root(into) == truth.root(gone)
            self.note(at, into, {into: None, truth.root(into): into})

    def note(self, at: str, about: str, change: dict[str, str | None]) -> None:
        truth = self.truth[at]
        before = {one: truth.into.get(one) for one in change}
        truth.put(truth.into, change)
        truth.done[self.newest(at, about)] = [("into", before)]

    @rule(at=AT, into=st.sampled_from("45"), gone=NUMBER, late=LATE, twice=st.booleans())
    def a_number_is_replaced(self, at: str, into: str, gone: str, late: int, twice: bool) -> None:
        """A47: another number for the same person."""
        truth, said = self.truth[at], self.said(at, into, late, {})
        is_new = (at, into) not in self.keys
        made = self.catalog.identities.merge(at, said, (gone, "CHU"), renumbers=True)
        if is_new:
            truth.name[into] = f"MARTIN^{at[-1]}{into}"
            self.keys[at, into] = made.key
        if twice:
            again = self.catalog.identities.merge(at, said, (gone, "CHU"), renumbers=True).then
            assert again in {Then.IGNORE, Then.WAIT}
        if made.then is Then.MERGE:
            self.note(at, into, {gone: into})
        elif made.then is Then.TURN:
            self.note(at, into, {into: None, truth.root(into): into})

    @rule(at=AT, number=NUMBER, other=NUMBER, late=LATE, is_named=st.booleans())
    def an_identifier_is_withdrawn(
        self, at: str, number: str, other: str, late: int, is_named: bool
    ) -> None:
        """A47 with `""`: of both numbers of the message, however late it comes."""
        body = BODIES[at][:-1] + number
        ins = Ins(f"{body}{key_of(body):02}") if is_named else None
        said = self.said(at, number, late, {})
        self.catalog.identities.withdraw(at, said, [(number, "CHU"), (other, "CHU")], ins)
        self.truth[at].ins -= {number} if is_named else {number, other}

    @rule(at=AT, into=NUMBER, source=NUMBER, name=NAME, late=LATE)
    def a_visit_goes(self, at: str, into: str, source: str, name: str, late: int) -> None:
        truth = self.truth[at]
        if into == source:
            return
        exam = truth.ordered.get(name)
        said = self.said(at, into, late, {})
        clock = self.clock - 12 * late
        done = self.catalog.identities.move_visit(at, said, (source, "CHU"), [visit_of(name)])
        if done.then is not Then.UPDATE:
            assert done.then is Then.WAIT or done.why in NOTHING_NEW
            return
        before: list[tuple[str, dict[str, Any]]] = [
            ("went", {source + name: truth.went.get(source + name)})
        ]
        truth.went[source + name] = clock, into
        whose = truth.leads(into, name, clock)
        goes = truth.root(whose) != truth.root(source)
        if exam is not None and goes and truth.root(truth.home[exam]) == truth.root(source):
            before.append(("home", {exam: truth.home[exam]}))
            truth.home[exam] = whose
        truth.done[self.newest(at, into)] = before

    @rule(at=AT, number=NUMBER, is_qualified=st.booleans(), late=LATE)
    def an_identifier_is_stated(self, at: str, number: str, is_qualified: bool, late: int) -> None:
        body = BODIES[at][:-1] + number
        ins = Ins(f"{body}{key_of(body):02}")
        status = Status.QUALIFIED if is_qualified else Status.PROVISIONAL
        said = self.said(at, number, late, {"status": status}, ins=ins)
        before = self.acts(at, number)
        then = self.taken(at, said).ins[0]
        if then is Then.TAKE:
            self.truth[at].ins.add(number)
        elif then is Then.REMOVE:
            self.truth[at].ins.discard(number)
        for event, act in self.acts(at, number).items() - before.items():
            if act is Act.UPDATED:
                # Only the status is new, of which nothing is shown.
                self.truth[at].done[event] = [("status", {})]

    def acts(self, at: str, number: str) -> dict[int, Act]:
        events = self.catalog.identities.history(self.keys[at, number], establishment=at)
        return {one.id: one.act for one in events}

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
