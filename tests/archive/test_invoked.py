"""What another system asks to be shown is found exactly, or not at all."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from archive.cases.order import Numbered, Stay, Visit
from archive.cases.schema import scan_text
from archive.catalog import Catalog
from archive.errors import NotAllowed, NotFound
from archive.identities.ins import NIR, Ins, key_of
from archive.identities.stated import Flag, Stated, Status
from archive.identity import PatientIdentity
from archive.invoked.asked import Asked, Bounds, Found, PatientNumber
from archive.record import Image, ImageKind, ImageState
from tests.archive.cases.conftest import LABORATORY, NUMBER, label, order, scanned
from tests.archive.conftest import ELSEWHERE, HERE, digest

ANNE = PatientIdentity("1234", "NORD", "ESSAI^Anne")
TWIN = PatientIdentity("1234", "SUD", "ESSAI^Annie")
BRUNO = PatientIdentity("77", "NORD", "MODÈLE^Bruno")
INS = "1700133063001" + f"{key_of('1700133063001'):02}"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def slide(
    catalog: Catalog,
    patient: PatientIdentity | None,
    name: str,
    number: str | None = None,
    issuer: str | None = None,
    establishment: str = HERE,
) -> Image:
    return catalog.receive(
        establishment=establishment,
        kind=ImageKind.SLIDE,
        source_sha256=digest(name),
        plan="full",
        patient=patient,
        accession_number=number,
        issuer=issuer,
    )


def find(catalog: Catalog, asked: Asked, establishment: str | None = HERE) -> Found:
    return catalog.invoked.find(asked, establishment=establishment)


def of(number: str, issuer: str = "", oid: str = "", bounds: Bounds | None = None) -> Asked:
    return Asked((PatientNumber(number, issuer, oid),), bounds=bounds or Bounds())


def state(catalog: Catalog, patient: PatientIdentity, at: datetime = NOW, **traits: Any) -> None:
    ins = traits.pop("ins", None)
    told = {"name": patient.name, **traits}
    said = Stated(patient.patient_id, patient.issuer, told, at=at, by="HIS", ins=ins)
    catalog.identities.state(HERE, said)


def test_a_patient_is_found_by_number_and_issuer_the_newest_exam_first(catalog: Catalog) -> None:
    exams = [slide(catalog, ANNE, f"s{n}", f"N{n}", "LABO").exam_id for n in range(3)]
    slide(catalog, TWIN, "other")
    found = find(catalog, of("1234", "NORD"))
    assert found.exams == tuple(reversed(exams))
    assert found.establishment == HERE
    whose = catalog.invoked.exams(found)
    assert [one.patient for one in whose] == [ANNE] * 3
    assert {one.patient_key for one in whose} == {found.patient_key}
    assert find(catalog, of("1234", "NORD", bounds=Bounds(most_recent=1))).exams == (exams[2],)


def test_what_could_mean_two_patients_is_as_what_is_not_there(catalog: Catalog) -> None:
    slide(catalog, ANNE, "one")
    slide(catalog, TWIN, "two")
    slide(catalog, BRUNO, "there", establishment=ELSEWHERE)
    told = set()
    for asked in (
        of("1234"),
        of("9999"),
        of("1234", "EST"),
        of("77", "NORD"),
        Asked((PatientNumber("1234", "NORD"), PatientNumber("1234", "SUD"))),
        Asked(),
        Asked(studies=("1.2.3",)),
    ):
        with pytest.raises(NotFound) as refused:
            find(catalog, asked)
        told.add(str(refused.value))
    assert told - {"Nothing is asked for."} == {
        "Nothing is found by what was asked, or not exactly one patient."
    }
    # Who serves both houses is told neither: the number is known in one of them alone.
    assert find(catalog, of("77"), None).establishment == ELSEWHERE


def test_an_oid_says_more_than_a_name(catalog: Catalog) -> None:
    slide(catalog, ANNE, "one")
    assert find(catalog, of("1234", "NORD", "1.2.250.1")).exams
    state(catalog, ANNE, issuer_oid="1.2.250.1")
    assert find(catalog, of("1234", "", "1.2.250.1")).exams
    assert find(catalog, of("1234", "ANOTHER NAME", "1.2.250.1")).exams
    with pytest.raises(NotFound):
        find(catalog, of("1234", "NORD", "1.2.250.9"))


def test_a_merged_number_leads_to_who_survives(catalog: Catalog) -> None:
    again = PatientIdentity("4321", "NORD", "ESSAI^Anne")
    one, two = slide(catalog, ANNE, "one"), slide(catalog, again, "two")
    into = Stated("4321", "NORD", {}, at=NOW, by="HIS")
    catalog.identities.merge(HERE, into, ("1234", "NORD"))
    for number in ("1234", "4321"):
        assert set(find(catalog, of(number, "NORD")).exams) == {one.exam_id, two.exam_id}


def test_an_ins_is_found_while_its_identity_is_qualified_and_not_flagged(catalog: Catalog) -> None:
    exam = slide(catalog, ANNE, "one").exam_id
    qualified: dict[str, Any] = {"status": Status.QUALIFIED, "ins": Ins(INS, NIR)}
    state(catalog, ANNE, **qualified)
    for asked in (of(INS, oid=NIR), of(INS, "ASIP-SANTE-INS-NIR")):
        assert find(catalog, asked).exams == (exam,)
    # The authority is a part of it, and it is nobody's number of the house.
    for asked in (of(INS, oid="1.2.250.1.213.1.4.10"), of(INS), of(INS, "NORD")):
        with pytest.raises(NotFound):
            find(catalog, asked)
    both = Asked((PatientNumber(INS, oid=NIR), PatientNumber("1234", "NORD")))
    assert find(catalog, both).exams == (exam,)
    state(catalog, ANNE, NOW + timedelta(hours=1), flags=[Flag.COLLISION_POSSIBLE], **qualified)
    with pytest.raises(NotFound):
        find(catalog, of(INS, oid=NIR))
    assert find(catalog, both).exams == (exam,)


def test_what_became_another_patients_since_is_neither_told_nor_let_go(catalog: Catalog) -> None:
    slide(catalog, ANNE, "one", NUMBER, "LABO")
    slide(catalog, BRUNO, "two")
    found = find(catalog, of("1234", "NORD"))
    visit = Visit(Stay.VISIT, Numbered("V1"))
    catalog.cases.place(order(patient=ANNE, visits=(visit,)))
    to = Stated("77", "NORD", {"name": BRUNO.name}, at=NOW, by="HIS")
    catalog.identities.move_visit(HERE, to, ("1234", "NORD"), [visit])
    assert catalog.invoked.exams(found) == ()
    assert catalog.invoked.let_go(found, "dpi/anne").shown == ()


def test_numbers_that_contradict_what_is_known_of_a_patient_find_nobody(catalog: Catalog) -> None:
    slide(catalog, ANNE, "one")
    state(catalog, ANNE, status=Status.QUALIFIED, ins=Ins(INS, NIR))
    other = "1700133063002" + f"{key_of('1700133063002'):02}"
    known = PatientNumber("1234", "NORD")
    assert find(catalog, Asked((known, PatientNumber("8", "EST")))).exams
    # An INS that is known to be another one says that the number is somebody else's.
    with pytest.raises(NotFound):
        find(catalog, Asked((known, PatientNumber(other, oid=NIR))))


def test_an_ins_leads_to_nobody_whose_own_identity_is_flagged(catalog: Catalog) -> None:
    slide(catalog, ANNE, "one")
    state(catalog, ANNE, status=Status.QUALIFIED, ins=Ins(INS, NIR))
    slide(catalog, BRUNO, "two")
    state(catalog, BRUNO)
    catalog.identities.merge(HERE, Stated("77", "NORD", {}, at=NOW, by="HIS"), ("1234", "NORD"))
    assert len(find(catalog, of("77", "NORD")).exams) == 2
    state(catalog, BRUNO, NOW + timedelta(hours=1), flags=[Flag.DUPLICATE])
    with pytest.raises(NotFound):
        find(catalog, of(INS, oid=NIR))


def test_studies_and_orders_are_of_one_patient_and_those_missing_are_counted(
    catalog: Catalog,
) -> None:
    first = slide(catalog, ANNE, "one", "N1", "LABO").exam_id
    second = slide(catalog, ANNE, "two", "N2", "LABO").exam_id
    other = slide(catalog, BRUNO, "three", "N3", "LABO").exam_id
    uids = {
        one: catalog.exam(one, establishment=HERE, states=tuple(ImageState)).study_instance_uid
        for one in (first, second, other)
    }
    found = find(catalog, Asked(studies=(uids[first], "1.2.3", uids[second])))
    assert (found.exams, found.missing) == ((second, first), 1)
    assert find(catalog, Asked(orders=(Numbered("N1"),))).exams == (first,)
    assert find(catalog, Asked(orders=(Numbered("N1", "LABO"),))).exams == (first,)
    whose = (PatientNumber("1234", "NORD"),)
    assert find(catalog, Asked(whose, studies=(uids[first],))).exams == (first,)
    for asked in (
        Asked(studies=(uids[first], uids[other])),
        Asked(orders=(Numbered("N1"), Numbered("N3"))),
        Asked(orders=(Numbered("N1", "AUTRE"),)),
        Asked(whose, studies=(uids[other],)),
    ):
        with pytest.raises(NotFound):
            find(catalog, asked)
    with pytest.raises(NotFound):
        find(catalog, Asked(studies=(uids[first],)), ELSEWHERE)
    slide(catalog, BRUNO, "four", "N1", "AUTRE LABO")
    with pytest.raises(NotFound):
        find(catalog, Asked(orders=(Numbered("N1"),)))
    assert find(catalog, Asked(orders=(Numbered("N1", "LABO"),))).exams == (first,)


def test_dates_and_modalities_bound_what_is_shown(catalog: Catalog) -> None:
    exam = slide(catalog, ANNE, "one").exam_id
    now = datetime.now(UTC)
    hour = timedelta(hours=1)

    def within(bounds: Bounds) -> tuple[str, ...]:
        return find(catalog, of("1234", "NORD", bounds=bounds)).exams

    assert within(Bounds(lower=now - hour, upper=now + hour)) == (exam,)
    for bounds in (
        Bounds(lower=now + hour),
        Bounds(upper=now - hour),
        Bounds(modalities=("CT",)),
    ):
        with pytest.raises(NotFound):
            within(bounds)


def test_a_slide_is_found_by_its_barcode_the_latest_scan_in_its_case(catalog: Catalog) -> None:
    catalog.cases.declare({HERE: LABORATORY})
    case = catalog.cases.place(order())
    scanned(catalog, label("A1-1"), "first")
    again = scanned(catalog, label("A1-1"), "again")
    found = find(catalog, Asked(barcode=label("A1-1")))
    assert (found.image, found.case, found.exams) == (again.id, case, (again.exam_id,))
    lost = scanned(catalog, "OF NOBODY")
    found = find(catalog, Asked(barcode="OF NOBODY"))
    assert (found.image, found.case, found.patient_key) == (lost.id, None, None)
    for asked, where in (
        (Asked(barcode="none"), HERE),
        (Asked(barcode=label("A1-1")), ELSEWHERE),
        (Asked((PatientNumber("77", "NORD"),), barcode=label("A1-1")), HERE),
    ):
        with pytest.raises(NotFound):
            find(catalog, asked, where)
    scanned(catalog, label("A1-1"), "stranger", patient=BRUNO)
    with pytest.raises(NotFound):
        find(catalog, Asked(barcode=label("A1-1")))
    assert NUMBER in label("A1-1")


def test_what_stands_on_several_slides_opens_their_exam_and_none_of_them(catalog: Catalog) -> None:
    catalog.cases.declare({HERE: LABORATORY})
    case = catalog.cases.place(order())
    slides = [scanned(catalog, label(f"A1-{n}"), f"{n}") for n in (1, 2)]
    alone = find(catalog, Asked(barcode=label("A1-2")))
    assert alone.image == slides[1].id
    with catalog._database.write() as connection:
        for one in slides:
            said = {"image_id": one.id, "text": "BLOC A1", "place": 1}
            connection.execute(sa.insert(scan_text).values(said))
    both = find(catalog, Asked(barcode="BLOC A1"))
    assert (both.image, both.case, both.exams) == (None, case, (slides[1].exam_id,))


def test_what_is_let_go_is_written_down(catalog: Catalog) -> None:
    image = slide(catalog, ANNE, "one")
    gone = catalog.invoked.let_go(find(catalog, of("1234", "NORD")), "dpi/anne")
    assert ([one.image for one in gone.shown], gone.kept) == ([image.id], 0)
    (written,) = catalog.departures.latest(establishment=HERE, limit=9)
    assert (written.by, written.leaving.images) == ("dpi/anne", (image.id,))


def test_a_proof_counts_once(catalog: Catalog) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=5)
    catalog.invoked.require_first("abc", soon)
    with pytest.raises(NotAllowed):
        catalog.invoked.require_first("abc", soon)
    # It is no key that anybody could redeem.
    with pytest.raises(NotAllowed):
        catalog.redeem_key("abc")
    with pytest.raises(NotAllowed):
        catalog.invoked.require_first("abc", soon)
