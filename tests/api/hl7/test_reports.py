"""Reports as laboratories send them: of all kinds, in all orders, damaged and hostile."""

import base64
from itertools import permutations

import pytest

from api.hl7.exchange import Exchange
from api.work import Workplace
from archive.cases.laboratory import Laboratory
from archive.errors import NotFound
from archive.identities.ins import key_of
from archive.messages.inbox import Listed
from archive.reports.report import CDA, PDF, TEXT, Report, ReportStatus
from tests.api.hl7.conftest import GAM, HERE, message
from tests.api.hl7.test_exchange import LOCAL, told
from tests.api.hl7.test_orders import PID, o21
from tests.samples.report import cda, cda_of_pdf, pdf

FINAL, AMENDED = ReportStatus.FINAL, ReportStatus.AMENDED
PRELIMINARY, WITHDRAWN = ReportStatus.PRELIMINARY, ReportStatus.WITHDRAWN
SOUND = f"1570399999999{key_of('1570399999999'):02}"


@pytest.fixture
def lab(place: Workplace) -> Workplace:
    place.catalog.cases.declare({HERE: Laboratory("LABO")})
    return place


def sent(place: Workplace, *messages: bytes) -> list[str]:
    exchange = Exchange(place, (GAM,))
    return [told(exchange.answer(one, LOCAL))[0] for one in messages]


def reason(place: Workplace, one: bytes) -> str:
    return Exchange(place, (GAM,)).answer(one, LOCAL).decode()


def ed(data: bytes, kind: str = "PDF", state: str = "F", title: str = "11526-1^CR ACP^LN") -> str:
    inside = base64.b64encode(data).decode()
    return f"OBX|1|ED|{title}||^AP^{kind}^Base64^{inside}||||||{state}"


def oru(
    *obxs: str,
    number: str = "1",
    at: str = "20260301100000",
    state: str = "F",
    filler: str = "F1^LABO",
    pid: str = PID,
) -> bytes:
    obr = ["OBR", "1", "P1^SERVICE", filler, "ACP^Examen", *[""] * 21]
    # OBR-18 is where laboratories say the accession number, OBR-22 when, OBR-25 how sure.
    obr[18], obr[22], obr[25] = "26H00012", at, state
    return message("ORU^R01", pid, "|".join(obr), *obxs, control=f"R{number}")


def mdm(
    event: str,
    *obxs: str,
    document: str = "D1",
    parent: str = "",
    number: str = "1",
    at: str = "20260301110000",
    signed: str = "LA",
    available: str = "AV",
) -> bytes:
    txa = f"TXA|1|CR|TEXT|{at}||||||||{document}^LABO|{parent}|P1^SERVICE|F1^LABO||{signed}||"
    return message(
        f"MDM^{event}", f"EVN|{event}|{at}", PID, f"{txa}{available}", *obxs, control=f"M{number}"
    )


def reports(place: Workplace) -> tuple[Report, ...]:
    return place.catalog.reports.of_number("LABO", "26H00012", establishment=HERE)


def is_gone(place: Workplace, one: Listed) -> bool:
    try:
        place.catalog.inbox.payload(one.id, establishment=HERE)
    except NotFound:
        return True
    return False


def content(place: Workplace, one: Report) -> bytes:
    return place.catalog.reports.content(one.id, place.storage, establishment=HERE).data


@pytest.mark.parametrize(
    ("obxs", "media_type", "data"),
    [
        ([ed(pdf("Un")), "OBX|2|RP|a||https://example.org/images||||||F"], PDF, pdf("Un")),
        ([ed(cda(), "XML")], CDA, None),
        ([ed(cda_of_pdf(pdf("Deux")), "XML")], CDA, None),
        (
            [
                "OBX|1|TX|1^Macroscopie||Un fragment~de 4 mm||||||F",
                "NTE|1||Fixé~en formol",
                r"OBX|2|FT|2^Conclusion||N\T\vus\.br\bénin||||||F",
                "NTE|1||Relu",
                "OBX|3|CE|3^Lésion||7700^Nævus~7701^Kyste||||||F",
            ],
            TEXT,
            (
                "Macroscopie\nUn fragment\nde 4 mm\nFixé\nen formol\n"
                "Conclusion\nN&vus\nbénin\nRelu\nLésion : Nævus, Kyste"
            ).encode(),
        ),
    ],
)
def test_a_report_is_kept_as_it_came(
    lab: Workplace, obxs: list[str], media_type: str, data: bytes | None
) -> None:
    assert sent(lab, o21("A"), oru(*obxs)) == ["AA", "AA"]
    (one,) = reports(lab)
    assert (one.media_type, one.status, one.code) == (media_type, FINAL, "11526-1")
    if data is not None:
        assert content(lab, one) == data


