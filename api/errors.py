"""What can go wrong at the ways in, and the HTTP status of everything that can go wrong.

ApiError
├── BadSettings         (ValueError)         a SANSVERRE_* variable, or a key, that cannot be used
├── NotSignedIn         (PermissionError)    no token, or none of ours
├── NotPermitted        (PermissionError)    a role that does not suffice
├── Covered             (PermissionError)    a picture that is to be opened on purpose first
├── NoSuchAddress       (LookupError)        a path that means nothing here
├── MethodRefused       (ValueError)         a method that the address does not answer
├── NotAcceptable       (ValueError)         a representation that is not to be had
├── TooBusy             (RuntimeError)       more work under way than is let in
├── BadHeader           (ValueError)         a header of an upload that says nothing
├── WrongVersion        (ValueError)         a version of tus that is not spoken here
├── WrongMediaType      (ValueError)         a body that is no part of a file
├── WrongOffset         (ValueError)         a part that does not go on where the file ends
├── WrongChecksum       (ValueError)         a part that came otherwise than it was sent
├── TooLarge            (ValueError)         a file larger than any that is taken
├── TooSlow             (TimeoutError)       a body of which nothing came for a while
├── NotTaken            (ValueError)         a file that the archive did not take in, and why
├── CannotPrint         (ValueError)         letters that the pages of a PDF have not
├── CannotServe         (OSError)            an address that cannot be served from
├── BadInvocation       (ValueError)         a request to show images that names none, or oddly
├── BadFrame            (ValueError)         bytes that are no message of MLLP
├── BadMessage          (ValueError)         a message of HL7 that cannot be read
└── SandboxError                             a child process that gave no result:
    ├── Refused         (ValueError)         the function said no, in words for people
    │   └── PartsMissing                     of a slide's files, some are not there
    ├── OutOfMemory     (MemoryError)        it wanted more memory than its limit
    ├── OutOfTime       (TimeoutError)       it was silent for longer than its limit
    ├── ChildCrashed    (ChildProcessError)  it ended without an answer
    └── ChildFaulted    (RuntimeError)       it raised what nobody foresaw
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from http import HTTPStatus
from typing import Any, ClassVar

import archive.errors
import tiles.errors

PASSING = frozenset(
    {"StorageFailure", "LeaseLost", "ENOSPC", "EDQUOT", "EROFS", "EIO", "EMFILE", "ENFILE"}
)
"""Refusals that are not the file's fault, by the name of their exception or of their errno."""


class ApiError(Exception):
    """Any failure of this package."""


class BadSettings(ApiError, ValueError):
    """The environment asks for something that cannot be done."""


class NotSignedIn(ApiError, PermissionError):
    """The request carries no token, or none that was made here and is still good."""


class NotPermitted(ApiError, PermissionError):
    """The caller is known, and may not do this."""


class Covered(ApiError, PermissionError):
    """The picture is intimate, or somebody may be known by it: it is opened on purpose first."""


class NoSuchAddress(ApiError, LookupError):
    """Nothing is at this address."""


class MethodRefused(ApiError, ValueError):
    """The address does not answer this method."""


class NotAcceptable(ApiError, ValueError):
    """Nothing that is stored can be given as the request wants it."""


class TooBusy(ApiError, RuntimeError):
    """More is under way than this process takes on; it may be asked again after `retry_s`."""

    def __init__(self, message: str = "", *, retry_s: int = 1) -> None:
        super().__init__(message)
        self.retry_s = retry_s


class BadHeader(ApiError, ValueError):
    """A header of an upload is missing, or is not what the protocol has there."""


class WrongVersion(ApiError, ValueError):
    """The client speaks another version of tus, or does not say which."""


class WrongMediaType(ApiError, ValueError):
    """The body is not declared to be a part of a file."""


class WrongOffset(ApiError, ValueError):
    """The part does not go on where the file ends; nothing was changed."""


class WrongChecksum(ApiError, ValueError):
    """The part is not what its checksum says; nothing of it was kept."""


class TooLarge(ApiError, ValueError):
    """The file is larger than any that is taken."""

    def __init__(self, message: str, **told: int) -> None:
        super().__init__(message)
        self.told = told


class TooSlow(ApiError, TimeoutError):
    """Nothing came of a body for a while; what had come is kept."""


