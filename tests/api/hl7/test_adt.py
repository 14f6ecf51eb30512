"""Messages of PAM-FR, from their bytes to whose an image is."""

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from api.hl7.answers import Code
from api.hl7.exchange import Exchange
from api.work import Workplace
from archive import schema
from archive.errors import NotFound
from archive.identities.ins import key_of
from archive.identities.issuer import Issuer
from archive.identities.schema import Act
from archive.identity import PatientIdentity
from archive.messages.schema import message as message_table
from archive.query import Query
from archive.record import ImageKind, ImageState
from tests.api.hl7.conftest import GAM, HERE, message
from tests.api.hl7.test_exchange import LOCAL, told
from tests.api.hl7.test_orders import LABO, PID, o21, sent
from tests.archive.conftest import digest

BODY = "2550814168025"
INS = f"{BODY}{key_of(BODY):02}"
OTHER = "2550814168026"
OTHER_INS = f"{OTHER}{key_of(OTHER):02}"
NIR = "ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.8&ISO^INS"


def pid(number: str, ins: str | None = None, status: str = "", name: str = "MARTIN") -> str:
    numbers = f"{number}^^^CHU&1.2.3.4&ISO^PI" + ("" if ins is None else f"~{ins}^^^{NIR}")
    names = f"DURAND^ZOÉ^ZOÉ LÉA^^^^L~{name}^ZOÉ^^^^^D"
    return f"PID|1||{numbers}||{names}||19700131|F|||^^^^^^BDL^^2A004" + "|" * 21 + status


class Hospital:
    """Sends messages, each under its own number, and tells what was answered."""

    def __init__(self, place: Workplace) -> None:
        self.catalog, self.exchange, self.count = place.catalog, Exchange(place, (GAM,)), 0

    def send(self, event: str, *segments: str) -> tuple[str, str]:
        self.count += 1
        at = f"EVN||202603011200{self.count:02}"
        payload = message(f"ADT^{event}", at, *segments, control=str(self.count))
        code, _, words = told(self.exchange.answer(payload, LOCAL))
        return code, words

    def whose(self, exam_id: str) -> str:
        exam = self.catalog.exam(exam_id, establishment=HERE, states=tuple(ImageState))
        assert exam.patient is not None
        return exam.patient.patient_id

    def image(self, number: str, file: str, accession_number: str | None = None) -> str:
        patient = PatientIdentity(number, "CHU")
        return self.catalog.receive(
            establishment=HERE,
            kind=ImageKind.SLIDE,
            source_sha256=digest(file),
            plan="full",
            patient=patient,
            accession_number=accession_number,
            issuer=accession_number and "LABO",
        ).exam_id

    def ins_rows(self) -> list[str]:
        """The national identifiers that the numbers of these tests hold, merged or not."""
        held = sa.select(schema.patient.c.ins).where(schema.patient.c.ins.is_not(None))
        with self.catalog._database.read() as connection:
            return [str(one) for one in connection.scalars(held)]

    def payloads(self) -> list[bytes]:
        """What is kept of messages."""
        kept = sa.select(message_table.c.payload).where(message_table.c.payload.is_not(None))
        with self.catalog._database.read() as connection:
            return [bytes(one) for one in connection.scalars(kept)]

    def known(self, number: str) -> PatientIdentity:
        lesions = self.catalog.lesions
        key = lesions.patient_key(PatientIdentity(number, "CHU"), establishment=HERE)
        return self.catalog.patient(key, establishment=HERE)


@pytest.fixture
def hospital(place: Workplace) -> Hospital:
    return Hospital(place)


def test_a_patient_is_stated(hospital: Hospital) -> None:
    assert hospital.send("A28", pid("1", INS, "QUAL")) == ("AA", "")
    found = hospital.known("1")
    assert (found.name, found.birth_name, found.sex) == ("MARTIN^ZOÉ", "DURAND^ZOÉ", "F")
    assert (found.ins, found.issuer_oid) == (INS, "1.2.3.4")
    assert hospital.send("A31", pid("1", INS, "VALI", name="LEROY"))[0] == "AA"
    assert hospital.known("1").name == "LEROY^ZOÉ"


