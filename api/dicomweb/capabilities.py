"""What these services can do, for programs: a WADL document (PS3.18, 8.9 and H)."""

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from starlette.types import Scope

from api.answer import ASKED_EACH_TIME, Answer
from api.dicomweb.media import Offer, accepted, choose
from api.dicomweb.places import (
    ALL_BULK_DATA,
    ALL_PIXEL_DATA,
    BULK_DATA,
    CAPABILITIES,
    FOUND_INSTANCES,
    FOUND_SERIES,
    FOUND_STUDIES,
    FRAMES,
    METADATA,
    PIXEL_DATA,
    RENDERED,
    RETRIEVED,
    ROUTES,
    STORED,
    SUMMARIES,
    THUMBNAILS,
)
from archive.conditions import MATCHED

WADL = "application/vnd.sun.wadl+xml"
_NAMESPACE = "http://wadl.dev.java.net/2009/02"
_XML, _JSON = 'multipart/related; type="application/dicom+xml"', "application/dicom+json"
_PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_STORED = tuple(
    f'multipart/related; type="{one}"; transfer-syntax=*'
    for one in ("application/octet-stream", "image/jpeg", "image/jls", "image/jp2", "image/jphc")
)
_FILES = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_SEARCHES = (*FOUND_STUDIES, *FOUND_SERIES, *FOUND_INSTANCES)
_ACCEPT: dict[str, tuple[str, ...]] = {
    **dict.fromkeys((*_SEARCHES, *METADATA), (_JSON, _XML)),
    **dict.fromkeys(RETRIEVED, (_FILES, "application/dicom")),
    **dict.fromkeys((*RENDERED, *THUMBNAILS), _PICTURES),
    **dict.fromkeys((FRAMES, PIXEL_DATA, *ALL_PIXEL_DATA, BULK_DATA), _STORED),
    **dict.fromkeys(ALL_BULK_DATA, _STORED[:1]),
}
_PARAMETERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        _SEARCHES, ("limit", "offset", "fuzzymatching", "includefield", *sorted(MATCHED))
    ),
    **dict.fromkeys(RENDERED, ("accept", "viewport", "window", "quality", "iccprofile")),
    **dict.fromkeys(THUMBNAILS, ("accept", "viewport")),
}


def capabilities_answer(scope: Scope, origin: str) -> Answer:
    """The document, told anew each time; raises NotAcceptable."""
    chosen = choose(accepted(scope), (Offer(WADL, may_be_multipart=False),))
    headers = {"content-type": chosen.offer.media_type, "cache-control": ASKED_EACH_TIME}
    return Answer(200, _document(origin), headers)


def _document(origin: str) -> bytes:
    application = ET.Element("application", {"xmlns": _NAMESPACE})
    resources = ET.SubElement(application, "resources", {"base": f"{origin}{CAPABILITIES}"})
    places: dict[str, ET.Element] = {CAPABILITIES: resources}
    for route in sorted(one for one in ROUTES if one != CAPABILITIES):
        _method(_place(places, route), route)
        if route in STORED:
            _storing(_place(places, route))
    written: bytes = ET.tostring(application, "utf-8", xml_declaration=True)
    return written


def _place(places: dict[str, ET.Element], route: str) -> ET.Element:
    """The element of an address, in those of the addresses above it."""
    if route not in places:
        above, _, name = route.rpartition("/")
        places[route] = ET.SubElement(_place(places, above), "resource", {"path": name})
    return places[route]


def _method(place: ET.Element, route: str) -> None:
    method = ET.SubElement(place, "method", {"name": "GET"})
    ET.SubElement(method, "doc", {"title": SUMMARIES[route][0]})
    request = ET.SubElement(method, "request")
    accept = ET.SubElement(request, "param", {"name": "Accept", "style": "header"})
    _options(accept, _ACCEPT[route])
    charset = ET.SubElement(request, "param", {"name": "charset", "style": "query"})
    _options(charset, ["UTF-8"])
    for name in _PARAMETERS.get(route, ()):
        ET.SubElement(request, "param", {"name": name, "style": "query"})
    response = ET.SubElement(method, "response", {"status": "200"})
    for media_type in _ACCEPT[route]:
        ET.SubElement(response, "representation", {"mediaType": media_type})


def _storing(place: ET.Element) -> None:
    method = ET.SubElement(place, "method", {"name": "POST"})
    ET.SubElement(method, "doc", {"title": "STOW-RS: instances as files"})
    request = ET.SubElement(method, "request")
    taken = {"mediaType": 'multipart/related; type="application/dicom"'}
    ET.SubElement(request, "representation", taken)
    response = ET.SubElement(method, "response", {"status": "200 202 400 409 415 503"})
    for media_type in (_JSON, "application/dicom+xml"):
        ET.SubElement(response, "representation", {"mediaType": media_type})


def _options(parameter: ET.Element, values: Iterable[str]) -> None:
    for value in values:
        ET.SubElement(parameter, "option", {"value": value})