class NotTaken(ApiError, ValueError):
    """A file that was not taken in; the message is a reason for people."""


class CannotPrint(ApiError, ValueError):
    """The pages of a PDF have not the letters of a text."""

    told: ClassVar = {"reason": "letters"}


class CannotServe(ApiError, OSError):
    """The server cannot be started as asked."""


class BadInvocation(ApiError, ValueError):
    """A request of another system to show images; `parameter` is missing, doubled or malformed."""

    def __init__(self, parameter: str) -> None:
        super().__init__(f"the parameter {parameter} is missing, doubled or malformed")
        self.parameter = parameter


class BadFrame(ApiError, ValueError):
    """What came over a connection is no message of MLLP, or not one that is waited for."""


class BadMessage(ApiError, ValueError):
    """A message of HL7 cannot be read; `code` is of HL7 table 0357, `where` as ERR-2 has it."""

    def __init__(self, message: str, code: int = 102, where: str = "") -> None:
        super().__init__(message)
        self.code, self.where = code, where


class SandboxError(ApiError):
    """A child process that gave no result."""


class Refused(SandboxError, ValueError):
    """The function refused its input; the message is its own, `name` the class of its exception."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


class PartsMissing(Refused):
    """A file of several whose other files, named in `missing`, are not beside it."""

    def __init__(self, message: str, missing: tuple[str, ...]) -> None:
        super().__init__(message, "MissingFile")
        self.missing = missing


class OutOfMemory(SandboxError, MemoryError):
    """The child reached its limit of memory."""


class OutOfTime(SandboxError, TimeoutError):
    """The child was silent for too long."""


class ChildCrashed(SandboxError, ChildProcessError):
    """The child ended without an answer, or with one that is no answer."""


class ChildFaulted(SandboxError, RuntimeError):
    """The child raised an exception that is no refusal: a fault in this software."""


class TusStatus(IntEnum):
    """Statuses that tus has beside those of HTTP."""

    CHECKSUM_MISMATCH = 460

    @property
    def phrase(self) -> str:
        """What it is called."""
        return self.name.replace("_", " ").title()


Status = HTTPStatus | TusStatus

STATUSES: tuple[tuple[type[Exception], Status], ...] = (
    (BadHeader, HTTPStatus.BAD_REQUEST),
    (BadInvocation, HTTPStatus.BAD_REQUEST),
    (TooSlow, HTTPStatus.REQUEST_TIMEOUT),
    (WrongOffset, HTTPStatus.CONFLICT),
    (archive.errors.Incomplete, HTTPStatus.CONFLICT),
    (archive.errors.NotReady, HTTPStatus.CONFLICT),
    (archive.errors.Expired, HTTPStatus.GONE),
    (WrongVersion, HTTPStatus.PRECONDITION_FAILED),
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (archive.errors.OverQuota, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (WrongMediaType, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (archive.errors.Held, HTTPStatus.LOCKED),
    (WrongChecksum, TusStatus.CHECKSUM_MISMATCH),
    (archive.errors.NoRoom, HTTPStatus.INSUFFICIENT_STORAGE),
    (NotSignedIn, HTTPStatus.UNAUTHORIZED),
    (archive.errors.NotAllowed, HTTPStatus.UNAUTHORIZED),
    (NotPermitted, HTTPStatus.FORBIDDEN),
    (Covered, HTTPStatus.FORBIDDEN),
    (NoSuchAddress, HTTPStatus.NOT_FOUND),
    (archive.errors.NotFound, HTTPStatus.NOT_FOUND),
    (tiles.errors.OutsideImage, HTTPStatus.NOT_FOUND),
    (tiles.errors.MalformedRequest, HTTPStatus.BAD_REQUEST),
    (archive.errors.InvalidQuery, HTTPStatus.BAD_REQUEST),
    (MethodRefused, HTTPStatus.METHOD_NOT_ALLOWED),
    (NotAcceptable, HTTPStatus.NOT_ACCEPTABLE),
    (archive.errors.TransitionRefused, HTTPStatus.CONFLICT),
    (archive.errors.DifferentPatient, HTTPStatus.CONFLICT),
    (archive.errors.MayNotLeave, HTTPStatus.CONFLICT),
    (archive.errors.NoCard, HTTPStatus.CONFLICT),
    (archive.errors.InvalidIdentity, HTTPStatus.UNPROCESSABLE_ENTITY),
    (archive.errors.InvalidSite, HTTPStatus.UNPROCESSABLE_ENTITY),
    (archive.errors.InvalidCapture, HTTPStatus.UNPROCESSABLE_ENTITY),
    (archive.errors.BadDocument, HTTPStatus.UNPROCESSABLE_ENTITY),
    (CannotPrint, HTTPStatus.UNPROCESSABLE_ENTITY),
    (TooBusy, HTTPStatus.SERVICE_UNAVAILABLE),
    (SandboxError, HTTPStatus.SERVICE_UNAVAILABLE),
    (archive.errors.StorageFailure, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The status of each exception, the first that fits; whatever is not here is a 500."""

