"""Attributes that a search is to tell beside those it always tells (PS3.18, 8.3.4.3)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from pydicom.datadict import tag_for_keyword

from api.dicomweb.desk import Desk
from api.dicomweb.json_model import Json, header_json, instance_url
from api.dicomweb.places import FOUND_SERIES, FOUND_STUDIES
from api.doors import Caller
from archive.errors import InvalidQuery
from archive.query import FoundInstance, Query
from archive.today import IDENTIFYING
from tiles.instance import read_header

MOST_READ = 101
"""Of the results of one answer whose headers are read.

A viewer that lists a hundred asks for one more, to see whether there are others.
"""
_TAG = re.compile(r"[0-9A-Fa-f]{8}")

_STUDY = (
    *("StudyDescription", "PhysiciansOfRecord", "NameOfPhysiciansReadingStudy", "StudyID"),
    *("ReferringPhysicianName", "ProcedureCodeSequence", "AdmittingDiagnosesDescription"),
    *("PatientAge", "PatientSize", "PatientWeight", "AdditionalPatientHistory", "Occupation"),
    *("OtherPatientIDsSequence", "OtherPatientNames", "PatientComments", "ReasonForVisit"),
    *("PatientIdentityRemoved", "DeidentificationMethod", "TimezoneOffsetFromUTC"),
)
_SERIES = (
    *("SeriesDate", "SeriesTime", "Laterality", "ProtocolName", "BodyPartExamined"),
    *("PerformingPhysicianName", "OperatorsName", "Manufacturer", "ManufacturerModelName"),
    *("InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "StationName"),
    *("DeviceSerialNumber", "SoftwareVersions", "FrameOfReferenceUID", "PatientPosition"),
    *("PositionReferenceIndicator", "RequestAttributesSequence", "PerformedProcedureStepID"),
    *("PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime"),
    *("PerformedProcedureStepDescription", "SeriesDescriptionCodeSequence"),
)


def _tags(keywords: Iterable[str]) -> frozenset[str]:
    return frozenset(f"{tag_for_keyword(one) or 0:08X}" for one in keywords)


_OF_STUDIES = _tags(_STUDY)
_OF_SERIES = _OF_STUDIES | _tags(_SERIES)
_NEVER = _tags(IDENTIFYING)
"""What the catalogue alone knows today."""
_UIDS = {
    "0020000D": "StudyInstanceUID",
    "0020000E": "SeriesInstanceUID",
    "00080018": "SOPInstanceUID",
}


@dataclass(frozen=True, slots=True)
class Included:
    """What is to be told: all there is, or these attributes, by tag."""

    everything: bool = False
    tags: frozenset[str] = frozenset()

    def and_of(self, value: str) -> "Included":
        """With those of one more value of `includefield`; raises InvalidQuery."""
        names = [one.strip() for one in value.split(",") if one.strip()]
        everything = self.everything or "all" in {one.lower() for one in names}
        told = frozenset(_tag_of(one) for one in names if one.lower() != "all")
        return Included(everything, self.tags | told)

    def of(self, template: str) -> "Included":
        """Those of the level that is searched at an address, of which headers tell more."""
        level = _level(template)
        if level is None:
            return Included(self.everything, self.tags - _NEVER)
        return Included(tags=level if self.everything else self.tags & level)

    def __bool__(self) -> bool:
        return self.everything or bool(self.tags)

    def missing_in(self, told: Json) -> bool:
        """Whether something is not told yet, or nobody can say."""
        return self.everything or not self.tags <= told.keys()


async def told_more(
    desk: Desk, caller: Caller, included: Included, told: list[Json], studies_url: str
) -> list[Json]:
    """The results with what is to be included, as the header of one of their instances has it.

    What was moved since it was found is left out.
    """
    found = [
        await _more(desk, caller, included, one, studies_url) if included.missing_in(one) else one
        for one in told
    ]
    return [one for one in found if one is not None]


async def _more(
    desk: Desk, caller: Caller, included: Included, told: Json, studies_url: str
) -> Json | None:
    matches = {keyword: told[tag]["Value"][0] for tag, keyword in _UIDS.items() if tag in told}
    query = Query(matches, limit=1)
    find = partial(desk.catalog.instances.instances, query, establishment=caller.establishment)
    for one in await desk.find(find):
        return {**await desk.read(partial(_read, desk, one, included, studies_url)), **told}
    return None


def _read(desk: Desk, one: FoundInstance, included: Included, studies_url: str) -> Json:
    header, _ = read_header(desk.reader(one), one.length_bytes)
    found: Mapping[str, Json] = header_json(header, instance_url(one, studies_url))
    return {
        tag: value
        for tag, value in found.items()
        if tag not in _NEVER and (included.everything or tag in included.tags)
    }


def _level(template: str) -> frozenset[str] | None:
    if template in FOUND_STUDIES:
        return _OF_STUDIES
    return _OF_SERIES if template in FOUND_SERIES else None


def _tag_of(name: str) -> str:
    """The tag of an attribute, of a path the sequence's; raises InvalidQuery."""
    first = name.partition(".")[0]
    if _TAG.fullmatch(first):
        return first.upper()
    tag = tag_for_keyword(first)
    if tag is None:
        raise InvalidQuery("A field to include is no attribute of DICOM.")
    return f"{tag:08X}"
