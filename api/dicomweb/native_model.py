"""The Native DICOM Model (PS3.19, A.1): what the JSON Model says, as XML, there and back."""

from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree as ET

from pydicom.datadict import keyword_for_tag

Json = Mapping[str, Any]

_NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
_NAME_PARTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_PRIVATE_BLOCK = 0x1000
_WHOLE_NUMBERS = frozenset({"SL", "SS", "SV", "UL", "US", "UV"})
_REAL_NUMBERS = frozenset({"FD", "FL"})


def native_xml(told: Json) -> bytes:
    """A data set of the JSON Model (PS3.18, F.2) as a document."""
    root = ET.Element("NativeDicomModel", {"xmlns": _NAMESPACE, "xml:space": "preserve"})
    _attributes(root, told)
    written: bytes = ET.tostring(root, "utf-8", xml_declaration=True)
    return written


def read_native(data: bytes) -> Json:
    """What a document says, in the JSON Model; raises ValueError for what is none.

    Documents with declarations of their own are none: nothing in them is ever expanded.
    """
    text = data.decode("utf-8-sig")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("a document with declarations")
    try:
        root = ET.fromstring(text)  # noqa: S314 -- without declarations there is nothing to expand
    except ET.ParseError as error:
        raise ValueError("no XML") from error
    if _local(root) != "NativeDicomModel":
        raise ValueError("no Native DICOM Model")
    return _read_attributes(root)


def _local(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _read_attributes(parent: ET.Element) -> dict[str, Any]:
    return {
        str(one.get("tag", "")).upper(): _read_attribute(one)
        for one in parent
        if _local(one) == "DicomAttribute"
    }


def _read_attribute(element: ET.Element) -> dict[str, Any]:
    vr = str(element.get("vr", "UN"))
    told: dict[str, Any] = {"vr": vr}
    values: list[Any] = []
    for one in element:
        match _local(one):
            case "BulkData":
                told["BulkDataURI"] = one.get("uri") or one.get("uuid") or ""
            case "InlineBinary":
                told["InlineBinary"] = (one.text or "").strip()
            case "Item":
                values.append(_read_attributes(one))
            case "PersonName":
                values.append(_read_person(one))
            case "Value":
                values.append(_read_value(vr, one.text or ""))
    return {**told, "Value": values} if values else told


def _read_value(vr: str, text: str) -> Any:
    if not text:
        return None
    if vr in _WHOLE_NUMBERS:
        return int(text)
    return float(text) if vr in _REAL_NUMBERS else text


def _read_person(element: ET.Element) -> dict[str, str]:
    groups = {}
    for group in element:
        parts = {_local(one): one.text or "" for one in group}
        groups[_local(group)] = "^".join(parts.get(one, "") for one in _NAME_PARTS).rstrip("^")
    return groups


def _attributes(parent: ET.Element, told: Json) -> None:
    for tag, attribute in sorted(told.items()):
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
