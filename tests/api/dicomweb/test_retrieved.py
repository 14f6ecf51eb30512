"""What clients of DICOMweb get is what is stored, under today's identity."""

import io
from dataclasses import replace
from email import message_from_bytes
from email.message import Message
from typing import Any, cast

import httpx
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from archive.catalog import Catalog
from archive.query import FoundInstance, Query
from archive.storage import Storage
from tests.api.conftest import Installation, Web

ROOT = "/dicomweb/studies"
STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'
FRAMES = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'


@pytest.fixture
def catalog(installation: Installation) -> Any:
    with Catalog.open(installation.settings.database_url) as opened:
        yield opened


@pytest.fixture
def found(catalog: Catalog) -> list[FoundInstance]:
    """The instances of the northern establishment's slide, the largest level first."""
    instances = catalog.instances.instances(Query(), establishment="north")
    return sorted(instances, key=lambda one: -one.described.frames)


def address(one: FoundInstance) -> str:
    series = one.described.series.series_instance_uid
    study = one.study.study_instance_uid
    return f"{ROOT}/{study}/series/{series}/instances/{one.sop_instance_uid}"


def parts_of(answer: httpx.Response) -> list[tuple[str, bytes]]:
    """The parts of an answer, by the standard library's own reader."""
    assert answer.status_code == 200, answer.text
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + answer.content)
    assert message.is_multipart()
    told = []
    for part in cast("list[Message]", message.get_payload()):
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        told.append((str(part["content-type"]), data))
    return told


def stored(storage: Storage, one: FoundInstance) -> bytes:
    return storage.read_range(one.key, 0, one.length_bytes)


def test_frames_are_the_stored_bytes(
    reader: Web, storage: Storage, found: list[FoundInstance]
) -> None:
    one = found[0]
    data = dcmread(io.BytesIO(stored(storage, one)))
    tables = data.ExtendedOffsetTable, data.ExtendedOffsetTableLengths
    answer = reader.get(
        f"{address(one)}/frames/1,{data.NumberOfFrames}", headers={"accept": FRAMES}
    )
    expected = [
        get_frame(data.PixelData, number, extended_offsets=tables)
        for number in (0, data.NumberOfFrames - 1)
    ]
    assert parts_of(answer) == [
        ("application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.50", one)
        for one in expected
    ]
    single = reader.get(f"{address(one)}/frames/1", headers={"accept": "image/jpeg"})
    assert single.content == expected[0]
    assert single.headers["content-type"] == "image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50"
    assert "immutable" in single.headers["cache-control"]
    again = reader.get(
        f"{address(one)}/frames/1",
        headers={"accept": "image/jpeg", "if-none-match": single.headers["etag"]},
    )
    assert again.status_code == 304
    whole = reader.get(f"{address(one)}/bulkdata/7FE00010", headers={"accept": FRAMES})
    assert [part for _, part in parts_of(whole)][:: data.NumberOfFrames - 1] == expected


def test_a_study_is_all_its_instances(
    reader: Web, storage: Storage, found: list[FoundInstance]
) -> None:
    study = f"{ROOT}/{found[0].study.study_instance_uid}"
    parts = parts_of(reader.get(study, headers={"accept": STORED}))
    told = {str(data.SOPInstanceUID): data for data in (dcmread(io.BytesIO(p)) for _, p in parts)}
    assert told.keys() == {one.sop_instance_uid for one in found}
    for one in found:
        before = dcmread(io.BytesIO(stored(storage, one)))
        after = told[one.sop_instance_uid]
        assert after.PixelData == before.PixelData
        assert after.StudyInstanceUID == before.StudyInstanceUID
        assert after.file_meta.TransferSyntaxUID == one.described.transfer_syntax_uid


def test_what_leaves_says_whose_it_is_today(
    reader: Web, catalog: Catalog, found: list[FoundInstance]
) -> None:
    who = found[0].study.patient
    assert who is not None
    for name in ("CORRIGÉE^Zoé", who.name):
        to = replace(who, name=name)
        catalog.correct_patient(
            establishment="north", patient_id=who.patient_id, issuer=who.issuer, to=to
        )
        file = reader.get(address(found[0]), headers={"accept": "application/dicom"})
        assert dcmread(io.BytesIO(file.content)).PatientName == name
        (metadata,) = reader.get(f"{address(found[0])}/metadata").json()
        assert metadata["00100010"]["Value"] == [{"Alphabetic": name}]


def test_metadata_is_the_header(reader: Web, storage: Storage, found: list[FoundInstance]) -> None:
    study = f"{ROOT}/{found[0].study.study_instance_uid}"
    answer = reader.get(f"{study}/metadata", headers={"accept": "application/dicom+json"})
    assert answer.headers["content-type"] == "application/dicom+json"
    by_uid = {one["00080018"]["Value"][0]: one for one in answer.json()}
    assert by_uid.keys() == {one.sop_instance_uid for one in found}

    def fetch(_: str, __: str, uri: str) -> bytes:
        if uri.endswith("7FE00010"):
            return b""
        return reader.get(uri, headers={"accept": "application/octet-stream"}).content

    for one in found:
        told = by_uid[one.sop_instance_uid]
        header = dcmread(io.BytesIO(stored(storage, one)), stop_before_pixels=True)
        read = Dataset.from_json(told, fetch)
        for element in header:
            if element.tag not in (0x7FE00001, 0x7FE00002):
                assert read[element.tag] == element, element.keyword
        assert told["7FE00010"]["BulkDataURI"].startswith("http://test/dicomweb/studies/")


@pytest.mark.parametrize(
    ("suffix", "accept", "status"),
    [
        ("/frames/0", FRAMES, 404),
        ("/frames/100000", FRAMES, 404),
        ("/frames/1,x", FRAMES, 404),
        ("/frames/1", 'multipart/related; type="image/jp2"', 406),
        ("/frames/1,2", "image/jpeg", 406),
        ("/frames/1,1", FRAMES, 400),
        (f"/frames/{'9' * 5000}", FRAMES, 404),
        ("", 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2', 406),
        ("", "image/png", 406),
        ("/metadata", "application/dicom+xml", 406),
        ("/bulkdata/00080018", "*/*", 404),
        ("/bulkdata/00480105/9/00282000", "*/*", 404),
        ("0/frames/1", FRAMES, 404),
        ("0/metadata", "*/*", 404),
    ],
)
def test_what_is_not_there_is_told(
    reader: Web, found: list[FoundInstance], suffix: str, accept: str, status: int
) -> None:
    answer = reader.get(f"{address(found[0])}{suffix}", headers={"accept": accept})
    assert answer.status_code == status


def test_another_establishment_s_do_not_exist(
    web: Web, installation: Installation, found: list[FoundInstance]
) -> None:
    web.headers.update(installation.bearer(establishment="south"))
    for suffix in ("", "/metadata", "/frames/1", "/bulkdata/7FE00010"):
        assert web.get(f"{address(found[0])}{suffix}").status_code == 404
    searched = web.get("/dicomweb/instances", params={"SOPInstanceUID": found[0].sop_instance_uid})
    assert (searched.status_code, searched.content) == (204, b"")
