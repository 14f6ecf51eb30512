"""What the services can do is told as PS3.18 H has it, and every address of it is answered."""

from xml.etree import ElementTree as ET

from api.dicomweb.places import CAPABILITIES, ROUTES
from tests.api.conftest import Web

WADL = "application/vnd.sun.wadl+xml"


def addresses(element: ET.Element, above: str) -> dict[str, list[str]]:
    """The methods of each address below an element."""
    found = {above: [str(one.get("name")) for one in children(element, "method")]}
    for one in children(element, "resource"):
        found |= addresses(one, f"{above}/{one.get('path')}")
    return found


def children(element: ET.Element, name: str) -> list[ET.Element]:
    return [one for one in element if one.tag.endswith(f"}}{name}")]


def test_capabilities_are_all_routes(reader: Web) -> None:
    answer = reader.request("OPTIONS", "/dicomweb/", headers={"accept": WADL})
    assert (answer.status_code, answer.headers["content-type"]) == (200, WADL)
    root = ET.fromstring(answer.content)
    (resources,) = children(root, "resources")
    assert resources.get("base") == "http://test/dicomweb"
    told = {
        where: methods for where, methods in addresses(resources, "/dicomweb").items() if methods
    }
    assert told.keys() == set(ROUTES) - {CAPABILITIES}
    assert all("GET" in methods for methods in told.values())
    search = next(one for one in resources if one.get("path") == "studies")
    parameters = {one.get("name") for one in search.iter() if one.tag.endswith("}param")}
    assert {"Accept", "limit", "includefield", "PatientName"} <= parameters


def test_capabilities_are_asked_for_by_those_who_may(reader: Web) -> None:
    assert reader.get("/dicomweb").status_code == 405
    refused = reader.request("OPTIONS", "/dicomweb", headers={"accept": "text/html"})
    assert refused.status_code == 406
    assert reader.request("OPTIONS", "/dicomweb/studies").status_code == 405
    del reader.headers["authorization"]
    assert reader.request("OPTIONS", "/dicomweb").status_code == 401