def test_several_documents_and_several_groups(lab: Workplace) -> None:
    second = "OBR|2|P1^SERVICE|F2^LABO|IHC^Immuno||||||||||||||26H00012||||20260301100000|||P"
    assert second.split("|")[22] == "20260301100000"
    whole = oru(ed(pdf("Un")), ed(cda(), "XML"), second, ed(pdf("Deux"), state="P"))
    assert sent(lab, o21("A"), whole) == ["AA", "AA"]
    found = {(one.number, one.part, one.media_type, one.status) for one in reports(lab)}
    assert found == {
        ("F1", 0, PDF, FINAL),
        ("F1", 1, CDA, FINAL),
        ("F2", 0, PDF, PRELIMINARY),
    }


def test_each_group_is_of_the_order_that_its_own_specimen_names(lab: Workplace) -> None:
    other = o21("B", number="2").replace(b"F1^LABO", b"F2^LABO").replace(b"26H00012", b"26H00013")
    groups = (
        "OBR|1|P1^SERVICE|F1^LABO|ACP^Examen",
        ed(pdf("Un")),
        "SPM|1|^A||TISS",
        "SAC||26H00012^LABO|A",
        "OBR|2|P1^SERVICE|F2^LABO|ACP^Examen",
        ed(pdf("Deux")),
        "SPM|1|^B||TISS",
        "SAC||26H00013^LABO|B",
    )
    both = message("ORU^R01", PID, *groups, control="R1")
    assert sent(lab, o21("A"), other, both) == ["AA", "AA", "AA"]
    for number, said in (("26H00012", "Un"), ("26H00013", "Deux")):
        (one,) = lab.catalog.reports.of_number("LABO", number, establishment=HERE)
        assert content(lab, one) == pdf(said)


def test_versions_in_any_order_and_twice_end_the_same(lab: Workplace) -> None:
    versions = [
        oru(ed(pdf("Un"), state="P"), state="P", number="a", at="20260301080000"),
        oru(ed(pdf("Deux")), number="b", at="20260301090000"),
        oru(ed(pdf("Trois"), state="C"), state="C", number="c", at="20260301100000"),
        oru("OBX|1|ED|a||||||||X", state="X", number="d", at="20260301110000"),
    ]
    sent(lab, o21("A"))
    (_, *others) = permutations(versions)
    assert set(sent(lab, *versions)) == {"AA"}
    expected = [(4, WITHDRAWN), (3, AMENDED), (2, FINAL), (1, PRELIMINARY)]
    assert [(one.said_at.hour) for one in reports(lab)] == [11, 10, 9, 8]
    for number, one in enumerate(others[::5]):
        # Under other control ids, as a sender that starts anew sends them.
        again = [m.replace(b"|R", b"|%dR" % number) for m in (*one, *one)]
        assert set(sent(lab, *again)) == {"AA"}
        assert [(r.version, r.status) for r in reports(lab)] == expected
    assert [content(lab, one) for one in reports(lab)[1:]] == [
        pdf("Trois"),
        pdf("Deux"),
        pdf("Un"),
    ]


def test_a_version_that_is_less_sure_may_be_the_newest(lab: Workplace) -> None:
    first = oru(ed(pdf("Un")), number="a", at="20260301080000")
    later = oru(ed(pdf("Deux"), state="P"), state="P", number="b", at="20260301090000")
    assert sent(lab, o21("A"), later, first) == ["AA", "AA", "AA"]
    assert [(one.version, one.status) for one in reports(lab)] == [(2, PRELIMINARY), (1, FINAL)]


def test_a_moment_after_the_message_itself_is_none(lab: Workplace) -> None:
    sent(lab, o21("A"), oru(ed(pdf("Un")), at="20990101000000"))
    assert [one.said_at.year for one in reports(lab)] == [2026]


