"""QIDO-RS over HTTP (PS3.18, 10.6), and the clients that people use."""

from typing import Any

import numpy as np
import pytest
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session
from pydicom.dataset import Dataset
from wsidicom import WsiDicom, WsiDicomWebClient

from api.dicomweb import service
from api.dicomweb.search import asked
from archive.catalog import Catalog
from archive.query import FoundInstance, Query
from tests.api.conftest import Installation, Web
from tests.serving import running
from tiles.codec import decode_jpeg

STUDY_LEVEL = {
    "StudyDate", "StudyTime", "AccessionNumber", "InstanceAvailability", "ModalitiesInStudy",
    "ReferringPhysicianName", "RetrieveURL", "PatientName", "PatientID", "PatientBirthDate",
    "PatientSex", "StudyInstanceUID", "StudyID", "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
}  # fmt: skip
"""Table 10.6.3-3: what a study of an answer always has."""
SERIES_LEVEL = {"Modality", "RetrieveURL", "SeriesInstanceUID", "SeriesNumber"} | {
    "NumberOfSeriesRelatedInstances"
}
INSTANCE_LEVEL = {"SOPClassUID", "SOPInstanceUID", "InstanceAvailability", "RetrieveURL"} | {
    *("InstanceNumber", "Rows", "Columns", "BitsAllocated", "NumberOfFrames")
}


def keywords(found: dict[str, Any]) -> set[str]:
    return {element.keyword for element in Dataset.from_json(found)}


@pytest.fixture
def one(installation: Installation) -> FoundInstance:
    with Catalog.open(installation.settings.database_url) as catalog:
        return catalog.instances.instances(Query(limit=1), establishment="north")[0]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/dicomweb/studies", STUDY_LEVEL),
        ("/dicomweb/series", STUDY_LEVEL | SERIES_LEVEL),
        ("/dicomweb/studies/{study}/series", SERIES_LEVEL),
        ("/dicomweb/instances", STUDY_LEVEL | INSTANCE_LEVEL),
        ("/dicomweb/studies/{study}/instances", INSTANCE_LEVEL | {"Modality"}),
        ("/dicomweb/studies/{study}/series/{series}/instances", INSTANCE_LEVEL),
    ],
)
def test_every_level_tells_what_the_standard_asks(
    reader: Web, one: FoundInstance, address: str, expected: set[str]
) -> None:
    study, series = one.study.study_instance_uid, one.described.series.series_instance_uid
    answer = reader.get(address.format(study=study, series=series))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    found = answer.json()
    assert found
    for each in found:
        assert expected <= keywords(each)
        assert each["0020000D"]["Value"] == [study]


def test_matching_paging_and_what_is_said_of_it(reader: Web, one: FoundInstance) -> None:
    uid = one.sop_instance_uid
    (found,) = reader.get("/dicomweb/instances", params={"00080018": uid}).json()
    assert found["00080018"]["Value"] == [uid]
    whole = reader.get("/dicomweb/instances").json()
    page = reader.get("/dicomweb/instances", params={"limit": 2, "offset": 1})
    assert page.json() == whole[1:3]
    assert "additional results" in page.headers["warning"]
    assert "warning" not in reader.get("/dicomweb/instances").headers
    ignored = reader.get("/dicomweb/studies", params={"PatientComments": "x"})
    assert "not matched" in ignored.headers["warning"]
    none = reader.get("/dicomweb/studies", params={"PatientID": "nobody"})
    assert (none.status_code, none.content) == (204, b"")
    by_any_case = reader.get("/dicomweb/instances", params={"sopinstanceuid": uid}).json()
    assert by_any_case == [found]
    misspelt, reasons = {"PatientIdentity": "1"}, set()
    for params in ({"limit": "-1"}, {"StudyDate": "yesterday"}, misspelt, {"PatientID": "\0"}):
        refused = reader.get("/dicomweb/studies", params=params)
        assert refused.status_code == 400
        assert "yesterday" not in refused.text
        reasons.add(refused.json()["detail"])
    assert len(reasons) == 4
    assert "The query cannot be read: a date is written YYYYMMDD." in reasons
    assert reader.get("/dicomweb/studies", headers={"accept": "text/csv"}).status_code == 406


