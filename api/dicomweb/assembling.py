"""A request to store that brings metadata, and bulk data in parts of their own (PS3.18, 10.5.2)."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from api.dicomweb.assembled import MOST_DESCRIBED, Bulk, request
from api.dicomweb.drafts import Draft
from api.dicomweb.incoming import Began, Came, Event, Parts
from api.errors import BadHeader, ChildCrashed, SandboxError, TooLarge
from api.instances.acceptance import Acceptance, Sender, failure_of
from archive.errors import NoRoom
from archive.received.outcome import Failure, Outcome

METADATA = frozenset({"application/dicom+json", "application/dicom+xml"})
MOST_METADATA_BYTES = 16 << 20
"""Of one request: what they become in a child's memory is many times as much."""
MOST_PARTS = 4096
_LOOKED_AT_EACH_BYTES = 32 << 20


class Room(Protocol):
    """What knows how much more there may be."""

    def require_room(self, length_bytes: int) -> None:
        """Raise NoRoom where so much more would leave the disk too little."""
        ...

    def most_bytes(self) -> int:
        """How large an instance may be now; raises NoRoom where the disk has too little left."""
        ...


class Assembling:
    """One such request while it comes: its instances are put together once all of it is there."""

    def __init__(
        self, acceptance: Acceptance, room: Room, sender: Sender, study: str | None, parts: Parts
    ) -> None:
        self._acceptance, self._room = acceptance, room
        self._sender, self._study, self._parts = sender, study, parts
        self._metadata: list[tuple[str, Path]] = []
        self._bulk: dict[str, list[Bulk]] = {}
        self._drafts: list[Draft] = []
        self._head: Began | None = None
        self._metadata_bytes = self._count = self._written = 0
        self._is_wrong = False

    def take(self, block: bytes) -> None:
        """Go on with some bytes of the body; raises BadHeader, TooLarge and NoRoom."""
        for event in self._parts.take(block):
            self._happen(event)

    def end(self) -> list[Outcome]:
        """What became of each instance; of a body that is cut those are kept that came whole.

        Raises TooLarge for more instances than one request may have.
        """
        outcomes = self._outcomes()
        if self._is_wrong or (self._count and not self._parts.is_whole):
            outcomes.append(Outcome(failure=Failure.CANNOT_UNDERSTAND))
        return outcomes

    def close(self) -> None:
        """Delete what is left."""
        for one in self._drafts:
            one.delete()
        self._drafts.clear()

    def _happen(self, event: Event) -> None:
        match event:
            case Began():
                self._count += 1
                if self._count > MOST_PARTS:
                    raise TooLarge("These are too many parts.", max_parts=MOST_PARTS)
                self._head = event
                self._drafts.append(Draft(self._acceptance.folder))
            case Came(data):
                self._come(data)
            case _:
                self._end_part()

    def _come(self, data: bytes) -> None:
        if self._head is not None and self._head.media_type in METADATA:
            self._metadata_bytes += len(data)
            if self._metadata_bytes > MOST_METADATA_BYTES:
                raise TooLarge("These are too much metadata.", max_bytes=MOST_METADATA_BYTES)
        before, self._written = self._written, self._written + len(data)
        if before // _LOOKED_AT_EACH_BYTES != self._written // _LOOKED_AT_EACH_BYTES:
            # It is written once more, as a part of its instance.
            self._room.require_room(self._written)
        self._drafts[-1].write(data)

    def _end_part(self) -> None:
        head, self._head = self._head, None
        if head is None:
            raise BadHeader("A part has no headers.")
        draft = self._drafts[-1]
        draft.close()
        if head.media_type in METADATA:
            self._metadata.append((head.media_type, draft.path))
        elif head.location:
            known = self._bulk.setdefault(head.location, [])
            known.append(Bulk(head.media_type, head.transfer_syntax, draft.path, draft.length))
        else:
            # What has no name cannot be named.
            self._is_wrong = True

    def _outcomes(self) -> list[Outcome]:
        with ExitStack() as held:
            within = TemporaryDirectory(prefix="described-", dir=self._acceptance.folder)
            folder = Path(held.enter_context(within))
            try:
                request(folder, self._metadata, self._bulk)
                told = self._ask({"split": str(folder)}, self._metadata_bytes)
                count, alike = _numbers(told)
            except (SandboxError, OSError) as error:
                return [Outcome(failure=failure_of(error))]
            if count > MOST_DESCRIBED:
                raise TooLarge("These are too many instances.", max_instances=MOST_DESCRIBED)
            self._is_wrong |= bool(told.get("are_wrong"))
            return [self._outcome(folder, one, is_alone=one not in alike) for one in range(count)]

    def _outcome(self, folder: Path, number: int, *, is_alone: bool) -> Outcome:
        named = Outcome()
        try:
            most_bytes = self._room.most_bytes()
            question = {"assemble": str(folder), "number": number, "most_bytes": most_bytes}
            told = self._ask(question, self._written)
            named = _named(told)
            if told.get("is_too_large"):
                return replace(named, failure=Failure.OUT_OF_RESOURCES)
            # Pixels that several instances name are of one of them at most: of which, none knows.
            if not told.get("is_whole") or not is_alone:
                reason = "its metadata are none, or its bulk data did not come"
                return replace(named, failure=Failure.CANNOT_UNDERSTAND, reason=reason)
            return self._acceptance.take(folder / "whole.dcm", self._sender, self._is_expected)
        except (SandboxError, OSError, NoRoom) as error:
            return replace(named, failure=failure_of(error))
        finally:
            (folder / "whole.dcm").unlink(missing_ok=True)

    def _ask(self, question: dict[str, Any], size_bytes: int) -> dict[str, Any]:
        return self._acceptance.examiners.ask(question, size_bytes, self._sender.establishment)

    def _is_expected(self, one: Outcome) -> Failure | None:
        if self._study is not None and one.study_instance_uid != self._study:
            return Failure.DOES_NOT_MATCH
        return None


def _numbers(told: dict[str, Any]) -> tuple[int, frozenset[int]]:
    match told:
        case {"count": int(count), "alike": list(alike)}:
            return count, frozenset(map(int, alike))
    raise ChildCrashed("its answer is garbled")


def _named(told: dict[str, Any]) -> Outcome:
    match told:
        case {"names": [str(kind), str(instance), str(study), str(series)]}:
            return Outcome(kind, instance if kind else "", study, series)
    raise ChildCrashed("its answer is garbled")
