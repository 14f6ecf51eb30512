"""Several resources in one answer: a page of a search, or the versions of one."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from api.fhir.asked import Asked
from api.fhir.outcome import outcome
from api.fhir.places import address
from api.fhir.searching import Found
from api.fhir.telling import Json, shaped


def bundle(asked: Asked, found: Found, origin: str, links: Mapping[str, str]) -> Json:
    """A searchset: what was found, what comes along, and what was not heeded."""
    entries = [_entry(one, "match", origin, asked) for one in found.resources]
    entries += [_entry(one, "include", origin, asked) for one in found.included]
    warnings = []
    if asked.ignored:
        names = ", ".join(dict.fromkeys(asked.ignored))
        words = f"These parameters are not known here and were left out: {names}"
        warnings.append(outcome("warning", "not-supported", words))
    if found.is_cut:
        words = "More would come along than one answer holds: ask for smaller pages"
        warnings.append(outcome("warning", "incomplete", words))
    entries += [{"resource": one, "search": {"mode": "outcome"}} for one in warnings]
    made: Json = {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": name, "url": url} for name, url in links.items()],
    }
    if found.total is not None:
        made["total"] = found.total
    if entries:
        made["entry"] = entries
    return made


def history(origin: str, versions: Sequence[Json], url: str) -> Json:
    """All versions of one resource, the newest first."""
    return {
        "resourceType": "Bundle",
        "type": "history",
        "total": len(versions),
        "link": [{"relation": "self", "url": url}],
        "entry": [
            {
                "fullUrl": address(origin, one["resourceType"], one["id"]),
                "resource": one,
                "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"},
                "response": {
                    "status": "200",
                    "etag": f'W/"{one["meta"]["versionId"]}"',
                    "lastModified": one["meta"]["lastUpdated"],
                },
            }
            for one in versions
        ],
    }


def _entry(resource: Json, mode: str, origin: str, asked: Asked) -> Json:
    url = address(origin, resource["resourceType"], resource["id"])
    told = shaped(resource, asked.summary, asked.elements if mode == "match" else frozenset())
    return {"fullUrl": url, "resource": told, "search": {"mode": mode}}


def search_url(origin: str, kind: str, parameters: Sequence[tuple[str, str]]) -> str:
    """The address of a search."""
    query = urlencode(parameters)
    return address(origin, kind, "").rstrip("/") + (f"?{query}" if query else "")
