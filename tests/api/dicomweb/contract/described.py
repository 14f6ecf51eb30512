"""What a server says of itself (8.8, 8.9 and H)."""

from xml.etree import ElementTree as ET

from tests.api.dicomweb.contract.server import Server, shall

_WADL = "{http://wadl.dev.java.net/2009/02}"


def document(one: Server) -> ET.Element:
    answer = one.request("OPTIONS", f"{one.root}/", headers={"accept": "*/*"})
    assert answer.status_code == 200
    return ET.fromstring(answer.content)


def paths(element: ET.Element, above: str = "") -> set[str]:
    """The addresses of a tree of resources."""
    told = set()
    for each in element.findall(f"{_WADL}resource"):
        where = f"{above}/{each.get('path')}"
        told |= {where} | paths(each, where)
    return told


@shall("8.9", "`OPTIONS` of the base gives a capabilities description (WADL)")
def _(one: Server) -> None:
    assert document(one).tag.endswith("application")


@shall("8.9.3", "it says its type and its length")
def _(one: Server) -> None:
    answer = one.request("OPTIONS", f"{one.root}/", headers={"accept": "*/*"})
    assert answer.headers["content-type"].startswith(
        ("application/vnd.sun.wadl+xml", "application/json")
    )
    assert answer.headers["content-length"] == str(len(answer.content))


@shall("8.9.2", "in a form that is not to be had it is 406")
def _(one: Server) -> None:
    answer = one.request("OPTIONS", f"{one.root}/", headers={"accept": "image/png"})
    assert answer.status_code == 406


@shall("H", "it has one `application`, with one `resources` whose `base` is the service's")
def _(one: Server) -> None:
    root = document(one)
    assert root.tag == f"{_WADL}application"
    (resources,) = root.findall(f"{_WADL}resources")
    assert resources.attrib["base"].endswith(one.root)


@shall("H", "all resources and their methods are in it, each under the one above")
def _(one: Server) -> None:
    (resources,) = document(one).findall(f"{_WADL}resources")
    told = paths(resources)
    study, series = "/studies/{study}", "/studies/{study}/series/{series}"
    instance = f"{series}/instances/{{instance}}"
    assert told >= {
        *("/studies", "/series", "/instances", f"{study}/series", f"{study}/instances"),
        *(f"{where}{kind}" for where in (study, series, instance) for kind in ("", "/metadata")),
        *(f"{series}/instances", f"{instance}/frames/{{frames}}"),
    }
    methods = {each.get("name") for each in resources.iter(f"{_WADL}method")}
    assert methods == {"GET", "POST"}


@shall("8.8", "it says the character sets")
def _(one: Server) -> None:
    assert "UTF-8" in {each.get("value") for each in document(one).iter(f"{_WADL}option")}
