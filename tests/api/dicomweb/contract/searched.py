"""Searches: what is matched, told and paged (8.3.4 and 10.6)."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from tests.api.dicomweb.contract.server import (
    DICOM,
    JSON,
    Server,
    keywords,
    shall,
    uids,
)

_STUDY = {
    *("StudyDate", "StudyTime", "AccessionNumber", "ModalitiesInStudy", "ReferringPhysicianName"),
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID"),
    *("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances", "RetrieveURL"),
    "InstanceAvailability",
}
_SERIES = {
    *("Modality", "SeriesInstanceUID", "SeriesNumber", "NumberOfSeriesRelatedInstances"),
    "RetrieveURL",
}
_INSTANCE = {
    *("SOPClassUID", "SOPInstanceUID", "InstanceNumber", "Rows", "Columns", "BitsAllocated"),
    *("NumberOfFrames", "RetrieveURL", "InstanceAvailability"),
}
_SIX = ("/studies", "{study}/series", "{study}/instances", "/series", "{series}/instances")


@shall("10.6.1.1", "studies, series and instances are searched, in all and in what is named")
def _(one: Server) -> None:
    for where in (*_SIX, "/instances"):
        place = where.format(study=one.study, series=one.series)
        assert one.found(place, StudyInstanceUID=one.level.StudyInstanceUID), where


@shall("10.6.3.1", "results are a JSON array; where there are none the answer is 204")
def _(one: Server) -> None:
    assert one.get("/studies").headers["content-type"].startswith(JSON)
    none = one.get("/studies", PatientID="nobody")
    assert (none.status_code, none.content) == (204, b"")


@shall("10.6.3.3.1", "a study is told with all of Table 10.6.3-3")
def _(one: Server) -> None:
    (found,) = one.found("/studies", StudyInstanceUID=one.level.StudyInstanceUID)
    assert keywords(found) >= _STUDY


@shall("10.6.3.3.2", "a series is told with all of Table 10.6.3-4")
def _(one: Server) -> None:
    (found,) = one.found(f"{one.study}/series")
    assert keywords(found) >= _SERIES


@shall("10.6.3.3.2", "of all series, a series is told with its study")
def _(one: Server) -> None:
    (found,) = one.found("/series", SeriesInstanceUID=one.level.SeriesInstanceUID)
    assert keywords(found) >= _SERIES | _STUDY


@shall("10.6.3.3.3", "an instance is told with all of Table 10.6.3-5")
def _(one: Server) -> None:
    for where in ("/instances", f"{one.study}/instances", f"{one.series}/instances"):
        (found,) = one.found(where, SOPInstanceUID=one.level.SOPInstanceUID)
        assert keywords(found) >= _INSTANCE


@shall("10.6.3.3.3", "of all instances, or a study's, an instance is told with what is above it")
def _(one: Server) -> None:
    more = _SERIES - {"NumberOfSeriesRelatedInstances"}
    (found,) = one.found(f"{one.study}/instances", SOPInstanceUID=one.level.SOPInstanceUID)
    assert keywords(found) >= more
    (found,) = one.found("/instances", SOPInstanceUID=one.level.SOPInstanceUID)
    assert keywords(found) >= more | _STUDY


@shall("10.6.3.3", "what RetrieveURL names is what was found")
def _(one: Server) -> None:
    (found,) = one.found("/instances", SOPInstanceUID=one.level.SOPInstanceUID)
    where = urlsplit(found["00081190"]["Value"][0]).path
    answer = one.request("GET", where, headers={"accept": DICOM})
    assert uids(answer) == {str(one.level.SOPInstanceUID)}


@shall("10.6.1.2.3", "studies are matched by what is known of them in Table 10.6.1-5")
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


@shall("10.6.1.2.3", "of what is empty in all studies any value finds none: StudyID, referrer")
def _(one: Server) -> None:
    for name in ("StudyID", "ReferringPhysicianName"):
        assert len(one.found("/studies", **{name: ""})) == 1, name
        assert one.found("/studies", **{name: "nobody"}) == [], name


@shall("10.6.1.2.3", "series are matched by Modality, SeriesInstanceUID and SeriesNumber")
def _(one: Server) -> None:
    level = one.level
    for name, right, wrong in (
        ("Modality", "SM", "CT"),
        ("SeriesInstanceUID", level.SeriesInstanceUID, "1.2.3"),
        ("SeriesNumber", str(level.SeriesNumber), "99"),
    ):
        assert len(one.found("/series", **{name: right})) == 1, name
        assert one.found("/series", **{name: wrong}) == [], name


@shall("10.6.1.2.3", "series are matched by the step that was performed, and by its request")
def _(one: Server) -> None:
    for name in (
        "PerformedProcedureStepStartDate",
        "PerformedProcedureStepStartTime",
        "RequestAttributesSequence.ScheduledProcedureStepID",
        "RequestAttributesSequence.RequestedProcedureID",
    ):
        value = "000000" if name.endswith("Time") else "19000101"
        assert one.found("/series", **{name: value}) == [], name


@shall("10.6.1.2.3", "instances are matched by SOPClassUID, SOPInstanceUID and InstanceNumber")
def _(one: Server) -> None:
    level = one.level
    for name, right, wrong in (
        ("SOPClassUID", level.SOPClassUID, "1.2.3"),
        ("SOPInstanceUID", level.SOPInstanceUID, "1.2.3"),
        ("InstanceNumber", str(level.InstanceNumber), "999"),
    ):
        assert one.found("/instances", **{name: right}), name
        assert one.found("/instances", **{name: wrong}) == [], name


@shall("10.6.1.2.3", "all series and all instances are matched by their study as well")
def _(one: Server) -> None:
    for where in ("/series", "/instances"):
        assert one.found(where, AccessionNumber=one.level.AccessionNumber), where
        assert one.found(where, AccessionNumber="none") == [], where


@shall("8.3.4.1", "an attribute is named by its keyword or its tag")
def _(one: Server) -> None:
    level = one.level
    found = one.found("/studies", PatientID=level.PatientID)
    assert found == one.found("/studies", **{"00100020": level.PatientID})
    assert len(found) == 1


@shall("8.3.4.1", "characters that stand for something in addresses are read as they are meant")
def _(one: Server) -> None:
    for name in ("A&B", "A=B", "A#B", "é"):
        assert one.get("/studies", PatientID=name).status_code == 204


@shall("8.3.4.1", "an attribute of a sequence is matched by its path")
def _(one: Server) -> None:
    mine = {"AccessionNumber": one.level.AccessionNumber}
    for path in (
        "IssuerOfAccessionNumberSequence.LocalNamespaceEntityID",
        "00080051.00400031",
    ):
        assert len(one.found("/studies", **mine, **{path: ""})) == 1
        assert one.found("/studies", **mine, **{path: "nobody"}) == []


@shall("8.3.4.1.1", "universal matching: an empty value, and `*`, match anything")
def _(one: Server) -> None:
    for value in ("", "*"):
        for name in ("PatientName", "AccessionNumber", "PatientID"):
            assert len(one.found("/studies", **{name: value})) == 1, (name, value)


@shall("8.3.4.1.1", "lists of UIDs between commas")
def _(one: Server) -> None:
    uid = one.level.StudyInstanceUID
    assert len(one.found("/studies", StudyInstanceUID=f"1.2.3,{uid}")) == 1


@shall("8.3.4.1.1", "ranges of dates, open ones too")
def _(one: Server) -> None:
    day = one.level.StudyDate
    for told in (f"{day}-", f"-{day}", f"{day}-{day}"):
        assert len(one.found("/studies", StudyDate=told)) == 1, told
    assert one.found("/studies", StudyDate="19000101-19010101") == []


@shall("8.3.4.1.1", "ranges of times")
def _(one: Server) -> None:
    assert len(one.found("/studies", StudyTime=f"{one.level.StudyTime[:6]}-235959")) == 1
    assert one.found("/studies", StudyTime="000000-000000.0") == []


@shall("8.3.4.1.1", "a range of dates and one of times are one range of moments")
def _(one: Server) -> None:
    told = f"{one.level.StudyDate}{one.level.StudyTime[:6]}+0000"
    at = datetime.strptime(told, "%Y%m%d%H%M%S%z")
    before, after = at - timedelta(hours=23), at + timedelta(hours=25)
    dates = f"{before:%Y%m%d}-{after:%Y%m%d}"
    times = f"{before:%H%M%S}-{after:%H%M%S}"
    assert len(one.found("/studies", StudyDate=dates, StudyTime=times)) == 1
    later = at + timedelta(hours=1)
    dates = f"{later:%Y%m%d}-{after:%Y%m%d}"
    times = f"{later:%H%M%S}-{after:%H%M%S}"
    assert one.found("/studies", StudyDate=dates, StudyTime=times) == []


@shall("8.3.4.1.1", "wildcards")
def _(one: Server) -> None:
    name = str(one.level.PatientName)
    for told in (f"{name[:4]}*", f"?{name[1:]}", f"*{name[3:]}"):
        assert len(one.found("/studies", PatientName=told)) == 1, told
    assert one.found("/studies", PatientName=f"?{name}") == []


@shall("8.3.4.2", "without fuzzy matching none is done")
def _(one: Server) -> None:
    family, _, given = str(one.level.PatientName).partition("^")
    for told in ("false", None):
        asked = {} if told is None else {"fuzzymatching": told}
        assert one.found("/studies", PatientName=f"{given} {family}", **asked) == []


@shall("8.3.4.2", "fuzzy matching is done, or `Warning` says that it is not")
def _(one: Server) -> None:
    family = str(one.level.PatientName).partition("^")[0]
    answer = one.get("/studies", PatientName=family.lower(), fuzzymatching="true")
    assert answer.status_code in {200, 204}
    assert "warning" in answer.headers or len(answer.json()) == 1


@shall("8.3.4.5", "empty values are matched, or `Warning` says that they are not")
def _(one: Server) -> None:
    assert not one.level.ReferringPhysicianName
    answers = [
        one.get("/studies", emptyvaluematching="true", **{name: '""'})
        for name in ("ReferringPhysicianName", "PatientID")
    ]
    told = "Empty Value Matching has not been performed."
    are_matched = [answer.status_code for answer in answers] == [200, 204]
    assert are_matched or all(told in answer.headers.get("warning", "") for answer in answers)


@shall("8.3.4.6", "several values are matched, or `Warning` says that they are not")
def _(one: Server) -> None:
    answers = [
        one.get("/studies", multiplevaluematching="true", ModalitiesInStudy=value)
        for value in ("SM\\SM", "SM\\CT")
    ]
    told = "Multiple Value Matching has not been performed."
    # All of them, and not any.
    are_matched = [answer.status_code for answer in answers] == [200, 204]
    assert are_matched or all(told in answer.headers.get("warning", "") for answer in answers)


@shall("8.3.4.3", "`includefield` adds attributes, by keyword, by tag, and all")
def _(one: Server) -> None:
    where, uid = f"{one.series}/instances", one.level.SOPInstanceUID
    for field in ("ImageType", "00080008", "all"):
        (found,) = one.found(where, SOPInstanceUID=uid, includefield=field)
        assert found["00080008"]["Value"] == list(one.level.ImageType)


@shall("8.3.4.3", "several attributes are added, between commas or one by one")
def _(one: Server) -> None:
    where, uid = f"{one.series}/instances", one.level.SOPInstanceUID
    (found,) = one.found(where, SOPInstanceUID=uid, includefield="ImageType,ContentDate")
    assert {"00080008", "00080023"} <= found.keys()


@shall("10.6.3.3.1", "of a study, attributes of what is below it are not told")
def _(one: Server) -> None:
    uid = one.level.StudyInstanceUID
    (found,) = one.found("/studies", StudyInstanceUID=uid, includefield="ImageType,Rows,Modality")
    assert not {"00080008", "00280010", "00080060"} & found.keys()


@shall("8.3.4.4", "`limit` and `offset` page through all there is, in one order")
def _(one: Server) -> None:
    where = f"{one.series}/instances"
    whole = [each["00080018"] for each in one.found(where)]
    pages = [one.found(where, limit="2", offset=str(at)) for at in range(0, len(whole), 2)]
    assert [each["00080018"] for page in pages for each in page] == whole


@shall("8.3.4.4.1", "the same search finds the same, in the same order")
def _(one: Server) -> None:
    where = f"{one.study}/instances"
    assert one.found(where) == one.found(where)


@shall("8.3.4.4.1", "beyond the last there is nothing: 204")
def _(one: Server) -> None:
    answer = one.get(f"{one.series}/instances", offset=str(len(one.held)))
    assert (answer.status_code, answer.content) == (204, b"")


@shall("8.3.4.4.1", "`Warning` 299 says that there are more results")
def _(one: Server) -> None:
    answer = one.get(f"{one.series}/instances", limit="1")
    assert answer.headers.get("warning", "").startswith("299")
    assert "warning" not in one.get(f"{one.series}/instances").headers


@shall("8.3.4.4.1", "`Warning` says how many more")
def _(one: Server) -> None:
    answer = one.get(f"{one.series}/instances", limit="1")
    assert f"There are {len(one.held) - 1} additional" in answer.headers.get("warning", "")