@pytest.mark.parametrize(
    ("ins", "status", "words"),
    [
        (INS, "", "qualified identity alone"),
        (INS, "PROV", ""),
        (INS, "RECUP", ""),
        (INS, "QUAL~HOMA", "flagged"),
        (INS[:-1] + "0", "QUAL", "key or its authority"),
    ],
)
def test_the_message_is_taken_without_an_identifier_that_is_not(
    hospital: Hospital, ins: str, status: str, words: str
) -> None:
    code, said = hospital.send("A28", pid("1", ins, status))
    assert code == "AA"
    assert words in said
    assert hospital.known("1").ins is None
    assert hospital.known("1").name == "MARTIN^ZOÉ"


def test_an_identifier_is_replaced_and_deleted(hospital: Hospital) -> None:
    hospital.send("A28", pid("1", INS, "QUAL"))
    replaced = f"MRG|1^^^CHU&1.2.3.4&ISO^PI~{INS}^^^{NIR}"
    assert hospital.send("A47", pid("1", OTHER_INS, "QUAL"), replaced)[0] == "AA"
    assert hospital.known("1").ins == OTHER_INS
    gone = f"MRG|{OTHER_INS}^^^{NIR}"
    assert hospital.send("A47", pid("1", '""'), gone)[0] == "AA"
    assert hospital.known("1").ins is None
    kept = hospital.catalog.inbox.listed(establishment=HERE)
    for one in kept:
        with pytest.raises(NotFound):
            hospital.catalog.inbox.payload(one.id, establishment=HERE)


def test_an_identifier_is_withdrawn_under_either_number_however_late(hospital: Hospital) -> None:
    mrg = f"MRG|1^^^CHU&1.2.3.4&ISO^PI~{INS}^^^{NIR}"
    hospital.send("A28", pid("1", INS, "QUAL"))
    assert hospital.send("A47", pid("2"), mrg)[0] == "AA"
    assert hospital.known("1").ins is None
    assert hospital.ins_rows() == []
    hospital.send("A28", pid("3", INS, "QUAL"))
    hospital.count = 20
    hospital.send("A31", pid("3", name="LEROY"))
    hospital.count = 10
    hospital.send("A47", pid("3", '""'), f"MRG|{INS}^^^{NIR}")
    assert hospital.ins_rows() == []


def test_a_late_message_brings_no_withdrawn_identifier_back_into_what_is_kept(
    hospital: Hospital,
) -> None:
    hospital.count = 5
    hospital.send("A28", pid("1", INS, "QUAL"))
    hospital.send("A47", pid("1", '""'), f"MRG|{INS}^^^{NIR}")
    hospital.count = 0
    hospital.send("A28", pid("1", INS, "QUAL", name="LATE"))
    hospital.count = 20
    hospital.send("A31", pid("1", INS, "PROV", name="UNPROVEN"))
    assert hospital.known("1").ins is None
    assert INS.encode() not in b"".join(hospital.payloads())


def test_a_withdrawn_identifier_is_on_no_page_of_the_catalogue_s_file(
    hospital: Hospital, tmp_path: Path
) -> None:
    def on_disk() -> list[str]:
        files = (tmp_path / "data").glob("catalog.sqlite*")
        return [one.name for one in files if INS.encode() in one.read_bytes()]

    hospital.send("A28", pid("1", INS, "QUAL"))
    assert on_disk()
    hospital.send("A31", pid("1", INS, "PROV"))
    assert on_disk() == []


