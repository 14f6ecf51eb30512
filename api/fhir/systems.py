"""Who gave a number, as the URI that FHIR wants: of an OID where it has one, else of its name."""

import re
from typing import Any
from urllib.parse import quote, unquote

from api.fhir.places import ROOT

V2_IDENTIFIER = "http://terminology.hl7.org/CodeSystem/v2-0203"
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+", re.ASCII)
_NAMED = re.compile(rf"https?://[^/]+{ROOT}/sid/(.+)")


def system_of(origin: str, issuer: str | None, oid: str | None = None) -> str | None:
    """The system of an issuer's numbers; None where nobody says who gives them."""
    known = oid or (issuer if issuer and _OID.fullmatch(issuer) else None)
    if known:
        return f"urn:oid:{known}"
    return f"{origin}{ROOT}/sid/{quote(issuer, safe='')}" if issuer else None


def giver(system: str) -> str:
    """The OID or name that a system stands for; a name may also be asked for as it is."""
    named = _NAMED.fullmatch(system)
    return unquote(named[1]) if named else system.removeprefix("urn:oid:")


def accession(origin: str, number: str, issuer: str | None) -> dict[str, Any]:
    """An accession number as an Identifier, with who gave it."""
    told: dict[str, Any] = {
        "type": {"coding": [{"system": V2_IDENTIFIER, "code": "ACSN", "display": "Accession ID"}]},
        "value": number,
    }
    if system := system_of(origin, issuer):
        told["system"] = system
    if issuer:
        told["assigner"] = {"display": issuer}
    return told
