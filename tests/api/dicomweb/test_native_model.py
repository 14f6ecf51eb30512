"""Data sets as XML are the Native DICOM Model (PS3.19, A.1), and say what the JSON Model says."""

from xml.etree import ElementTree as ET

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from api.dicomweb.json_model import header_json
from api.dicomweb.native_model import native_xml
from archive.catalog import Catalog
from archive.query import FoundInstance, Query
from tests.api.conftest import Installation, Web
from tests.api.dicomweb.parts import parts_of
from tests.api.dicomweb.test_retrieved import address

XML = 'multipart/related; type="application/dicom+xml"'
NS = {"d": "http://dicom.nema.org/PS3.19/models/NativeDICOM"}


def test_odd_values_are_written_as_the_standard_has_them() -> None:
    header = Dataset()
    header.PatientName = "LE GALL^Héloïse==フォー"
    header.ImageType = ["ORIGINAL", "", "VOLUME"]
    header.PatientBirthDate = ""
    header.ImageComments = "a < b & c\x1b"
    header.ICCProfile = bytes(12)
    item = Dataset()
    item.SpecimenIdentifier = "1"
    header.SpecimenDescriptionSequence = Sequence([item])
    header.add_new(0x00090010, "LO", "MAKER")
    header.add_new(0x00091001, "LO", "private")
    root = ET.fromstring(native_xml(header_json(header, "u")))

    def at(keyword: str) -> ET.Element:
        found = root.find(f"d:DicomAttribute[@keyword='{keyword}']", NS)
        assert found is not None
        return found

    assert root.tag == f"{{{NS['d']}}}NativeDicomModel"
    name = at("PatientName").find("d:PersonName[@number='1']/d:Alphabetic", NS)
    assert name is not None
    assert [(one.tag.partition("}")[2], one.text) for one in name] == [
        ("FamilyName", "LE GALL"),
        ("GivenName", "Héloïse"),
    ]
    values = [(one.get("number"), one.text) for one in at("ImageType")]
    assert values == [("1", "ORIGINAL"), ("2", None), ("3", "VOLUME")]
    assert list(at("PatientBirthDate")) == []
    assert at("ImageComments")[0].text == "a < b & c"
    assert at("ICCProfile")[0].get("uri") == "u/bulkdata/00282000"
    inner = at("SpecimenDescriptionSequence").find("d:Item[@number='1']/d:DicomAttribute", NS)
    assert inner is not None
    assert (inner.get("tag"), inner.get("vr")) == ("00400551", "LO")
    private = root.find("d:DicomAttribute[@tag='00091001']", NS)
    assert private is not None
    assert private.get("privateCreator") == "MAKER"


@pytest.fixture
def one(installation: Installation) -> FoundInstance:
    with Catalog.open(installation.settings.database_url) as catalog:
        return catalog.instances.instances(Query(limit=1), establishment="north")[0]


def test_searches_and_metadata_are_told_as_xml_too(reader: Web, one: FoundInstance) -> None:
    study = one.study.study_instance_uid
    for where in ("/dicomweb/instances", f"/dicomweb/studies/{study}/metadata"):
        told = reader.get(where).json()
        parts = parts_of(reader.get(where, headers={"accept": XML}))
        assert {kind for kind, _ in parts} == {"application/dicom+xml"}
        assert [tags_of(part) for _, part in parts] == [sorted(each) for each in told]


def tags_of(document: bytes) -> list[str]:
    found = ET.fromstring(document).findall("d:DicomAttribute", NS)
    return sorted(str(each.get("tag")) for each in found)


def test_who_names_no_form_gets_json(reader: Web, one: FoundInstance) -> None:
    for accept in ("*/*", f"{XML}; q=0.5, application/dicom+json", "application/*, */*;q=0.1"):
        answer = reader.get(f"{address(one)}/metadata", headers={"accept": accept})
        assert answer.headers["content-type"] in {"application/dicom+json", "application/json"}
    alone = reader.get(f"{address(one)}/metadata", headers={"accept": "application/dicom+xml"})
    assert alone.status_code == 406