def test_an_identifier_is_withdrawn_from_what_was_merged(hospital: Hospital) -> None:
    hospital.send("A28", pid("1"))
    hospital.send("A28", pid("2", INS, "QUAL"))
    hospital.send("A28", pid("3", OTHER_INS, "QUAL"))
    for number in "23":
        assert hospital.send("A40", pid("1"), f"MRG|{number}^^^CHU&1.2.3.4&ISO^PI") == ("AA", "")
    hospital.send("A47", pid("1", '""'), f"MRG|{INS}^^^{NIR}")
    assert hospital.ins_rows() == [OTHER_INS]


def test_a_moment_that_is_still_to_come_does_not_outdate_what_follows(hospital: Hospital) -> None:
    future = message("ADT^A28", "EVN||20990301120000", pid("1"), control="future")
    assert told(hospital.exchange.answer(future, LOCAL))[0] == "AA"
    assert hospital.send("A31", pid("1", name="LEROY")) == ("AA", "")
    assert hospital.known("1").name == "LEROY^ZOÉ"


def test_a_merge_that_is_half_wrong_is_not_done_by_half(hospital: Hospital) -> None:
    exams = [hospital.image(number, number) for number in "123"]
    mrg = "MRG|2^^^CHU&1.2.3.4&ISO^PI"
    assert hospital.send("A40", pid("1"), mrg, pid("3"), "MRG|")[0] == "AE"
    assert [hospital.known(number).patient_id for number in "123"] == list("123")
    assert len(set(exams)) == 3


def test_patients_are_merged_in_one_message(hospital: Hospital) -> None:
    exams = [hospital.image(number, number) for number in "123"]
    mrg = [f"MRG|{number}^^^CHU&1.2.3.4&ISO^PI" for number in "23"]
    assert hospital.send("A40", pid("1"), mrg[0], pid("1"), mrg[1])[0] == "AA"
    keys = {hospital.known(number).patient_id for number in "123"}
    assert keys == {"1"}
    assert len(exams) == 3


def test_a_number_is_changed(hospital: Hospital) -> None:
    hospital.image("1", "a")
    assert hospital.send("A47", pid("9"), "MRG|1^^^CHU&1.2.3.4&ISO^PI") == ("AA", "")
    assert hospital.known("1").patient_id == "9"


def test_a_visit_that_nobody_knows_waits(hospital: Hospital) -> None:
    hospital.image("1", "a")
    mrg = "MRG|1^^^CHU&1.2.3.4&ISO^PI||V7"
    code, words = hospital.send("A44", pid("2"), mrg)
    assert (code, "a person has to look at it" in words) == ("AA", True)
    assert hospital.send("A44", pid("2"), "MRG|1^^^CHU&1.2.3.4&ISO^PI")[0] == "AE"


@pytest.mark.parametrize(
    ("before", "is_moved"),
    [("||A7^^^CHU", True), ("||A8", False), ("||V9", False), ("||||V9^^^CHU", True)],
)
def test_an_account_takes_along_what_was_ordered_in_it(
    hospital: Hospital, before: str, is_moved: bool
) -> None:
    """PID-18 and PV1-19 of an order say in which; PID-18 of A44 may be a new number."""
    hospital.catalog.cases.declare({HERE: LABO})
    mine = hospital.image("77", "a", "26H00012")
    stays = hospital.image("77", "b")
    asked_in = f"{PID}{'|' * 10}A7^^^CHU&1.2.3.4&ISO^AN\rPV1|1|O{'|' * 17}V9^^^CHU^VN"
    order = o21("26H00012-A1-1", number="o1", pid=asked_in)
    assert sent(hospital.exchange.place, order) == ["AA"]
    to = f"PID|1||2^^^CHU^PI||ESSAI^Paul{'|' * 13}A9"
    assert hospital.send("A44", to, f"MRG|77^^^CHU^PI{before}")[0] == "AA"
    assert [hospital.whose(one) for one in (mine, stays)] == ["2" if is_moved else "77", "77"]


