"""The Native DICOM Model (PS3.19, A.1): what the JSON Model says, as XML."""

from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree as ET

from pydicom.datadict import keyword_for_tag

Json = Mapping[str, Any]

_NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
_NAME_PARTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_PRIVATE_BLOCK = 0x1000


def native_xml(told: Json) -> bytes:
    """A data set of the JSON Model (PS3.18, F.2) as a document."""
    root = ET.Element("NativeDicomModel", {"xmlns": _NAMESPACE, "xml:space": "preserve"})
    _attributes(root, told)
    written: bytes = ET.tostring(root, "utf-8", xml_declaration=True)
    return written


def _attributes(parent: ET.Element, told: Json) -> None:
    for tag, attribute in told.items():
        names = {"tag": tag, "vr": attribute["vr"], **_named(tag, told)}
        element = ET.SubElement(parent, "DicomAttribute", names)
        if "BulkDataURI" in attribute:
            ET.SubElement(element, "BulkData", {"uri": attribute["BulkDataURI"]})
        _values(element, attribute["vr"], attribute.get("Value", ()))


def _named(tag: str, told: Json) -> dict[str, str]:
    """The keyword of an attribute; of a private one, who made it."""
    number = int(tag, 16)
    if number >> 16 & 1 == 0:
        keyword = keyword_for_tag(number)
        return {"keyword": keyword} if keyword else {}
    if number & 0xFFFF < _PRIVATE_BLOCK:
        return {}
    creator = told.get(f"{tag[:4]}00{tag[4:6]}", {}).get("Value", ())
    return {"privateCreator": str(creator[0])} if creator else {}


def _values(element: ET.Element, vr: str, values: Iterable[Any]) -> None:
    for number, value in enumerate(values, start=1):
        place = {"number": str(number)}
        if vr == "SQ":
            _attributes(ET.SubElement(element, "Item", place), value)
        elif vr == "PN":
            _person(ET.SubElement(element, "PersonName", place), value or {})
        else:
            ET.SubElement(element, "Value", place).text = "" if value is None else _text(value)


def _person(element: ET.Element, groups: Mapping[str, str]) -> None:
    for group, name in groups.items():
        parts = ET.SubElement(element, group)
        for word, part in zip(_NAME_PARTS, name.split("^"), strict=False):
            if part:
                ET.SubElement(parts, word).text = part


def _text(value: Any) -> str:
    """A value without what no XML holds, as control characters."""
    return "".join(one for one in str(value) if one >= " " or one in "\t\n\r")
