"""What PS3.18 asks of whoever retrieves and searches, as questions that any server can be put.

Each clause names its section, says in a line what shall be, and fails where it is not.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree as ET

import httpx
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from tests.api.dicomweb.parts import parts_of

JSON, XML = "application/dicom+json", 'multipart/related; type="application/dicom+xml"'
DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
OCTETS = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'


Request = Callable[..., httpx.Response]
"""What asks a server: of a method and an address, and what httpx knows beside."""


@dataclass(frozen=True)
class Server:
    """A server that holds a study, which is known from elsewhere.

    `held` are its instances; `level` is one of several frames.
    """

    request: Request
    root: str
    held: tuple[Dataset, ...]
    level: Dataset

    @property
    def study(self) -> str:
        return f"/studies/{self.level.StudyInstanceUID}"

    @property
    def series(self) -> str:
        return f"{self.study}/series/{self.level.SeriesInstanceUID}"

    @property
    def instance(self) -> str:
        return f"{self.series}/instances/{self.level.SOPInstanceUID}"

    def get(self, where: str, accept: str = JSON, /, **params: str) -> httpx.Response:
        """What is at an address below the root."""
        # What need not be encoded is left as it is: not every server reads it otherwise.
        query = urlencode(params, safe=",*?^/", quote_via=quote)
        address = f"{self.root}{where}{'?' if query else ''}{query}"
        return self.request("GET", address, headers={"accept": accept})

    def found(self, where: str, /, **params: str) -> list[dict[str, Any]]:
        """What a search finds."""
        answer = self.get(where, **params)
        assert answer.status_code in {200, 204}, answer.status_code
        return answer.json() if answer.content else []

    def picture(self, where: str, accept: str = "image/png", /, **params: str) -> Image.Image:
        """A picture, decoded."""
        answer = self.get(where, accept, **params)
        assert answer.status_code == 200, answer.status_code
        data = answer.content
        if answer.headers["content-type"].startswith("multipart"):
            ((_, data),) = parts_of(answer)
        picture = Image.open(io.BytesIO(data))
        picture.load()
        return picture


@dataclass(frozen=True)
class Clause:
    """A demand of the standard."""

    section: str
    says: str
    check: Callable[[Server], None]

    def is_met(self, server: Server) -> bool:
        """Whether a server does so: an answer that cannot be read is none."""
        try:
            self.check(server)
        except (AssertionError, LookupError, ValueError, OSError, ET.ParseError):
            return False
        return True


CLAUSES: list[Clause] = []


def shall(section: str, says: str) -> Callable[[Callable[[Server], None]], None]:
    """Have a check ask for what a section says."""

    def add(check: Callable[[Server], None]) -> None:
        CLAUSES.append(Clause(section, says, check))

    return add


def keywords(found: dict[str, Any]) -> set[str]:
    return {element.keyword for element in Dataset.from_json(found)}


def uids(answer: httpx.Response) -> set[str]:
    found = [dcmread(io.BytesIO(data)) for _, data in parts_of(answer)]
    return {str(one.SOPInstanceUID) for one in found}


def frame(level: Dataset, number: int) -> bytes:
    tables = level.ExtendedOffsetTable, level.ExtendedOffsetTableLengths
    return get_frame(level.PixelData, number - 1, extended_offsets=tables)


@shall("8.9", "`OPTIONS` of the base gives a capabilities description (WADL)")
def _(one: Server) -> None:
    answer = one.request("OPTIONS", f"{one.root}/", headers={"accept": "*/*"})
    assert answer.status_code == 200
    assert ET.fromstring(answer.content).tag.endswith("application")


@shall("8.7.5", "the `accept` parameter comes before the header")
def _(one: Server) -> None:
    answer = one.get(f"{one.instance}/rendered", "image/jpeg", accept="image/png")
    assert answer.headers["content-type"].startswith("image/png")


@shall("8.7.8", "what is not to be had in an acceptable form is 406")
def _(one: Server) -> None:
    for where in ("/studies", one.instance, f"{one.instance}/metadata", f"{one.instance}/rendered"):
        assert one.get(where, "text/csv").status_code == 406


@shall("8.7.3.4", "lossy frames go as stored where no transfer syntax is named")
def _(one: Server) -> None:
    accept = 'multipart/related; type="application/octet-stream"'
    ((_, data),) = parts_of(one.get(f"{one.instance}/frames/1", accept))
    assert data.rstrip(b"\0") == frame(one.level, 1).rstrip(b"\0")


@shall("8.7.3.5", "a transfer syntax that is not to be had is 406")
def _(one: Server) -> None:
    named = 'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.3'
    assert one.get(f"{one.instance}/frames/1", named).status_code == 406


@shall("8.6.1.2", "parts say their type, and the whole the type of its parts")
def _(one: Server) -> None:
    answer = one.get(f"{one.instance}/frames/1", OCTETS)
    assert 'type="application/octet-stream"' in answer.headers["content-type"]
    assert parts_of(answer)[0][0].startswith("application/octet-stream")


@shall("8.7.3.5", "parts of DICOM say their transfer syntax")
def _(one: Server) -> None:
    ((kind, _),) = parts_of(one.get(one.instance, DICOM))
    assert f"transfer-syntax={one.level.file_meta.TransferSyntaxUID}" in kind.replace('"', "")


@shall("10.4.1.1.1", "a study is all its instances")
def _(one: Server) -> None:
    assert uids(one.get(one.study, DICOM)) == {str(each.SOPInstanceUID) for each in one.held}


@shall("10.4.1.1.1", "a series is all its instances")
def _(one: Server) -> None:
    assert uids(one.get(one.series, DICOM)) == {
        str(each.SOPInstanceUID)
        for each in one.held
        if each.SeriesInstanceUID == one.level.SeriesInstanceUID
    }


@shall("10.4.1.1.1", "an instance is its very pixel data")
def _(one: Server) -> None:
    ((_, data),) = parts_of(one.get(one.instance, DICOM))
    assert dcmread(io.BytesIO(data)).PixelData == one.level.PixelData


@shall("10.4.1.1.2", "metadata of a study, a series and an instance, without what is large")
def _(one: Server) -> None:
    for where in (one.study, one.series, one.instance):
        told = one.get(f"{where}/metadata").json()
        assert one.level.SOPInstanceUID in {each["00080018"]["Value"][0] for each in told}
        assert all("InlineBinary" not in each.get("7FE00010", {}) for each in told)


@shall("8.7.3.3", "metadata as XML, for those who ask")
def _(one: Server) -> None:
    ((_, data),) = parts_of(one.get(f"{one.instance}/metadata", XML))
    assert ET.fromstring(data).tag.endswith("NativeDicomModel")


@shall("10.4.1.1.5", "the ICC profile is fetched where metadata say")
def _(one: Server) -> None:
    (told,) = one.get(f"{one.instance}/metadata").json()
    uri = urlsplit(told["00480105"]["Value"][0]["00282000"]["BulkDataURI"]).path
    accept = 'multipart/related; type="application/octet-stream"'
    answer = one.request("GET", uri, headers={"accept": accept})
    ((_, data),) = parts_of(answer)
    assert data.rstrip(b"\0") == one.level.OpticalPathSequence[0].ICCProfile.rstrip(b"\0")


@shall("10.4.1.1.6", "pixel data of an instance are all its frames")
def _(one: Server) -> None:
    parts = parts_of(one.get(f"{one.instance}/pixeldata", OCTETS))
    assert len(parts) == one.level.NumberOfFrames


@shall("10.4.1.1.5", "bulk data of a whole study, series or instance")
def _(one: Server) -> None:
    for where in (one.study, one.series, one.instance):
        assert parts_of(one.get(f"{where}/bulkdata", OCTETS))


@shall("10.4.1.1.3", "frames come in the order of the list, each in its part")
def _(one: Server) -> None:
    parts = parts_of(one.get(f"{one.instance}/frames/3,1", OCTETS))
    assert [data.rstrip(b"\0") for _, data in parts] == [
        frame(one.level, number).rstrip(b"\0") for number in (3, 1)
    ]


@shall("10.4.1.1.3", "a frame that is not there is 404")
def _(one: Server) -> None:
    where = f"{one.instance}/frames/{one.level.NumberOfFrames + 1}"
    assert one.get(where, OCTETS).status_code == 404


@shall("10.4.3.1", "what is not there is 404")
def _(one: Server) -> None:
    for where in ("/studies/1.2.3", "/studies/1.2.3/series/1.2.4"):
        assert one.get(where, DICOM).status_code == 404
        assert one.get(f"{where}/metadata").status_code == 404


@shall("8.7.4", "rendered, an instance is a JPEG unless something else is asked for")
def _(one: Server) -> None:
    assert one.picture(f"{one.instance}/rendered", "*/*").format == "JPEG"
    assert one.picture(f"{one.instance}/rendered", "image/png").format == "PNG"


@shall("10.4.1.1.4", "rendered, a frame is a picture of that frame")
def _(one: Server) -> None:
    with Image.open(io.BytesIO(frame(one.level, 2))) as expected:
        picture = one.picture(f"{one.instance}/frames/2/rendered").convert("RGB")
        assert picture.size == expected.size
        near = [abs(a - b) for a, b in zip(picture.tobytes(), expected.tobytes(), strict=True)]
    assert sum(near) / len(near) < 3


@shall("10.4.1.1.4", "rendered, a study and a series are pictures of all their instances")
def _(one: Server) -> None:
    for where in (one.study, one.series):
        answer = one.get(f"{where}/rendered", 'multipart/related; type="image/jpeg"')
        assert len(parts_of(answer)) == len(one.held)


@shall("8.3.5.1.3", "a viewport holds the picture, whose shape stays")
def _(one: Server) -> None:
    where = f"{one.instance}/frames/1/rendered"
    width, height = one.picture(where).size
    assert one.picture(where, viewport="100,1000").size == (100, round(100 * height / width))


@shall("8.3.5.1.3", "a viewport's part of the image is cut before it is scaled")
def _(one: Server) -> None:
    where = f"{one.instance}/frames/1/rendered"
    whole = one.picture(where).convert("RGB")
    part = one.picture(where, viewport="60,40,10,20,60,40").convert("RGB")
    assert part.tobytes() == whole.crop((10, 20, 70, 60)).tobytes()


@shall("8.3.5.1.2", "a quality of 1 to 100 is heeded, any other is 400")
def _(one: Server) -> None:
    where = f"{one.instance}/frames/1/rendered"
    sizes = [len(one.get(where, "image/jpeg", quality=each).content) for each in ("10", "95")]
    assert sizes[0] < sizes[1]
    assert one.get(where, "image/jpeg", quality="0").status_code == 400


@shall("8.3.5.1.4", "a window that lacks its shape is 400")
def _(one: Server) -> None:
    where = f"{one.instance}/frames/1/rendered"
    assert one.get(where, "image/png", window="10,20").status_code == 400


@shall("8.3.5.1.5", "`iccprofile=yes` puts a profile into the picture")
def _(one: Server) -> None:
    where = f"{one.instance}/frames/1/rendered"
    assert "icc_profile" in one.picture(where, iccprofile="yes").info


@shall("8.3.5.1.5", "the colours of Adobe RGB and ROMM RGB")
def _(one: Server) -> None:
    where = f"{one.instance}/frames/1/rendered"
    for colours in ("adobergb", "rommrgb"):
        assert "icc_profile" in one.picture(where, iccprofile=colours).info


@shall("10.4.1.1.5", "a study, a series, an instance and a frame have a thumbnail")
def _(one: Server) -> None:
    for where in (one.study, one.series, one.instance, f"{one.instance}/frames/1"):
        picture = one.picture(f"{where}/thumbnail", "image/jpeg", viewport="64,64")
        assert max(picture.size) == 64


@shall("10.6.4", "results are a JSON array; where there are none the answer is 204")
def _(one: Server) -> None:
    assert one.get("/studies").headers["content-type"].startswith(JSON)
    none = one.get("/studies", PatientID="nobody")
    assert (none.status_code, none.content) == (204, b"")


@shall("8.7.3.3", "results as XML, for those who ask")
def _(one: Server) -> None:
    parts = parts_of(one.get("/studies", XML))
    assert ET.fromstring(parts[0][1]).tag.endswith("NativeDicomModel")


_STUDY = {
    *("StudyDate", "StudyTime", "AccessionNumber", "ModalitiesInStudy", "ReferringPhysicianName"),
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID"),
    *("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances", "RetrieveURL"),
}
_SERIES = {"Modality", "SeriesInstanceUID", "SeriesNumber", "NumberOfSeriesRelatedInstances"}
_INSTANCE = {
    *("SOPClassUID", "SOPInstanceUID", "InstanceNumber", "Rows", "Columns", "BitsAllocated"),
    "NumberOfFrames",
}


@shall("10.6.3.3", "a study is told with all of Table 10.6.3-3")
def _(one: Server) -> None:
    (found,) = one.found("/studies", StudyInstanceUID=one.level.StudyInstanceUID)
    assert keywords(found) >= _STUDY


@shall("10.6.3.3", "a series is told with all of Table 10.6.3-4, and with its study")
def _(one: Server) -> None:
    (found,) = one.found("/series", SeriesInstanceUID=one.level.SeriesInstanceUID)
    assert keywords(found) >= _SERIES | _STUDY
    (found,) = one.found(f"{one.study}/series")
    assert keywords(found) >= _SERIES


@shall("10.6.3.3", "an instance is told with all of Table 10.6.3-5")
def _(one: Server) -> None:
    for where in ("/instances", f"{one.study}/instances", f"{one.series}/instances"):
        (found,) = one.found(where, SOPInstanceUID=one.level.SOPInstanceUID)
        assert keywords(found) >= _INSTANCE


@shall("10.6.1.2", "studies are matched by every attribute of Table 10.6.1-5")
def _(one: Server) -> None:
    level = one.level
    for name, right, wrong in (
        ("StudyDate", level.StudyDate, "19000101"),
        ("StudyTime", level.StudyTime[:6], "000000.1"),
        ("AccessionNumber", level.AccessionNumber, "none"),
        ("ModalitiesInStudy", "SM", "CT"),
        ("PatientName", str(level.PatientName), "NOBODY"),
        ("PatientID", level.PatientID, "nobody"),
        ("StudyInstanceUID", level.StudyInstanceUID, "1.2.3"),
    ):
        assert len(one.found("/studies", **{name: right})) == 1, name
        assert one.found("/studies", **{name: wrong}) == [], name


@shall("10.6.1.2", "series are matched by Modality, SeriesInstanceUID and SeriesNumber")
def _(one: Server) -> None:
    level = one.level
    for name, right, wrong in (
        ("Modality", "SM", "CT"),
        ("SeriesInstanceUID", level.SeriesInstanceUID, "1.2.3"),
        ("SeriesNumber", str(level.SeriesNumber), "99"),
    ):
        assert len(one.found("/series", **{name: right})) == 1, name
        assert one.found("/series", **{name: wrong}) == [], name


@shall("10.6.1.2", "instances are matched by SOPClassUID, SOPInstanceUID and InstanceNumber")
def _(one: Server) -> None:
    level = one.level
    for name, right, wrong in (
        ("SOPClassUID", level.SOPClassUID, "1.2.3"),
        ("SOPInstanceUID", level.SOPInstanceUID, "1.2.3"),
        ("InstanceNumber", str(level.InstanceNumber), "999"),
    ):
        assert one.found("/instances", **{name: right}), name
        assert one.found("/instances", **{name: wrong}) == [], name


@shall("8.3.4.1", "an attribute is named by its keyword or its tag")
def _(one: Server) -> None:
    level = one.level
    found = one.found("/studies", PatientID=level.PatientID)
    assert found == one.found("/studies", **{"00100020": level.PatientID})
    assert len(found) == 1


@shall("8.3.4.1", "several UIDs between commas, ranges of dates, wildcards")
def _(one: Server) -> None:
    day, name = one.level.StudyDate, str(one.level.PatientName)
    for matches in (
        {"StudyInstanceUID": f"1.2.3,{one.level.StudyInstanceUID}"},
        {"StudyDate": f"{day}-"},
        {"StudyDate": f"-{day}"},
        {"StudyDate": f"{day}-{day}"},
        {"PatientName": f"{name[:4]}*"},
        {"PatientName": f"?{name[1:]}"},
    ):
        assert len(one.found("/studies", **matches)) == 1, matches
    assert one.found("/studies", StudyDate="19000101-19010101") == []


@shall("8.3.4.2", "fuzzy matching is done, or `Warning` says that it is not")
def _(one: Server) -> None:
    family = str(one.level.PatientName).partition("^")[0]
    answer = one.get("/studies", PatientName=family.lower(), fuzzymatching="true")
    assert answer.status_code in {200, 204}
    assert "warning" in answer.headers or len(answer.json()) == 1


@shall("8.3.4.4", "`limit` and `offset` page through all there is, in one order")
def _(one: Server) -> None:
    where = f"{one.series}/instances"
    whole = [each["00080018"] for each in one.found(where)]
    pages = [one.found(where, limit="2", offset=str(at)) for at in range(0, len(whole), 2)]
    assert [each["00080018"] for page in pages for each in page] == whole
    assert one.found(where, offset=str(len(whole))) == []


@shall("10.6.3.4", "`Warning` 299 says that there are more results")
def _(one: Server) -> None:
    answer = one.get(f"{one.series}/instances", limit="1")
    assert answer.headers.get("warning", "").startswith("299")
    assert "warning" not in one.get(f"{one.series}/instances").headers


@shall("8.3.4.3", "`includefield` adds attributes, by keyword, by tag, and all")
def _(one: Server) -> None:
    where, uid = f"{one.series}/instances", one.level.SOPInstanceUID
    for field in ("ImageType", "00080008", "all"):
        (found,) = one.found(where, SOPInstanceUID=uid, includefield=field)
        assert found["00080008"]["Value"] == list(one.level.ImageType)


@shall("10.6.3.3", "what RetrieveURL names is what was found")
def _(one: Server) -> None:
    (found,) = one.found("/instances", SOPInstanceUID=one.level.SOPInstanceUID)
    where = urlsplit(found["00081190"]["Value"][0]).path
    answer = one.request("GET", where, headers={"accept": DICOM})
    assert uids(answer) == {str(one.level.SOPInstanceUID)}


@shall("8.3.4.1", "an attribute of a sequence is matched by its path")
def _(one: Server) -> None:
    path = "SpecimenDescriptionSequence.SpecimenIdentifier"
    specimen = one.level.SpecimenDescriptionSequence[0].SpecimenIdentifier
    assert one.found("/instances", **{path: specimen})
    assert one.found("/instances", **{path: "none"}) == []
