"""The headers of tus 1.0.0 (tus.io/protocols/resumable-upload), read and written."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime

from api.errors import BadHeader, WrongMediaType, WrongVersion
from archive.record import RECEIVING, Upload

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,checksum,expiration"
ALGORITHM = "sha256"
MEDIA_TYPE = "application/offset+octet-stream"
ALWAYS = {"tus-resumable": VERSION}

_MOST_DIGITS = 18


def require_version(headers: Mapping[str, str]) -> None:
    """Raises WrongVersion for a client of another version, or that says none."""
    if headers.get("tus-resumable") != VERSION:
        raise WrongVersion("Another version of tus.")


def require_part(headers: Mapping[str, str]) -> None:
    """Raises WrongMediaType for a body that is no part of a file."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise WrongMediaType("Not a part of a file.")


def number(headers: Mapping[str, str], name: str) -> int:
    """A header that is a number; raises BadHeader."""
    text = headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise BadHeader(f"{name} is not a number.")
    return int(text)


def metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """What Upload-Metadata says; raises BadHeader."""
    found: dict[str, str] = {}
    for pair in headers.get("upload-metadata", "").split(","):
        name, _, value = pair.strip().partition(" ")
        if not name:
            continue
        if name in found:
            raise BadHeader("Upload-Metadata has a key twice.")
        try:
            found[name] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise BadHeader("Upload-Metadata is not base64 of UTF-8.") from error
    return found


def checksum(headers: Mapping[str, str]) -> bytes | None:
    """The SHA-256 of a part, where it has one; raises BadHeader for another algorithm."""
    stated = headers.get("upload-checksum")
    if stated is None:
        return None
    algorithm, _, text = stated.strip().partition(" ")
    try:
        digest = base64.b64decode(text.strip(), validate=True)
    except binascii.Error as error:
        raise BadHeader("Upload-Checksum is not base64.") from error
    if algorithm.lower() != ALGORITHM or len(digest) != 32:
        raise BadHeader("Upload-Checksum is not a SHA-256.")
    return digest


def told(upload: Upload) -> dict[str, str]:
    """The headers that say how an upload stands."""
    headers = {**ALWAYS, "upload-offset": str(upload.offset_bytes)}
    if upload.state in RECEIVING:
        headers["upload-expires"] = _date(upload.expires_at)
    return headers


def become(upload: Upload) -> dict[str, str]:
    """The headers, ours, that say what became of an upload."""
    headers = {"upload-state": upload.state.value}
    if upload.image_id is not None:
        headers["upload-image"] = upload.image_id
    if upload.reason is not None:
        headers["upload-reason"] = upload.reason.value
    return headers


def offered(max_bytes: int) -> dict[str, str]:
    """The headers that say what is spoken here."""
    return {
        **ALWAYS,
        "tus-version": VERSION,
        "tus-extension": EXTENSIONS,
        "tus-checksum-algorithm": ALGORITHM,
        "tus-max-size": str(max_bytes),
    }


def _date(moment: datetime) -> str:
    return format_datetime(moment.replace(microsecond=0), usegmt=True)
