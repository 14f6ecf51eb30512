"""Reports in words: every line, sign and value that was said, and none that counts no more."""

import pytest

from api.work import Workplace
from tests.api.hl7.test_orders import o21
from tests.api.hl7.test_reports import content, ed, lab, oru, reports, sent
from tests.samples.report import pdf

__all__ = ["lab"]
MICRO = "OBX|1|TX|1^Microscopie||Bénin||||||F"


@pytest.mark.parametrize(
    ("obxs", "said"),
    [
        (
            ["OBX|1|TX|1^Micro||un||||||F", "OBX|2|TX|1^Micro||||||||F", "OBX|3|TX|1^Micro||deux"],
            "Micro\nun\n\ndeux",
        ),
        (["OBX|1|TX|1^Micro||un~~deux||||||F"], "Micro\nun\n\ndeux"),
        (
            ["OBX|1|TX|1^Micro||Ki67   10 %||||||F", "OBX|2|TX|1^Micro||  (HES)"],
            "Micro\nKi67   10 %\n  (HES)",
        ),
        # Signs that separate elsewhere, as senders write them.
        (
            ["OBX|1|TX|1^Micro||CD20 & CD3 positifs, 10^6 cellules||||||F"],
            "Micro\nCD20 & CD3 positifs, 10^6 cellules",
        ),
        (
            ["OBX|1|FT|1^Micro||un\\.br\\\\.in+2\\deux\\.sp2\\trois||||||F"],
            "Micro\nun\n  deux\n\ntrois",
        ),
        (["OBX|1|FT|1^Micro||un\ndeux||||||F"], "Micro\nun\ndeux"),
        # As OBX-1 counts them, if it counts each once, with the notes on each.
        (
            [
                "OBX|2|TX|1^Micro||deux",
                "NTE|1||à 2",
                "OBX|10|TX|1^Micro||dix",
                "OBX|1|TX|1^Micro||un",
            ],
            "Micro\nun\ndeux\nà 2\ndix",
        ),
        (["OBX|1|TX|1^Micro||un", "OBX|1|TX|2^Concl||deux"], "Micro\nun\nConcl\ndeux"),
    ],
)
def test_every_line_is_said(lab: Workplace, obxs: list[str], said: str) -> None:
    assert sent(lab, o21("A"), oru(*obxs)) == ["AA", "AA"]
    (one,) = reports(lab)
    assert content(lab, one).decode() == said


@pytest.mark.parametrize(
    ("obx", "said"),
    [
        ("OBX|2|NM|1^Taille||4|mm|||||F", "Taille : 4 mm"),
        ("OBX|2|SN|1^Ki67||<^5|%|||||F", "Ki67 : <5 %"),
        ("OBX|2|SN|1^Mitoses||^10^-^20||||||F", "Mitoses : 10-20"),
        ("OBX|2|SN|1^Titre||^1^:^128||||||F", "Titre : 1:128"),
        ("OBX|2|CWE|1^Lésion||^^^^^^^^Nævus de Spitz||||||F", "Lésion : Nævus de Spitz"),
        ("OBX|2|CE|1^Lésion||7700^Nævus~7701||||||F", "Lésion : Nævus, 7701"),
        ("OBX|2|XPN|1^Lu par||ESSAI^Zoé||||||F", "Lu par : ESSAI Zoé"),
    ],
)
def test_a_value_is_said_whole(lab: Workplace, obx: str, said: str) -> None:
    sent(lab, o21("A"), oru(MICRO, obx))
    assert content(lab, reports(lab)[0]).decode() == f"Microscopie\nBénin\n{said}"


@pytest.mark.parametrize("state", ["D", "W", "X"])
@pytest.mark.parametrize("kind", ["NM", "TX"])
def test_what_counts_no_more_is_not_said(lab: Workplace, kind: str, state: str) -> None:
    wrong = f"OBX|2|{kind}|2^Taille||14||||||{state}"
    sent(lab, o21("A"), oru(MICRO, wrong, "NTE|1||au plus", "OBX|3|NM|3^Marge||2|mm|||||F"))
    assert content(lab, reports(lab)[0]).decode() == "Microscopie\nBénin\nMarge : 2 mm"


def test_a_heading_alone_is_no_report(lab: Workplace) -> None:
    sent(lab, o21("A"), oru("OBX|1|TX|1^Conclusion||||||||P", state="P"))
    assert reports(lab) == ()


def test_values_beside_a_document_make_no_second_one(lab: Workplace) -> None:
    sent(lab, o21("A"), oru(ed(pdf("Un")), "OBX|2|NM|1^Taille||4|mm|||||F", "NTE|1||Relu"))
    assert [content(lab, one) for one in reports(lab)] == [pdf("Un")]
