"""A radiology archive that speaks DICOMweb (PS3.18): STOW-RS, QIDO-RS and WADO-RS."""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from functools import partial
from mmap import mmap
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import quote

import httpx

from archive.errors import ClassRefused, LinkDown, LinkRefused
from archive.link import Instance, Moved, Named, Shown, unheard

TIMEOUT_S, CONNECTED_S = 60.0, 10.0
MOST_TOLD_BYTES = 16 << 20
"""Of an answer that is no instance."""
PART_BYTES = 1 << 20
JSON, _DICOM = "application/dicom+json", "application/dicom"
_PATIENT_ID, _STUDY, _SERIES, _ACCESSION = "00100020", "0020000D", "0020000E", "00080050"
_REFERENCED, _INSTANCE, _FAILED, _FAILURE = "00081199", "00081155", "00081198", "00081197"
_OUT_OF_RESOURCES = range(0xA700, 0xA800)
"""Failures that pass (PS3.4 B.2.3)."""
_REFUSALS = frozenset(
    {
        httpx.codes.CONFLICT,
        httpx.codes.REQUEST_ENTITY_TOO_LARGE,
        httpx.codes.UNSUPPORTED_MEDIA_TYPE,
        httpx.codes.UNPROCESSABLE_ENTITY,
    }
)
"""What is answered to the same instance whenever it comes again."""
_CLASS_REFUSED = frozenset({0x0122, *range(0xA900, 0xAA00)})


@dataclass(frozen=True, slots=True, repr=False)
class _Said:
    """An answer that is no instance."""

    status_code: int
    data: bytes

    @property
    def is_error(self) -> bool:
        return self.status_code >= httpx.codes.BAD_REQUEST

    def read(self) -> Any:
        """The JSON of it; None where it is none."""
        try:
            return json.loads(self.data)
        except (ValueError, RecursionError):
            return None


