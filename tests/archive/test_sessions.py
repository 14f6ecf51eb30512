"""Sessions: whose they are, what is sent, what is reconciled, what may be used."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from archive.capture import Operator
from archive.catalog import Catalog
from archive.errors import DifferentPatient, InvalidIdentity, NotFound, NotReady, TransitionRefused
from archive.identity import PatientIdentity, study_instance_uid
from archive.lesion import Photograph
from archive.record import ImageState
from archive.session import Answer, Giver, Purpose, SessionState, may_be_used
from archive.sessions import Opening
from archive.uploads import Announced
from tests.archive.conftest import ELSEWHERE, HERE, refuse
from tests.archive.sessions import (
    ANNE,
    BRUNO,
    BUILD,
    CONFIRMED,
    DOCTOR,
    OVERVIEW,
    ROOM,
    answer,
    begun,
    built,
    sent,
    shot,
    stated,
)


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
    assert catalog.sessions.between(None, None, establishment=ELSEWHERE).listed == ()
    assert len(catalog.sessions.between(None, None, establishment=HERE).listed) == 1


def test_what_lacks_is_told_and_nothing_is_sent(catalog: Catalog) -> None:
    session = begun(catalog)
    with pytest.raises(TransitionRefused):
        sent(catalog, session)
    one, two = (shot(catalog, session, name) for name in ("one", "two"))
    coming = catalog.pictures.announce(
        session.id, Announced("3.jpg", 10, None), ROOM, establishment=HERE
    )
    stated(catalog, session, one, OVERVIEW)
    refuse(catalog, two.id, "damaged")
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


def test_teaching_and_research_are_closed_until_somebody_opens_them(catalog: Catalog) -> None:
    session = begun(catalog)

    def may() -> list[bool]:
        consents = catalog.sessions.session(session.id, establishment=HERE).consents
        return [may_be_used(consents, one) for one in Purpose]

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
