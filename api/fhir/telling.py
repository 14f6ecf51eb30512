"""How resources are told: as JSON, whole or in part."""

import hashlib
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.types import Scope

from api.answer import ASKED_EACH_TIME, Answer, holds, unchanged
from api.dicomweb.media import Offer, accepted, choose
from api.errors import NotAcceptable
from api.fhir.asked import Asked
from api.fhir.outcome import FHIR_JSON

Json = dict[str, Any]

_OFFERS = (
    Offer(FHIR_JSON, may_be_multipart=False),
    Offer("application/json", may_be_multipart=False),
)
_FORMATS = {"json": FHIR_JSON, FHIR_JSON: FHIR_JSON, "application/json": "application/json"}
# A plus that nobody wrote as %2B came as a space.
_FORMATS["application/fhir json"] = FHIR_JSON
_ALWAYS = frozenset({"resourceType", "id", "meta"})
_MANDATORY: Mapping[str, frozenset[str]] = {
    "Patient": frozenset(),
    "ImagingStudy": frozenset({"status", "subject"}),
    "Endpoint": frozenset({"status", "connectionType", "payloadType", "address"}),
    "DiagnosticReport": frozenset({"status", "code"}),
}
_SUMMARY: Mapping[str, frozenset[str]] = {
    "Patient": frozenset(
        {"identifier", "active", "name", "gender", "birthDate", "managingOrganization", "link"}
    ),
    "ImagingStudy": frozenset(
        {"identifier", "status", "modality", "subject", "started", "basedOn", "endpoint"}
    )
    | {"numberOfSeries", "numberOfInstances", "series"},
    "Endpoint": frozenset({"identifier", "status", "connectionType", "name"})
    | {"payloadType", "payloadMimeType", "address"},
    "DiagnosticReport": frozenset({"identifier", "basedOn", "status", "code", "subject", "issued"}),
}
_SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}


def media_type_of(scope: Scope, asked_format: str | None) -> str:
    """The type of the answer: `_format` comes before the header (R4, http); else NotAcceptable."""
    if asked_format is not None:
        found = _FORMATS.get(asked_format.partition(";")[0].strip().lower())
        if found is None:
            raise NotAcceptable("only JSON is told")
        return found
    return choose(accepted(scope), _OFFERS).offer.media_type


def written(resource: Json, *, pretty: bool = False) -> bytes:
    """A resource as JSON."""
    spaces: Any = {"indent": 2} if pretty else {"separators": (",", ":")}
    return json.dumps(resource, ensure_ascii=False, allow_nan=False, **spaces).encode()


def versioned(resource: Json, number: str = "") -> Json:
    """The resource with a version that is another one whenever anything of it is.

    It begins with `number`, where versions are counted.
    """
    digest = hashlib.sha256(json.dumps(resource, sort_keys=True).encode()).hexdigest()
    return {**resource, "meta": {"versionId": number + digest[:16], **resource.get("meta", {})}}


def shaped(resource: Json, summary: str, elements: frozenset[str]) -> Json:
    """The part of a resource that is wanted, marked as one where something was left out."""
    kind = resource["resourceType"]
    if elements:
        kept = _ALWAYS | _MANDATORY[kind] | elements
    elif summary == "true":
        kept = _ALWAYS | _SUMMARY[kind]
    elif summary == "text":
        kept = _ALWAYS | _MANDATORY[kind]
    else:
        return resource
    told = {name: value for name, value in resource.items() if name in kept}
    if summary == "true" and not elements and "series" in told:
        told["series"] = [
            {name: value for name, value in one.items() if name != "instance"}
            for one in told["series"]
        ]
    tags = [*resource["meta"].get("tag", []), _SUBSETTED]
    return {**told, "meta": {**resource["meta"], "tag": tags}}


def resource_answer(
    scope: Scope, resource: Json, asked: Asked, media_type: str, *, pretty: bool = False
) -> Answer:
    """The answer to who reads one resource, or that what they hold is still right."""
    meta = resource["meta"]
    tag = f'W/"{meta["versionId"]}"'
    headers = {"etag": tag, "cache-control": ASKED_EACH_TIME, "vary": "accept"}
    # Who holds a part of it does not hold the rest.
    is_whole = asked.summary == "false" and not asked.elements
    if is_whole and holds(scope, tag.removeprefix("W/")):
        return unchanged(tag, ASKED_EACH_TIME)
    body = written(shaped(resource, asked.summary, asked.elements), pretty=pretty)
    return Answer(HTTPStatus.OK, body, {**headers, "content-type": media_type})
