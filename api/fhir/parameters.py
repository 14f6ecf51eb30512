"""What each resource is looked for by: for the search, and for who asks what can be searched."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How the values of a parameter are written (R4, search)."""

    TOKEN = "token"  # noqa: S105 -- no word that opens anything
    STRING = "string"
    DATE = "date"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter, its modifiers, and what the archive calls it."""

    name: str
    kind: Kind
    definition: str
    """The canonical URL, from `http://hl7.org/fhir/SearchParameter/` on."""
    criterion: str
    modifiers: frozenset[str] = frozenset()
    targets: tuple[str, ...] = ()
    """Of a reference, the kinds of resource that it leads to."""


_NOT = frozenset({"not"})
_TEXT = frozenset({"exact", "contains"})


def _token(name: str, definition: str, criterion: str = "") -> Parameter:
    return Parameter(name, Kind.TOKEN, definition, criterion or name, _NOT)


def _string(name: str, definition: str) -> Parameter:
    return Parameter(name, Kind.STRING, definition, name, _TEXT)


def _date(name: str, definition: str) -> Parameter:
    return Parameter(name, Kind.DATE, definition, name)


def _reference(name: str, definition: str, target: str, criterion: str = "") -> Parameter:
    targets, modifiers = (target,), frozenset({target})
    return Parameter(
        name, Kind.REFERENCE, definition, criterion or name, modifiers, targets=targets
    )


_COMMON = (_token("_id", "Resource-id"), _date("_lastUpdated", "Resource-lastUpdated"))
_PATIENT = (
    *_COMMON,
    _token("identifier", "Patient-identifier"),
    _string("family", "individual-family"),
    _string("given", "individual-given"),
    _string("name", "Patient-name"),
    _date("birthdate", "individual-birthdate"),
    _token("gender", "individual-gender"),
    _token("active", "Patient-active"),
    _token("telecom", "individual-telecom"),
    _string("address", "individual-address"),
    _string("mothersMaidenName", "patient-extensions-Patient-mothersMaidenName"),
)


def _chained(*through: str) -> tuple[Parameter, ...]:
    """What a patient is looked for by, of the resources that refer to one."""
    return tuple(
        Parameter(
            f"{name}.{one.name}", one.kind, one.definition, f"patient.{one.name}", one.modifiers
        )
        for one in _PATIENT
        if one.name != "_lastUpdated"
        for way in through
        for name in (way, f"{way}:Patient")
    )


_STUDY = (
    *_COMMON,
    _token("identifier", "clinical-identifier"),
    _reference("patient", "clinical-patient", "Patient"),
    _reference("subject", "ImagingStudy-subject", "Patient", "patient"),
    *_chained("patient", "subject"),
    _reference("basedon", "ImagingStudy-basedon", "ServiceRequest", "order"),
    Parameter("basedon:identifier", Kind.TOKEN, "ImagingStudy-basedon", "accession"),
    _date("started", "ImagingStudy-started"),
    _token("modality", "ImagingStudy-modality"),
    _token("status", "ImagingStudy-status"),
    _token("series", "ImagingStudy-series"),
    _token("instance", "ImagingStudy-instance"),
    _token("dicom-class", "ImagingStudy-dicom-class"),
    _reference("endpoint", "ImagingStudy-endpoint", "Endpoint"),
)
_REPORT = (
    *_COMMON,
    _token("identifier", "clinical-identifier"),
    _reference("patient", "clinical-patient", "Patient"),
    _reference("subject", "DiagnosticReport-subject", "Patient", "patient"),
    *_chained("patient", "subject"),
    _reference("based-on", "DiagnosticReport-based-on", "ServiceRequest", "order"),
    Parameter("based-on:identifier", Kind.TOKEN, "DiagnosticReport-based-on", "accession"),
    # Of R5: in R4 nothing leads from a study to its reports.
    _reference("study", "DiagnosticReport-study", "ImagingStudy"),
    _token("status", "DiagnosticReport-status"),
    _token("code", "clinical-code"),
    _date("issued", "DiagnosticReport-issued"),
)
_ENDPOINT = (
    *_COMMON,
    _token("identifier", "Endpoint-identifier"),
    _token("connection-type", "Endpoint-connection-type"),
    _token("status", "Endpoint-status"),
)

PARAMETERS: dict[str, dict[str, Parameter]] = {
    kind: {one.name: one for one in those}
    for kind, those in {
        "Patient": _PATIENT,
        "ImagingStudy": _STUDY,
        "DiagnosticReport": _REPORT,
        "Endpoint": _ENDPOINT,
    }.items()
}
"""By kind of resource and by name."""

_REPORTS_OF_PATIENT = ("DiagnosticReport:patient", "DiagnosticReport:subject")
_STUDIES_OF_PATIENT = ("ImagingStudy:patient", "ImagingStudy:subject")
INCLUDES: dict[str, tuple[str, ...]] = {
    "Patient": (),
    "ImagingStudy": (*_STUDIES_OF_PATIENT, "ImagingStudy:endpoint"),
    "DiagnosticReport": (*_REPORTS_OF_PATIENT, "DiagnosticReport:study"),
    "Endpoint": (),
}
REVERSE_INCLUDES: dict[str, tuple[str, ...]] = {
    "Patient": (*_STUDIES_OF_PATIENT, *_REPORTS_OF_PATIENT),
    "ImagingStudy": ("DiagnosticReport:study",),
    "DiagnosticReport": (),
    "Endpoint": (),
}