def test_fields_are_included_where_headers_tell_them(reader: Web, one: FoundInstance) -> None:
    study = one.study.study_instance_uid
    instances = f"/dicomweb/studies/{study}/instances"
    query = {"SOPInstanceUID": one.sop_instance_uid}
    (plain,) = reader.get(instances, params=query).json()
    (metadata,) = reader.get(f"{plain['00081190']['Value'][0]}/metadata").json()
    path = "OpticalPathSequence.IlluminationTypeCodeSequence"
    for fields in ("00480105", "OpticalPathSequence", path, "PatientName,opticalPathSequence"):
        if fields.endswith("opticalPathSequence"):
            assert reader.get(instances, params={"includefield": fields}).status_code == 400
            continue
        (told,) = reader.get(instances, params={**query, "includefield": fields}).json()
        assert told == {**plain, "00480105": metadata["00480105"]}
    (whole,) = reader.get(instances, params={**query, "includefield": "all"}).json()
    assert metadata.keys() <= whole.keys() | {"7FE00010"}
    assert plain.items() <= whole.items()
    (series,) = reader.get(
        f"/dicomweb/studies/{study}/series", params={"includefield": ["Manufacturer", "Rows"]}
    ).json()
    assert series["00080070"] == metadata["00080070"]
    assert "00280010" not in series
    (everything,) = reader.get(
        "/dicomweb/studies", params={"StudyInstanceUID": study, "includefield": "all"}
    ).json()
    assert "00080070" not in everything
    for kind in ("fuzzymatching", "emptyvaluematching", "multiplevaluematching"):
        assert reader.get("/dicomweb/studies", params={kind: "maybe"}).status_code == 400


@pytest.mark.parametrize(
    ("modalities", "is_found"), [("XC,SM", True), ("XC\\SM", True), ("S*", True), ("XC,CT", False)]
)
def test_a_study_with_one_of_several_modalities_is_found(
    reader: Web, one: FoundInstance, modalities: str, is_found: bool
) -> None:
    for where, name in (("studies", "ModalitiesInStudy"), ("series", "Modality")):
        query = {"StudyInstanceUID": one.study.study_instance_uid, name: modalities}
        answer = reader.get(f"/dicomweb/{where}", params=query)
        assert answer.status_code == (200 if is_found else 204)


def test_what_was_moved_while_it_was_found_is_left_out(
    reader: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = {"0020000D": {"vr": "UI", "Value": ["1.2.3"]}}
    monkeypatch.setattr(service, "search", lambda *_, **__: ([gone], False))
    answer = reader.get("/dicomweb/studies", params={"includefield": "StudyDescription"})
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_name_in_another_character_set_is_refused_and_not_looked_for_in_vain(
    reader: Web,
) -> None:
    for name in ("H%E9lo%EFse", "%ff"):
        assert reader.get(f"/dicomweb/studies?PatientName={name}").status_code == 400
    assert reader.get("/dicomweb/studies?PatientName=H%C3%A9lo%C3%AFse").status_code == 204


def test_a_list_of_a_hundred_studies_is_told_with_one_more() -> None:
    # As OHIF asks for it, with attributes of headers, to see whether there is another page.
    text = b"limit=101&includefield=00081030,00080060"
    searched = asked({"query_string": text}, "/dicomweb/studies", {})
    assert searched.included
    assert searched.query.limit == 101


# wsidicom leaves large values where they are.
@pytest.mark.filterwarnings("ignore:No bulk data URI handler:UserWarning")
def test_python_s_clients_read_the_very_pixels(
    installation: Installation, one: FoundInstance
) -> None:
    """dicomweb-client, and wsidicom through it, against the decoder that the tests trust."""
    environment = {
        "SANSVERRE_DATA": str(installation.settings.data),
        "SANSVERRE_SECRETS": str(installation.settings.secrets),
    }
    with running(environment, workers=1) as server:
        session = create_session()
        session.headers.update(installation.bearer(establishment="north"))
        client = DICOMwebClient(f"{server.address}/dicomweb", session=session)
        study, series = one.study.study_instance_uid, one.described.series.series_instance_uid
        (found,) = client.search_for_studies(search_filters={"StudyInstanceUID": study})
        assert found["0020000D"]["Value"] == [study]
        whole = client.retrieve_series(study, series)
        largest = max(whole, key=lambda each: int(each.get("NumberOfFrames", 1)))
        names = study, series, str(largest.SOPInstanceUID)
        frames = client.retrieve_instance_frames(*names, frame_numbers=[1, 2])
        assert len(frames) == 2
        slide = WsiDicom.open_web(WsiDicomWebClient(client), study, series)
        with slide:
            size = slide.size
            assert (size.width, size.height) == (
                largest.TotalPixelMatrixColumns,
                largest.TotalPixelMatrixRows,
            )
            region = np.asarray(slide.read_region((0, 0), 0, (64, 64)))
        np.testing.assert_array_equal(region, decode_jpeg(frames[0])[:64, :64])
