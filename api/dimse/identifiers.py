"""Identifiers of queries (PS3.4, C.4): what is asked, and how what is found is told."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydicom.charset import python_encoding
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pynetdicom.events import Event

from api.dimse.attributes import IMAGE, KNOWN, PATIENT, SERIES, STUDY
from api.dimse.policies import PATIENT_ROOT_FIND, PATIENT_ROOT_MOVE
from archive.conditions import MATCHED
from archive.errors import InvalidQuery
from archive.modules import UTF_8

UNIQUE_KEYS: Mapping[str, str] = {
    PATIENT: "PatientID",
    STUDY: "StudyInstanceUID",
    SERIES: "SeriesInstanceUID",
    IMAGE: "SOPInstanceUID",
}
"""By level, from above to below (PS3.4 C.6)."""
_PATIENT_ROOT = {PATIENT_ROOT_FIND, PATIENT_ROOT_MOVE}
_OF_THE_QUERY = {"QueryRetrieveLevel", "SpecificCharacterSet", "TimezoneOffsetFromUTC"}
_TOLD_BESIDE = {"RetrieveAETitle", "InstanceAvailability"}

# The part of ISO 8859 that has the euro and œ; a term of the standard since 2022.
python_encoding.setdefault("ISO_IR 203", "iso8859_15")
python_encoding.setdefault("ISO 2022 IR 203", "iso8859_15")


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """A query as it was asked: its level, what is matched, and what is to be told.

    `keys` are what the answer holds, with the items of sequences; `is_all` is False where some of
    it is neither matched nor told here.
    """

    level: str
    matches: Mapping[str, str]
    keys: Dataset
    is_all: bool

    def __repr__(self) -> str:
        return f"Asked({self.level})"


def asked(identifier: Dataset, model: str) -> Asked:
    """What an identifier asks in an information model; raises InvalidQuery."""
    level = str(identifier.get("QueryRetrieveLevel", "")).strip()
    levels = list(UNIQUE_KEYS) if model in _PATIENT_ROOT else list(UNIQUE_KEYS)[1:]
    if level not in levels:
        raise InvalidQuery("The level of the query is none of its information model.")
    keys = Dataset()
    matches: dict[str, str] = {}
    is_all = True
    for element in identifier:
        keyword = element.keyword
        if keyword in _OF_THE_QUERY or element.tag.element == 0:
            continue
        keys.add(element)
        for path, value in _asked_by(element):
            if path in MATCHED:
                matches[path] = value
            elif value:
                is_all = False
        if keyword not in KNOWN[level] | _TOLD_BESIDE:
            is_all = False
    for above in levels[: levels.index(level)]:
        if not _is_one(matches.get(UNIQUE_KEYS[above], "")):
            raise InvalidQuery(f"The query names no one {UNIQUE_KEYS[above]} above its level.")
    return Asked(level, matches, keys, is_all)


def named(identifier: Dataset, model: str) -> Asked:
    """What is to be retrieved: each level by its own keys and nothing else; raises InvalidQuery.

    An empty key names nothing, and one of a level below is none of the question.
    """
    told = asked(identifier, model)
    mine = told.matches.get(UNIQUE_KEYS[told.level], "")
    if not mine.strip() or "*" in mine or "?" in mine:
        raise InvalidQuery(f"What is retrieved is named by {UNIQUE_KEYS[told.level]}.")
    levels = list(UNIQUE_KEYS)
    above = levels[: levels.index(told.level) + 1]
    meant = {"IssuerOfPatientID", *(UNIQUE_KEYS[one] for one in above)}
    return Asked(
        told.level,
        {one: value for one, value in told.matches.items() if one in meant and value.strip()},
        told.keys,
        told.is_all,
    )


def answered(asked: Asked, values: Mapping[str, Any], title: str) -> Dataset:
    """An answer with what was asked for: empty where nothing is known of it (C.4.1.1.3.2)."""
    known = {**values, "RetrieveAETitle": title, "InstanceAvailability": "ONLINE"}
    answer = Dataset()
    answer.SpecificCharacterSet = UTF_8
    answer.QueryRetrieveLevel = asked.level
    for key in asked.keys:
        value = known.get(key.keyword)
        if key.VR == "SQ":
            answer.add_new(key.tag, "SQ", Sequence(value or []))
        else:
            answer.add_new(key.tag, key.VR, "" if value is None else value)
    for keyword in ("RetrieveAETitle", UNIQUE_KEYS[asked.level]):
        setattr(answer, keyword, known[keyword])
    return answer


def _asked_by(element: DataElement, above: str = "") -> Iterator[tuple[str, str]]:
    """What is asked of an attribute, or of those in the item of a sequence, by path (C.2.2.2.6)."""
    path = f"{above}{element.keyword}"
    if element.VR != "SQ":
        yield path, _text(element.value)
        return
    if len(element.value) > 1:
        raise InvalidQuery("A sequence is matched by one item.")
    for item in element.value:
        for inner in item:
            yield from _asked_by(inner, f"{path}.")


def _text(value: Any) -> str:
    """A value as it was written, without the padding of a character set."""
    if value is None:
        return ""
    several = value if isinstance(value, MultiValue | list) else [value]
    text = "\\".join(str(one) for one in several)
    if "\0" in text:
        raise InvalidQuery("The query holds a character that no text has.")
    # By which pydicom reads what it cannot; a name with it would be that of nobody.
    if "\N{REPLACEMENT CHARACTER}" in text:
        raise InvalidQuery("The query is not in the character set that it states.")
    return text


def _is_one(value: str) -> bool:
    return bool(value.strip()) and not any(one in value for one in "*?\\,")


def read(understand: Callable[[Dataset, str], Asked], event: Event) -> Asked:
    """What a message asks; raises InvalidQuery also for what is no identifier."""
    try:
        return understand(event.identifier, str(event.context.abstract_syntax))
    except InvalidQuery:
        raise
    except Exception as error:  # pydicom raises what it likes
        raise InvalidQuery("The query cannot be read.") from error
