"""Pictures of a session: announced, checked, pinned, taken back, handed over."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from archive.body_site import Side
from archive.capture import Capture, View
from archive.catalog import Catalog
from archive.database import Database
from archive.deposits import Outcome
from archive.errors import InvalidCapture, NotFound, TransitionRefused
from archive.lesion import Photograph
from archive.record import FileState, Image, ImageState, JobState, Reason
from archive.session import Checks, Picture, Pin, Session, split
from archive.sessions import Opening
from archive.uploads import Announced
from tests.archive.conftest import ELSEWHERE, HERE, refuse
from tests.archive.sessions import (
    ANNE,
    BRUNO,
    CHECK,
    CLOSE_UP,
    FOREARM,
    OVERVIEW,
    ROOM,
    begun,
    built,
    lesion_of,
    sent,
    shot,
    stated,
)


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
    refuse(catalog, near.id, "damaged")
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
    labels = [image for one in groups for image in (one.code_image, *one.again) if image]
    assert labels == [one.image_id for one in pictures if one.checks and one.checks.codes]
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