class DicomWebLink:
    """An archive at the root of its DICOMweb services.

    `orthanc_url` is the root of Orthanc's own interface, where that archive is one and may be told
    to delete what it does not hide by itself.
    """

    def __init__(self, url: str, orthanc_url: str | None = None) -> None:
        # What the environment says of proxies is not for a hospital's own network.
        self._web = httpx.Client(
            timeout=httpx.Timeout(TIMEOUT_S, connect=CONNECTED_S),
            # One that was idle may end just as it is asked again: that is no silent archive.
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
        )
        self._url, self._orthanc_url = url.rstrip("/"), (orthanc_url or "").rstrip("/")

    def close(self) -> None:
        """Hang up."""
        self._web.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def store(self, instance: Instance, moved: Moved = unheard) -> None:
        """Send one instance; only what the answer names as stored counts as such."""
        boundary, size_bytes = secrets.token_hex(16), instance.path.stat().st_size
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        tail = f"\r\n--{boundary}--\r\n".encode()

        def body() -> Iterator[bytes]:
            yield head
            with instance.path.open("rb") as file:
                for part in iter(partial(file.read, PART_BYTES), b""):
                    yield part
                    moved()
            yield tail

        content_type = f'multipart/related; type="application/dicom"; boundary={boundary}'
        answer = self._ask(
            "POST",
            f"{self._url}/studies",
            content=body(),
            headers={
                "content-type": content_type,
                "content-length": str(len(head) + size_bytes + len(tail)),
                "accept": JSON,
            },
        )
        told = answer.read()
        if not isinstance(told, Mapping):
            _require_not_refused(answer)
            raise LinkDown("The archive's answer to an instance is no answer.")
        uid = instance.named.sop_instance_uid
        with _as_it_should_be():
            if uid in _uids(told, _REFERENCED):
                return
            failure = _failure(told, uid)
        if failure is None:
            _require_not_refused(answer)
        if failure is None or failure in _OUT_OF_RESOURCES:
            raise LinkDown(f"The archive did not take an instance ({answer.status_code}).")
        if failure in _CLASS_REFUSED:
            raise ClassRefused(f"The archive refuses images of this kind ({failure:04X}).")
        raise LinkRefused(f"The archive refuses the instance (failure {failure:04X}).")

    def committed(self, named: Named) -> bool | None:  # noqa: ARG002 -- the protocol's signature
        """Not asked: archives that promise to keep do so by DICOM's own protocol."""
        return None

    def shown(self, named: Named) -> Shown | None:
        """Ask for an instance as any viewer would."""
        answer = self._ask(
            "GET",
            f"{self._url}/instances",
            params={
                "SOPInstanceUID": named.sop_instance_uid,
                "includefield": [
                    *("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "AccessionNumber")
                ],
            },
            headers={"accept": JSON},
        )
        if answer.status_code == httpx.codes.NO_CONTENT:
            return None
        found = answer.read()
        if answer.is_error or not isinstance(found, list):
            raise LinkDown(f"The archive does not answer a question ({answer.status_code}).")
        if not found:
            return None
        # One that holds it twice shows it wrongly, whatever the other place is.
        asked = (_PATIENT_ID, _STUDY, _ACCESSION, _SERIES)
        with _as_it_should_be():
            places = {tuple(_value(one, tag) for tag in asked) for one in found}
        shown = min(places, key=lambda one: one[1] == named.study_instance_uid)
        patient_id, study, accession_number, series = shown
        return Shown(patient_id, study, accession_number, series, len(places))

    def fetch(
        self,
        named: Named,
        series_instance_uid: str,
        into: Path,
        most_bytes: int,
        moved: Moved = unheard,
    ) -> None:
        """Have an instance back in whatever transfer syntax the archive keeps it."""
        names = (named.study_instance_uid, series_instance_uid, named.sop_instance_uid)
        study, series, instance = (quote(one, safe="") for one in names)
        url = f"{self._url}/studies/{study}/series/{series}/instances/{instance}"
        headers = {
            "accept": 'multipart/related; type="application/dicom"; transfer-syntax=*',
            "accept-encoding": "identity",
        }
        try:
            with self._web.stream("GET", url, headers=headers) as answer:
                _require_willing(answer)
                if answer.is_error:
                    told = answer.status_code
                    raise LinkRefused(f"The archive shows it and does not give it back ({told}).")
                with into.open("wb") as file:
                    _copy_bounded(answer.iter_bytes(), file, most_bytes, moved)
                _unwrap(answer.headers.get("content-type", ""), into)
        except httpx.HTTPError as error:
            raise LinkDown("The archive does not answer.") from error

    def remove(self, named: Named) -> bool:
        """Delete an instance by Orthanc's own interface."""
        if not self._orthanc_url:
            return False
        looked_up = self._ask(
            "POST", f"{self._orthanc_url}/tools/lookup", content=named.sop_instance_uid.encode()
        )
        found = looked_up.read()
        if looked_up.is_error or not isinstance(found, list):
            raise LinkDown(f"Orthanc does not answer ({looked_up.status_code}).")
        with _as_it_should_be():
            ids = [quote(one["ID"], safe="") for one in found if one["Type"] == "Instance"]
        for one in ids:
            if one:
                gone = self._ask("DELETE", f"{self._orthanc_url}/instances/{one}")
                if gone.is_error and gone.status_code != httpx.codes.NOT_FOUND:
                    raise LinkDown(f"Orthanc does not delete ({gone.status_code}).")
        return True

    def _ask(self, method: str, url: str, **options: Any) -> _Said:
        said = bytearray()
        try:
            with self._web.stream(method, url, **options) as answer:
                _require_willing(answer)
                for part in answer.iter_bytes():
                    said += part
                    if len(said) > MOST_TOLD_BYTES:
                        raise LinkDown("The archive's answer is no answer.")
        except httpx.HTTPError as error:
            # Its text may name the address, and with it a password.
            raise LinkDown("The archive does not answer.") from error
        return _Said(answer.status_code, bytes(said))


def _require_willing(answer: httpx.Response) -> None:
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or answer.status_code in {
        httpx.codes.UNAUTHORIZED,
        httpx.codes.FORBIDDEN,
        httpx.codes.TOO_MANY_REQUESTS,
    }:
        raise LinkDown(f"The archive does not let us in just now ({answer.status_code}).")


def _require_not_refused(answer: _Said) -> None:
    """Raise LinkRefused for a status that says no by itself, as whoever stands before it gives."""
    if answer.status_code in _REFUSALS:
        raise LinkRefused(f"The archive refuses the instance (status {answer.status_code}).")


def _copy_bounded(parts: Iterator[bytes], file: BinaryIO, most_bytes: int, moved: Moved) -> None:
    left = most_bytes
    for part in parts:
        left -= len(part)
        if left < 0:
            raise LinkRefused("The archive gives back more than the instance can be; look at it.")
        file.write(part)
        moved()


def _unwrap(content_type: str, path: Path) -> None:
    """Leave in the file what is in the answer's first part (RFC 2046, 5.1); raises LinkDown."""
    said = Message()
    said["content-type"] = content_type
    if said.get_content_type() == _DICOM:
        return
    delimiter = f"--{said.get_boundary('')}".encode()
    begin = end = 0
    # Of an empty file nothing can be mapped.
    if delimiter != b"--" and path.stat().st_size:
        with path.open("r+b") as file, mmap(file.fileno(), 0) as data:
            begin = data.find(b"\r\n\r\n", max(0, data.find(delimiter))) + 4
            end = data.find(b"\r\n" + delimiter, begin)
            if 4 <= begin < end:
                data.move(0, begin, end - begin)
    if not 4 <= begin < end:
        raise LinkDown("The archive's answer is no answer.")
    os.truncate(path, end - begin)


@contextmanager
def _as_it_should_be() -> Iterator[None]:
    """An answer of another shape than the standard's is an archive that does not answer."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise LinkDown("The archive's answer is no answer.") from error


def _uids(told: Mapping[str, Any], sequence: str) -> set[str]:
    return {_value(one, _INSTANCE) for one in told.get(sequence, {}).get("Value", ())}


def _failure(told: Mapping[str, Any], uid: str) -> int | None:
    for one in told.get(_FAILED, {}).get("Value", ()):
        if _value(one, _INSTANCE) == uid:
            return int(_value(one, _FAILURE) or 0)
    return None


def _value(item: Mapping[str, Any], tag: str) -> str:
    values = item.get(tag, {}).get("Value") or [""]
    return str(values[0])
