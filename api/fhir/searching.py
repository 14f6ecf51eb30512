"""From a search to the resources of a page: one query, and one for each kind that comes along."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from api.fhir.asked import Asked
from api.fhir.diagnostic_report import report_resource
from api.fhir.imaging_study import study_resource, viewer_endpoint, wado_endpoint
from api.fhir.patient import patient_resource
from api.fhir.telling import Json, versioned
from archive.errors import NotFound
from archive.resources.asked import Criterion, Search, Token
from archive.resources.exams import DICOM_UID, SEEN, WADO
from archive.resources.reports import FoundReport
from archive.resources.resources import Resources
from archive.resources.studies import ImagingStudy

MOST_INCLUDED = 1000
"""Resources that come along with a page."""
_CONNECTION = "http://terminology.hl7.org/CodeSystem/endpoint-connection-type"
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
_AFTER_WADO = {"wado": True}


@dataclass(frozen=True, slots=True)
class Place:
    """Where resources are looked for, as whom, and what stands before our addresses."""

    resources: Resources
    establishment: str | None
    origin: str


@dataclass(frozen=True, slots=True)
class Found:
    """The resources of a page, what comes along, and where the next page begins."""

    resources: Sequence[Json] = ()
    included: Sequence[Json] = ()
    after: Mapping[str, Any] | None = None
    total: int | None = None
    is_cut: bool = False
    """Whether more would come along than does."""


def read(place: Place, kind: str, name: str) -> Json:
    """One resource by its id; raises NotFound."""
    asked = Asked(kind, (_named(name),), count=1)
    found = search(place, asked).resources
    if not found:
        raise NotFound("There is no such resource.")
    return found[0]


def versions(place: Place, name: str) -> list[Json]:
    """All versions of a report, the newest first; raises NotFound."""
    asked = Search((_named(name),), 1)
    found = place.resources.reports(asked, establishment=place.establishment)
    if not found:
        raise NotFound("There is no such resource.")
    places = reversed(range(len(found[0].versions)))
    return [report_resource(found[0], place.origin, at) for at in places]


def _named(name: str) -> Criterion:
    """What is called so by an address, which may hold any sign; raises NotFound."""
    if not _ID.fullmatch(name):
        raise NotFound("There is no such resource.")
    return Criterion("_id", (Token(name),))


def search(place: Place, asked: Asked) -> Found:
    """The page that is asked for; raises InvalidQuery."""
    if asked.counts_alone:
        return Found(total=_count(place, asked))
    found = _SEARCHES[asked.kind](place, asked)
    total = found.total
    if asked.after is None and found.after is None:
        total = len(found.resources)
    elif asked.wants_total:
        total = _count(place, asked)
    return replace(
        found,
        total=total,
        included=found.included[:MOST_INCLUDED],
        is_cut=len(found.included) > MOST_INCLUDED,
    )


def _patients(place: Place, asked: Asked) -> Found:
    rows = place.resources.patients(asked.search, establishment=place.establishment)
    page = rows[: asked.count]
    included: list[Json] = []
    rows_of_page = [one.row for one in page]
    if asked.reverse_includes & {"ImagingStudy:patient", "ImagingStudy:subject"}:
        included += _studies_along(place, whom=rows_of_page)
    if asked.reverse_includes & {"DiagnosticReport:patient", "DiagnosticReport:subject"}:
        included += _reports_along(place, whom=rows_of_page)
    return Found(
        [versioned(patient_resource(one, place.origin)) for one in page],
        included,
        page[-1].mark if len(rows) > asked.count else None,
    )


def _studies(place: Place, asked: Asked) -> Found:
    rows = place.resources.studies(asked.search, establishment=place.establishment)
    page = rows[: asked.count]
    included: list[Json] = []
    if asked.includes & {"ImagingStudy:patient", "ImagingStudy:subject"}:
        included += _patients_of(place, page)
    if page and "ImagingStudy:endpoint" in asked.includes:
        included.append(versioned(wado_endpoint(place.origin)))
        seen = [one for one in page if one.is_seen]
        included += [versioned(viewer_endpoint(one, place.origin)) for one in seen]
    if "DiagnosticReport:study" in asked.reverse_includes:
        included += _reports_along(place, exams=[one.exam_id for one in page])
    return Found(
        [versioned(study_resource(one, place.origin)) for one in page],
        included,
        page[-1].mark if len(rows) > asked.count else None,
    )


def _reports(place: Place, asked: Asked) -> Found:
    rows = place.resources.reports(asked.search, establishment=place.establishment)
    page = rows[: asked.count]
    included: list[Json] = []
    if asked.includes & {"DiagnosticReport:patient", "DiagnosticReport:subject"}:
        included += _patients_of(place, page)
    if "DiagnosticReport:study" in asked.includes:
        included += _studies_along(place, exams=[one.exam_id for one in page])
    return Found(
        [report_resource(one, place.origin) for one in page],
        included,
        page[-1].mark if len(rows) > asked.count else None,
    )


def _studies_along(place: Place, **of: Any) -> list[Json]:
    """Studies of a page's patients or exams, one more than come along at most."""
    owner = place.establishment
    rows = place.resources.studies_among(MOST_INCLUDED + 1, establishment=owner, **of)
    return [versioned(study_resource(one, place.origin)) for one in rows]


