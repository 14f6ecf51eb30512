"""Documents as senders write them into fields that are too short, or break as mail does."""

import base64
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import BadMessage
from api.hl7.message import read_header, read_message
from api.hl7.reports.documents import documents
from api.work import Workplace
from tests.api.hl7.conftest import message
from tests.api.hl7.test_orders import o21
from tests.api.hl7.test_reports import content, ed, lab, oru, reason, reports, sent
from tests.samples.report import cda, pdf

__all__ = ["lab"]
PDFS = [pdf("Un"), pdf("Deux"), pdf("Trois")]


def parts(data: bytes, *cuts: int, name: str = "PDF^CR^L") -> list[str]:
    """OBX of a document whose base64 is cut there."""
    inside = base64.b64encode(data).decode()
    edges = [0, *sorted(cuts), len(inside)]
    written = [inside[begin:end] for begin, end in pairwise(edges)]
    return [f"OBX||ED|{name}|1|^application^pdf^Base64^{one}||||||F" for one in written]


def found(*obxs: str) -> list[bytes]:
    said = message("ORU^R01", *obxs)
    read = read_message(said, read_header(said))
    return [one.data for _, one in documents(read.segments("OBX"))]


@given(st.lists(st.integers(1, 1287), max_size=6, unique=True), st.sampled_from(PDFS))
def test_a_document_over_several_results_is_whole(cuts: list[int], data: bytes) -> None:
    assert found(*parts(data, *cuts)) == [data]


@given(st.lists(st.integers(1, 900), min_size=1, max_size=6, unique=True))
def test_parts_may_be_encoded_apart(cuts: list[int]) -> None:
    data = PDFS[0]
    edges = [0, *sorted(cuts), len(data)]
    written = [base64.b64encode(data[begin:end]).decode() for begin, end in pairwise(edges)]
    obxs = [f"OBX||ED|PDF||^AP^PDF^Base64^{one}||||||F" for one in written]
    assert found(*obxs) == [data]


def test_several_documents_of_one_name_stay_several() -> None:
    assert found(*parts(PDFS[0], 400), *parts(PDFS[1]), *parts(PDFS[2], 300, 600)) == PDFS
    clinical = [one.replace("^pdf^", "^xml^") for one in parts(cda(), 500)]
    assert len(found(*clinical, *parts(PDFS[0], 500))) == 2


def test_repetitions_hold_documents_as_well() -> None:
    one, two = (base64.b64encode(data).decode() for data in PDFS[:2])
    values = [one[:400], one[400:], two]
    said = "~".join(f"^application^pdf^Base64^{each}" for each in values)
    assert found(f"OBX|1|ED|PDF||{said}||||||F") == PDFS[:2]


def test_parts_are_in_the_order_that_they_are_counted_in(lab: Workplace) -> None:
    cut = parts(PDFS[0], 300, 600)
    counted = [one.replace("OBX|", f"OBX|{at}") for at, one in enumerate(cut, 1)]
    assert sent(lab, o21("A"), oru(counted[2], counted[0], counted[1])) == ["AA", "AA"]
    assert [content(lab, one) for one in reports(lab)] == [PDFS[0]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\\.br\\", "\\X0D0A\\", " "])
def test_lines_of_base64_are_joined(lab: Workplace, end: str) -> None:
    inside = base64.b64encode(PDFS[0]).decode()
    broken = end.join(inside[at : at + 76] for at in range(0, len(inside), 76))
    sent(lab, o21("A"), oru(ed(PDFS[0]).replace(inside, broken + end)))
    assert [(content(lab, one), one.status) for one in reports(lab)] == [(PDFS[0], "final")]


@pytest.mark.parametrize("more", [b"", b"\n", b"\n\n"])
def test_base64_need_not_be_filled_up(more: bytes) -> None:
    data = PDFS[0] + more
    assert found(*(one.replace("=", "") for one in parts(data))) == [data]


@pytest.mark.parametrize(
    ("obxs", "why"),
    [
        (parts(PDFS[0], 400)[:1], "cut short"),
        (parts(PDFS[0], 400, 800)[::2], "a part of the PDF is missing"),
        ([*parts(PDFS[0], 400)[:1], *parts(PDFS[1])], "cut short"),
        ([*parts(PDFS[0]), *parts(b"MZ\x90\0 program")], "neither a PDF nor a CDA"),
        ([*parts(PDFS[0], 400)[:1], *parts(PDFS[0], 400, name="X")[1:]], "cut short"),
        ([parts(PDFS[0], 400)[0], "OBX||ED|PDF||^AP^PDF^Hex^25504446||||||F"], "base64"),
    ],
)
def test_what_is_not_whole_is_refused(obxs: list[str], why: str) -> None:
    with pytest.raises(BadMessage, match=why):
        found(*obxs)


def test_a_part_that_is_not_counted_is_missing() -> None:
    clinical = [one.replace("^pdf^", "^xml^") for one in parts(cda(), 400, 800)]
    counted = [one.replace("OBX|", f"OBX|{at}") for at, one in enumerate(clinical, 1)]
    assert len(found(*counted)) == 1
    with pytest.raises(BadMessage, match="a part of the document is missing"):
        found(*counted[::2])


def test_a_document_whose_parts_are_counted_need_not_know_where_its_table_is() -> None:
    data = PDFS[0].replace(b"\n2 0 obj", b"\n% moved\n2 0 obj")
    counted = [one.replace("OBX|", f"OBX|{at}") for at, one in enumerate(parts(data, 400), 1)]
    assert found(*counted) == [data]
    assert found(*parts(data)) == [data]


def test_a_number_of_very_many_digits_counts_nothing(lab: Workplace) -> None:
    cut = [
        one.replace("OBX|", f"OBX|{'9' * 5000}{at}") for at, one in enumerate(parts(PDFS[0], 400))
    ]
    assert sent(lab, o21("A"), oru(*cut)) == ["AA", "AA"]
    assert [content(lab, one) for one in reports(lab)] == [PDFS[0]]


def test_a_part_that_is_missing_keeps_the_whole_message_out(lab: Workplace) -> None:
    sent(lab, o21("A"))
    assert "cut short" in reason(lab, oru(ed(PDFS[1]), *parts(PDFS[0], 400)[:1]))
    assert reports(lab) == ()
