"""A report as a FHIR resource, in any of its versions: nothing is said that its laboratory did not.

What it concludes stands in its document; no conclusion is read out of it.
"""

from typing import Any

from api.fhir.systems import accession, system_of
from api.fhir.telling import versioned
from archive.resources.reports import LOINC, UNKNOWN, Document, FoundReport, Version

Json = dict[str, Any]


def report_resource(found: FoundReport, origin: str, at: int = -1) -> Json:
    """The newest version, or another one by its place; its version says its number first."""
    at %= len(found.versions)
    version = found.versions[at]
    # What stands may have been withdrawn by what waits: nothing of it is told to be valid.
    is_overtaken = found.overtaken_at is not None and at == len(found.versions) - 1
    forms = [] if is_overtaken else _forms(found.versions, at)
    told: Json = {
        "resourceType": "DiagnosticReport",
        "id": found.id,
        "meta": {"lastUpdated": _changed(found, at)},
        "identifier": [_identifier(found, origin)],
        "basedOn": _order(found, origin),
        "status": UNKNOWN if is_overtaken else version.status,
        "code": _code(version),
        "subject": {"reference": f"Patient/{found.patient_key}"},
        "issued": version.said_at.isoformat(timespec="milliseconds"),
        "imagingStudy": [{"reference": f"ImagingStudy/{found.exam_id}"}] * found.has_images,
        "presentedForm": [_form(one, said, origin) for said, one in forms],
    }
    return versioned(
        {name: value for name, value in told.items() if value not in (None, [])},
        f"{version.number}.",
    )


def _changed(found: FoundReport, at: int) -> str:
    """When it came, or one that was said before it, which it may stand behind."""
    touched = [one.received_at for one in found.versions[: at + 1]]
    is_newest = at == len(found.versions) - 1
    others = (found.renamed_at, found.overtaken_at if is_newest else None)
    touched += [one for one in others if one is not None]
    return max(touched).isoformat(timespec="milliseconds")


def _identifier(found: FoundReport, origin: str) -> Json:
    told = {"value": found.number}
    if system := system_of(origin, found.number_issuer):
        told["system"] = system
    return told


def _order(found: FoundReport, origin: str) -> list[Json]:
    if not found.accession_number or found.is_provisional:
        return []
    number = accession(origin, found.accession_number, found.issuer)
    return [{"type": "ServiceRequest", "identifier": number}]


def _code(version: Version) -> Json:
    told: Json = {}
    if version.code:
        told["coding"] = [{"system": LOINC, "code": version.code}]
    if version.title or not version.code:
        told["text"] = version.title or "?"
    return told


def _forms(versions: tuple[Version, ...], at: int) -> list[tuple[Version, Document]]:
    """The documents that a version is read by: what it adds to comes before an addendum.

    Where a version says its status alone, what was said before stands, unless it is withdrawn.
    """
    version = versions[at]
    own = [(version, one) for one in version.documents]
    is_alone = not own and version.status != "entered-in-error"
    if at and (version.is_addendum or is_alone):
        return [*_forms(versions, at - 1), *own]
    return own


def _form(one: Document, version: Version, origin: str) -> Json:
    # FHIR's `hash` is of SHA-1, which is not kept; a document never changes at its address.
    told = {
        "contentType": one.media_type,
        "url": f"{origin}/api/reports/{one.id}/content",
        "size": one.length_bytes,
        "title": one.title,
        "creation": version.said_at.isoformat(timespec="milliseconds"),
    }
    return {name: value for name, value in told.items() if value != ""}
