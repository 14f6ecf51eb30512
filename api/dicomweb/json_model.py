"""What is found, as the DICOM JSON Model has it (PS3.18, F; Tables 10.6.3-3 to 10.6.3-5)."""

from collections.abc import Callable, Iterator, Mapping
from math import isfinite, isnan
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from archive.described import Described
from archive.query import FoundInstance, FoundSeries, FoundStudy

Json = dict[str, Any]

_LARGE = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_OF_THE_FILE = frozenset({0x7FE00001, 0x7FE00002, 0x7FE00010, 0xFFFCFFFC})
"""How frames lie in a file is no attribute of what they show."""
PIXEL_DATA = "7FE00010"


def study_json(one: FoundStudy, studies_url: str) -> Json:
    """A study of an answer."""
    who = one.patient
    oid = who.issuer_oid if who else None
    authority = {"UniversalEntityID": oid, "UniversalEntityIDType": "ISO"} if oid else None
    issuer = one.issuer_of_accession_number
    birth_date = f"{who.birth_date:%Y%m%d}" if who and who.birth_date else None
    return _json(
        {
            "SpecificCharacterSet": "ISO_IR 192",
            "StudyDate": f"{one.created_at:%Y%m%d}",
            "StudyTime": f"{one.created_at:%H%M%S}",
            "AccessionNumber": one.accession_number,
            "IssuerOfAccessionNumberSequence": _item({"LocalNamespaceEntityID": issuer}),
            "InstanceAvailability": "ONLINE",
            "ModalitiesInStudy": one.modalities,
            "ReferringPhysicianName": None,
            "RetrieveURL": f"{studies_url}/{one.study_instance_uid}",
            "PatientName": who.name if who else None,
            "PatientID": who.patient_id if who else None,
            "IssuerOfPatientID": who.issuer if who else None,
            "IssuerOfPatientIDQualifiersSequence": _item(authority or {}),
            "PatientBirthDate": birth_date,
            "PatientSex": who.sex if who else None,
            "StudyInstanceUID": one.study_instance_uid,
            "StudyID": None,
            "NumberOfStudyRelatedSeries": one.series,
            "NumberOfStudyRelatedInstances": one.instances,
        }
    )


def series_json(one: FoundSeries, studies_url: str) -> Json:
    """A series of an answer, with its study."""
    told = one.described
    study = study_json(one.study, studies_url)
    where = f"{study_url(one.study, studies_url)}/series/{told.series_instance_uid}"
    return study | _json(
        {
            "Modality": told.modality,
            "RetrieveURL": where,
            "SeriesDescription": told.series_description,
            "SeriesInstanceUID": told.series_instance_uid,
            "SeriesNumber": told.series_number,
            "NumberOfSeriesRelatedInstances": one.instances,
        }
    )


def instance_json(one: FoundInstance, studies_url: str) -> Json:
    """An instance of an answer, with its study and series."""
    told = one.described
    study = study_json(one.study, studies_url)
    return study | _json(
        {
            "SOPClassUID": one.sop_class_uid,
            "SOPInstanceUID": one.sop_instance_uid,
            "RetrieveURL": instance_url(one, studies_url),
            "AvailableTransferSyntaxUID": told.transfer_syntax_uid,
            "Modality": told.series.modality,
            "SeriesDescription": told.series.series_description,
            "SeriesInstanceUID": told.series.series_instance_uid,
            "SeriesNumber": told.series.series_number,
            "InstanceNumber": told.instance_number,
        }
        | extent_of(told)
    )


def extent_of(told: Described) -> dict[str, int]:
    """How large an instance is; a document has no pixels."""
    if not told.frames:
        return {}
    return {
        "NumberOfFrames": told.frames,
        "Rows": told.rows,
        "Columns": told.columns,
        "BitsAllocated": told.bits_allocated,
    }


def study_url(one: FoundStudy, studies_url: str) -> str:
    """Where a study is retrieved."""
    return f"{studies_url}/{one.study_instance_uid}"


def instance_url(one: FoundInstance, studies_url: str) -> str:
    """Where an instance is retrieved."""
    series = (
        f"{study_url(one.study, studies_url)}/series/{one.described.series.series_instance_uid}"
    )
    return f"{series}/instances/{one.sop_instance_uid}"


def pixels_url(url: str) -> str:
    """Where the frames of an instance are fetched, of the address where it is retrieved."""
    return f"{url}/bulkdata/{PIXEL_DATA}"


