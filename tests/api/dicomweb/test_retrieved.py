"""What clients of DICOMweb get is what is stored, under today's identity."""

import asyncio
import io
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, cast

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from api.dicomweb.desk import Desk
from api.dicomweb.retrieved import _offers
from archive.catalog import Catalog
from archive.query import FoundInstance, Query
from archive.storage import Storage
from tests.api.conftest import Installation, Web
from tests.api.dicomweb.parts import parts_of
from tests.archive.correcting import correct
from tiles.source import ReadRange

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
    for all_of_them in ("bulkdata/7FE00010", "pixeldata"):
        whole = reader.get(f"{address(one)}/{all_of_them}", headers={"accept": FRAMES})
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
        correct(catalog, replace(who, name=name), "north")
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


def test_a_part_of_what_is_large_is_a_range(reader: Web, found: list[FoundInstance]) -> None:
    one = next(each for each in found if each.described.frames > 1)
    octets = {"accept": "application/octet-stream"}
    for where in (f"{address(one)}/bulkdata/00480105/0/00282000", f"{address(one)}/frames/1"):
        whole = reader.get(where, headers=octets)
        assert whole.headers["accept-ranges"] == "bytes"
        size, tag = len(whole.content), whole.headers["etag"]
        for asked, first, last in (
            ("5-20", 5, 20),
            ("-7", size - 7, size - 1),
            ("9-", 9, size - 1),
        ):
            part = reader.get(where, headers={**octets, "range": f"bytes={asked}"})
            assert part.status_code == 206
            assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"
            assert part.content == whole.content[first : last + 1]
        beyond = reader.get(where, headers={**octets, "range": f"bytes={size}-"})
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
        for held, status in ((tag, 206), ('"another"', 200)):
            again = {**octets, "range": "bytes=0-3", "if-range": held}
            assert reader.get(where, headers=again).status_code == status
        in_parts = reader.get(where, headers={"accept": FRAMES, "range": "bytes=0-3"})
        assert in_parts.status_code == 200 if "frames" in where else 406


class Reading:
    """As much of a desk as says what fits."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def read(self, work: Callable[[], Any]) -> Any:
        return work()

    def reader(self, found: FoundInstance) -> ReadRange:
        return partial(self._storage.read_range, found.key)


@pytest.mark.parametrize(("share", "is_decoded"), [(5, True), (2, True), (0.9, False)])
def test_the_header_says_what_fits_into_one_element(
    storage: Storage, found: list[FoundInstance], share: float, is_decoded: bool
) -> None:
    """Grey instances of three times as many pixels fit; of this one the header says it is small."""
    told = found[0].described
    frames = int((1 << 32) / share / (told.rows * told.columns))
    large = replace(told, frames=frames, transfer_syntax_uid="1.2.840.10008.1.2.4.80")
    offers = asyncio.run(
        _offers(cast("Desk", Reading(storage)), replace(found[0], described=large))
    )
    assert (offers[0].transfer_syntax == "1.2.840.10008.1.2.1") is is_decoded
