"""One issuer by several names: as the site states it, and nobody is made one with anybody by it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from archive.cases.order import Numbered, OrderPlaced
from archive.catalog import Catalog
from archive.errors import DifferentPatient, InvalidIdentity, NotFound
from archive.identities.decisions import Then
from archive.identities.issuer import Issuer
from archive.identities.schema import Act, DoubtKind, Verdict
from archive.identities.stated import Stated, Status
from archive.identity import PatientIdentity
from archive.invoked.asked import Asked, PatientNumber
from archive.query import Query
from archive.record import Image, ImageKind, ImageState
from archive.resources.asked import Criterion, Search, Token
from tests.archive.conftest import ELSEWHERE, HERE, digest
from tests.archive.identities.saying import INS, LUC, NOON, ZOE, said, whose
from tests.archive.test_instances import kept

OID, OTHER_OID, STRANGE = "1.2.250.1.71.1", "1.2.250.1.71.2", "1.2.250.1.71.9"
CHU = Issuer("CHU", (OID, OTHER_OID), ("GAM CHU",))
CLINIC = Issuer("CLINIQUE", ("1.2.250.1.72",))
TABLE = {HERE: (CHU, CLINIC)}


def known(issuer: str, traits: dict[str, Any], number: str = "1", **more: Any) -> Stated:
    at = NOON + timedelta(minutes=more.pop("minutes", 0))
    return Stated(number, issuer, traits, at, "GAM", **more)


def file_of(
    catalog: Catalog, issuer: str, file: str, traits: dict[str, Any] = ZOE, **more: Any
) -> Image:
    return catalog.receive(
        establishment=more.pop("at", HERE),
        kind=ImageKind.SLIDE,
        source_sha256=digest(file),
        plan="full",
        patient=PatientIdentity(more.pop("number", "1"), issuer, **traits, **more),
    )


def shown(catalog: Catalog, image: Image, at: str = HERE) -> tuple[str, str, str]:
    found = whose(catalog, catalog.image(image.id, establishment=at), at)
    assert found is not None
    return found.patient_id, found.issuer, found.name


@pytest.mark.parametrize(
    ("issuer", "oid"),
    [("CHU", OID), (OID, OID), (OTHER_OID, OTHER_OID), ("GAM CHU", None), ("ELSE", OTHER_OID)],
)
def test_every_name_of_an_issuer_means_the_same_patient(
    catalog: Catalog, issuer: str, oid: str | None
) -> None:
    catalog.identities.declare(TABLE)
    first = file_of(catalog, "CHU", "a")
    second = file_of(catalog, issuer, "b", issuer_oid=oid)
    name = {**ZOE, "name": "MARTIN^ZOE", **({"issuer_oid": oid} if oid else {})}
    catalog.identities.state(HERE, known(issuer, name))

    assert shown(catalog, first) == shown(catalog, second) == ("1", "CHU", "MARTIN^ZOE")
    found = whose(catalog, first)
    assert found is not None
    assert found.issuer_oid == (OID if oid else None)


def test_what_no_table_says_is_not_one(catalog: Catalog) -> None:
    """Without a table, and in another establishment than the one that the table is of."""
    catalog.identities.declare(TABLE)
    first = file_of(catalog, "CHU", "a", at=ELSEWHERE)
    second = file_of(catalog, OID, "b", LUC, at=ELSEWHERE)

    assert shown(catalog, first, ELSEWHERE)[1:] == ("CHU", "MARTIN^ZOÉ")
    assert shown(catalog, second, ELSEWHERE)[1:] == (OID, "PETIT^LUC")


@pytest.mark.parametrize(("issuer", "oid"), [("CHU", "1.2.250.1.72"), ("GAM CHU", STRANGE)])
def test_a_name_and_an_oid_of_two_issuers_are_refused(
    catalog: Catalog, issuer: str, oid: str
) -> None:
    catalog.identities.declare(TABLE)
    with pytest.raises(InvalidIdentity, match="not one issuer's"):
        file_of(catalog, issuer, "a", issuer_oid=oid)
    with pytest.raises(InvalidIdentity, match="not one issuer's"):
        catalog.identities.state(HERE, known(issuer, {**ZOE, "issuer_oid": oid}))
    with pytest.raises(InvalidIdentity, match="not one issuer's"):
        catalog.identities.merge(HERE, said("2", ZOE), ("1", issuer, oid))


def test_somebody_else_under_another_name_of_the_issuer_is_refused(catalog: Catalog) -> None:
    catalog.identities.declare(TABLE)
    file_of(catalog, "CHU", "a")
    with pytest.raises(DifferentPatient):
        file_of(catalog, OID, "b", LUC)


def test_numbers_that_are_here_follow_the_table(catalog: Catalog) -> None:
    """With their traits, their INS and their images; and all of it can be taken back."""
    image = file_of(catalog, OID, "a")
    proven = {**ZOE, "status": Status.QUALIFIED, "issuer_oid": OID}
    before = catalog.identities.state(HERE, known(OID, proven, ins=INS))
    catalog.identities.declare(TABLE)
    catalog.identities.declare(TABLE)

    found = whose(catalog, image)
    assert found is not None
    assert (found.issuer, found.issuer_oid, found.ins) == ("CHU", OID, INS.number)
    later = catalog.identities.state(HERE, known("CHU", {"name": "MARTIN^ZOE"}, minutes=1))
    assert later.then is Then.UPDATE
    assert shown(catalog, image) == ("1", "CHU", "MARTIN^ZOE")
    (event,) = (
        one
        for one in catalog.identities.history(before.key, establishment=HERE)
        if one.act is Act.RENUMBERED
    )
    catalog.identities.undo(event.id, "me", establishment=HERE)
    assert shown(catalog, image) == ("1", OID, "MARTIN^ZOÉ")
    catalog.identities.declare(TABLE)
    assert shown(catalog, image) == ("1", OID, "MARTIN^ZOÉ")
    (asked,) = catalog.identities.doubts(establishment=HERE)
    assert asked.kind is DoubtKind.MERGE


@pytest.mark.parametrize("traits", [ZOE, LUC])
@pytest.mark.parametrize("verdict", list(Verdict))
def test_two_who_would_have_one_number_wait_for_a_person(
    catalog: Catalog, traits: dict[str, Any], verdict: Verdict
) -> None:
    """Whether they look alike or not, and once only."""
    first, second = file_of(catalog, "CHU", "a"), file_of(catalog, "GAM CHU", "b", traits)
    catalog.identities.declare(TABLE)

    assert shown(catalog, first)[1] == "CHU"
    assert shown(catalog, second)[1:] == ("GAM CHU", traits["name"])
    (asked,) = catalog.identities.doubts(establishment=HERE)
    catalog.identities.decide(asked.id, verdict, "me", establishment=HERE)
    catalog.identities.declare({})
    catalog.identities.declare(TABLE)
    assert catalog.identities.doubts(establishment=HERE) == ()
    is_one = shown(catalog, first) == shown(catalog, second)
    assert is_one == (verdict is Verdict.SAME)


def test_a_number_that_was_merged_still_leads_to_who_survives(catalog: Catalog) -> None:
    image = file_of(catalog, OID, "a")
    catalog.identities.state(HERE, known("CHU", ZOE, "2"))
    catalog.identities.merge(HERE, known("CHU", ZOE, "2", minutes=1), ("1", OID))
    catalog.identities.declare(TABLE)
    late = file_of(catalog, "CHU", "b")

    assert shown(catalog, image) == shown(catalog, late) == ("2", "CHU", "MARTIN^ZOÉ")


def test_an_order_by_one_name_is_of_the_images_by_another(catalog: Catalog) -> None:
    catalog.identities.declare(TABLE)
    file_of(catalog, "CHU", "a")
    case = catalog.cases.place(
        OrderPlaced(
            HERE, Numbered("O1", "LABO"), Numbered("26H1", "LABO"), PatientIdentity("1", OID), NOON
        )
    )
    (patient,) = catalog.cases.case(case, establishment=HERE).patients
    assert (patient.issuer, patient.name) == ("CHU", "MARTIN^ZOÉ")


@pytest.mark.parametrize("called", ["CHU", OID, OTHER_OID, "GAM CHU", "GAM*"])
def test_queries_find_an_issuer_by_all_its_names(catalog: Catalog, called: str) -> None:
    """QIDO and C-FIND by either attribute, FHIR by the system, IHE Invoke by name and by OID."""
    catalog.identities.declare({**TABLE, ELSEWHERE: (Issuer("CHU", (STRANGE,)),)})
    image = kept(catalog, "a", PatientIdentity("1", "CHU", **ZOE))
    catalog.advance(image.id, ImageState.PUBLISHED)
    for name in ("IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence.UniversalEntityID"):
        found = catalog.instances.patients(Query({name: called}), establishment=None)
        assert [one.patient.issuer for one in found] == ["CHU"]
        none = catalog.instances.patients(Query({name: STRANGE}), establishment=None)
        assert none == []
    if "*" in called:
        return
    system = Criterion("identifier", (Token("1", called),))
    assert len(catalog.resources.patients(Search((system,)), establishment=HERE)) == 1
    for number in (PatientNumber("1", called), PatientNumber("1", "", called)):
        shown_there = catalog.invoked.find(Asked((number,)), establishment=HERE)
        assert shown_there.exams == (image.exam_id,)
    elsewhere = Asked((PatientNumber("1", "CHU", STRANGE),))
    with pytest.raises(NotFound):
        catalog.invoked.find(elsewhere, establishment=HERE)


def test_processes_that_start_together_renumber_once(catalog: Catalog) -> None:
    images = [file_of(catalog, OID, str(one), number=str(one)) for one in range(8)]
    with ThreadPoolExecutor(3) as together:
        for each in [together.submit(catalog.identities.declare, TABLE) for _ in range(3)]:
            each.result()
    assert {shown(catalog, one)[1] for one in images} == {"CHU"}
    assert catalog.identities.doubts(establishment=HERE) == ()
