"""What this service can do, as FHIR asks for it (R4, CapabilityStatement)."""

from typing import Any

from api.fhir.parameters import INCLUDES, PARAMETERS, REVERSE_INCLUDES
from api.fhir.patient import FR_CORE
from api.fhir.places import KINDS, ROOT
from api.version import VERSION

CHANGED = "2026-11-23"
"""When what is stated here changed last."""
_PROFILES = {
    "Patient": [
        f"{FR_CORE}/StructureDefinition/fr-core-patient",
        f"{FR_CORE}/StructureDefinition/fr-core-patient-ins",
    ]
}
_WORDS = {
    "Patient": "A merged patient stays, not active, and says by whom it was replaced.",
    "ImagingStudy": "What is published. Studies come newest first.",
    "DiagnosticReport": "The newest version; those before are its history, numbered from 1.",
    "Endpoint": "`wado-rs`, which all studies have, and the viewer's address of each study.",
}

_KEPT = frozenset({"DiagnosticReport"})
"""Of which versions are kept."""
_INTERACTIONS = {
    False: ("read", "search-type"),
    True: ("read", "vread", "history-instance", "search-type"),
}


def capability_statement(origin: str) -> dict[str, Any]:
    """The resource."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": CHANGED,
        "kind": "instance",
        "software": {"name": "Sans Verre", "version": VERSION},
        "implementation": {"description": "Sans Verre", "url": f"{origin}{ROOT}"},
        "fhirVersion": "4.0.1",
        # No XML.
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "To be read alone, as JSON alone.",
                "security": {
                    "cors": False,
                    "description": "A token of this service, as `Authorization: Bearer`.",
                },
                "resource": [_resource(kind) for kind in KINDS],
            }
        ],
    }


def _resource(kind: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": kind,
        "supportedProfile": _PROFILES.get(kind),
        "documentation": _WORDS[kind],
        "interaction": [{"code": one} for one in _INTERACTIONS[kind in _KEPT]],
        "versioning": "versioned",
        "readHistory": kind in _KEPT,
        "conditionalRead": "not-match",
        "referencePolicy": ["literal", "logical"],
        "searchInclude": list(INCLUDES[kind]),
        "searchRevInclude": list(REVERSE_INCLUDES[kind]),
        "searchParam": [
            {
                "name": one.name,
                "definition": f"http://hl7.org/fhir/SearchParameter/{one.definition}",
                "type": one.kind.value,
            }
            # A chain, or a modifier, is not a parameter of its own.
            for one in PARAMETERS[kind].values()
            if not {".", ":"} & set(one.name)
        ],
    }
    return {name: value for name, value in told.items() if value not in (None, [])}
