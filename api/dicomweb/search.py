"""QIDO-RS: what a query asks (PS3.18, 8.3.4 and 10.6)."""

import json
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from pydicom.datadict import keyword_for_tag, tag_for_keyword
from starlette.types import Scope

from api.answer import KEPT_BY_NOBODY, Answer
from api.dicomweb.included import MOST_READ, Included
from api.dicomweb.json_model import instance_json, series_json, study_json
from api.dicomweb.media import Chosen, Offer, accepted, choose
from api.dicomweb.multipart import several
from api.dicomweb.native_model import native_xml
from api.dicomweb.places import FOUND_INSTANCES, FOUND_SERIES
from archive.conditions import MATCHED
from archive.errors import InvalidQuery
from archive.instances import Instances
from archive.query import Query

JSON = "application/dicom+json"
MOST = 1000
"""Of what is found in one answer; more are asked for by `offset`."""
MODEL_OFFERS = (
    Offer(JSON, may_be_multipart=False),
    # As scripts ask.
    Offer("application/json", may_be_multipart=False),
    Offer("application/dicom+xml", may_be_single=False, by_name=True),
)
"""Data sets without their pixels: one JSON document, or a part of XML for each."""
_LEFT_OUT = "Some of the parameters are not matched here and were left out"
_NOT_DONE = {
    "emptyvaluematching": "The emptyvaluematching parameter is not supported. "
    "Empty Value Matching has not been performed.",
    "multiplevaluematching": "The multiplevaluematching parameter is not supported. "
    "Multiple Value Matching has not been performed.",
}
"""What is told of kinds of matching that are optional (8.3.4.5, 8.3.4.6)."""
_NAMED = {"study": "StudyInstanceUID", "series": "SeriesInstanceUID"}
_OWN_WORDS = {name.lower(): name for name in MATCHED}
_TAG = re.compile(r"[0-9A-Fa-f]{8}")


@dataclass(frozen=True, slots=True)
class Searched:
    """What a request asks for, and what of it is not done, in words for `Warning`."""

    query: Query
    included: Included
    undone: tuple[str, ...] = ()


def asked(scope: Scope, template: str, fields: dict[str, str]) -> Searched:
    """The query of a request; raises InvalidQuery."""
    matches: dict[str, str] = {}
    query, included = Query(combined=True), Included()
    undone: list[str] = []
    for name, value in _parameters(scope):
        match name.lower():
            case "limit":
                query = replace(query, limit=max(0, min(MOST, _number(value))))
            case "offset":
                query = replace(query, offset=_number(value))
            case "fuzzymatching":
                query = replace(query, fuzzy=_is_true(value))
            case "includefield":
                included = included.and_of(value)
            case "accept" | "charset":
                # How it is written is chosen elsewhere.
                continue
            case kind if kind in _NOT_DONE:
                undone += [_NOT_DONE[kind]] if _is_true(value) else []
            case _ if (keyword := _keyword(name)) in MATCHED:
                matches[keyword] = value
            case _:
                undone.append(_LEFT_OUT)
    matches |= {keyword: fields[name] for name, keyword in _NAMED.items() if name in fields}
    query, included = replace(query, matches=matches), included.of(template)
    if included:
        query = replace(query, limit=min(MOST_READ, query.limit))
    return Searched(query, included, tuple(dict.fromkeys(undone)))


def search(
    instances: Instances,
    template: str,
    query: Query,
    *,
    establishment: str | None,
    studies_url: str,
) -> tuple[list[dict[str, Any]], bool]:
    """What is found at an address, and whether there is more of it; raises InvalidQuery."""
    find: Callable[..., Sequence[Any]] = instances.studies
    write: Callable[[Any, str], dict[str, Any]] = study_json
    if template in FOUND_SERIES:
        find, write = instances.series, series_json
    elif template in FOUND_INSTANCES:
        find, write = instances.instances, instance_json
    # One more than asked for tells whether there are others.
    found = find(replace(query, limit=query.limit + 1), establishment=establishment)
    told = [write(one, studies_url) for one in found[: query.limit]]
    return told, len(found) > query.limit


def search_answer(
    scope: Scope, told: list[dict[str, Any]], *, has_more: bool, undone: Sequence[str]
) -> Answer:
    """The answer to a query; raises NotAcceptable."""
    chosen = choose(accepted(scope), MODEL_OFFERS)
    warnings = list(undone)
    if has_more:
        warnings.insert(0, "There are additional results that can be requested")
    headers = {"cache-control": KEPT_BY_NOBODY, "vary": "accept"}
    if warnings:
        headers["warning"] = ", ".join(f'299 sansverre "{one}"' for one in warnings)
    if not told:
        return Answer(HTTPStatus.NO_CONTENT, b"", headers)
    return models_answer([model_written(one, chosen) for one in told], chosen, headers)


def model_written(told: dict[str, Any], chosen: Chosen) -> bytes:
    """A data set of the JSON Model in the form that was chosen."""
    if chosen.is_multipart:
        return native_xml(told)
    # Attributes are in the order of their tags (F.2.2).
    text = json.dumps(
        told, ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True
    )
    return text.encode()


def models_answer(written: list[bytes], chosen: Chosen, headers: dict[str, str]) -> Answer:
    """Data sets that were written so, in one answer."""
    if chosen.is_multipart:
        return several(written, chosen.offer.content_type, headers)
    headers["content-type"] = chosen.offer.media_type
    return Answer(HTTPStatus.OK, b"[" + b",".join(written) + b"]", headers)


async def json_array(written: AsyncGenerator[bytes]) -> AsyncGenerator[bytes | memoryview]:
    """Data sets that are written one by one, as one document of them all."""
    before = b"["
    async with aclosing(written):
        async for one in written:
            yield before + one
            before = b","
    yield b"]"


def _parameters(scope: Scope) -> list[tuple[str, str]]:
    """What stands in the query of a request (8.3.1); raises InvalidQuery for what is no text.

    A name in another character set would be that of nobody.
    """
    text = scope.get("query_string", b"").decode("latin-1")
    try:
        told = parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise InvalidQuery("The query is not written in UTF-8.") from error
    if any("\0" in value for _, value in told):
        raise InvalidQuery("The query holds a character that no text has.")
    return told


def _keyword(name: str) -> str:
    """The keyword of an attribute, however it is written (8.3.4.1); raises InvalidQuery.

    A misspelt one would find everybody's. A parameter of others has none, and is left alone (8.3).
    """
    own = _OWN_WORDS.get(name.lower())
    if own is not None:
        return own
    if not (name[:1].isupper() or name[:1].isdigit()):
        return ""
    # Of a sequence, the attribute that is looked for in its items.
    parts = name.split(".")
    tags = [int(one, 16) if _TAG.fullmatch(one) else tag_for_keyword(one) for one in parts]
    if None in tags:
        raise InvalidQuery("The query names something that is no attribute of DICOM.")
    return ".".join(keyword_for_tag(one or 0) for one in tags)


def _is_true(value: str) -> bool:
    match value.strip().lower():
        case "true":
            return True
        case "false":
            return False
    raise InvalidQuery("A kind of matching is done or not: true or false.")


def _number(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value.strip()):
        raise InvalidQuery("A number of the query is not written with digits alone.")
    return int(value)
