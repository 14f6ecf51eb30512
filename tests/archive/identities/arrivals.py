"""What arrives: files, instances, glasses, orders and lesions, by any name of the issuer."""

from datetime import date, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import (
    rule,
)

from archive.body_site import Side
from archive.cases.order import Numbered, OrderPlaced
from archive.described import Described, DescribedSeries
from archive.identities.schema import DoubtKind, Verdict
from archive.identity import PatientIdentity
from archive.lesion import LesionEvent, LesionEventKind, LesionSaid
from archive.received.arrived import Arrived, Shown
from archive.record import ImageKind, JobState, ObjectRole
from tests.archive.cases.conftest import container, label, scanned
from tests.archive.conftest import digest
from tests.archive.identities.world import (
    AT,
    CALLED,
    LATE,
    NAME,
    NAMES,
    NEW,
    NUMBER,
    OLD,
    OLDER,
    START,
    World,
    visit_of,
)
from tests.archive.sessions import FOREARM
from tests.archive.test_moves import done, publish


class Arrivals(World):
    """Rules of what arrives; each is somebody's by a number of the establishment."""

    @rule(at=AT, number=NUMBER, name=NAME, called=CALLED)
    def a_file_comes(self, at: str, number: str, name: str, called: str = "CHU") -> None:
        truth = self.truth[at]
        if name in truth.exam_of:
            return
        image_id = self.published(at, name, PatientIdentity(number, called))
        self.came(at, number, name, image_id)

    @rule(at=AT, name=NAME)
    def a_file_comes_by_an_older_name(self, at: str, name: str) -> None:
        """Of another patient, until the site says that it is the same issuer."""
        truth, number = self.truth[at], NEW if self.is_told(at) else OLD
        if name in truth.exam_of:
            return
        image_id = self.published(at, name, PatientIdentity(NEW, OLDER))
        if (at, number) not in self.keys:
            self.know(at, number, OLDER, "")
        self.came(at, number, name, image_id)

    def published(self, at: str, name: str, patient: PatientIdentity) -> str:
        image = self.catalog.receive(
            establishment=at,
            kind=ImageKind.SLIDE,
            source_sha256=digest(name),
            plan="full",
            patient=patient,
        )
        publish(self.catalog, image, ObjectRole.LEVEL)
        return image.id

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

    @rule(at=AT, number=NUMBER)
    def a_lesion_is_found(self, at: str, number: str) -> None:
        truth = self.truth[at]
        seen = LesionEvent(LesionEventKind.FIRST_SEEN, date(2025, 3, 1))
        made = self.catalog.lesions.create(
            self.keys[at, number], LesionSaid(FOREARM, Side.LEFT), seen, establishment=at
        )
        truth.numbers[made.id] = (truth.root(number), made.number)
