"""STOW-RS: instances taken in as they come, each told of by itself (PS3.18, 10.5)."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from tempfile import mkstemp
from typing import BinaryIO, TypeVar

from pydicom.dataset import Dataset
from starlette.types import Receive, Scope

from api.answer import KEPT_BY_NOBODY, Answer
from api.dicomweb.incoming import Began, Came, Event, Parts, read_content_type
from api.dicomweb.json_model import dataset_json
from api.dicomweb.media import Offer, accepted, choose
from api.dicomweb.native_model import native_xml
from api.errors import BadHeader, TooLarge, TooSlow, WrongMediaType
from api.instances.acceptance import Acceptance, Sender, failure_of
from api.metrics import count_stored
from api.settings import UploadLimits
from archive.errors import NoRoom
from archive.received.outcome import Failure, Outcome

T = TypeVar("T")

DICOM, JSON, XML = "application/dicom", "application/dicom+json", "application/dicom+xml"
OFFERS = (
    Offer(JSON, may_be_multipart=False),
    Offer("application/json", may_be_multipart=False),
    Offer(XML, may_be_multipart=False),
)
BLOCK_BYTES = 1 << 20
"""What is written at once; so much of each request is in memory, twice."""
SILENT_S = 60.0
THREADS = 4
MOST_INSTANCES = 20_000
"""Of one request: its answer names each."""
_LOOKED_AT_EACH_BYTES = 32 << 20
"""How often a file that grows is held against the room that is left."""


class Store:
    """Where requests to store are answered in this process."""

    def __init__(self, acceptance: Acceptance, limits: UploadLimits) -> None:
        self.acceptance, self.limits = acceptance, limits
        self._threads = ThreadPoolExecutor(THREADS, "store")

    def close(self) -> None:
        """Stop the threads, once what is under way has ended."""
        self._threads.shutdown()
        self.acceptance.close()

    async def run(self, work: Callable[[], T]) -> T:
        """What waits for a disk, or for a child."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def require_room(self, length_bytes: int) -> None:
        """Raise NoRoom where so much more would leave the disk too little."""
        free = shutil.disk_usage(self.acceptance.folder).free - self.limits.headroom_bytes
        if length_bytes > free:
            raise NoRoom(
                "The disk has not enough room.",
                needed_bytes=length_bytes,
                free_bytes=max(0, free),
            )


async def store_answer(
    store: Store,
    sender: Sender,
    study: str | None,
    studies_url: str,
    scope: Scope,
    receive: Receive,
) -> Answer:
    """Take in what a request holds, and tell what became of each instance.

    `study` is the one that the address names, to which all are to belong. Raises NotAcceptable,
    WrongMediaType, BadHeader for a body in which nothing is, NoRoom, TooSlow for one that breaks
    off: what had come whole by then is kept.
    """
    chosen = choose(accepted(scope), OFFERS)
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    media_type, related = read_content_type(headers.get(b"content-type", ""))
    if (related.part_type or DICOM if related else media_type) != DICOM:
        raise WrongMediaType("only instances as files are taken")
    length = headers.get(b"content-length", "")
    await store.run(partial(store.require_room, int(length) if length.isdigit() else 0))
    arriving = _Arriving(store, sender, study, Parts(related.boundary) if related else None)
    try:
        async for block in _blocks(receive):
            await store.run(partial(arriving.take, block))
        outcomes = await store.run(arriving.end)
    finally:
        await store.run(arriving.close)
    if not outcomes:
        raise BadHeader("The body holds no instance.")
    for one in outcomes:
        number = one.failure or one.warning
        count_stored("kept" if number is None else f"{number:04X}")
    told = dataset_json(response(outcomes, studies_url))
    is_xml = chosen.offer.media_type == XML
    body = native_xml(told) if is_xml else json.dumps(told, separators=(",", ":")).encode()
    content = {"cache-control": KEPT_BY_NOBODY, "content-type": chosen.offer.media_type}
    return Answer(status_of(outcomes), body, content)


def status_of(outcomes: Sequence[Outcome]) -> HTTPStatus:
    """The status of an answer (Table 10.5.3-1)."""
    failures = [one.failure for one in outcomes if one.failure is not None]
    if len(failures) < len(outcomes):
        warned = any(one.warning is not None for one in outcomes)
        return HTTPStatus.ACCEPTED if failures or warned else HTTPStatus.OK
    passing = {Failure.OUT_OF_RESOURCES, Failure.PROCESSING}
    if set(failures) <= passing:
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.CONFLICT


def response(outcomes: Sequence[Outcome], studies_url: str) -> Dataset:
    """The Store Instances Response Module (PS3.18, I.2.2)."""
    told = Dataset()
    kept = [one for one in outcomes if one.is_kept]
    studies = {one.study_instance_uid for one in kept}
    if len(studies) == 1:
        told.RetrieveURL = f"{studies_url}/{studies.pop()}"
    named = [one for one in outcomes if not one.is_kept and one.sop_instance_uid]
    if named:
        told.FailedSOPSequence = [_failed(one) for one in named]
    if kept:
        told.ReferencedSOPSequence = [_referenced(one, studies_url) for one in kept]
    # What could not be read has no name by which it could be told of.
    nameless = [one for one in outcomes if not one.is_kept and not one.sop_instance_uid]
    if nameless:
        told.OtherFailuresSequence = [_reason(one) for one in nameless]
    return told


