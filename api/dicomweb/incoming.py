"""A body of several parts as it comes, never held whole (RFC 2046, 5.1; RFC 2387)."""

from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from enum import Enum, auto

from api.dicomweb.media import MULTIPART, read_media_type
from api.errors import BadHeader

HEADER_BYTES = 16 << 10
"""Of one part; those of DICOM say one thing."""
_LONGEST_BOUNDARY = 250
"""RFC 2046 has 70; Orthanc writes 73."""
_PADDING_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Began:
    """A part begins; its media type is in small letters, empty where it names none."""

    media_type: str
    location: str = ""
    """What other parts call it."""
    transfer_syntax: str = ""


@dataclass(frozen=True, slots=True)
class Came:
    """Some of the part's bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The part is complete."""


Event = Began | Came | Ended


@dataclass(frozen=True, slots=True)
class Related:
    """A Content-Type of several parts: of which kind they are, and what stands between them."""

    part_type: str
    boundary: bytes


def read_content_type(text: str) -> tuple[str, Related | None]:
    """The media type of a body, and how it is parted where it is multipart/related.

    Raises BadHeader for a boundary that is none.
    """
    media_type, parameters = read_media_type(text)
    if media_type != MULTIPART:
        return media_type, None
    boundary = parameters.get("boundary", "")
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii():
        raise BadHeader("Content-Type names no boundary.")
    told = parameters.get("type", "").partition(";")[0].strip().lower()
    return media_type, Related(told, boundary.encode())


class _State(Enum):
    BEFORE = auto()
    """In the preamble, which says nothing."""
    DELIMITED = auto()
    HEAD = auto()
    PART = auto()
    AFTER = auto()
    """In the epilogue, which says nothing either."""


class Parts:
    """Takes a body block by block and gives what is in it; holds a block and a boundary at most."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        # The first boundary needs no line before it.
        self._held = bytearray(b"\r\n")
        self._state = _State.BEFORE
        # The end of an empty line, which is a boundary's first bytes where a part is empty.
        self._skipped = 0

    @property
    def is_whole(self) -> bool:
        """Whether the last boundary came: what follows belongs to nothing."""
        return self._state is _State.AFTER

    def take(self, block: bytes) -> Iterator[Event]:
        """What a block adds; raises BadHeader where it is no body of several parts."""
        self._held += block
        while (event := self._next()) is not None:
            if event:
                yield from event

    def _next(self) -> tuple[Event, ...] | None:
        """What can be said already, nothing after a step without news, or None for no step."""
        match self._state:
            case _State.BEFORE | _State.PART:
                return self._until_delimiter()
            case _State.DELIMITED:
                return self._behind_delimiter()
            case _State.HEAD:
                return self._head()
            case _State.AFTER:
                self._held.clear()
        return None

    def _until_delimiter(self) -> tuple[Event, ...] | None:
        is_part = self._state is _State.PART
        at = self._held.find(self._delimiter)
        if at >= 0:
            data = bytes(self._held[self._skipped : at])
            del self._held[: at + len(self._delimiter)]
            self._state, self._skipped = _State.DELIMITED, 0
            if not is_part:
                return ()
            return (Came(data), Ended()) if data else (Ended(),)
        # The end may be the beginning of a boundary.
        sure = len(self._held) - len(self._delimiter) + 1
        begun = self._held.find(b"\r", max(0, sure))
        sure = len(self._held) if begun < 0 else begun
        if sure <= 0:
            return None
        data = bytes(self._held[self._skipped : sure])
        del self._held[:sure]
        if not is_part:
            return None
        self._skipped = 0
        return (Came(data),) if data else None

    def _behind_delimiter(self) -> tuple[Event, ...] | None:
        if self._held.startswith(b"--"):
            self._state = _State.AFTER
            return ()
        end = self._held.find(b"\r\n")
        padding = self._held[: end if end >= 0 else len(self._held)]
        if len(padding) > _PADDING_BYTES or (end >= 0 and padding.strip(b" \t")):
            raise BadHeader("Behind a boundary stands what is no line's end.")
        if end < 0:
            return None
        del self._held[:end]
        self._state = _State.HEAD
        return ()

    def _head(self) -> tuple[Event, ...] | None:
        # A part without headers begins with an empty line.
        end = self._held.find(b"\r\n\r\n")
        if end > HEADER_BYTES or (end < 0 and len(self._held) > HEADER_BYTES):
            raise BadHeader("The headers of a part do not end.")
        if end < 0:
            return None
        headers = BytesHeaderParser().parsebytes(bytes(self._held[2:end]) + b"\r\n\r\n")
        del self._held[: end + 2]
        self._state, self._skipped = _State.PART, 2
        media_type, parameters = read_media_type(str(headers.get("content-type") or ""))
        return (
            Began(
                media_type,
                str(headers.get("content-location") or "").strip(),
                parameters.get("transfer-syntax", ""),
            ),
        )
