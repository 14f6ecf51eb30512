"""Instances that come as metadata with bulk data are put together, and kept like any other."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from api.dicomweb.assembled import (
    Bulk,
    CannotAssemble,
    assemble,
    put_together,
    request,
    split,
)
from api.dicomweb.assembling import Assembling
from api.dicomweb.incoming import Parts, read_content_type
from api.dicomweb.json_model import header_json
from api.dicomweb.native_model import native_xml, read_native
from api.dicomweb.stow import Store
from api.instances.acceptance import Acceptance
from api.settings import Settings, UploadLimits
from api.work import Workplace
from archive.received.outcome import Failure
from tests.api.conftest import Web
from tests.api.instances.conftest import NORTH, Make
from tests.api.instances.stored import BOUNDARY, ROOT, failures, kept, others
from tests.api.instances.test_stow import left_over
from tests.samples.dicom_slides import Made

JSON, XML, OCTETS = "application/dicom+json", "application/dicom+xml", "application/octet-stream"
Part = tuple[str, str, bytes]
"""What a part says that it is, what others call it, and what it holds."""


def body_of_parts(parts: Sequence[Part]) -> bytes:
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Type: {what}\r\nContent-Location: {where}\r\n\r\n".encode()
        + data
        + b"\r\n"
        for what, where, data in parts
    )
    return body + f"--{BOUNDARY}--\r\n".encode()


def post(web: Web, parts: Sequence[Part], kind: str = JSON, cut: int = 0) -> httpx.Response:
    body = body_of_parts(parts)
    content_type = f'multipart/related; type="{kind}"; boundary="{BOUNDARY}"'
    whole = body[: len(body) - cut]
    return web.post(ROOT, content=whole, headers={"content-type": content_type})


def described(file: Path, name: str) -> tuple[dict[str, Any], list[Part]]:
    """The metadata of a file, and its bulk data: pixels and profile."""
    sent = dcmread(file)
    told = header_json(sent, f"http://here/{name}")
    if sent.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1":
        pixels = [(OCTETS, told["7FE00010"]["BulkDataURI"], sent.PixelData)]
    else:
        pixels = [
            ("image/jpeg", told["7FE00010"]["BulkDataURI"], one)
            for one in generate_frames(sent.PixelData, number_of_frames=sent.NumberOfFrames)
        ]
    profile = told["00480105"]["Value"][0]["00282000"]["BulkDataURI"]
    icc = sent.OpticalPathSequence[0].ICCProfile
    return told, [*pixels, (OCTETS, profile, icc)]


@pytest.mark.parametrize("kind", [JSON, XML])
@pytest.mark.parametrize("table", ["native", "basic"])
def test_what_is_described_is_what_was_meant(
    web: Web, make: Make, settings: Settings, kind: str, table: str
) -> None:
    file = make("level", made=Made(table=table))  # type: ignore[arg-type]
    sent = dcmread(file)
    told, bulk = described(file, "one")
    metadata = json.dumps([told]).encode() if kind == JSON else native_xml(told)
    answer = post(web, [(kind, "", metadata), *bulk], kind)
    assert answer.status_code == 200, answer.text
    ((uid, address),) = kept(answer).items()
    assert uid == sent.SOPInstanceUID
    whole = web.get(address, headers={"accept": "application/dicom; transfer-syntax=*"})
    read = dcmread(io.BytesIO(whole.content))
    assert (read.pixel_array == sent.pixel_array).all()
    assert read.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
    assert read.OpticalPathSequence[0].ICCProfile == sent.OpticalPathSequence[0].ICCProfile
    assert read.SharedFunctionalGroupsSequence == sent.SharedFunctionalGroupsSequence
    assert (str(read.PatientName), read.AccessionNumber) == ("SPECIMEN^Zoé", "A7")
    assert left_over(settings) == []


def test_several_are_told_of_one_by_one(web: Web, make: Make, settings: Settings) -> None:
    native = Made(table="native")
    files = [make("level", made=native), make("small", 150, 100, native), make("b", 75, 50, native)]
    one, two, three = (described(file, str(number)) for number, file in enumerate(files))
    both = json.dumps([one[0], two[0]]).encode()
    third = json.dumps(three[0]).encode()
    # Of the second nothing comes but words.
    answer = post(web, [(JSON, "", both), *one[1], (JSON, "", third), *three[1]])
    assert answer.status_code == 202
    uids = [str(dcmread(file).SOPInstanceUID) for file in files]
    assert kept(answer).keys() == {uids[0], uids[2]}
    assert failures(answer) == {uids[1]: Failure.CANNOT_UNDERSTAND}
    # The last part is cut.
    cut = post(web, [(JSON, "", both), *one[1], *two[1]], cut=60)
    assert kept(cut).keys() == {uids[0]}
    assert others(cut) == [Failure.CANNOT_UNDERSTAND]
    assert left_over(settings) == []


@pytest.mark.parametrize(
    ("kind", "metadata"),
    [
        (JSON, b"{"),
        (JSON, b"[7]"),
        (JSON, b"[" * 100_000),
        (XML, b"<NativeDicomModel"),
        (XML, b"<Other/>"),
        (XML, b'<!DOCTYPE a [<!ENTITY b "c">]><NativeDicomModel>&b;</NativeDicomModel>'),
        (XML, '<?xml version="1.0" encoding="utf-16"?><NativeDicomModel/>'.encode("utf-16")),
    ],
)
def test_what_describes_nothing_is_none(tmp_path: Path, kind: str, metadata: bytes) -> None:
    path = tmp_path / "metadata"
    path.write_bytes(metadata)
    request(tmp_path, [(kind, path)], {})
    assert split(tmp_path) == {"count": 0, "are_wrong": True, "alike": []}


@pytest.mark.parametrize(
    "metadata",
    [
        b'{"00080018": 7, "7FE00010": {"BulkDataURI": ["u"]}}',
        b'{"7FE00010": {"vr": "OB", "BulkDataURI": "u"}, "00100010": {"vr": "PN"}}',
    ],
)
def test_what_describes_half_of_it_is_not_put_together(tmp_path: Path, metadata: bytes) -> None:
    path = tmp_path / "metadata"
    path.write_bytes(metadata)
    request(tmp_path, [(JSON, path)], {"u": [Bulk(OCTETS, "", path, 10)]})
    assert split(tmp_path)["count"] == 1
    told = put_together(tmp_path, 0, 1 << 20)
    assert (told["names"], told["is_whole"]) == ([""] * 4, False)


def test_what_is_described_is_read_within_limits(
    web: Web, settings: Settings, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a child: what a few megabytes of it become in memory is nobody else's concern."""
    monkeypatch.setattr("api.instances.examiners.MEMORY_BYTES", 400 << 20)
    swollen = b"[" + b"{}," * 5_000_000 + b"{}]"
    answer = post(web, [(JSON, "", swollen), (OCTETS, "u", bytes(10))])
    assert (answer.status_code, others(answer)) == (409, [Failure.CANNOT_UNDERSTAND])
    told, bulk = described(make("level", made=Made(table="native")), "one")
    half = post(web, [(JSON, "", b"{"), (JSON, "", json.dumps(told).encode()), *bulk])
    assert (half.status_code, others(half)) == (202, [Failure.CANNOT_UNDERSTAND])
    assert len(kept(half)) == 1
    assert left_over(settings) == []


