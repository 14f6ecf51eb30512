"""STOW-RS: instances taken in as they come, each told of by itself (PS3.18, 10.5)."""

import asyncio
import json
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Protocol, TypeVar

from pydicom.dataset import Dataset
from starlette.types import Receive, Scope

from api.answer import KEPT_BY_NOBODY, Answer
from api.dicomweb.assembling import METADATA, Assembling
from api.dicomweb.drafts import Draft
from api.dicomweb.incoming import Began, Came, Event, Parts, read_content_type
from api.dicomweb.json_model import dataset_json
from api.dicomweb.media import Offer, accepted, choose
from api.dicomweb.native_model import native_xml
from api.errors import BadHeader, TooBusy, TooLarge, TooSlow, WrongMediaType
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
LEAST_BYTES_S = 10_000
"""What a body comes with on the whole, the first SILENT_S apart; only waiting for it counts."""
THREADS = 4
"""Of each establishment: none waits for another's."""
MOST_REQUESTS = 16
"""Of each establishment at once: each holds some megabytes, and a file that grows."""
MOST_INSTANCES = 20_000
"""Of one request: its answer names each."""
RETRY_S = 30
_DRIPS = "Too little came for too long."
_LOOKED_AT_EACH_BYTES = 32 << 20
"""How often a file that grows is held against the room that is left."""


class Arriving(Protocol):
    """One request while it comes; every call blocks."""

    def take(self, block: bytes) -> None:
        """Go on with some bytes of the body; raises BadHeader."""
        ...

    def end(self) -> list[Outcome]:
        """What became of each instance."""
        ...

    def close(self) -> None:
        """Delete what was not taken in."""
        ...


class Run(Protocol):
    """Has work done in a thread."""

    async def __call__(self, work: Callable[[], T]) -> T:
        """What the work gives; raises what it raises."""
        ...


class Store:
    """Where requests to store are answered in this process."""

    def __init__(self, acceptance: Acceptance, limits: UploadLimits) -> None:
        self.acceptance, self.limits = acceptance, limits
        self._threads: dict[str, ThreadPoolExecutor] = {}
        self._under_way = Counter[str]()

    def close(self) -> None:
        """Stop the threads, once what is under way has ended."""
        for threads in self._threads.values():
            threads.shutdown()
        self.acceptance.close()

    @contextmanager
    def request(self, whose: str) -> Iterator[Run]:
        """How a request of an establishment has done what waits for a disk, or for a child.

        Raises TooBusy where as many of its requests are under way as may be.
        """
        if self._under_way[whose] >= MOST_REQUESTS:
            raise TooBusy("As many requests to store are under way as may be.", retry_s=RETRY_S)
        if whose not in self._threads:
            self._threads[whose] = ThreadPoolExecutor(THREADS, "store")
        self._under_way[whose] += 1
        try:
            yield partial(_in_threads, self._threads[whose])
        finally:
            self._under_way[whose] -= 1

    def require_room(self, length_bytes: int) -> None:
        """Raise NoRoom where so much more would leave the disk too little."""
        free = self._free_bytes()
        if length_bytes > free:
            raise NoRoom(
                "The disk has not enough room.",
                needed_bytes=length_bytes,
                free_bytes=max(0, free),
            )

    def _free_bytes(self) -> int:
        return shutil.disk_usage(self.acceptance.folder).free - self.limits.headroom_bytes

    def most_bytes(self) -> int:
        """How large an instance may be now; raises NoRoom where the disk has too little left."""
        self.require_room(0)
        return min(self.limits.max_bytes, self._free_bytes())


async def _in_threads(threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, work)


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
    WrongMediaType, TooBusy, BadHeader for a body in which nothing is, NoRoom, TooSlow for one that
    breaks off or only drips: what had come whole by then is kept.
    """
    chosen = choose(accepted(scope), OFFERS)
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    media_type, related = read_content_type(headers.get(b"content-type", ""))
    kind = related.part_type or DICOM if related else media_type
    if kind != DICOM and not (related and kind in METADATA):
        raise WrongMediaType("instances are taken as files, or as metadata with bulk data")
    if headers.get(b"content-encoding", "identity").strip().lower() != "identity":
        raise WrongMediaType("instances are not inflated here")
    length = headers.get(b"content-length", "")
    parts = Parts(related.boundary) if related else None
    arriving: Arriving = _Files(store, sender, study, parts)
    if parts is not None and kind in METADATA:
        arriving = Assembling(store.acceptance, store, sender, study, parts)
    with store.request(sender.establishment) as run:
        await run(partial(store.require_room, int(length) if length.isdigit() else 0))
        try:
            async for block in _blocks(receive):
                await run(partial(arriving.take, block))
            outcomes = await run(arriving.end)
        finally:
            await run(arriving.close)
        if not outcomes:
            raise BadHeader("The body holds no instance.")
        for one in outcomes:
            number = one.failure or one.warning
            count_stored("kept" if number is None else f"{number:04X}")
        # Of thousands of instances it takes seconds.
        body = await run(partial(_told, outcomes, studies_url, chosen.offer.media_type))
    content = {"cache-control": KEPT_BY_NOBODY, "content-type": chosen.offer.media_type}
    return Answer(status_of(outcomes), body, content)


def _told(outcomes: Sequence[Outcome], studies_url: str, media_type: str) -> bytes:
    told = dataset_json(response(outcomes, studies_url))
    if media_type == XML:
        return native_xml(told)
    return json.dumps(told, separators=(",", ":")).encode()


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


class _Files:
    """One request while it comes: at most one file of it is on the disk and not yet taken in."""

    def __init__(
        self, store: Store, sender: Sender, study: str | None, parts: Parts | None
    ) -> None:
        self._store, self._sender, self._study, self._parts = store, sender, study, parts
        self._outcomes: list[Outcome] = []
        self._draft: Draft | None = None
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
                self._draft = None if other else Draft(self._store.acceptance.folder)
            case Came(data):
                self._come(data)
            case _:
                self._end_part()

    def _come(self, data: bytes) -> None:
        if self._failure is not None:
            return
        self._draft = self._draft or Draft(self._store.acceptance.folder)
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


async def _blocks(receive: Receive) -> AsyncIterator[bytes]:
    """The body, some at a time; raises TooSlow where it breaks off, once what had come is given."""
    block, count, waited_s = bytearray(), 0, 0.0
    more, broken = True, ""
    while more and not broken:
        # A limit of each wait alone would be kept for ever by a byte now and then.
        left_s = SILENT_S + count / LEAST_BYTES_S - waited_s
        if left_s <= 0:
            broken = _DRIPS
            break
        asked = time.monotonic()
        try:
            async with asyncio.timeout(min(SILENT_S, left_s)):
                message = await receive()
        except TimeoutError:
            broken = _DRIPS
            break
        waited_s += time.monotonic() - asked
        if message["type"] == "http.disconnect":
            broken = "The request broke off."
        count += len(message.get("body", b""))
        block += message.get("body", b"")
        more = message.get("more_body", False)
        if len(block) >= BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)
    if broken:
        raise TooSlow(broken)
