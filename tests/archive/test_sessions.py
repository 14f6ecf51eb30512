"""Sessions: whose they are, what is sent, what is reconciled, what may be used."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from archive.body_site import Side, site_of_code
from archive.capture import Capture, Operator, View
from archive.catalog import Catalog
from archive.database import Database
from archive.deposits import Outcome
from archive.errors import (
    DifferentPatient,
    InvalidCapture,
    InvalidIdentity,
    NotFound,
    NotReady,
    TransitionRefused,
)
from archive.identity import PatientIdentity, study_instance_uid
from archive.jobs import Wanted
from archive.lesion import Lesion, LesionEvent, LesionEventKind, LesionSaid, Photograph
from archive.record import FileState, Image, ImageKind, ImageState, JobState, ObjectRole, Reason
from archive.session import (
    Answer,
    Checks,
    Confirmed,
    Consent,
    Giver,
    Picture,
    Pin,
    Purpose,
    Session,
    SessionState,
    split,
)
from archive.sessions import Opening
from archive.uploads import Allowance, Announced
from tests.archive.conftest import ELSEWHERE, HERE, digest, stored

ANNE = PatientIdentity("1", "CHU", "DOE^ANNE", date(1970, 1, 31), "F")
BRUNO = PatientIdentity("2", "CHU", "DOE^BRUNO")
CONFIRMED = Confirmed("DOE^ANNE", date(1970, 1, 31), "F")
FOREARM = site_of_code("70559009")
OVERVIEW = Capture(View.OVERVIEW, FOREARM, Side.LEFT)
CLOSE_UP = Capture(View.CLOSE_UP, FOREARM, Side.LEFT)
CHECK, BUILD = Wanted("check"), Wanted("build")
ROOM = Allowance(1 << 40, 3600.0)
DOCTOR = Operator("ESSAI^DERMATOLOGUE")


def begun(catalog: Catalog, **more: Any) -> Session:
    return catalog.sessions.open(HERE, Opening(ANNE, **more))


def shot(catalog: Catalog, session: Session, name: str) -> Image:
    """A picture that came, as the taker leaves it."""
    whose = catalog.sessions.assignment(session.id)
    image = catalog.receive(
        establishment=session.establishment,
        kind=ImageKind.PHOTO,
        source_sha256=digest(name),
        plan="full",
        patient=whose.patient,
        accession_number=whose.accession_number,
        issuer=whose.issuer,
    )
    image = catalog.keep_original(image.id, [stored(ObjectRole.ORIGINAL)], facts={"original": {}})
    assert catalog.pictures.add(session.id, image.id, CHECK)
    return image


def stated(
    catalog: Catalog, session: Session, image: Image, capture: Capture, lesion: str | None = None
) -> Session:
    said = Photograph(image.id, capture, lesion)
    return catalog.pictures.state(session.id, said, kept_despite=False, establishment=HERE)


def built(catalog: Catalog, image: Image) -> None:
    catalog.advance(image.id, ImageState.OPENED)
    catalog.advance(image.id, ImageState.BUILT, add_objects=[stored(ObjectRole.PHOTO)])
    catalog.advance(image.id, ImageState.PUBLISHED)


def sent(catalog: Catalog, session: Session) -> Session:
    return catalog.sessions.send(session.id, CONFIRMED, BUILD, establishment=HERE)


def lesion_of(catalog: Catalog, key: str) -> Lesion:
    seen = LesionEvent(LesionEventKind.FIRST_SEEN, date(2025, 3, 1))
    said = LesionSaid(FOREARM, Side.LEFT)
    return catalog.lesions.create(key, said, seen, establishment=HERE)


def test_a_session_without_order_has_an_encounter_of_its_own(catalog: Catalog) -> None:
    session = begun(catalog, operator=Operator("ESSAI^INFIRMIERE"))
    assert (session.state, session.is_provisional) == (SessionState.OPEN, True)
    assert session.accession_number == f"L{session.id[:15].upper()}"
    assert (session.patient, session.issuer_of_accession_number) == (ANNE, "SANSVERRE")
    assert session.operator == Operator("ESSAI^INFIRMIERE")
    image = shot(catalog, session, "one")
    assert image.exam_id == session.exam_id
    exam = catalog.exam(image.exam_id, establishment=HERE, states=tuple(ImageState))
    assert (exam.accession_number, exam.patient) == (session.accession_number, ANNE)


def test_a_session_is_asked_for_twice_and_begun_once(catalog: Catalog) -> None:
    first = begun(catalog, id="a" * 32)
    assert begun(catalog, id="a" * 32) == first
    assert begun(catalog, id="b" * 32).exam_id != first.exam_id
    with pytest.raises(TransitionRefused):
        catalog.sessions.open(HERE, Opening(BRUNO, id="a" * 32))
    with pytest.raises(TransitionRefused):
        catalog.sessions.open(ELSEWHERE, Opening(ANNE, id="a" * 32))
    for wrong in ("", "A" * 32, "a" * 31, "x" * 32):
        with pytest.raises(InvalidIdentity):
            Opening(ANNE, id=wrong)


def test_the_patient_is_found_by_key_and_by_order(catalog: Catalog) -> None:
    first = begun(catalog, accession_number="A1", issuer="RIS")
    assert not first.is_provisional
    again = catalog.sessions.open(HERE, Opening(patient_key=first.patient_key))
    assert again.patient == ANNE
    by_order = catalog.sessions.open(HERE, Opening(accession_number="A1", issuer="RIS"))
    assert (by_order.patient, by_order.exam_id) == (ANNE, first.exam_id)
    for unknown in (
        Opening(patient_key="0" * 32),
        Opening(accession_number="A2"),
        Opening(accession_number="A1"),
    ):
        with pytest.raises(NotFound):
            catalog.sessions.open(HERE, unknown)
    with pytest.raises(NotFound):
        catalog.sessions.open(ELSEWHERE, Opening(patient_key=first.patient_key))
    with pytest.raises(InvalidIdentity):
        catalog.sessions.open(HERE, Opening())


def test_a_mistyped_number_opens_nobodys_session(catalog: Catalog) -> None:
    begun(catalog)
    with pytest.raises(DifferentPatient):
        catalog.sessions.open(HERE, Opening(replace(BRUNO, patient_id="1")))
    with pytest.raises(DifferentPatient):
        catalog.sessions.open(HERE, Opening(replace(ANNE, sex="M")))
    assert catalog.sessions.open(HERE, Opening(PatientIdentity("1", "CHU"))).patient == ANNE


def test_another_establishment_learns_nothing(catalog: Catalog) -> None:
    session = begun(catalog)
    image = shot(catalog, session, "one")
    said = Photograph(image.id, OVERVIEW)
    asked: tuple[Callable[[str], object], ...] = (
        lambda one: catalog.sessions.session(one, establishment=ELSEWHERE),
        lambda one: catalog.sessions.send(one, CONFIRMED, BUILD, establishment=ELSEWHERE),
        lambda one: catalog.sessions.sign(one, DOCTOR, establishment=ELSEWHERE),
        lambda one: catalog.sessions.reconcile(one, "A1", None, establishment=ELSEWHERE),
        lambda one: catalog.sessions.consent(one, answer(), establishment=ELSEWHERE),
        lambda one: catalog.pictures.take_back(one, image.id, establishment=ELSEWHERE),
        lambda one: catalog.pictures.pin(one, image.id, [], establishment=ELSEWHERE),
        lambda one: catalog.pictures.state(one, said, kept_despite=False, establishment=ELSEWHERE),
        lambda one: catalog.pictures.announce(
            one, Announced("a", 1, None), ROOM, establishment=ELSEWHERE
        ),
    )
    for ask in asked:
        told = set()
        for one in (session.id, "0" * 32):
            with pytest.raises(NotFound) as refused:
                ask(one)
            told.add(str(refused.value))
        assert len(told) == 1
    assert catalog.sessions.between(None, None, establishment=ELSEWHERE) == ()
    assert len(catalog.sessions.between(None, None, establishment=HERE)) == 1


def test_what_lacks_is_told_and_nothing_is_sent(catalog: Catalog) -> None:
    session = begun(catalog)
    with pytest.raises(TransitionRefused):
        sent(catalog, session)
    one, two = (shot(catalog, session, name) for name in ("one", "two"))
    coming = catalog.pictures.announce(
        session.id, Announced("3.jpg", 10, None), ROOM, establishment=HERE
    )
    stated(catalog, session, one, OVERVIEW)
    catalog.refuse(two.id, "damaged")
    with pytest.raises(NotReady) as refused:
        sent(catalog, session)
    assert refused.value.told == {
        "arriving": [coming.id],
        "unstated": [two.id],
        "refused": [two.id],
    }
    for wrong in (replace(CONFIRMED, name="DOE^ANNA"), replace(CONFIRMED, birth_date=None)):
        with pytest.raises(DifferentPatient):
            catalog.sessions.send(session.id, wrong, BUILD, establishment=HERE)
    catalog.uploads.remove(coming.id, establishment=HERE)
    catalog.pictures.take_back(session.id, two.id, establishment=HERE)
    assert catalog.jobs.claim("w", 60, kinds=("build",)) is None
    assert sent(catalog, session).state is SessionState.SENT
    assert sent(catalog, session).pictures[0].image_id == one.id
    job = catalog.jobs.claim("w", 60, kinds=("build",))
    assert job is not None
    assert job.image_id == one.id
    assert catalog.jobs.claim("w", 60, kinds=("build",)) is None


def test_a_picture_taken_back_is_gone_with_all_that_was_said(catalog: Catalog) -> None:
    session = begun(catalog)
    far, near = (shot(catalog, session, name) for name in ("far", "near"))
    lesion = lesion_of(catalog, session.patient_key)
    stated(catalog, session, far, OVERVIEW)
    stated(catalog, session, near, CLOSE_UP, lesion.id)
    pinned = catalog.pictures.pin(
        session.id, far.id, [Pin(lesion.id, 0.5, 0.25)], establishment=HERE
    )
    first, second = pinned.pictures
    assert first.pins == (Pin(lesion.id, 0.5, 0.25),)
    assert second.stated is not None
    assert second.stated.overview == far.id, "the overview that shows its lesion"
    keys = catalog.pictures.take_back(session.id, far.id, establishment=HERE)
    assert set(keys) == {one.key for one in far.objects}
    (left,) = catalog.sessions.session(session.id, establishment=HERE).pictures
    assert left.stated is not None
    assert left.stated.overview is None
    with pytest.raises(NotFound):
        catalog.image(far.id, establishment=HERE)
    with pytest.raises(NotFound):
        catalog.pictures.take_back(session.id, far.id, establishment=HERE)
    sent(catalog, session)
    with pytest.raises(TransitionRefused):
        catalog.pictures.take_back(session.id, near.id, establishment=HERE)
    with pytest.raises(TransitionRefused):
        stated(catalog, session, near, CLOSE_UP)
    catalog.refuse(near.id, "damaged")
    catalog.pictures.take_back(session.id, near.id, establishment=HERE)


def test_pins_are_of_the_patients_lesions_in_overviews(catalog: Catalog, url: str) -> None:
    session = begun(catalog)
    far, near = (shot(catalog, session, name) for name in ("far", "near"))
    stated(catalog, session, far, OVERVIEW)
    other = catalog.sessions.open(HERE, Opening(BRUNO))
    mine, theirs = (lesion_of(catalog, one.patient_key) for one in (session, other))

    def pin(image: Image, *pins: Pin) -> Session:
        return catalog.pictures.pin(session.id, image.id, pins, establishment=HERE)

    with pytest.raises(NotFound):
        pin(far, Pin(theirs.id, 0, 0))
    with pytest.raises(InvalidCapture):
        pin(far, Pin(mine.id, 0, 0), Pin(mine.id, 1, 1))
    with pytest.raises(InvalidCapture):
        pin(near, Pin(mine.id, 0, 0))
    for x, y in ((-0.1, 0), (0, 1.1), (float("nan"), 0)):
        with pytest.raises(InvalidCapture):
            Pin(mine.id, x, y)
    pin(far, Pin(mine.id, 0, 1))
    with pytest.raises(InvalidCapture, match="located"):
        stated(catalog, session, far, CLOSE_UP)
    database = Database.open(url)
    for said in (
        f"INSERT INTO pin SELECT image_id, '{theirs.id}', patient_row, 0, 0 FROM pin",
        "UPDATE pin SET x = 2",
        "UPDATE picture SET exam_id = 'x'",
        f"UPDATE session SET exam_id = '{other.exam_id}'",
        "UPDATE session SET state = 'sent'",
        "UPDATE session SET signed_at = created_at",
    ):
        with pytest.raises(IntegrityError), database.write() as connection:
            connection.execute(sa.text(said))
    database.close()
    assert pin(far).pictures[0].pins == ()


def test_the_earlier_picture_is_the_last_that_was_published(catalog: Catalog) -> None:
    before = begun(catalog)
    lesion = lesion_of(catalog, before.patient_key)
    images = [shot(catalog, before, name) for name in ("a", "b", "c")]
    for number, image in enumerate(images):
        catalog.attach(image.id, facts={"acquired_at": f"2025-0{3 - number}-01T10:00:00+00:00"})
        stated(catalog, before, image, CLOSE_UP, lesion.id)
    sent(catalog, before)
    for image in images[1:]:
        built(catalog, image)
    now = begun(catalog)
    near, close, other = (shot(catalog, now, name) for name in ("d", "e", "f"))
    found = stated(catalog, now, near, CLOSE_UP, lesion.id).pictures[0].stated
    assert found is not None
    assert found.earlier == images[1].id, "the first is not published, the last is older"
    dermoscopy = Capture(View.DERMOSCOPY, FOREARM, Side.LEFT)
    assert stated(catalog, now, close, dermoscopy, lesion.id).pictures[1].stated is not None
    said = Photograph(other.id, CLOSE_UP, lesion.id, earlier=images[2].id)
    kept = catalog.pictures.state(
        now.id, said, kept_despite=True, choose={"overview"}, establishment=HERE
    )
    assert [one.stated.earlier for one in kept.pictures if one.stated] == [
        images[1].id,
        None,
        images[2].id,
    ]
    assert [one.kept_despite for one in kept.pictures] == [False, False, True]


def test_an_order_that_comes_before_anything_is_built_is_the_study(catalog: Catalog) -> None:
    session = begun(catalog)
    image = shot(catalog, session, "one")
    stated(catalog, session, image, OVERVIEW)
    found = catalog.sessions.reconcile(session.id, "A1", "RIS", establishment=HERE)
    assert (found.accession_number, found.is_provisional) == ("A1", False)
    exam = catalog.exam(session.exam_id, establishment=HERE, states=tuple(ImageState))
    assert exam.study_instance_uid == study_instance_uid(HERE, "RIS", "A1")
    assert catalog.sessions.reconcile(session.id, "A1", "RIS", establishment=HERE) == found
    with pytest.raises(TransitionRefused):
        catalog.sessions.reconcile(session.id, "A2", "RIS", establishment=HERE)
    assert shot(catalog, session, "two").exam_id == session.exam_id


def test_an_order_that_comes_later_leaves_the_study_as_it_is_known(catalog: Catalog) -> None:
    session = begun(catalog)
    image = shot(catalog, session, "one")
    stated(catalog, session, image, OVERVIEW)
    sent(catalog, session)
    built(catalog, image)
    before = catalog.exam(session.exam_id, establishment=HERE).study_instance_uid
    catalog.sessions.reconcile(session.id, "A1", "RIS", establishment=HERE)
    exam = catalog.exam(session.exam_id, establishment=HERE)
    assert (exam.accession_number, exam.study_instance_uid) == ("A1", before)
    assert catalog.patient_of_order(HERE, "A1", "RIS") == ANNE
    more = begun(catalog, accession_number="A1", issuer="RIS")
    assert more.exam_id == session.exam_id, "what comes later for the order is beside it"
    with pytest.raises(DifferentPatient):
        catalog.sessions.open(HERE, Opening(BRUNO, accession_number="A1", issuer="RIS"))


def test_an_order_of_somebody_else_or_in_use_is_refused(catalog: Catalog) -> None:
    session = begun(catalog)
    catalog.sessions.open(HERE, Opening(BRUNO, accession_number="B1"))
    begun(catalog, accession_number="A1")
    with pytest.raises(DifferentPatient):
        catalog.sessions.reconcile(session.id, "B1", None, establishment=HERE)
    with pytest.raises(TransitionRefused):
        catalog.sessions.reconcile(session.id, "A1", None, establishment=HERE)
    with pytest.raises(InvalidIdentity):
        catalog.sessions.reconcile(session.id, "", None, establishment=HERE)
    assert catalog.sessions.session(session.id, establishment=HERE).is_provisional


def test_a_session_is_signed_once_it_is_published(catalog: Catalog) -> None:
    session = begun(catalog)
    image = shot(catalog, session, "one")
    stated(catalog, session, image, OVERVIEW)
    with pytest.raises(TransitionRefused):
        catalog.sessions.sign(session.id, DOCTOR, establishment=HERE)
    sent(catalog, session)
    with pytest.raises(NotReady) as refused:
        catalog.sessions.sign(session.id, DOCTOR, establishment=HERE)
    assert refused.value.told == {"unpublished": [image.id]}
    built(catalog, image)
    signed = catalog.sessions.sign(session.id, DOCTOR, establishment=HERE)
    assert (signed.state, signed.signed_by) == (SessionState.SIGNED, DOCTOR)
    assert catalog.sessions.sign(session.id, DOCTOR, establishment=HERE) == signed
    with pytest.raises(TransitionRefused):
        catalog.sessions.sign(session.id, Operator("AUTRE^DR"), establishment=HERE)
    assert sent(catalog, session).state is SessionState.SIGNED


def answer(
    purpose: Purpose = Purpose.TEACHING,
    said: Answer = Answer.GIVEN,
    by: Giver = Giver.PATIENT,
) -> Consent:
    return Consent(purpose, said, by, datetime.now(UTC))


def test_teaching_and_research_are_closed_until_somebody_opens_them(catalog: Catalog) -> None:
    session = begun(catalog)

    def may() -> list[bool]:
        return [catalog.sessions.may_be_used_for(session.exam_id, one) for one in Purpose]

    assert may() == [True, False, False]
    for said, open_now in (
        (answer(said=Answer.UNABLE), [True, False, False]),
        (answer(by=Giver.PARENTS), [True, True, False]),
        (answer(Purpose.CARE, Answer.REFUSED), [True, True, False]),
        (answer(Purpose.RESEARCH, Answer.REFUSED), [True, True, False]),
        (answer(said=Answer.WITHDRAWN, by=Giver.PARENTS), [True, False, False]),
        (answer(), [True, True, False]),
    ):
        found = catalog.sessions.consent(session.id, said, establishment=HERE)
        assert said in found.consents
        assert may() == open_now
    assert len(found.consents) == 3
    assert catalog.sessions.consent(session.id, answer(), establishment=HERE) == found


def test_what_was_found_is_kept_by_who_holds_the_job(catalog: Catalog) -> None:
    session = begun(catalog)
    image = shot(catalog, session, "one")
    job = catalog.jobs.claim("w", 60, kinds=("check",))
    assert job is not None
    checks = Checks("1", ({"kind": "blurred", "value": 0.1, "limit": 0.5},))
    catalog.pictures.keep_checks(image.id, checks, attempt=job)
    catalog.jobs.finish(job)
    (picture,) = catalog.sessions.session(session.id, establishment=HERE).pictures
    assert picture.checks == checks
    assert catalog.pictures.add(session.id, image.id, CHECK)
    assert catalog.jobs.counts()[JobState.WAITING] == 0, "it is not checked again"


def test_a_picture_is_announced_once_and_closes_by_itself(catalog: Catalog) -> None:
    session = begun(catalog)

    def announce(length: int = 10) -> str:
        file = Announced("1.jpg", length, None)
        return catalog.pictures.announce(session.id, file, ROOM, establishment=HERE).id

    first = announce()
    assert announce() == first
    with pytest.raises(TransitionRefused):
        announce(11)
    assert catalog.deposits.claim("w", 60) is None
    catalog.uploads.grew(first, 10, 3600)
    deposit = catalog.deposits.claim("w", 60)
    assert deposit is not None
    assert (deposit.session, deposit.files[0].state) == (session.id, FileState.CHECKING)
    assert catalog.deposits.recent(establishment=HERE) == ()
    with pytest.raises(TransitionRefused):
        catalog.uploads.remove(first, establishment=HERE)
    catalog.deposits.release(deposit)
    catalog.uploads.remove(first, establishment=HERE)
    assert catalog.sessions.session(session.id, establishment=HERE).arrivals == ()
    assert announce() != first


def came(catalog: Catalog, session: Session, path: str, name: str) -> Image:
    """A picture that was uploaded by that path and taken in."""
    file = Announced(path, 10, None)
    upload = catalog.pictures.announce(session.id, file, ROOM, establishment=HERE)
    catalog.uploads.grew(upload.id, 10, 3600)
    deposit = catalog.deposits.claim("w", 60)
    assert deposit is not None
    image = shot(catalog, session, name)
    catalog.deposits.settle(deposit, Outcome(deposit.files[0], FileState.TAKEN, image_id=image.id))
    catalog.deposits.release(deposit)
    return image


def test_what_is_handed_over_is_asked_for_again_where_it_was_sent(catalog: Catalog) -> None:
    mine, theirs = begun(catalog), catalog.sessions.open(HERE, Opening(BRUNO))
    image, other = came(catalog, mine, "1.jpg", "one"), came(catalog, theirs, "1.jpg", "two")
    catalog.pictures.hand_over(mine.id, [image.id], theirs.id, establishment=HERE)
    for session, known in ((mine, image), (theirs, other)):
        file = Announced("1.jpg", 10, None)
        again = catalog.pictures.announce(session.id, file, ROOM, establishment=HERE)
        assert (again.state, again.image_id) == (FileState.TAKEN, known.id)
        # It is the other patient's: the session that it was sent to by mistake tells nothing of it.
        assert catalog.sessions.session(session.id, establishment=HERE).arrivals == ()
    keys = catalog.pictures.take_back(theirs.id, image.id, establishment=HERE)
    assert keys == tuple(one.key for one in image.objects)


def test_only_files_on_their_way_are_arriving(catalog: Catalog) -> None:
    session, other = begun(catalog), begun(catalog)
    came(catalog, session, "taken.jpg", "one")
    catalog.pictures.announce(session.id, Announced("2.jpg", 10, None), ROOM, establishment=HERE)
    again = catalog.pictures.announce(
        other.id, Announced("again.jpg", 10, None), ROOM, establishment=HERE
    )
    catalog.uploads.grew(again.id, 10, 3600)
    deposit = catalog.deposits.claim("w", 60)
    assert deposit is not None
    refused = Outcome(deposit.files[0], FileState.REFUSED, reason=Reason.UNREADABLE)
    catalog.deposits.settle(deposit, refused)
    found = catalog.sessions.session(session.id, establishment=HERE)
    assert [one.path for one in found.arriving] == ["2.jpg"]
    told = catalog.sessions.session(other.id, establishment=HERE)
    assert (len(told.arrivals), told.arriving) == (1, ())


def test_a_refused_picture_that_comes_again_is_looked_at_again(catalog: Catalog) -> None:
    session = begun(catalog)
    image = shot(catalog, session, "one")
    job = catalog.jobs.claim("w", 60)
    assert job is not None
    catalog.jobs.fail(job, retry_in_s=None, reason="damaged")
    catalog.advance(image.id, ImageState.RECEIVED)
    assert catalog.pictures.add(session.id, image.id, CHECK)
    again = catalog.jobs.claim("w", 60)
    assert again is not None
    catalog.pictures.keep_checks(image.id, Checks("1", ()), attempt=again)
    catalog.jobs.finish(again)
    assert catalog.pictures.add(session.id, image.id, CHECK)
    assert catalog.jobs.claim("w", 60) is None


def test_an_image_of_another_visit_is_not_the_sessions(catalog: Catalog) -> None:
    before, now = begun(catalog), begun(catalog)
    image = shot(catalog, before, "one")
    assert not catalog.pictures.add(now.id, image.id, CHECK)
    assert not catalog.pictures.add(now.id, "0" * 32, CHECK)
    assert catalog.sessions.session(now.id, establishment=HERE).pictures == ()


def picture(number: int, codes: tuple[str, ...]) -> Picture:
    when = datetime(2026, 3, 1, 9, number % 60, tzinfo=UTC)
    checks = Checks("1", (), codes)
    return Picture(f"{number:03}", ImageState.RECEIVED, None, when, None, (), checks, False)


@given(st.lists(st.sampled_from([(), (), ("L1",), ("L2",), ("1", "2")]), max_size=12))
def test_a_card_is_split_at_its_codes_and_nothing_is_lost(card: list[tuple[str, ...]]) -> None:
    pictures = [picture(number, codes) for number, codes in enumerate(card)]
    groups = split(reversed(pictures))
    shown = [image for one in groups for image in one.images]
    assert shown == [one.image_id for one in pictures if one.checks and not one.checks.codes]
    assert all(one.code_image or number == 0 for number, one in enumerate(groups))
    for one in groups:
        for image in one.images:
            before = [codes for codes in card[: int(image)] if codes]
            assert one.codes == (before[-1] if before else ())


def test_pictures_are_handed_to_the_session_that_they_are_of(catalog: Catalog) -> None:
    mine = begun(catalog)
    theirs = catalog.sessions.open(HERE, Opening(BRUNO))
    one, two = (shot(catalog, mine, name) for name in ("one", "two"))
    stated(catalog, mine, one, OVERVIEW)

    def hand_over(*images: str, to: str = theirs.id, establishment: str = HERE) -> Session:
        return catalog.pictures.hand_over(mine.id, images, to, establishment=establishment)

    for refused in ({"to": "0" * 32}, {"establishment": ELSEWHERE}):
        with pytest.raises(NotFound):
            hand_over(one.id, **refused)
    elsewhere = catalog.sessions.open(ELSEWHERE, Opening(ANNE))
    with pytest.raises(NotFound):
        hand_over(one.id, to=elsewhere.id)
    with pytest.raises(NotFound):
        hand_over(one.id, "0" * 32)
    (moved,) = hand_over(one.id, one.id).pictures
    assert (moved.image_id, moved.stated) == (one.id, None)
    exam = catalog.exam(theirs.exam_id, establishment=HERE, states=tuple(ImageState))
    assert [image.id for image in exam.images] == [one.id]
    left = catalog.sessions.session(mine.id, establishment=HERE)
    assert [image.image_id for image in left.pictures] == [two.id]
    assert hand_over(two.id, to=mine.id).pictures == left.pictures
    stated(catalog, mine, two, OVERVIEW)
    sent(catalog, mine)
    with pytest.raises(TransitionRefused):
        hand_over(two.id)
