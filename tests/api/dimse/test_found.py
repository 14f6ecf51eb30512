"""C-ECHO and C-FIND as dcmtk's tools and pynetdicom ask, and who is let in."""

import pytest
from pydicom.charset import python_encoding
from pydicom.dataset import Dataset
from pynetdicom import AE

from tests.api.dimse.conftest import Served

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_ROOT = "1.2.840.10008.5.1.4.1.2.1.1"


def ask(served: Served, title: str = "READER", model: str = FIND, **keys: object) -> list[Dataset]:
    """What is found, and as the last one the status."""
    identifier = Dataset()
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    entity = AE(title)
    entity.add_requested_context(model)
    association = entity.associate("127.0.0.1", served.port, ae_title="SANSVERRE")
    assert association.is_established
    try:
        found = list(association.send_c_find(identifier, model))
    finally:
        association.release()
    return [told for status, told in found if told is not None] + [found[-1][0]]


def test_we_are_there(served: Served) -> None:
    assert served.call("echoscu", "-v", title="ECHOES").count("Success") == 1


@pytest.mark.parametrize(
    ("title", "called", "reason"),
    [
        ("STRANGER", "SANSVERRE", "Calling AE Title Not Recognized"),
        ("ELSEWHERE", "SANSVERRE", "Calling AE Title Not Recognized"),
        ("READER", "ANOTHER", "Called AE Title Not Recognized"),
    ],
)
def test_others_are_refused_with_the_reason(
    served: Served, title: str, called: str, reason: str
) -> None:
    assert reason in served.call("echoscu", "-v", "-aec", called, title=title)


def names(found: list[Dataset]) -> set[str]:
    return {str(one.PatientName) for one in found[:-1]}


BOTH = {"D'ŒUVRE^HÉLOÏSE", "AUTRE^JEAN"}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"PatientName": ""}, BOTH),
        ({"PatientName": "*"}, BOTH),
        ({"PatientName": "d'oeuvre^heloise"}, {"D'ŒUVRE^HÉLOÏSE"}),
        ({"PatientName": "*^hel?ise"}, {"D'ŒUVRE^HÉLOÏSE"}),
        ({"PatientName": "autre*"}, {"AUTRE^JEAN"}),
        ({"PatientName": "nobody"}, set()),
        ({"PatientBirthDate": "19600101-"}, {"D'ŒUVRE^HÉLOÏSE"}),
        ({"PatientBirthDate": "19400101-19600101"}, {"AUTRE^JEAN"}),
        ({"AccessionNumber": "A?"}, BOTH),
        ({"AccessionNumber": "A2"}, {"AUTRE^JEAN"}),
        ({"PatientID": "7", "IssuerOfPatientID": "registry"}, {"D'ŒUVRE^HÉLOÏSE"}),
        ({"ModalitiesInStudy": "SM"}, BOTH),
        ({"ModalitiesInStudy": "CT"}, set()),
        ({"ModalitiesInStudy": "CT\\SM"}, BOTH),
        ({"ModalitiesInStudy": "CT\\XC"}, set()),
    ],
)
def test_studies_are_matched_as_the_standard_says(
    served: Served, keys: dict[str, str], expected: set[str]
) -> None:
    asked = {"QueryRetrieveLevel": "STUDY", "PatientName": "", **keys}
    found = ask(served, **asked)
    assert found[-1].Status == 0x0000
    assert names(found) == expected


@pytest.fixture
def western(monkeypatch: pytest.MonkeyPatch) -> None:
    """This end writes ISO 8859-15 as well, which pydicom does not know yet."""
    monkeypatch.setitem(python_encoding, "ISO_IR 203", "iso8859_15")


@pytest.mark.parametrize(("issuer", "expected"), [("LAB", 1), ("L*", 1), ("", 2), ("WARD", 0)])
def test_the_item_of_a_sequence_is_matched_and_told(
    served: Served, issuer: str, expected: int
) -> None:
    item = Dataset()
    item.LocalNamespaceEntityID = issuer
    *found, status = ask(served, QueryRetrieveLevel="STUDY", IssuerOfAccessionNumberSequence=[item])
    assert (status.Status, len(found)) == (0x0000, expected)
    if issuer:
        told = [one.IssuerOfAccessionNumberSequence[0].LocalNamespaceEntityID for one in found]
        assert told == ["LAB"] * expected


def test_a_sequence_of_several_items_means_nothing(served: Served) -> None:
    items = [Dataset(), Dataset()]
    (status,) = ask(served, QueryRetrieveLevel="STUDY", IssuerOfAccessionNumberSequence=items)
    assert status.Status == 0xA900


@pytest.mark.usefixtures("western")
def test_names_come_in_any_character_set_and_leave_in_unicode(served: Served) -> None:
    for charset in ("ISO_IR 100", "ISO_IR 203", "ISO_IR 192"):
        found = ask(
            served,
            SpecificCharacterSet=charset,
            QueryRetrieveLevel="STUDY",
            PatientName="D'ŒUVRE*" if charset != "ISO_IR 100" else "*HÉLOÏSE",
        )
        assert names(found) == {"D'ŒUVRE^HÉLOÏSE"}, charset
        assert found[0].SpecificCharacterSet == "ISO_IR 192"


