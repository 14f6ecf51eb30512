"""What others wrote runs nowhere, and what cannot be shown says so."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Picture
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from api.report_text import text_as_pdf
from api.report_view import page_picture, seen
from archive.errors import BadDocument, NotFound
from archive.identities.ins import key_of
from archive.identity import PatientIdentity
from archive.reports.content import as_it_leaves, check_pdf, document_of
from archive.reports.report import CDA, PDF, TEXT, Content, Report, ReportStatus
from tests.samples.report import INS, cda, cda_of_pdf, form, pdf


def armed() -> bytes:
    """A PDF with a script that runs as it is opened, and a file inside."""
    writer = PdfWriter()
    writer.append(PdfReader(io.BytesIO(pdf("Bénin"))))
    script = "app.alert('owned'); this.exportDataObject({cName: 'evil.exe', nLaunch: 2});"
    action = {
        NameObject("/S"): NameObject("/JavaScript"),
        NameObject("/JS"): TextStringObject(script),
    }
    writer.root_object[NameObject("/OpenAction")] = DictionaryObject(action)
    writer.add_attachment("evil.exe", b"MZ program")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_of_a_pdf_with_a_script_and_a_file_only_its_page_is_seen(tmp_path: Path) -> None:
    content = Content(PDF, armed())
    assert b"owned" in content.data
    assert document_of(content.data).media_type == PDF
    told = seen(content, tmp_path)
    assert told.pages == ("Bénin",)
    drawn = page_picture(content, 1, tmp_path)
    assert Picture.open(io.BytesIO(drawn)).format == "WEBP"
    assert b"evil" not in drawn
    with pytest.raises(NotFound):
        page_picture(content, 2, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_was_filled_in_a_form_is_seen(tmp_path: Path) -> None:
    filled, empty = (Content(PDF, form(one)) for one in ("MELANOME", ""))
    assert seen(filled, tmp_path).pages == ("MELANOME",)
    dark = [_dark(page_picture(one, 1, tmp_path)) for one in (filled, empty)]
    assert dark[0] > dark[1] + 1000


def _dark(picture: bytes) -> int:
    return sum(Picture.open(io.BytesIO(picture)).convert("L").histogram()[:128])


def test_what_a_cda_document_says_is_deleted_is_not_said(tmp_path: Path) -> None:
    text = (
        '<paragraph><content revised="delete">Bénin</content> <content revised="insert">Malin'
        "</content>.</paragraph><table><tbody><tr><td>Taille</td>"
        '<td><content revised="delete">4</content>14 mm</td></tr></tbody></table>'
    )
    told = seen(Content(CDA, narrative(text)), tmp_path).blocks
    assert [one.text for one in told] == ["Conclusion", "Malin.", "Taille | 14 mm"]


def narrative(text: str) -> bytes:
    body = f"<structuredBody><component><section><title>Conclusion</title><text>{text}</text>"
    return cda(f"{body}</section></component></structuredBody>")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10<sup>6</sup> cellules, H<sub>2</sub>O, p<sup>16</sup>", "10⁶ cellules, H₂O, p¹⁶"),
        ("10<sup>-<content>3</content></sup>, 1<sup>er</sup>", "10⁻³, 1er"),
        (
            "<table><tr><td>Ki67 1<br/>0 %</td><td>10<sup>6</sup></td></tr></table>",
            "Ki67 1 0 % | 10⁶",
        ),
        (
            "<table><tr><td><paragraph>1</paragraph><paragraph>2</paragraph></td></tr></table>",
            "1 2",
        ),
        ("<table><tr><td><list><item>1</item><item>2</item></list></td></tr></table>", "1 2"),
        ("4<content revised='delete'>0</content><sup>2</sup>", "4²"),
    ],
)
def test_no_number_of_a_cda_document_becomes_another(tmp_path: Path, text: str, said: str) -> None:
    told = seen(Content(CDA, narrative(text)), tmp_path).blocks
    assert [one.text for one in told] == ["Conclusion", said]


def test_where_a_cda_document_has_a_picture_it_is_said(tmp_path: Path) -> None:
    picture = '<renderMultiMedia referencedObject="A"><caption>Vue {}</caption></renderMultiMedia>'
    cell = f"<table><tr><td>{picture.format(2)}</td></tr></table>"
    told = seen(Content(CDA, narrative(f"Bénin{picture.format(1)}.{cell}")), tmp_path).blocks
    assert [(one.kind, one.text) for one in told[1:]] == [
        ("text", "Bénin"),
        ("attachment", "Vue 1"),
        ("text", "."),
        ("row", "[Vue 2]"),
    ]


def test_a_pdf_inside_a_cda_document_is_seen_as_the_pdf_that_it_is(tmp_path: Path) -> None:
    content = Content(CDA, cda_of_pdf(pdf("Premier", "Second")))
    assert seen(content, tmp_path).pages == ("Premier", "Second")
    drawn = page_picture(content, 2, tmp_path)
    assert Picture.open(io.BytesIO(drawn)).format == "WEBP"


def test_a_pdf_that_is_none_inside_says_so(tmp_path: Path) -> None:
    broken = b"%PDF-1.7\n" + bytes(range(256)) * 20 + b"\nstartxref\n0\n%%EOF\n"
    with pytest.raises(BadDocument):
        seen(Content(PDF, broken), tmp_path)


@settings(max_examples=30, deadline=None)
@given(title=st.text(min_size=1, max_size=64), text=st.text(max_size=300))
def test_any_text_becomes_a_pdf(title: str, text: str) -> None:
    one = _titled(title)
    made = text_as_pdf(one, text, "https://example.org/exam/1")
    check_pdf(made)
    assert made == text_as_pdf(one, text, "https://example.org/exam/1")


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Ki67 ≥ 20 % → G2, ≤ 5 µm", None),
        ("α-actine +, κ = −3, β ≠ γ, ⩾ 2", "α-actine +, κ = −3, β ≠ γ, ≥ 2"),
        ("αβχδεφγηικλνοπθρστυωξψζς ΑΒΧΕΦΓΗΙΚΛΜΝΟΠΘΡΣΤΥΞΨΖ", None),
        ("≤ ≥ ∞ ≠ ≡ ≈ √ ∅ ↔ ← → ↓ ⇔ ⇒", None),
        ("Nævus, cœur, 5 €, 4 mm²", None),
        ("10⁶ cellules, 10⁻¹²", "10^6 cellules, 10^−12"),
        ("CO₂", "CO2"),
        ("e\u0301lastine", "élastine"),
        ("post\u2011opératoire", "post-opératoire"),
        ("Dr Dvořák", "Dr Dvorák"),
        ("\u4e2d ⅓", "? ?"),
    ],
)
def test_no_sign_of_a_text_becomes_another_in_its_pdf(said: str, written: str | None) -> None:
    made = text_as_pdf(_titled("Compte rendu"), f"Un\n{said}\nDeux", None)
    page = PdfReader(io.BytesIO(made)).pages[0].extract_text()
    lines = page.replace("\N{GREEK SMALL LETTER MU}", "\N{MICRO SIGN}").splitlines()
    assert [one.strip() for one in lines] == ["Compte rendu", "Un", written or said, "Deux"]


def _titled(title: str) -> Report:
    then = datetime(2026, 3, 1, tzinfo=UTC)
    return Report(
        **dict.fromkeys(("id", "establishment", "patient_key", "exam_id", "number"), "1"),
        patient=PatientIdentity("1", "CHU"),
        accession_number=None,
        issuer_of_accession_number=None,
        study_instance_uid="2.25.1",
        number_issuer="",
        version=1,
        is_newest=True,
        part=0,
        replaces=None,
        is_addendum=False,
        status=ReportStatus.FINAL,
        title=title,
        code="11526-1",
        media_type=TEXT,
        length_bytes=1,
        digest=None,
        said_at=then,
        received_at=then,
    )


DIGITS = st.integers(1_000_000_000_000, 2_999_999_999_999).map(str)


@settings(max_examples=40, deadline=None)
@given(number=DIGITS, other=DIGITS, words=st.text("aé<>&' \n0123456789", max_size=80))
def test_an_identifier_is_in_no_kept_document_and_comes_back_exactly(
    number: str, other: str, words: str
) -> None:
    ins, another = (f"{one}{key_of(one):02}" for one in (number, other))
    text = words.replace("&", "&amp;").replace("<", "&lt;")
    body = f"<structuredBody><component><section><text>{text} {ins}x {ins}</text></section>"
    whole = cda(f"{body}</component></structuredBody>", ins=ins)
    kept = document_of(whole).data
    assert kept.count(ins.encode()) == whole.count(f"{ins}x".encode())
    known = PatientIdentity("1", "CHU", ins=ins, ins_authority="1.2.250.1.213.1.4.8")
    assert as_it_leaves(kept, known) == whole
    without = as_it_leaves(kept, PatientIdentity("1", "CHU"))
    assert b"sansverre" not in without
    assert b'root="1.2.250.1.213.1.4.8"' not in without
    elsewhere = PatientIdentity("1", "CHU", ins=another, ins_authority="1.2.250.1.213.1.4.8")
    assert document_of(as_it_leaves(kept, elsewhere)).clinical is not None


@pytest.mark.parametrize("gap", ["", " ", "\u00a0", "\u202f"])
def test_an_identifier_as_people_write_it_is_in_no_kept_document(gap: str) -> None:
    groups = [INS[:1], INS[1:3], INS[3:5], INS[5:7], INS[7:10], INS[10:13], INS[13:]]
    said = f"<text>{gap.join(groups)}, {gap.join(groups[:-1])}</text>"
    body = f"<structuredBody><component><section>{said}</section></component></structuredBody>"
    whole = cda(body)
    kept = document_of(whole).data
    assert not any(gap.join(groups[:-1]).encode() in one for one in (kept, kept.replace(b" ", b"")))
    known = PatientIdentity("1", "CHU", ins=INS, ins_authority="1.2.250.1.213.1.4.8")
    assert as_it_leaves(kept, known) == whole
    assert b"<text>, </text>" in as_it_leaves(kept, None)


def test_an_identifier_in_character_references_is_refused() -> None:
    hidden = "".join(f"&#{ord(one)};" for one in INS)
    body = f"<structuredBody><component><section><text>{hidden}</text></section></component>"
    with pytest.raises(BadDocument, match="character references"):
        document_of(cda(f"{body}</structuredBody>"))


def test_what_is_no_national_identifier_is_not_looked_for_everywhere() -> None:
    with pytest.raises(BadDocument, match="that is none"):
        document_of(cda(ins="1"))


def test_an_element_of_very_many_attributes_is_looked_over_at_once() -> None:
    many = " ".join(f'a{number}="{INS}"' for number in range(15_000))
    whole = cda().replace(b"<title>", f"<id {many}></id><title>".encode(), 1)
    assert INS.encode() not in document_of(whole).data


def test_of_a_document_of_more_pages_than_are_drawn_it_is_said_how_many(tmp_path: Path) -> None:
    told = seen(Content(PDF, pdf(*(f"Page {one}" for one in range(1, 203)))), tmp_path)
    assert (len(told.pages), told.pages[-1], told.page_count) == (200, "Page 200", 202)
