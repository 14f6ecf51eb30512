"""Instances, metadata, bulk data and frames (10.4)."""

import io
from urllib.parse import urlsplit

from pydicom import dcmread

from tests.api.dicomweb.contract.server import (
    DICOM,
    OCTETS,
    Server,
    frame,
    shall,
    uids,
)
from tests.api.dicomweb.parts import heads_of, parts_of

_ANY = 'multipart/related; type="application/octet-stream"'


@shall("10.4.3.3.1", "a study is all its instances")
def _(one: Server) -> None:
    assert uids(one.get(one.study, DICOM)) == {str(each.SOPInstanceUID) for each in one.held}


@shall("10.4.3.3.1", "a series is all its instances")
def _(one: Server) -> None:
    assert uids(one.get(one.series, DICOM)) == {
        str(each.SOPInstanceUID)
        for each in one.held
        if each.SeriesInstanceUID == one.level.SeriesInstanceUID
    }


@shall("10.4.3.3.1", "an instance is its very pixel data")
def _(one: Server) -> None:
    ((_, data),) = parts_of(one.get(one.instance, DICOM))
    assert dcmread(io.BytesIO(data)).PixelData == one.level.PixelData


@shall("10.4.4", "an instance as bytes of no kind is its bulk data")
def _(one: Server) -> None:
    parts = parts_of(one.get(one.instance, OCTETS))
    assert frame(one.level, 1).rstrip(b"\0") in {data.rstrip(b"\0") for _, data in parts}


@shall("10.4.3.3.2", "metadata of a study, a series and an instance, without what is large")
def _(one: Server) -> None:
    for where in (one.study, one.series, one.instance):
        told = one.get(f"{where}/metadata").json()
        assert one.level.SOPInstanceUID in {each["00080018"]["Value"][0] for each in told}
        assert all("InlineBinary" not in each.get("7FE00010", {}) for each in told)


@shall("10.4.3.3.2", "metadata are all attributes of the instance, and none of its file's head")
def _(one: Server) -> None:
    (told,) = one.get(f"{one.instance}/metadata").json()
    mine = {f"{each.tag:08X}" for each in one.level}
    # How the frames lie in the file is told by some and not by others.
    assert mine - told.keys() <= {"7FE00001", "7FE00002", "7FE00010", "FFFCFFFC"}
    assert not [tag for tag in told if tag.startswith("0002")]


@shall("10.4.3.3.5", "what metadata name as bulk data is fetched there: the ICC profile")
def _(one: Server) -> None:
    (told,) = one.get(f"{one.instance}/metadata").json()
    uri = urlsplit(told["00480105"]["Value"][0]["00282000"]["BulkDataURI"]).path
    ((_, data),) = parts_of(one.request("GET", uri, headers={"accept": _ANY}))
    assert data.rstrip(b"\0") == one.level.OpticalPathSequence[0].ICCProfile.rstrip(b"\0")


@shall("10.4.3.3.5", "bulk data of a whole study, series or instance")
def _(one: Server) -> None:
    profile = one.level.OpticalPathSequence[0].ICCProfile.rstrip(b"\0")
    for where in (one.study, one.series, one.instance):
        data = {data.rstrip(b"\0") for _, data in parts_of(one.get(f"{where}/bulkdata", OCTETS))}
        assert data >= {profile, frame(one.level, 1).rstrip(b"\0")}


@shall("10.4.3.3.5", "parts of bulk data say their place, as metadata name it")
def _(one: Server) -> None:
    answer = one.get(f"{one.instance}/bulkdata", OCTETS)
    places = {each["content-location"] for each in heads_of(answer)}
    (told,) = one.get(f"{one.instance}/metadata").json()
    assert told["00480105"]["Value"][0]["00282000"]["BulkDataURI"] in places


@shall("10.4.3.3.6", "pixel data of an instance are all its frames")
def _(one: Server) -> None:
    parts = parts_of(one.get(f"{one.instance}/pixeldata", OCTETS))
    assert len(parts) == one.level.NumberOfFrames


@shall("10.4.3.3.6", "pixel data of a study and of a series")
def _(one: Server) -> None:
    total = sum(int(each.get("NumberOfFrames", 1)) for each in one.held)
    for where in (one.study, one.series):
        assert len(parts_of(one.get(f"{where}/pixeldata", OCTETS))) == total


@shall("10.4.3.3.6", "parts of pixel data say their place, as metadata name it")
def _(one: Server) -> None:
    (told,) = one.get(f"{one.instance}/metadata").json()
    answer = one.get(f"{one.instance}/pixeldata", OCTETS)
    places = {each["content-location"] for each in heads_of(answer)}
    assert places == {told["7FE00010"]["BulkDataURI"]}


@shall("10.4.3.3.6", "frames come in the order of the list, each in its part")
def _(one: Server) -> None:
    parts = parts_of(one.get(f"{one.instance}/frames/3,1", OCTETS))
    assert [data.rstrip(b"\0") for _, data in parts] == [
        frame(one.level, number).rstrip(b"\0") for number in (3, 1)
    ]


@shall("10.4.3.1", "a frame that is not there is 404")
def _(one: Server) -> None:
    where = f"{one.instance}/frames/{one.level.NumberOfFrames + 1}"
    assert one.get(where, OCTETS).status_code == 404


@shall("10.4.3.1", "what is not there is 404")
def _(one: Server) -> None:
    for where in ("/studies/1.2.3", "/studies/1.2.3/series/1.2.4"):
        assert one.get(where, DICOM).status_code == 404
        assert one.get(f"{where}/metadata").status_code == 404


@shall("10.4.3.2", "an answer with a payload says its type")
def _(one: Server) -> None:
    for where, kind in ((one.study, DICOM), (f"{one.instance}/pixeldata", OCTETS)):
        assert one.get(where, kind).headers["content-type"].startswith("multipart/related")