@pytest.mark.parametrize("table", ["native", "basic"])
def test_nobody_is_shown_with_pixels_of_somebody_else(web: Web, make: Make, table: str) -> None:
    """Where two instances call their pixels alike, and both came, or those of one alone."""
    made = Made(table=table)  # type: ignore[arg-type]
    files = [
        make("one", 100, 60, made),
        make("two", 100, 60, made, None, 1, StudyInstanceUID="1.2.3.4", PatientID="8"),
    ]
    both = [described(file, "alike") for file in files]
    for count in (1, 2):
        bulk = [one for _, own in both[:count] for one in own]
        answer = post(web, [(JSON, "", json.dumps([told for told, _ in both]).encode()), *bulk])
        assert kept(answer) == {}
        assert set(failures(answer).values()) == {Failure.CANNOT_UNDERSTAND}
    # As well where they come one after the other.
    (told, mine), (_, others_own) = both
    alone = post(web, [(JSON, "", json.dumps([told]).encode()), *mine, *others_own])
    assert kept(alone) == {}


def test_pixels_without_a_name_are_nobodys(web: Web, make: Make) -> None:
    told, bulk = described(make("level", made=Made(table="native")), "one")
    told["7FE00010"]["BulkDataURI"] = ""
    pixels, *rest = bulk
    answer = post(web, [(JSON, "", json.dumps([told]).encode()), (OCTETS, "", pixels[2]), *rest])
    assert list(failures(answer).values()) == [Failure.CANNOT_UNDERSTAND]
    assert others(answer) == [Failure.CANNOT_UNDERSTAND]