DETAILS: dict[Status, str] = {
    HTTPStatus.BAD_REQUEST: "A header, or a part of the address, is missing or says nothing.",
    HTTPStatus.REQUEST_TIMEOUT: "Nothing came for a while: go on from where the file ends.",
    HTTPStatus.GONE: "Nobody went on with it in time: begin anew.",
    HTTPStatus.PRECONDITION_FAILED: "Uploads speak tus 1.0.0: say so in Tus-Resumable.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "It is more than may be sent: see what is said beside.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "A body of this kind is not taken at this address.",
    HTTPStatus.LOCKED: "Another request is sending this file: try again in a moment.",
    TusStatus.CHECKSUM_MISMATCH: "The part came otherwise than it was sent: send it again.",
    HTTPStatus.INSUFFICIENT_STORAGE: "The disk has not enough room: see what is said beside.",
    HTTPStatus.UNAUTHORIZED: "Open the link that the server printed, or send a token.",
    HTTPStatus.FORBIDDEN: "Your role does not suffice.",
    HTTPStatus.NOT_FOUND: "Nothing is here, or nothing that you may see.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not answer that method.",
    HTTPStatus.NOT_ACCEPTABLE: "It is not to be had in the form that was asked for.",
    HTTPStatus.CONFLICT: "What is stored does not allow it.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The request is not well formed.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The service cannot answer just now: try again in a moment.",
}
"""What is said for each status.

Of exceptions' texts, which may hold what is not for all, that of a query alone is told: it repeats
nothing.
"""

PROBLEM_JSON = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as RFC 9457 has it told."""

    status: Status
    more: Mapping[str, Any] = field(default_factory=dict)
    """Numbers and names that whoever asked may know."""
    retry_s: int = 1
    """When to ask again, where the service is too busy."""
    words: str = ""
    """For people, in place of what every such status says."""

    @property
    def body(self) -> bytes:
        """The problem+json document."""
        told = {"type": "about:blank", "title": self.status.phrase, "status": self.status.value}
        if detail := self.words or DETAILS.get(self.status):
            told["detail"] = detail
        return json.dumps({**self.more, **told}).encode()

    @property
    def headers(self) -> dict[str, str]:
        """The headers that go with it."""
        headers = {"content-type": PROBLEM_JSON, "cache-control": "no-store"}
        if self.status is HTTPStatus.UNAUTHORIZED:
            headers["www-authenticate"] = "Bearer"
        if self.status is HTTPStatus.SERVICE_UNAVAILABLE:
            headers["retry-after"] = str(self.retry_s)
        if self.status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers["allow"] = "GET, HEAD"
        return headers


def problem(error: Exception) -> Problem:
    """How an exception is told over HTTP."""
    for kind, status in STATUSES:
        if isinstance(error, kind):
            retry_s = error.retry_s if isinstance(error, TooBusy) else 1
            words = str(error) if isinstance(error, archive.errors.InvalidQuery) else ""
            return Problem(status, _told(error), retry_s, words)
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR)


_TOLD = (
    TooLarge,
    CannotPrint,
    archive.errors.OverQuota,
    archive.errors.NoRoom,
    archive.errors.NotReady,
    archive.errors.MayNotLeave,
    archive.errors.NoCard,
)


def _told(error: Exception) -> Mapping[str, Any]:
    if isinstance(error, archive.errors.Incomplete):
        return {"missing": list(error.missing)}
    if isinstance(error, _TOLD):
        return error.told
    return {}