def _named(one: Outcome) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = one.sop_class_uid
    item.ReferencedSOPInstanceUID = one.sop_instance_uid
    return item


def _reason(one: Outcome) -> Dataset:
    item = Dataset()
    item.FailureReason = int(one.failure or Failure.PROCESSING)
    return item


def _failed(one: Outcome) -> Dataset:
    item = _named(one)
    item.update(_reason(one))
    return item


def _referenced(one: Outcome, studies_url: str) -> Dataset:
    item = _named(one)
    series = f"{studies_url}/{one.study_instance_uid}/series/{one.series_instance_uid}"
    item.RetrieveURL = f"{series}/instances/{one.sop_instance_uid}"
    if one.warning is not None:
        item.WarningReason = int(one.warning)
    return item


class _Arriving:
    """One request while it comes: at most one file of it is on the disk and not yet taken in."""

    def __init__(
        self, store: Store, sender: Sender, study: str | None, parts: Parts | None
    ) -> None:
        self._store, self._sender, self._study, self._parts = store, sender, study, parts
        self._outcomes: list[Outcome] = []
        self._draft: _Draft | None = None
        self._failure: Failure | None = None
        """Why the part that comes is not kept, whatever else it holds."""
        self._has_begun = self._is_over = False

    def take(self, block: bytes) -> None:
        """Go on with some bytes of the body; raises BadHeader where nothing came of it yet."""
        if self._parts is None:
            self._come(block)
            return
        if self._is_over:
            return
        try:
            for event in self._parts.take(block):
                self._happen(event)
        except (BadHeader, TooLarge) as error:
            if not self._outcomes:
                raise
            # What came before it is told of; what follows is not looked at.
            self._is_over = True
            too_many = isinstance(error, TooLarge)
            self._fail(Failure.OUT_OF_RESOURCES if too_many else Failure.CANNOT_UNDERSTAND)

    def end(self) -> list[Outcome]:
        """What became of each instance, in their order; one that was cut is none."""
        if self._parts is None:
            self._end_part()
        elif self._has_begun and not self._is_over and not self._parts.is_whole:
            self._fail(Failure.CANNOT_UNDERSTAND)
        return self._outcomes

    def close(self) -> None:
        """Delete what was not taken in."""
        if self._draft is not None:
            self._draft.delete()
            self._draft = None

    def _happen(self, event: Event) -> None:
        match event:
            case Began(media_type):
                if len(self._outcomes) >= MOST_INSTANCES:
                    raise TooLarge("These are too many instances.", max_instances=MOST_INSTANCES)
                self._has_begun = True
                other = media_type not in {"", DICOM}
                self._failure = Failure.CANNOT_UNDERSTAND if other else None
                self._draft = None if other else _Draft(self._store.acceptance.folder)
            case Came(data):
                self._come(data)
            case _:
                self._end_part()

    def _come(self, data: bytes) -> None:
        if self._failure is not None:
            return
        self._draft = self._draft or _Draft(self._store.acceptance.folder)
        before = self._draft.length
        try:
            self._draft.write(data)
            if self._draft.length > self._store.limits.max_bytes:
                raise NoRoom("An instance is larger than any that is taken.")
            if before // _LOOKED_AT_EACH_BYTES != self._draft.length // _LOOKED_AT_EACH_BYTES:
                self._store.require_room(0)
        except (OSError, NoRoom) as error:
            self.close()
            self._failure = failure_of(error)

    def _end_part(self) -> None:
        if self._failure is not None or self._draft is None:
            self._fail(self._failure or Failure.CANNOT_UNDERSTAND)
            return
        draft, self._draft = self._draft, None
        try:
            draft.close()
            outcome = self._store.acceptance.take(draft.path, self._sender, self._is_expected)
        finally:
            draft.delete()
        self._outcomes.append(outcome)

    def _fail(self, failure: Failure) -> None:
        self.close()
        self._failure = None
        self._outcomes.append(replace(Outcome(), failure=failure))

    def _is_expected(self, one: Outcome) -> Failure | None:
        if self._study is not None and one.study_instance_uid != self._study:
            return Failure.DOES_NOT_MATCH
        return None


class _Draft:
    """A file that grows while it comes."""

    def __init__(self, folder: Path) -> None:
        descriptor, name = mkstemp(prefix="stored-", suffix=".dcm", dir=folder)
        self.path, self.length = Path(name), 0
        self._file: BinaryIO = open(descriptor, "wb", buffering=0)  # noqa: PTH123, SIM115

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = self._file.write(view)
            self.length += written
            view = view[written:]

    def close(self) -> None:
        self._file.close()

    def delete(self) -> None:
        with suppress(OSError):
            self._file.close()
        self.path.unlink(missing_ok=True)


async def _blocks(receive: Receive) -> AsyncIterator[bytes]:
    """The body, some at a time; raises TooSlow where it breaks off, once what had come is given."""
    block = bytearray()
    more, broken = True, ""
    while more and not broken:
        try:
            async with asyncio.timeout(SILENT_S):
                message = await receive()
        except TimeoutError:
            broken = "Nothing came for a while."
            break
        if message["type"] == "http.disconnect":
            broken = "The request broke off."
        block += message.get("body", b"")
        more = message.get("more_body", False)
        if len(block) >= BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)
    if broken:
        raise TooSlow(broken)