def test_documents_replace_add_and_are_cancelled(lab: Workplace) -> None:
    chain = [
        mdm("T02", ed(pdf("Un")), at="20260301080000", number="1"),
        mdm("T10", ed(pdf("Deux")), document="D2", parent="D1", number="2"),
        mdm("T06", ed(pdf("Trois")), document="D3", parent="D2", number="3", at="20260301120000"),
        mdm("T11", document="D3", number="4", at="20260301130000", available="CA"),
    ]
    sent(lab, o21("A"))
    assert set(sent(lab, *reversed(chain))) == {"AA"}
    found = reports(lab)
    assert [(one.version, one.status, one.is_addendum) for one in found] == [
        (2, WITHDRAWN, False),
        (1, AMENDED, True),
        (2, AMENDED, False),
        (1, FINAL, False),
    ]
    # An addendum that is cancelled is a report of its own.
    assert [one.number for one in found] == ["D3", "D3", "D1", "D1"]


@pytest.mark.parametrize(
    ("signed", "status"), [("PA", PRELIMINARY), ("?", PRELIMINARY), ("AU", FINAL), ("", FINAL)]
)
def test_what_nobody_has_signed_is_preliminary(
    lab: Workplace, signed: str, status: ReportStatus
) -> None:
    sent(lab, o21("A"), mdm("T02", ed(pdf()), signed=signed))
    assert [one.status for one in reports(lab)] == [status]


def test_a_title_never_has_a_report_refused(lab: Workplace) -> None:
    said = oru(ed(pdf(), title=r"11526-1^CR\X0D\\E\ACP ^LN"))
    assert sent(lab, o21("A"), said) == ["AA", "AA"]
    assert [one.title for one in reports(lab)] == ["CR ACP"]


def test_a_deletion_of_the_french_guide_withdraws(lab: Workplace) -> None:
    sent(lab, o21("A"), mdm("T02", ed(pdf()), at="20260301080000"))
    sent(lab, mdm("T04", "OBX|1|ED|a||||||||D", number="2"))
    assert [one.status for one in reports(lab)] == [WITHDRAWN, FINAL]


def test_a_cda_that_replaces_another_is_a_version_of_it(lab: Workplace) -> None:
    first = oru(ed(cda(number="CR-1"), "XML"), number="a", filler="F1^LABO")
    second = cda(number="CR-2", replaces="CR-1")
    later = oru(ed(second, "XML"), number="b", filler="F9^LABO", at="20260301110000")
    assert sent(lab, o21("A"), later, first) == ["AA", "AA", "AA"]
    assert [one.version for one in reports(lab)] == [2, 1]