@pytest.mark.parametrize(
    ("event", "segments", "code", "words"),
    [
        ("A08", (pid("1"),), Code.REJECTED, "A31"),
        ("A28", (), Code.ERROR, "PID is missing"),
        ("A28", ("PID|1||^^^CHU^PI",), Code.ERROR, "hospital's own"),
        ("A28", ("PID|1||1^^^A^PI~2^^^B^PI",), Code.ERROR, "more than one number"),
        ("A28", ("PID|1||1^^^CHU^PI||A^B||19701331",), Code.ERROR, "birth date"),
        ("A40", (pid("1"),), Code.ERROR, "MRG is missing"),
        ("A40", ("MRG|1", pid("1")), Code.ERROR, "before any PID"),
    ],
)
def test_what_cannot_be_done_is_answered_with_the_reason(
    hospital: Hospital, event: str, segments: tuple[str, ...], code: Code, words: str
) -> None:
    answer = hospital.send(event, *segments)
    assert answer[0] == code
    assert words in answer[1]
    assert "ZOÉ" not in answer[1]


def test_what_was_ordered_for_a_number_goes_home_with_it(hospital: Hospital) -> None:
    cases = hospital.catalog.cases
    cases.declare({HERE: LABO})
    assert sent(hospital.exchange.place, o21("26H00012-A1-1", number="o1")) == ["AA"]
    hospital.send("A28", pid("77", name="ESSAI"))
    hospital.send("A28", pid("88", name="ESSAI"))
    assert hospital.send("A40", pid("88", name="ESSAI"), "MRG|77^^^CHU^PI") == ("AA", "")
    found = cases.expected(HERE, ["26H00012-A1-1"])
    assert found is not None
    image = hospital.catalog.receive(
        establishment=HERE,
        kind=ImageKind.SLIDE,
        source_sha256=digest("a"),
        plan="full",
        patient=found.patient,
        accession_number=found.accession_number,
        issuer=found.issuer,
    )
    key = hospital.catalog.lesions.patient_key(PatientIdentity("88", "CHU"), establishment=HERE)
    acts = hospital.catalog.identities.history(key, establishment=HERE)
    (event,) = (one.id for one in acts if one.act is Act.MERGED)
    hospital.catalog.identities.undo(event, "me", establishment=HERE)
    every = tuple(ImageState)
    exam = hospital.catalog.exam(image.exam_id, establishment=HERE, states=every)
    assert exam.patient is not None
    assert exam.patient.patient_id == "77"


def test_messages_of_another_time_change_nothing(hospital: Hospital) -> None:
    hospital.count = 5
    hospital.send("A31", pid("1", name="NEW"))
    hospital.count = 2
    code, words = hospital.send("A31", pid("1", name="OLD"))
    assert (code, "something newer is known" in words) == ("AA", True)
    assert hospital.known("1").name == "NEW^ZOÉ"
    assert hospital.catalog.instances.studies(Query(), establishment=HERE) == []


def test_what_only_the_older_statement_says_is_kept(hospital: Hospital) -> None:
    hospital.count = 5
    assert hospital.send("A31", "PID|1||1^^^CHU^PI||NEW^ZOÉ") == ("AA", "")
    hospital.count = 2
    assert hospital.send("A28", "PID|1||1^^^CHU^PI||OLD^ZOÉ||19700131|F") == ("AA", "")
    found = hospital.known("1")
    assert (found.name, found.sex, found.birth_date) == ("NEW^ZOÉ", "F", date(1970, 1, 31))


def test_an_identifier_is_as_the_newest_that_speaks_of_it(hospital: Hospital) -> None:
    hospital.count = 5
    hospital.send("A28", pid("1", '""'))
    hospital.count = 2
    hospital.send("A28", pid("1", INS, "QUAL"))
    assert hospital.known("1").ins is None
    hospital.count = 20
    hospital.send("A31", pid("1", INS, "QUAL"))
    hospital.count = 30
    hospital.send("A31", pid("1", name="LEROY"))
    hospital.count = 25
    hospital.send("A31", pid("1", '""'))
    assert hospital.known("1").ins is None


