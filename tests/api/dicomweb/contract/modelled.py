"""Data sets as JSON and as XML (F; PS3.19, A.1)."""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

from pydicom.datadict import keyword_for_tag

from tests.api.dicomweb.contract.server import XML, Server, shall
from tests.api.dicomweb.parts import parts_of

_NATIVE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
_NUMBERS = {"FD", "FL", "SL", "SS", "UL", "US"}


def data_sets(one: Server) -> Iterator[dict[str, Any]]:
    """What JSON the server tells, with the items of sequences."""
    for where in ("/studies", "/series", "/instances", f"{one.instance}/metadata"):
        for told in one.get(where).json():
            yield from _with_items(told)


def _with_items(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield told
    for attribute in told.values():
        if attribute["vr"] == "SQ":
            for item in attribute.get("Value", ()):
                yield from _with_items(item)


@shall("F.2", "JSON is UTF-8")
def _(one: Server) -> None:
    one.get(f"{one.instance}/metadata").content.decode("utf-8")


@shall("F.2.1", "several results are one array of objects")
def _(one: Server) -> None:
    for where in (f"{one.study}/instances", f"{one.study}/metadata"):
        told = one.get(where).json()
        assert len(told) == len(one.held)
        assert all(isinstance(each, dict) for each in told)


@shall("F.2.2", "attributes are named by eight capital digits, in ascending order")
def _(one: Server) -> None:
    for told in data_sets(one):
        assert all(re.fullmatch("[0-9A-F]{8}", tag) for tag in told)
        assert list(told) == sorted(told)


@shall("F.2.2", "no length of a group is told")
def _(one: Server) -> None:
    assert not [tag for told in data_sets(one) for tag in told if tag.endswith("0000")]


@shall("F.2.2", "an attribute says its representation, and at most one form of its value")
def _(one: Server) -> None:
    for told in data_sets(one):
        for attribute in told.values():
            assert re.fullmatch("[A-Z]{2}", attribute["vr"])
            assert len(attribute.keys() & {"Value", "BulkDataURI", "InlineBinary"}) <= 1
            assert attribute.keys() <= {"vr", "Value", "BulkDataURI", "InlineBinary"}


@shall("F.2.2", "names of persons are objects of their groups")
def _(one: Server) -> None:
    (told,) = one.get(f"{one.instance}/metadata").json()
    (name,) = told["00100010"]["Value"]
    assert name == {"Alphabetic": str(one.level.PatientName)}


@shall("F.2.3", "numbers are numbers, and strings strings")
def _(one: Server) -> None:
    for told in data_sets(one):
        for attribute in told.values():
            kinds = {type(value) for value in attribute.get("Value", ())} - {type(None)}
            if attribute["vr"] in _NUMBERS:
                assert kinds <= {int, float}
            elif attribute["vr"] in {"PN", "SQ"}:
                assert kinds <= {dict}
            elif attribute["vr"] not in {"DS", "IS", "SV", "UV"}:
                assert kinds <= {str}


@shall("F.2.5", "an empty attribute is there, without a value")
def _(one: Server) -> None:
    (told,) = one.get(f"{one.instance}/metadata").json()
    empty = [f"{each.tag:08X}" for each in one.level if each.is_empty and each.VR != "SQ"]
    assert empty
    for tag in empty:
        assert told[tag].keys() == {"vr"}, tag


@shall("PS3.19 A.1", "XML is a NativeDicomModel, each data set a document")
def _(one: Server) -> None:
    parts = parts_of(one.get(f"{one.study}/metadata", XML))
    assert len(parts) == len(one.held)
    assert {ET.fromstring(data).tag.rpartition("}")[2] for _, data in parts} == {"NativeDicomModel"}


@shall("PS3.19 A.1", "its attributes say tag, representation and keyword, values their number")
def _(one: Server) -> None:
    ((_, data),) = parts_of(one.get(f"{one.instance}/metadata", XML))
    found = list(ET.fromstring(data).iter(f"{_NATIVE}DicomAttribute"))
    assert found
    for each in found:
        number = int(each.attrib["tag"], 16)
        assert re.fullmatch("[A-Z]{2}", each.attrib["vr"])
        if number >> 16 & 1 == 0:
            assert each.attrib["keyword"] == keyword_for_tag(number)
        numbers = [int(value.attrib["number"]) for value in each.findall(f"{_NATIVE}Value")]
        assert numbers == list(range(1, len(numbers) + 1))


@shall("F.3.1", "XML says what JSON says")
def _(one: Server) -> None:
    (told,) = one.get(f"{one.instance}/metadata").json()
    ((_, data),) = parts_of(one.get(f"{one.instance}/metadata", XML))
    root = ET.fromstring(data)
    assert [each.attrib["tag"] for each in root] == list(told)
    for each in root:
        values = [str(value.text or "") for value in each.findall(f"{_NATIVE}Value")]
        if values:
            mine = told[each.attrib["tag"]]["Value"]
            assert len(values) == len(mine)