@pytest.mark.parametrize(
    ("obx", "why"),
    [
        ("OBX|1|ED|a||^AP^PDF^Base64^%%%%||||||F", "no base64"),
        ("OBX|1|ED|a||^AP^PDF^Base64^JVBERi0xLjQKJ||||||F", "no base64, or is cut short"),
        ("OBX|1|ED|a||^AP^PDF^Base64^||||||F", "the document is empty"),
        ("OBX|1|ED|a||^AP^PDF^Hex^25504446||||||F", "not written in base64"),
        (ed(pdf()[:-40]), "the PDF is cut short"),
        ("OBX|1|RP|a||https://example.org/1.pdf^^APPLICATION^PDF||||||F", "is not in the message"),
        (ed(pdf(), "XML"), "of another kind than OBX-5 says"),
        (ed(b"MZ\x90\0 program"), "neither a PDF nor a CDA R2 document"),
        (ed(cda()[:-30], "XML"), "damaged or cut short"),
        (ed(b"<html/>", "XML"), "no CDA R2 document"),
        (ed(cda(person=("DURAND", "Paul", "19500101")), "XML"), "of another patient than PID"),
        (
            ed(cda("<nonXMLBody><text representation='B64'>é</text></nonXMLBody>"), "XML"),
            "no base64",
        ),
        (ed(b"<a>" * 3000, "XML"), "more elements than any report"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_reason(lab: Workplace, obx: str, why: str) -> None:
    sent(lab, o21("A"))
    answer = reason(lab, oru(obx))
    assert "MSA|AE|" in answer
    assert why in answer
    assert reports(lab) == ()


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a [<!ENTITY x "haha"><!ENTITY y "&x;&x;&x;&x;">]>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/their.dtd">',
    ],
)
def test_a_cda_that_declares_entities_is_refused(lab: Workplace, declaration: str) -> None:
    data = cda().replace(b"<ClinicalDocument", declaration.encode() + b"<ClinicalDocument", 1)
    assert "declares entities" in reason(lab, oru(ed(data, "XML")))


def test_one_that_names_another_patient_than_its_order_waits(lab: Workplace) -> None:
    other = PID.replace("77^", "78^").replace("ESSAI^Zoé", "DURAND^Jeanne")
    answer = Exchange(lab, (GAM,))
    assert told(answer.answer(o21("A"), LOCAL))[0] == "AA"
    said = answer.answer(oru(ed(pdf()), pid=other), LOCAL).decode()
    assert "MSA|AA|" in said
    assert "a report waits" in said
    assert reports(lab) == ()


def test_one_without_accession_number_is_found_by_its_order(lab: Workplace) -> None:
    bare = oru(ed(pdf())).replace(b"26H00012", b"")
    assert sent(lab, o21("A"), bare) == ["AA", "AA"]
    assert len(reports(lab)) == 1


def test_only_results_without_words_are_no_report(lab: Workplace) -> None:
    answer = reason(lab, oru("OBX|1|NM|a^Taille||4|mm|||||F"))
    assert "MSA|AA|" in answer
    assert "no document" in answer


def test_the_national_identifier_is_in_no_store_and_leaves_while_it_is_qualified(
    lab: Workplace,
) -> None:
    pid = PID.replace("270019999999999", SOUND)
    qualified = pid + "|" * (31 - pid.count("|") + 1) + "QUAL"
    whole = cda(ins=SOUND)
    state = message("ADT^A28", "EVN||20260301090000", qualified, control="A1")
    assert sent(lab, state, o21("A"), oru(ed(whole, "XML"))) == ["AA", "AA", "AA"]
    (one,) = reports(lab)
    assert content(lab, one) == whole
    for path in (lab.storage.local_path(key) for key in lab.catalog.object_keys()):
        assert path is not None
        assert SOUND.encode() not in path.read_bytes()
    gone = pid + "|" * (31 - pid.count("|") + 1) + "PROV"
    sent(lab, message("ADT^A31", "EVN||20260301100000", gone, control="A2"))
    now = content(lab, one)
    assert SOUND.encode() not in now
    assert b'<id extension="77" root="1.2.250.1.998"/>' in now
    assert len(now) < len(whole)


@pytest.mark.parametrize("status", ["PROV", "QUAL"])
def test_orders_and_reports_that_name_a_withdrawn_identifier_are_not_kept(
    lab: Workplace, status: str
) -> None:
    pid = PID.replace("270019999999999", SOUND)
    rest = "|" * (31 - pid.count("|") + 1)
    bare = "PID|1||77^^^CHU^PI||ESSAI^Zoé||19570307|F"
    states = [
        message("ADT^A28", "EVN||20260301090000", f"{pid}{rest}QUAL", control="A1"),
        message("ADT^A31", "EVN||20260301100000", f"{pid}{rest}{status}", control="A2"),
    ]
    assert sent(lab, *states) == ["AA", "AA"]
    naming = [
        o21("A", pid=pid),
        oru(ed(cda(), "XML"), pid=pid, number="refused"),
        oru(ed(b"%PDF-1.4", "PDF"), pid=pid, number="named"),
        oru(ed(cda(ins=SOUND), "XML"), pid=bare, number="inside"),
        message("SIU^S12", "SCH|1^LABO|||||||||||20260302090000", pid, control="S1"),
    ]
    sent(lab, *naming)
    gone = [
        one.control_id for one in lab.catalog.inbox.listed(establishment=HERE) if is_gone(lab, one)
    ]
    also = ["S1", "Rinside", "Rnamed", "Rrefused", "1", "A2", "A1"]
    assert gone == (also if status == "PROV" else [])


def test_what_another_establishment_asks_for_does_not_exist(lab: Workplace) -> None:
    sent(lab, o21("A"), oru(ed(pdf())))
    assert lab.catalog.reports.of_number("LABO", "26H00012", establishment="Hôpital B") == ()
    assert len(reports(lab)) == 1