def test_messages_name_an_issuer_by_its_oid_or_by_another_name(place: Workplace) -> None:
    """In PID and in MRG, where the site says that they are one; else they are refused by name."""
    sender = Hospital(place)
    place.catalog.identities.declare({HERE: (Issuer("CHU", ("1.2.3.4",)),)})
    exam = sender.image("7", "a")
    by_oid = pid("7").replace("CHU&1.2.3.4&ISO", "&1.2.3.4&ISO")
    assert sender.send("A31^ADT_A05", by_oid)[0] == "AA"
    (one,) = (place.catalog.exam(exam, establishment=HERE, states=tuple(ImageState)).patient,)
    assert one is not None
    assert (one.name, one.issuer, one.issuer_oid) == ("MARTIN^ZOÉ", "CHU", "1.2.3.4")

    gone = "MRG|7^^^OTHER&1.2.3.4&ISO^PI"
    assert sender.send("A40^ADT_A39", pid("8"), gone)[0] == "AA"
    assert sender.whose(exam) == "8"
    contradicts = pid("8").replace("1.2.3.4", "1.2.3.5")
    code, words = sender.send("A31^ADT_A05", contradicts)
    assert (code, "not one issuer's" in words) == ("AE", True)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ("7^^^&1.2.3.4&ISO^PI~99^^^OTHER^PI", "AA"),
        ("7^^^&1.2.3.4&ISO^PI~7^^^CHU^PI", "AA"),
        ("7^^^&1.2.3.4&ISO^PI~8^^^CHU^PI", "AE"),
        ("7^^^OTHER^PI~7^^^ANOTHER^PI", "AE"),
    ],
)
def test_of_several_numbers_the_hospitals_own_is_taken_by_any_of_its_names(
    place: Workplace, numbers: str, expected: str
) -> None:
    """Two numbers of one hospital are nobody, however it is called beside each."""
    sender = Hospital(place)
    place.catalog.identities.declare({HERE: (Issuer("CHU", ("1.2.3.4",)),)})
    exam = sender.image("7", "a")
    said = pid("7").replace("7^^^CHU&1.2.3.4&ISO^PI", numbers)
    assert sender.send("A31^ADT_A05", said)[0] == expected
    stated = place.catalog.exam(exam, establishment=HERE, states=tuple(ImageState)).patient
    assert stated is not None
    assert stated.name == ("MARTIN^ZOÉ" if expected == "AA" else "")


def test_a_code_that_is_not_known_lifts_no_warning(place: Workplace) -> None:
    """PID-32 of another sender, or mistyped: a number that is flagged is still merged by nobody."""
    sender = Hospital(place)
    exam = sender.image("7", "a")
    sender.send("A31^ADT_A05", pid("7", status="VALI~COLV"))
    sender.send("A31^ADT_A05", pid("7", status="UD"))
    code, words = sender.send("A40^ADT_A39", pid("8"), "MRG|7^^^CHU&1.2.3.4&ISO^PI")
    assert (code, "a person" in words, sender.whose(exam)) == ("AA", True, "7")
    sender.send("A31^ADT_A05", pid("7", status="VALI"))
    sender.send("A40^ADT_A39", pid("8"), "MRG|7^^^CHU&1.2.3.4&ISO^PI")
    assert sender.whose(exam) == "8"


def test_an_emptied_status_takes_the_national_identifier_away(place: Workplace) -> None:
    sender = Hospital(place)
    sender.send("A28^ADT_A05", pid("7", INS, "QUAL"))
    assert sender.ins_rows() == [INS]
    sender.send("A31^ADT_A05", pid("7", status='""'))
    assert sender.ins_rows() == []
