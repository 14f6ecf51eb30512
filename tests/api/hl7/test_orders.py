"""Orders as laboratories send them: several specimens, late, doubled, reordered, cancelled."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

import pytest

from api.hl7.exchange import Exchange
from api.work import Workplace
from archive.cases.case import Case
from archive.cases.laboratory import Laboratory
from archive.cases.order import Priority
from tests.api.hl7.conftest import GAM, HERE, message
from tests.api.hl7.test_exchange import LOCAL, told
from tests.archive.cases.test_decide import PATTERN

PID = "PID|1||77^^^CHU^PI~270019999999999^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.8&ISO^INS-NIR"
PID += "||ESSAI^Zoé||19570307|F"
LABO = Laboratory("LABO", PATTERN, frozen=("EXT",))


@pytest.fixture
def lab(place: Workplace) -> Workplace:
    place.catalog.cases.declare({HERE: LABO})
    return place


def sent(place: Workplace, *messages: bytes) -> list[str]:
    exchange = Exchange(place, (GAM,))
    return [told(exchange.answer(one, LOCAL))[0] for one in messages]


def o21(
    *containers: str,
    control: str = "NW",
    number: str = "1",
    at: str = "20260301120000",
    written: str = "",
    asked: str = "HES",
    pid: str = PID,
) -> bytes:
    named = [
        segment
        for at_, one in enumerate(containers, 1)
        for segment in (f"SPM|{at_}|^{one}||TISS^Tissu", f"SAC||26H00012^LABO|{one}")
    ]
    said = message(
        "OML^O21",
        pid,
        f"ORC|{control}|P1^SERVICE|F1^LABO||||||{at}",
        "TQ1|1||||||||S",
        f"OBR|1|P1^SERVICE|F1^LABO|{asked}^Coloration",
        *named,
        control=number,
    )
    return said.replace(b"|20260301120000||", f"|{written or at}||".encode(), 1)


def the_case(place: Workplace) -> Case:
    (one,) = place.catalog.cases.list_cases(
        establishment=HERE, since=datetime(2026, 1, 1, tzinfo=UTC)
    )
    return place.catalog.cases.case(one.id, establishment=HERE)


def slides(case: Case) -> dict[str, bool]:
    return {
        f"{one.position.specimen}{one.position.block}-{one.position.slide}": one.is_expected
        for one in case.slides
    }


def test_an_order_with_several_specimens_and_containers_is_taken(lab: Workplace) -> None:
    assert sent(lab, o21("26H00012-A1-1", "26H00012-A1-2-PAS", "26H00012-B1-1")) == ["AA"]
    case = the_case(lab)
    assert (case.accession.number, case.accession.issuer) == ("26H00012", "LABO")
    assert slides(case) == {"A1-1": True, "A1-2": True, "B1-1": True}
    assert [one.stain for one in case.slides] == ["", "PAS", ""]
    assert case.priority is Priority.URGENT
    (order,) = case.orders
    assert (order.order.number, order.placer and order.placer.number) == ("F1", "P1")
    (patient,) = case.patients
    assert (patient.patient_id, patient.issuer, patient.name) == ("77", "CHU", "ESSAI^Zoé")
    assert (str(patient.birth_date), patient.sex) == ("1957-03-07", "F")


def test_by_specimen_and_without_a_pattern_places_follow_from_what_was_made_of_what(
    place: Workplace,
) -> None:
    told_by_specimen = message(
        "OML^O33",
        PID,
        "SPM|1|^X26-1||SKIN^Peau, avant-bras",
        "SAC||26H00012|X26-1",
        "SAC||26H00012|X26-1-A|X26-1",
        "SAC||26H00012|X26-1-A-01|X26-1-A",
        "ORC|NW||F1^LABO||||||20260301120000",
        "OBR|1||F1^LABO|HES",
        "ORC|NW||F2^LABO||||||20260301120000",
        "OBR|1||F2^LABO|EXT",
        "SPM|2|^X26-2||SKIN^Peau, joue",
        "SAC||26H00012|X26-2",
        "ORC|NW||F3^LABO||||||20260301120000",
        "OBR|1||F3^LABO|HES",
    )
    place.catalog.cases.declare({HERE: replace(LABO, barcode=None)})
    assert sent(place, told_by_specimen) == ["AA"]
    case = the_case(place)
    assert [(one.name, one.description) for one in case.specimens] == [
        ("X26-1", "Peau, avant-bras"),
        ("X26-2", "Peau, joue"),
    ]
    (slide,) = case.slides
    assert (slide.position.block, slide.position.slide) == ("A", "01")
    assert (slide.barcode, len(case.orders)) == ("X26-1-A-01", 3)
    assert case.priority is Priority.FROZEN


def test_late_doubled_and_reordered_messages_end_as_the_newest_says(
    place: Workplace, lab: Workplace
) -> None:
    first = o21("26H00012-A1-1", "26H00012-A1-2", number="1")
    changed = o21("26H00012-A1-1", control="XO", number="2", at="20260301130000", asked="EXT")
    cancelled = o21(control="CA", number="3", at="20260301140000")
    ends = set()
    for turn, several in enumerate(permutations((first, changed, cancelled))):
        accession = f"26H001{turn:02}".encode()
        own = [
            one.replace(b"26H00012", accession)
            .replace(b"F1^", b"F%d^" % turn)
            .replace(b"|P|2.5", b"%d|P|2.5" % turn)
            for one in several
        ]
        assert sent(lab, *own, own[0]) == ["AA"] * 4
        found = lab.catalog.cases.list_cases(
            establishment=HERE, since=datetime(2026, 1, 1, tzinfo=UTC)
        )
        (one,) = (one for one in found if one.accession.number == accession.decode())
        case = lab.catalog.cases.case(one.id, establishment=HERE)
        (order,) = case.orders
        ends.add((order.is_cancelled, order.priority, one.is_cancelled, str(slides(case))))
    assert ends == {(True, Priority.FROZEN, True, "{}")}


def test_an_order_of_a_moment_to_come_is_of_when_it_was_sent(lab: Workplace) -> None:
    """Where laboratories write in ORC-9 when it is to be done, nothing later would count."""
    first = o21("26H00012-A1-1", at="20260401120000", written="20260301120000")
    cancelled = o21(control="CA", number="2", at="20260301130000")
    assert sent(lab, first, cancelled) == ["AA"] * 2
    assert the_case(lab).orders[0].is_cancelled


def test_status_alone_changes_nothing_and_a_general_order_needs_no_containers(
    lab: Workplace,
) -> None:
    general = message(
        "ORM^O01", PID, "ORC|NW|P9|F9^LABO", "OBR|1|P9|F9^LABO|ANAPATH||||||||||||||26H00012"
    )
    status = message(
        "ORM^O01",
        PID,
        "ORC|SC||F9^LABO||IP",
        "OBR|1||F9^LABO|||||||||||||||26H00012",
        control="2",
    )
    assert sent(lab, general, status) == ["AA", "AA"]
    case = the_case(lab)
    assert (case.accession.number, slides(case), case.priority) == ("26H00012", {}, "routine")


def listed(place: Workplace) -> dict[str, str]:
    """The cases, each with who gave its number."""
    found = place.catalog.cases.list_cases(
        establishment=HERE, since=datetime(2026, 1, 1, tzinfo=UTC)
    )
    return {one.accession.number: one.accession.issuer for one in found}


OTHER = "PID|1||88^^^CHU^PI||MERE^Paule||19400101|F"
PRIOR = ("ORC|PR|P0^S|F0^LABO", "OBR|1|P0^S|F0^LABO|HES||||||||||||||25H00001", "OBX|1")


def test_prior_results_are_no_orders(lab: Workplace) -> None:
    ordered = ("ORC|NW||F1^LABO", "OBR|1||F1^LABO|HES||||||||||||||26H00012")
    assert sent(lab, message("OML^O21", PID, *ordered, OTHER, *PRIOR)) == ["AA"]
    assert listed(lab) == {"26H00012": "LABO"}
    again = message("OML^O21", PID, *PRIOR, *ordered, OTHER, PRIOR[1], control="2")
    assert sent(lab, again) == ["AA"]
    assert listed(lab) == {"26H00012": "LABO"}


def test_who_is_ordered_for_is_never_a_guess(lab: Workplace) -> None:
    first = o21("26H00012-A1-1")
    other = ("ORC|NW||F2^LABO", "OBR|1||F2^LABO|HES||||||||||||||26H00099")
    two_messages = first + message("OML^O21", OTHER, *other, control="2")
    after_prior = message("OML^O21", PID, *PRIOR, OTHER, *other, control="3")
    only_prior = message("OML^O21", PID, *PRIOR, control="4")
    by_ins = o21("26H00012-A1-1", number="5", pid=INS_ALONE)
    assert sent(lab, two_messages, after_prior, only_prior, by_ins) == ["AE"] * 4
    assert listed(lab) == {}


INS_ALONE = "PID|1||270019999999999^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.8&ISO^NH||ESSAI^Zoé"


def test_a_placer_s_number_is_none_of_the_laboratory(lab: Workplace) -> None:
    placed = message("OML^O21", PID, "ORC|NW|26H00012^DPI", "OBR|1|26H00012^DPI||HES")
    of_nobody = message("OML^O21", PID, "ORC|NW|26H00013", "OBR|1|26H00013||HES", control="2")
    assert sent(lab, placed, of_nobody) == ["AA", "AE"]
    assert listed(lab) == {"26H00012": "DPI"}
    assert lab.catalog.cases.expected(HERE, ["26H00012-A1-1"]) is None


def test_the_orders_of_a_message_are_taken_all_or_none(lab: Workplace) -> None:
    too_long = "26H00013".ljust(20, "0")
    two = message(
        "OML^O21",
        PID,
        *("ORC|NW||F1^LABO", "OBR|1||F1^LABO|HES||||||||||||||26H00012"),
        *("ORC|NW||F2^LABO", f"OBR|1||F2^LABO|HES||||||||||||||{too_long}"),
    )
    assert sent(lab, two) == ["AE"]
    assert listed(lab) == {}


def test_a_year_is_no_birth_date_and_a_flag_stops_linking(lab: Workplace) -> None:
    assert sent(lab, o21("26H00012-A1-1", pid=PID.replace("19570307", "1957"))) == ["AA"]
    assert the_case(lab).patients[0].birth_date is None
    flagged = PID + "|" * 24 + "VALI~USUR"
    assert lab.catalog.cases.expected(HERE, ["26H00012-A1-1"]) is not None
    assert sent(lab, message("ADT^A31", flagged, control="2")) == ["AA"]
    assert lab.catalog.cases.expected(HERE, ["26H00012-A1-1"]) is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (message("OML^O21", PID, control="8"), "no order"),
        (message("OML^O21", PID, "ORC|NW", "OBR|1", control="8"), "no number"),
        (message("OML^O21", "PID|1", "ORC|NW||F1", control="8"), "no number of the patient"),
        (message("OML^O21", "ORC|NW||F1", control="8"), "PID is missing"),
        (message("OML^O21", PID, "ORC|NW||F123456789012345678", control="8"), "holds 16"),
    ],
    ids=str,
)
def test_what_cannot_be_kept_is_told_without_a_word_of_the_patient(
    lab: Workplace, wrong: bytes, said: str
) -> None:
    code, _, words = told(Exchange(lab, (GAM,)).answer(wrong, LOCAL))
    assert code == "AE"
    assert said in words
    assert "ESSAI" not in words