def _reports_along(place: Place, **of: Any) -> list[Json]:
    """Reports, likewise."""
    owner = place.establishment
    rows = place.resources.reports_among(MOST_INCLUDED + 1, establishment=owner, **of)
    return [report_resource(one, place.origin) for one in rows]


def _patients_of(place: Place, page: Sequence[ImagingStudy] | Sequence[FoundReport]) -> list[Json]:
    keys = dict.fromkeys(one.patient_key for one in page if one.patient_key)
    patients = place.resources.patients_by_key(list(keys), establishment=place.establishment)
    return [versioned(patient_resource(one, place.origin)) for one in patients]


def _endpoints(place: Place, asked: Asked) -> Found:
    """The one that all studies have first, then the viewer's address of each study."""
    ahead = [versioned(wado_endpoint(place.origin))] if _has_wado(asked) else []
    rows: list[ImagingStudy] = []
    of_studies = _of_studies(asked)
    if of_studies is not None:
        rows = place.resources.studies(of_studies, establishment=place.establishment)
    told = [*ahead, *(versioned(viewer_endpoint(one, place.origin)) for one in rows)]
    marks = [*(_AFTER_WADO for _ in ahead), *(one.mark for one in rows)]
    has_more = len(told) > asked.count
    return Found(told[: asked.count], after=marks[asked.count - 1] if has_more else None)


def _has_wado(asked: Asked) -> bool:
    facts = {"_id": WADO, "connection-type": "dicom-wado-rs", "status": "active"}
    return asked.after is None and all(_holds(one, facts) for one in asked.criteria)


def _of_studies(asked: Asked) -> Search | None:
    """The studies whose viewer's address is asked for; None for those of none."""
    facts = {"connection-type": "ihe-iid", "status": "active"}
    own = [one for one in asked.criteria if one.name in facts]
    if not all(_holds(one, facts) for one in own):
        return None
    passed = [_as_of_study(one) for one in asked.criteria if one.name not in facts]
    passed.append(Criterion(SEEN, (Token("true"),)))
    after = None if asked.after == _AFTER_WADO else asked.after
    return Search(passed, asked.count + 1, after)


def _as_of_study(one: Criterion) -> Criterion:
    if one.name != "identifier":
        return one
    # Of an endpoint it is the study's UID alone.
    values = [
        Token(value.value if value.system in {None, DICOM_UID} else "", DICOM_UID)
        for value in one.values
        if isinstance(value, Token)
    ]
    return replace(one, values=tuple(values))


def _holds(one: Criterion, facts: Mapping[str, str]) -> bool:
    """Whether a condition holds for what is so, whoever asks."""
    known = facts.get(one.name)
    found = known is not None and any(
        isinstance(value, Token) and value.value == known and value.system in {None, _CONNECTION}
        for value in one.values
    )
    return found is not one.is_not


def _count(place: Place, asked: Asked) -> int:
    owner, whole = place.establishment, Search(asked.criteria)
    if asked.kind == "Patient":
        return place.resources.count_patients(whole, establishment=owner)
    if asked.kind == "DiagnosticReport":
        return place.resources.count_reports(whole, establishment=owner)
    if asked.kind == "ImagingStudy":
        return place.resources.count_studies(whole, establishment=owner)
    found, of_studies = int(_has_wado(replace(asked, after=None))), _of_studies(asked)
    if of_studies is not None:
        found += place.resources.count_studies(of_studies, establishment=owner)
    return found


_SEARCHES = {
    "Patient": _patients,
    "ImagingStudy": _studies,
    "DiagnosticReport": _reports,
    "Endpoint": _endpoints,
}
