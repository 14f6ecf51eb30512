"""What went wrong, as FHIR tells it: an OperationOutcome."""

import json
from http import HTTPStatus
from typing import Any

from api.answer import Answer, told
from api.errors import DETAILS, Problem
from api.fhir.places import is_fhir

FHIR_JSON = "application/fhir+json"
_CODES: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "invalid",
    HTTPStatus.UNAUTHORIZED: "login",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "not-supported",
    HTTPStatus.NOT_ACCEPTABLE: "not-supported",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "not-supported",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too-long",
    HTTPStatus.GONE: "expired",
    HTTPStatus.UNPROCESSABLE_ENTITY: "processing",
    HTTPStatus.SERVICE_UNAVAILABLE: "transient",
}
_WORDS = {
    HTTPStatus.BAD_REQUEST: "The request says something that means nothing here.",
    HTTPStatus.GONE: "This page is too old: search anew.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "A search is posted as application/x-www-form-urlencoded.",
}


def outcome(severity: str, code: str, diagnostics: str) -> dict[str, Any]:
    """The resource, with one issue."""
    issue = {"severity": severity, "code": code, "diagnostics": diagnostics}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def problem_at(path: str, found: Problem) -> Answer:
    """A problem as it is told at an address: as FHIR has it where that is FHIR's."""
    if not is_fhir(path):
        return told(found)
    status = HTTPStatus(found.status)
    code = _CODES.get(status, "exception")
    said = found.words or _WORDS.get(status) or DETAILS.get(status) or status.phrase
    body = json.dumps(outcome("error", code, said)).encode()
    return Answer(status, body, {**found.headers, "content-type": FHIR_JSON})
