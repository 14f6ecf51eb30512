"""Reports as laboratories write them: a PDF of pages, and a CDA R2 document of the French kind."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime

from fpdf import FPDF

INS = "157039999999904"
"""Of the form, and with the key, of a national identifier."""
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<?xml-stylesheet type="text/xsl" href="https://example.org/theirs.xsl"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
 <realmCode code="FR"/><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
 <id root="1.2.250.1.999" extension="{number}"/>
 <code code="11526-1" codeSystem="2.16.840.1.113883.6.1" displayName="CR d'anatomie"/>
 <title>CR d'anatomie et de cytologie pathologiques</title>
 <effectiveTime value="20260301120000+0100"/>
 <recordTarget><patientRole>
  <id extension="{ins}" root="1.2.250.1.213.1.4.8"/>
  <id extension="77" root="1.2.250.1.998"/>
  <patient><name><family qualifier="BR">{family}</family><given>{given}</given></name>
   <administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/>
   <birthTime value="{born}"/></patient>
 </patientRole></recordTarget>
{related} <component>{body}</component>
</ClinicalDocument>
"""
BODY = """<structuredBody><component><section><title>Conclusion</title>
 <text><paragraph>Nævus &lt;b&gt;bénin&lt;/b&gt;.</paragraph>
 <table><tbody><tr><td>Taille</td><td>4 mm</td></tr></tbody></table>
 <paragraph>INS {ins}.</paragraph></text></section></component></structuredBody>"""


def pdf(*pages: str) -> bytes:
    """A PDF with a line of text on each page."""
    made = FPDF()
    made.set_creation_date(datetime(2026, 3, 1, tzinfo=UTC))
    for text in pages or ("Compte rendu",):
        made.add_page()
        made.set_font("Helvetica", size=20)
        made.cell(text=text)
    return bytes(made.output())


def form(filled: str) -> bytes:
    """A PDF of one field, filled in, of which no picture was made (NeedAppearances)."""
    objects = (
        (
            b"<</Type/Catalog/Pages 2 0 R/AcroForm<</NeedAppearances true/Fields[5 0 R]"
            b"/DA(/Helv 12 Tf 0 g)/DR<</Font<</Helv 4 0 R>>>>>>>>"
        ),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Annots[5 0 R]>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Type/Annot/Subtype/Widget/FT/Tx/T(conclusion)/V(%s)/P 3 0 R/F 4"
        b"/Rect[20 100 280 140]/DA(/Helv 24 Tf 0 g)>>" % filled.encode("ascii"),
    )
    made, places = b"%PDF-1.7\n", []
    for number, one in enumerate(objects, 1):
        places.append(b"%010d 00000 n \n" % len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(places)
    end = b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(made)
    return made + table + end


def cda(
    body: str = BODY,
    *,
    number: str = "CR-1",
    replaces: str = "",
    person: Sequence[str] = ("ESSAI", "Zoé", "19570307"),
    ins: str = INS,
) -> bytes:
    """A CDA R2 document of the patient of the tests of messages."""
    related = ""
    if replaces:
        related = (
            ' <relatedDocument typeCode="RPLC"><parentDocument>'
            f'<id root="1.2.250.1.999" extension="{replaces}"/></parentDocument></relatedDocument>'
        )
    family, given, born = person
    names = {"family": family, "given": given, "born": born}
    text = _HEAD.format(number=number, ins=ins, related=related, body=body.format(ins=ins), **names)
    return text.encode()


def cda_of_pdf(data: bytes) -> bytes:
    """A CDA R2 document whose body is a PDF."""
    inside = base64.b64encode(data).decode()
    body = f'<nonXMLBody><text mediaType="application/pdf" representation="B64">{inside}</text>'
    return cda(f"{body}</nonXMLBody>")