def test_a_name_that_is_not_in_the_set_it_states_is_refused_and_not_looked_for_in_vain(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This end writes ISO 8859-1, and says that it is UTF-8.
    monkeypatch.setitem(python_encoding, "ISO_IR 192", "latin-1")
    utf_8 = {"SpecificCharacterSet": "ISO_IR 192", "QueryRetrieveLevel": "STUDY"}
    (status,) = ask(served, **utf_8, PatientName="*HÉLOÏSE")
    assert status.Status == 0xA900
    assert "character set" in status.ErrorComment


def test_every_level_tells_what_is_asked_for(served: Served) -> None:
    patients = ask(
        served,
        model=PATIENT_ROOT,
        QueryRetrieveLevel="PATIENT",
        PatientID="7",
        PatientName="",
        IssuerOfPatientID="",
        NumberOfPatientRelatedStudies="",
    )
    assert names(patients) == BOTH
    assert {one.IssuerOfPatientID for one in patients[:-1]} == {"registry", "another registry"}
    assert [one.NumberOfPatientRelatedStudies for one in patients[:-1]] == [1, 1]
    study, _ = ask(
        served, QueryRetrieveLevel="STUDY", StudyInstanceUID="", PatientName="autre*", PatientID=""
    )
    assert (study.PatientID, study.RetrieveAETitle) == ("7", "SANSVERRE")
    series, _ = ask(
        served,
        QueryRetrieveLevel="SERIES",
        StudyInstanceUID=study.StudyInstanceUID,
        SeriesInstanceUID="",
        Modality="SM",
        NumberOfSeriesRelatedInstances="",
    )
    assert series.Modality == "SM"
    instances = ask(
        served,
        QueryRetrieveLevel="IMAGE",
        StudyInstanceUID=study.StudyInstanceUID,
        SeriesInstanceUID=series.SeriesInstanceUID,
        SOPInstanceUID="",
        NumberOfFrames="",
        AvailableTransferSyntaxUID="",
    )[:-1]
    assert len(instances) == series.NumberOfSeriesRelatedInstances > 1
    two = "\\".join(one.SOPInstanceUID for one in instances[:2])
    listed = ask(
        served,
        QueryRetrieveLevel="IMAGE",
        StudyInstanceUID=study.StudyInstanceUID,
        SeriesInstanceUID=series.SeriesInstanceUID,
        SOPInstanceUID=two,
    )[:-1]
    assert {one.SOPInstanceUID for one in listed} == set(two.split("\\"))


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize(
    ("model", "keys"),
    [
        (FIND, {"QueryRetrieveLevel": "PATIENT", "PatientID": "7"}),
        (FIND, {"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": ""}),
        (FIND, {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": "*"}),
        (FIND, {"PatientID": "7"}),
        (FIND, {"QueryRetrieveLevel": "STUDY", "StudyDate": "yesterday"}),
        (PATIENT_ROOT, {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": ""}),
    ],
)
def test_what_means_nothing_is_refused(served: Served, model: str, keys: dict[str, str]) -> None:
    (status,) = ask(served, model=model, **keys)
    assert status.Status == 0xA900
    assert status.ErrorComment


def test_what_is_not_matched_is_said_with_each_answer(served: Served) -> None:
    entity = AE("READER")
    entity.add_requested_context(FIND)
    association = entity.associate("127.0.0.1", served.port, ae_title="SANSVERRE")
    identifier = Dataset()
    identifier.QueryRetrieveLevel, identifier.StudyDescription = "STUDY", "biopsy"
    statuses = [one.Status for one, _ in association.send_c_find(identifier, FIND)]
    association.release()
    assert statuses == [0xFF01, 0xFF01, 0x0000]


def test_an_establishment_learns_nothing_of_another(served: Served) -> None:
    mine, _ = ask(served, title="SOUTHERN", QueryRetrieveLevel="STUDY", StudyInstanceUID="")
    theirs = ask(served, QueryRetrieveLevel="STUDY", StudyInstanceUID="")[:-1]
    assert mine.StudyInstanceUID not in {one.StudyInstanceUID for one in theirs}
    for one in theirs:
        found = ask(
            served,
            title="SOUTHERN",
            QueryRetrieveLevel="STUDY",
            StudyInstanceUID=one.StudyInstanceUID,
        )
        assert [one.Status for one in found] == [0x0000]


def test_findscu_finds_and_nothing_of_it_is_logged(served: Served) -> None:
    told = served.call(
        "findscu", "-v", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientName=*heloise*"
    )
    assert "HÉLOÏSE" in told
    log = served.log.read_text()
    assert not {"HÉLO", "heloise", "SPECIMEN", "AUTRE"} & set(log.replace("^", " ").split())
