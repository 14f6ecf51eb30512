"""The studies of a number by QIDO-RS (PS3.18 10.6), in bounded time and memory."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

import httpx

from archive.errors import LinkDown, LinkLacks
from archive.studies.study import MOST, SEQUENCES, TAGS, Said, Told, said_of

MOST_BYTES = 16 << 20
JSON = "application/dicom+json"
Asked = list[tuple[str, str | int | float | bool | None]]
_LACKS = frozenset({404, 405, 501})


def studies(url: str, patient_id: str, until: float) -> Said:
    """What an archive tells of a patient's number.

    `until` is a moment of `time.monotonic`. Asked by the number alone: an archive that does not
    keep who gave it would find nothing by that. Raises LinkDown, and LinkLacks where it says that
    it has no such service.
    """
    asked: Asked = [("PatientID", patient_id), ("limit", str(MOST + 1))]
    asked += [("includefield", tag) for tag in (*TAGS.values(), *_ASKED_SEQUENCES)]
    found = _asked(f"{url.rstrip('/')}/studies", asked, until)
    if found is None:
        return Said((), is_whole=True)
    try:
        if not isinstance(found, list):
            raise LinkDown("The archive's answer is no answer.")
        return said_of([_told(one) for one in found[: MOST + 1]])
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise LinkDown("The archive's answer is no answer.") from error


_ASKED_SEQUENCES = [
    SEQUENCES[one]
    for one in (
        "OtherPatientIDsSequence",
        "IssuerOfPatientIDQualifiersSequence",
        "IssuerOfAccessionNumberSequence",
    )
]


def _asked(url: str, asked: Asked, until: float) -> Any:
    left = until - time.monotonic()
    if left <= 0:
        raise LinkDown("The archive does not answer.")
    try:
        data = asyncio.run(_read(url, asked, left))
    except TimeoutError as error:
        raise LinkDown("The archive's answer does not end.") from error
    except httpx.HTTPError as error:
        # Its text names the address, and with it the patient's number.
        raise LinkDown("The archive does not answer.") from error
    if data is None:
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise LinkDown("The archive's answer is no answer.") from error


async def _read(url: str, asked: Asked, within_s: float) -> bytes | None:
    """The body of an answer, None for one of no content; raises TimeoutError after `within_s`.

    A timeout of sockets ends a silence alone, and not an answer of one byte a second.
    """
    # What the environment says of proxies is not for a hospital's own network.
    async with (
        asyncio.timeout(within_s),
        httpx.AsyncClient(timeout=within_s, trust_env=False) as web,
        web.stream("GET", url, params=asked, headers={"accept": JSON}) as answer,
    ):
        if answer.status_code == httpx.codes.NO_CONTENT:
            return None
        if answer.status_code in _LACKS:
            raise LinkLacks("The archive does not say what it holds.")
        if answer.is_error or answer.is_redirect:
            raise LinkDown(f"The archive does not answer a question ({answer.status_code}).")
        data = bytearray()
        async for part in answer.aiter_bytes():
            data += part
            if len(data) > MOST_BYTES:
                raise LinkDown("The archive's answer does not end.")
        return bytes(data)


def _told(one: Mapping[str, Any]) -> Told:
    texts = {keyword: _text(one, tag) for keyword, tag in TAGS.items()}
    return Told(
        texts,
        tuple(str(value) for value in _values(one, TAGS["ModalitiesInStudy"])),
        _universal(one, "IssuerOfPatientIDQualifiersSequence"),
        _issuer(one),
        tuple(
            (
                _text(item, TAGS["PatientID"]),
                _text(item, TAGS["IssuerOfPatientID"]),
                _universal(item, "IssuerOfPatientIDQualifiersSequence"),
            )
            for item in _values(one, SEQUENCES["OtherPatientIDsSequence"])
        ),
    )


def _issuer(one: Mapping[str, Any]) -> str:
    for item in _values(one, SEQUENCES["IssuerOfAccessionNumberSequence"]):
        local = _text(item, SEQUENCES["LocalNamespaceEntityID"])
        return local or _text(item, SEQUENCES["UniversalEntityID"])
    return ""


def _universal(one: Mapping[str, Any], sequence: str) -> str:
    for item in _values(one, SEQUENCES[sequence]):
        return _text(item, SEQUENCES["UniversalEntityID"])
    return ""


def _values(one: Mapping[str, Any], tag: str) -> list[Any]:
    return list(one.get(tag, {}).get("Value") or ())


def _text(one: Mapping[str, Any], tag: str) -> str:
    for value in _values(one, tag):
        if isinstance(value, Mapping):
            return str(value.get("Alphabetic") or "")
        return "" if value is None else str(value)
    return ""