def header_json(header: Dataset, url: str) -> Json:
    """The metadata of an instance: what is large is named by where it is fetched (10.4.3.3.2)."""
    told = _elements(header, f"{url}/bulkdata")
    if "EncapsulatedDocument" not in header:
        told[PIXEL_DATA] = {"vr": "OB", "BulkDataURI": pixels_url(url)}
    return told


def large_of(header: Dataset, url: str) -> Iterator[tuple[str, bytes]]:
    """What is large in the header of an instance, by where metadata say that it is fetched."""
    yield from _large(header, f"{url}/bulkdata")


def _large(header: Dataset, url: str) -> Iterator[tuple[str, bytes]]:
    for element in header:
        where = f"{url}/{element.tag:08X}"
        if element.tag in _OF_THE_FILE or element.tag.group == 0x0002:
            continue
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from _large(item, f"{where}/{number}")
        elif element.VR in _LARGE and element.value:
            yield where, element.value


def dataset_json(told: Dataset) -> Json:
    """A data set without large values, as an answer tells it."""
    return _elements(told, "")


def _elements(header: Dataset, url: str) -> Json:
    told: Json = {}
    for element in header:
        tag = f"{element.tag:08X}"
        if element.tag in _OF_THE_FILE or element.tag.group == 0x0002:
            continue
        if element.VR == "SQ":
            items = [
                _elements(item, f"{url}/{tag}/{number}")
                for number, item in enumerate(element.value)
            ]
            told[tag] = {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
        elif element.VR in _LARGE and element.value:
            told[tag] = {"vr": element.VR, "BulkDataURI": f"{url}/{tag}"}
        else:
            told[tag] = _written(element.VR, element.value)
    return told


def _written(vr: str, value: Any) -> Json:
    """An attribute's values, an empty one among others as null (F.2.5)."""
    values = value if isinstance(value, MultiValue | list | tuple) else [value]
    write = _WRITERS.get(vr, str)
    told = [None if one is None or str(one) == "" else write(one) for one in values]
    return {"vr": vr} if told in ([], [None]) else {"vr": vr, "Value": told}


def _real(value: Any) -> float | str:
    """A number; what JSON has no number for is a string."""
    number = float(value)
    if isfinite(number):
        return number
    return "NaN" if isnan(number) else ("Infinity" if number > 0 else "-Infinity")


def _decimal(value: Any) -> float | str:
    """A number that is written in letters; one that is none stays as it is written (F.2.3)."""
    try:
        return _real(value)
    except ValueError:
        return str(value)


def _integer(value: Any) -> int | str:
    try:
        return int(str(value))
    except ValueError:
        return str(value)


def _tag(value: Any) -> str:
    return f"{int(value):08X}"


def _person(value: Any) -> dict[str, str]:
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), str(value).split("="), strict=False)
    return {group: part for group, part in groups if part}


_WRITERS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("FD", "FL"), _real),
    **dict.fromkeys(("SL", "SS", "SV", "UL", "US", "UV"), int),
    "DS": _decimal,
    "IS": _integer,
    "AT": _tag,
    "PN": _person,
}


def _json(values: Mapping[str, Any]) -> Json:
    return {_TAGS[name]: _written(_VRS[name], value) for name, value in values.items()}


def _item(values: Mapping[str, Any]) -> list[Json]:
    """A sequence of what is known; of nothing where nothing is."""
    known = {name: value for name, value in values.items() if value}
    return [_json(known)] if known else []


_TOLD = (
    *("IssuerOfAccessionNumberSequence", "IssuerOfPatientIDQualifiersSequence"),
    *("LocalNamespaceEntityID", "UniversalEntityID", "UniversalEntityIDType"),
    *("SpecificCharacterSet", "StudyDate", "StudyTime", "AccessionNumber", "InstanceAvailability"),
    *("ModalitiesInStudy", "ReferringPhysicianName", "RetrieveURL", "PatientName", "PatientID"),
    *("IssuerOfPatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID"),
    *("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances", "Modality"),
    *("SeriesDescription", "SeriesInstanceUID", "SeriesNumber", "NumberOfSeriesRelatedInstances"),
    *("SOPClassUID", "SOPInstanceUID", "AvailableTransferSyntaxUID", "InstanceNumber"),
    *("NumberOfFrames", "Rows", "Columns", "BitsAllocated"),
)
_TAGS = {name: f"{tag_for_keyword(name) or 0:08X}" for name in _TOLD}
_VRS = {name: dictionary_VR(tag_for_keyword(name) or 0) for name in _TOLD}
