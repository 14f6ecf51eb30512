"""Where an exam is seen, as a FHIR R4 Endpoint, and a registry that is given it."""

from collections.abc import Mapping
from typing import Any

import httpx

from archive.errors import LinkDown, LinkRefused
from archive.record import Exam

MEDIA_TYPE = "application/fhir+json"
TIMEOUT_S = 30.0
_SYSTEM = "http://terminology.hl7.org/CodeSystem"


def endpoint(exam: Exam, public_url: str, *, is_active: bool = True) -> dict[str, Any]:
    """The resource of one exam: its viewer's address (IHE Invoke Image Display), nobody's name.

    `off` where the exam has nothing to be seen any more, as it was moved.
    """
    return endpoint_of(exam.id, exam.study_instance_uid, public_url, is_active=is_active)


def endpoint_of(
    exam_id: str, study_instance_uid: str, public_url: str, *, is_active: bool = True
) -> dict[str, Any]:
    """As `endpoint`, of an exam by its names alone."""
    any_payload = {"system": f"{_SYSTEM}/endpoint-payload-type", "code": "any", "display": "Any"}
    return {
        "resourceType": "Endpoint",
        "id": exam_id,
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{study_instance_uid}"}],
        "status": "active" if is_active else "off",
        "connectionType": {"system": f"{_SYSTEM}/endpoint-connection-type", "code": "ihe-iid"},
        "name": "Sans Verre",
        "payloadType": [{"coding": [any_payload]}],
        "payloadMimeType": ["text/html"],
        "address": f"{public_url}/exam/{exam_id}",
    }


def put(fhir_url: str, resource: Mapping[str, Any]) -> None:
    """Give it to a FHIR server, and ask for it back; the same again changes nothing.

    Raises LinkDown and LinkRefused.
    """
    url = f"{fhir_url.rstrip('/')}/Endpoint/{resource['id']}"
    headers = {"accept": MEDIA_TYPE, "content-type": MEDIA_TYPE}
    try:
        # What the environment says of proxies is not for a hospital's own network.
        with httpx.Client(timeout=TIMEOUT_S, trust_env=False, headers=headers) as web:
            answer = web.put(url, json=dict(resource))
            _require(answer)
            kept = web.get(url)
            _require(kept)
            told = kept.json()
    except httpx.HTTPError as error:
        # Its text may name the address, and with it a password.
        raise LinkDown("The registry does not answer.") from error
    except ValueError as error:
        raise LinkDown("The registry's answer is no answer.") from error
    said = [told.get(one) for one in ("address", "status")] if isinstance(told, Mapping) else []
    if said != [resource["address"], resource["status"]]:
        raise LinkRefused("The registry keeps another address than it was given; look at it.")


def _require(answer: httpx.Response) -> None:
    status = answer.status_code
    passes = {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN, httpx.codes.TOO_MANY_REQUESTS}
    if answer.is_server_error or status in passes:
        raise LinkDown(f"The registry does not let us in just now ({status}).")
    if not answer.is_success:
        raise LinkRefused(f"The registry refuses the viewer's address ({status}).")
