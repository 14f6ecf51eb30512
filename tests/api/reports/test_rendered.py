"""A CDA document whose body is no XML, as it is given to those who read no DICOM."""

import shutil
from pathlib import Path

import pytest

from api.hl7.exchange import Exchange
from api.settings import read_settings
from api.work import open_workplace
from archive.cases.laboratory import Laboratory
from tests.api.conftest import reading
from tests.api.hl7.conftest import GAM, HERE
from tests.api.hl7.test_exchange import LOCAL
from tests.api.hl7.test_orders import o21
from tests.api.hl7.test_reports import ed, oru
from tests.api.reports.conftest import PDF_OF_TWO, made
from tests.api.reports.test_documents import where
from tests.samples.report import cda, cda_of_pdf

WORDS = cda('<nonXMLBody><text mediaType="text/plain">Nævus\n &lt;b&gt;bénin</text></nonXMLBody>')


@pytest.mark.parametrize(
    ("data", "asked", "said"),
    [
        (cda_of_pdf(PDF_OF_TWO), "application/pdf", PDF_OF_TWO),
        (WORDS, "text/plain", "Nævus\n <b>bénin".encode()),
    ],
)
def test_a_body_is_rendered_as_what_it_is(
    tmp_path: Path, empty_catalogue: Path, data: bytes, asked: str, said: bytes
) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    shutil.copy(empty_catalogue, tmp_path / "data")
    settings = read_settings(
        {"SANSVERRE_DATA": str(tmp_path / "data"), "SANSVERRE_SECRETS": str(tmp_path / "keys")}
    )
    with open_workplace(settings) as place:
        place.catalog.cases.declare({HERE: Laboratory("LABO")})
        for sent in (o21("A"), oru(ed(data, "XML"))):
            assert b"MSA|AA|" in Exchange(place, (GAM,)).answer(sent, LOCAL)
        made(place)
        (one,) = place.catalog.reports.of_number("LABO", "26H00012", establishment=HERE)
    with reading(settings, HERE) as web:
        address = f"{where(one, web)}/rendered"
        answer = web.get(address, headers={"accept": asked})
        assert (answer.headers["content-type"].split(";")[0], answer.content) == (asked, said)
        assert "sandbox" in answer.headers["content-security-policy"]
        page = web.get(address, headers={"accept": "text/html"})
        assert page.status_code == (406 if asked == "application/pdf" else 200)
        assert "<b>" not in page.text