def test_one_part_is_not_read_again_and_again(tmp_path: Path) -> None:
    """What may be named by many attributes is bounded for all of them together."""
    path = tmp_path / "value"
    path.write_bytes(bytes(1 << 20))
    value = Bulk(OCTETS, "", path, 1 << 20)
    pixels = Bulk(OCTETS, "", path, 2)
    told: dict[str, Any] = {
        f"0009{number:04X}": {"vr": "OB", "BulkDataURI": "value"}
        for number in range(0x1000, 0x1000 + 17)
    }
    told["7FE00010"] = {"vr": "OB", "BulkDataURI": "pixels"}
    told["00080016"] = {"vr": "UI", "Value": ["1.2"]}
    told["00080018"] = {"vr": "UI", "Value": ["1.3"]}
    told |= {"00280010": {"vr": "US", "Value": [1]}, "00280011": {"vr": "US", "Value": [2]}}
    told |= {"00280002": {"vr": "US", "Value": [1]}, "00280100": {"vr": "US", "Value": [8]}}
    with pytest.raises(CannotAssemble):
        assemble(told, {"value": [value], "pixels": [pixels]}, tmp_path / "whole")
    del told["00091000"]
    # Sixteen of them are what may be.
    assemble(told, {"value": [value], "pixels": [pixels]}, tmp_path / "whole")


def test_what_is_described_is_as_large_as_any_file_may_be(
    web: Web, make: Make, settings: Settings, place: Workplace
) -> None:
    told, bulk = described(make("level", made=Made(table="native")), "one")
    accepting = Acceptance(place.catalog, place.storage, settings.data)
    kind = f'multipart/related; type="{JSON}"; boundary="{BOUNDARY}"'
    try:
        limits = UploadLimits(max_bytes=100_000)
        parts = read_content_type(kind)[1]
        assert parts is not None
        arriving = Assembling(
            accepting, Store(accepting, limits), NORTH, None, Parts(parts.boundary)
        )
        arriving.take(body_of_parts([(JSON, "", json.dumps([told]).encode()), *bulk]))
        (outcome,) = arriving.end()
        arriving.close()
    finally:
        accepting.close()
    assert outcome.failure is Failure.OUT_OF_RESOURCES
    assert left_over(settings) == []


def test_what_is_described_for_another_study_is_refused(web: Web, make: Make) -> None:
    file = make("level", made=Made(table="native"))
    told, bulk = described(file, "one")
    told["7FE00010"]["BulkDataURI"] = "elsewhere"
    answer = post(web, [(JSON, "", json.dumps([told]).encode()), *bulk])
    assert failures(answer) == {dcmread(file).SOPInstanceUID: Failure.CANNOT_UNDERSTAND}


def test_xml_is_read_as_it_is_written() -> None:
    header = Dataset()
    header.PatientName = "FAUX^Anne=假=X"
    header.ImageType = ["ORIGINAL", "", "VOLUME"]
    header.Rows, header.PatientWeight = 7, "70.5"
    header.RecommendedDisplayFrameRateInFloat = 0.5
    item = Dataset()
    item.CodeMeaning = "<&>"
    header.ProcedureCodeSequence = [item]
    told = header_json(header, "u")
    read = Dataset.from_json(
        {tag: one for tag, one in read_native(native_xml(told)).items() if tag != "7FE00010"}
    )
    assert read == header
