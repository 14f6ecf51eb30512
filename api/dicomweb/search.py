"""QIDO-RS: what a query asks (PS3.18, 8.3.4 and 10.6)."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from pydicom.datadict import keyword_for_tag, tag_for_keyword
from starlette.types import Scope

from api.answer import KEPT_BY_NOBODY, Answer
from api.dicomweb.json_model import instance_json, series_json, study_json
from api.dicomweb.media import Offer, accepted, choose
from api.dicomweb.places import FOUND_INSTANCES, FOUND_SERIES
from archive.errors import InvalidQuery
from archive.instances import MATCHED, Instances
from archive.query import Query

JSON = "application/dicom+json"
MOST = 1000
"""Of what is found in one answer; more are asked for by `offset`."""
JSON_OFFERS = (
    Offer(JSON, may_be_multipart=False),
    # As the standard has it, and as scripts ask.
    Offer("application/json", may_be_multipart=False),
)
_NAMED = {"study": "StudyInstanceUID", "series": "SeriesInstanceUID"}
_OWN_WORDS = {name.lower(): name for name in MATCHED}
_TAG = re.compile(r"[0-9A-Fa-f]{8}")


def asked(scope: Scope, fields: dict[str, str]) -> tuple[Query, bool]:
    """The query of a request, and whether some of what it names is not matched here.

    Raises InvalidQuery.
    """
    matches: dict[str, str] = {}
    query, is_all = Query(), True
    text = scope.get("query_string", b"").decode("latin-1")
    for name, value in parse_qsl(text, keep_blank_values=True):
        if "\0" in value:
            raise InvalidQuery("The query holds a character that no text has.")
        match name.lower():
            case "limit":
                query = replace(query, limit=max(0, min(MOST, _number(value))))
            case "offset":
                query = replace(query, offset=_number(value))
            case "fuzzymatching":
                query = replace(query, fuzzy=value.strip().lower() == "true")
            case "includefield" | "accept" | "emptyvaluematching" | "multiplevaluematching":
                # What is known is told in any case; how it is written is chosen elsewhere.
                continue
            case _:
                keyword = _keyword(name)
                if keyword in MATCHED:
                    matches[keyword] = value
                else:
                    is_all = False
    for name, keyword in _NAMED.items():
        if name in fields:
            matches[keyword] = fields[name]
    return replace(query, matches=matches), is_all


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
    scope: Scope, told: list[dict[str, Any]], *, has_more: bool, is_all: bool
) -> Answer:
    """The answer to a query; raises NotAcceptable."""
    chosen = choose(accepted(scope), JSON_OFFERS)
    warnings = []
    if has_more:
        warnings.append("There are additional results that can be requested")
    if not is_all:
        warnings.append("Some of the attributes are not matched here and were left out")
    headers = {"cache-control": KEPT_BY_NOBODY, "vary": "accept"}
    if warnings:
        headers["warning"] = ", ".join(f'299 sansverre "{one}"' for one in warnings)
    if not told:
        return Answer(HTTPStatus.NO_CONTENT, b"", headers)
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(HTTPStatus.OK, body, {**headers, "content-type": chosen.offer.media_type})


def _keyword(name: str) -> str:
    """The keyword of an attribute, however it is written (8.3.4.1); raises InvalidQuery.

    A misspelt one would find everybody's.
    """
    own = _OWN_WORDS.get(name.lower())
    if own is None and _TAG.fullmatch(name):
        own = keyword_for_tag(int(name, 16))
    if own is None:
        # Of a sequence, the attribute that is looked for in its items.
        parts = name.split(".")
        tags = [int(one, 16) if _TAG.fullmatch(one) else tag_for_keyword(one) for one in parts]
        if None in tags:
            raise InvalidQuery("The query names something that is no attribute of DICOM.")
        own = keyword_for_tag(tags[-1] or 0) if len(tags) == 1 else ""
    return own


def _number(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value.strip()):
        raise InvalidQuery("A number of the query is not written with digits alone.")
    return int(value)
