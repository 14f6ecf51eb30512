"""Nobody is shown to another establishment but by a rule, a qualified INS, and no objection."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from threading import Barrier
from typing import Any

import pytest

from archive.catalog import Catalog
from archive.errors import NotFound
from archive.identities.stated import Flag, Stated
from archive.identity import PatientIdentity
from archive.record import Image, ImageKind, ObjectRole
from archive.sharing.patients import PatientKey
from archive.sharing.rule import EVERYBODY
from archive.sharing.schema import Looked, look
from tests.archive.conftest import ELSEWHERE, HERE, digest
from tests.archive.identities.saying import OTHER_INS, ZOE, qualified, said
from tests.archive.test_moves import publish
from tests.serving import LONG_S

FAR = "Hôpital C"
TO_HERE = {ELSEWHERE: frozenset({HERE})}


@pytest.fixture
def known(catalog: Catalog) -> tuple[PatientKey, PatientKey]:
    """One person, qualified in two establishments under two numbers."""
    catalog.sharing.declare(TO_HERE)
    here = catalog.identities.state(HERE, qualified("1", ZOE))
    there = catalog.identities.state(ELSEWHERE, qualified("77", ZOE))
    return PatientKey(HERE, here.key), PatientKey(ELSEWHERE, there.key)


def shown(catalog: Catalog, patient: PatientKey) -> tuple[PatientKey, ...]:
    return catalog.sharing.patients_shown(patient.key, establishment=patient.establishment)


def received(catalog: Catalog, patient: PatientIdentity) -> Image:
    return catalog.receive(
        establishment=ELSEWHERE,
        kind=ImageKind.SLIDE,
        source_sha256=digest("a"),
        plan="full",
        patient=patient,
        accession_number="S1",
    )


Known = tuple[PatientKey, PatientKey]


def test_a_rule_shows_one_way(catalog: Catalog, known: Known) -> None:
    here, there = known
    assert shown(catalog, here) == (here, there)
    assert shown(catalog, there) == (there,)
    catalog.sharing.declare({HERE: frozenset({EVERYBODY})})
    assert (shown(catalog, here), shown(catalog, there)) == ((here,), (there, here))
    catalog.sharing.declare({})
    assert (shown(catalog, here), shown(catalog, there)) == ((here,), (there,))
    with pytest.raises(NotFound):
        catalog.sharing.patients_shown(there.key, establishment=HERE)


def test_processes_that_start_together_state_the_rules_together(url: str, known: Known) -> None:
    rules = {ELSEWHERE: frozenset({HERE, FAR}), HERE: frozenset({EVERYBODY}), FAR: frozenset()}
    start = Barrier(4)

    def begin(catalog: Catalog) -> tuple[PatientKey, ...]:
        start.wait(LONG_S)
        catalog.sharing.declare(rules)
        return shown(catalog, known[1])

    with ExitStack() as opened, ThreadPoolExecutor(4) as processes:
        catalogs = [opened.enter_context(Catalog.open(url)) for _ in range(4)]
        assert set(processes.map(begin, catalogs)) == {(known[1], known[0])}


@pytest.mark.parametrize("side", [0, 1])
def test_who_objects_is_shown_nowhere_else(catalog: Catalog, known: Known, side: int) -> None:
    here, objecting = known[0], known[side]
    where = objecting.establishment
    catalog.sharing.object(objecting.key, "me", establishment=where)
    catalog.sharing.object(objecting.key, "me", establishment=where)
    assert shown(catalog, here) == (here,)
    assert catalog.sharing.objects(objecting.key, establishment=where)
    with pytest.raises(NotFound):
        catalog.sharing.object(objecting.key, "me", establishment=FAR)
    catalog.sharing.withdraw_objection(objecting.key, "me", establishment=where)
    assert shown(catalog, here) == known


def test_an_objection_holds_for_whom_the_patient_is_merged_into(
    catalog: Catalog, known: Known
) -> None:
    here, there = known
    old = catalog.identities.state(ELSEWHERE, said("9", ZOE))
    catalog.sharing.object(old.key, "me", establishment=ELSEWHERE)
    assert shown(catalog, here) == known
    catalog.identities.merge(ELSEWHERE, said("77", {}, 5), ("9", "CHU"))
    assert shown(catalog, here) == (here,)
    assert shown(catalog, PatientKey(ELSEWHERE, old.key)) == (there,)


@pytest.mark.parametrize("flag", list(Flag))
@pytest.mark.parametrize("side", [HERE, ELSEWHERE])
def test_a_flag_on_either_side_hides(catalog: Catalog, known: Known, side: str, flag: Flag) -> None:
    number = "1" if side == HERE else "77"
    catalog.identities.state(side, qualified(number, {**ZOE, "flags": [flag]}, minutes=5))
    assert shown(catalog, known[0]) == (known[0],)


@pytest.mark.parametrize(
    "stated",
    [
        {"name": "MARTIN^ANNE"},
        {"birth_date": date(1970, 2, 1)},
        {"sex": "M"},
        {"sex": None},
        {"birthplace": "75056"},
    ],
    ids=lambda one: next(iter(one)),
)
def test_another_trait_hides(catalog: Catalog, known: Known, stated: dict[str, Any]) -> None:
    catalog.identities.state(HERE, qualified("1", {**ZOE, "birthplace": "13055"}, minutes=1))
    catalog.identities.state(ELSEWHERE, qualified("77", {**ZOE, **stated}, minutes=5))
    assert shown(catalog, known[0]) == (known[0],)


def test_another_ins_hides(catalog: Catalog, known: Known) -> None:
    catalog.identities.state(ELSEWHERE, qualified("77", ZOE, OTHER_INS, minutes=5))
    assert shown(catalog, known[0]) == (known[0],)


def test_an_ins_that_is_withdrawn_ends_it(catalog: Catalog, known: Known) -> None:
    withdrawn: Stated = said("77", {}, 5, withdraws_ins=True)
    catalog.identities.state(ELSEWHERE, withdrawn)
    assert shown(catalog, known[0]) == (known[0],)


def test_an_exam_is_opened_by_the_same_rule_and_written_down(
    catalog: Catalog, known: Known
) -> None:
    here, there = known
    patient = catalog.patient(there.key, establishment=ELSEWHERE)
    image = publish(catalog, received(catalog, patient), ObjectRole.LEVEL)
    exam = image.exam_id
    assert catalog.sharing.is_exam_shown(exam, HERE)
    assert not catalog.sharing.is_exam_shown(exam, FAR)
    for _ in range(2):
        catalog.sharing.listed(HERE, "jo", shown(catalog, here))
    assert catalog.sharing.open_exam(exam, HERE, "jo") == ELSEWHERE
    with pytest.raises(NotFound):
        catalog.sharing.open_exam(exam, FAR, "jo")
    opened, listed = catalog.sharing.looks(there.key, establishment=ELSEWHERE)
    assert (opened.looked, opened.exam, opened.establishment) == (Looked.OPENED, exam, HERE)
    assert (listed.looked, listed.subject, listed.exam) == (Looked.LISTED, "jo", None)
    catalog.sharing.object(here.key, "me", establishment=HERE)
    assert not catalog.sharing.is_exam_shown(exam, HERE)
    # Who looked is known; of the patient nothing but which record it was.
    assert not {"name", "birth_date", "sex", "patient_id", "ins"} & set(look.c.keys())


def test_a_picture_on_its_way_is_not_shown(catalog: Catalog, known: Known) -> None:
    patient = catalog.patient(known[1].key, establishment=ELSEWHERE)
    image = received(catalog, patient)
    with pytest.raises(NotFound):
        catalog.sharing.open_exam(image.exam_id, HERE, "jo")
