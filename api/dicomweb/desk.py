"""What every route of DICOMweb needs: what is found, may be seen, and lies where."""

import asyncio
import hashlib
import secrets
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from starlette.types import Receive, Scope

from api.answer import KEPT, KEPT_BY_NOBODY
from api.covered import Covers, cover_of
from api.dicomweb.multipart import Part, content_type_of, joined
from api.dicomweb.places import ROOT
from api.dicomweb.stow import Run, Store
from api.doors import Caller
from api.errors import NoSuchAddress
from api.opened import as_failure
from api.origin import own_origin
from api.settings import Settings
from api.shelf import Shelf
from api.sources import SEEN_AGAIN_S, Sources
from api.zarr import Streamed
from archive.catalog import Catalog
from archive.errors import InvalidQuery, NotFound
from archive.query import FoundInstance, Query
from archive.record import Exam
from archive.reports.instances import DOCUMENTS
from archive.storage import Storage
from tiles.instance import FrameIndex, read_index
from tiles.source import ReadRange

T = TypeVar("T")

OPENED_BYTES = 64 << 20
MOST_INSTANCES = 5000
"""Of one answer."""
_KEYWORDS = {
    "study": "StudyInstanceUID",
    "series": "SeriesInstanceUID",
    "instance": "SOPInstanceUID",
}


@dataclass(frozen=True, slots=True)
class Opened:
    """An instance, and where its frames lie."""

    found: FoundInstance
    index: FrameIndex


class Desk:
    """The catalogue and the store as the routes ask them. For one event loop."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        storage: Storage,
        sources: Sources,
        covers: Covers,
        store: Store,
    ) -> None:
        self._settings, self.catalog, self.storage = settings, catalog, storage
        self.sources, self._covers = sources, covers
        self.store = store
        # Each on its own: who searches or decodes much keeps nobody from the frames.
        self._finders = ThreadPoolExecutor(2, "dicomweb-find")
        self._readers = ThreadPoolExecutor(4, "dicomweb-read")
        self._decoders = ThreadPoolExecutor(2, "dicomweb-decode")
        self._opened: Shelf[tuple[str | None, str, str, str], Opened] = Shelf(
            OPENED_BYTES, self._readers, weigh=_weight, lasts_s=SEEN_AGAIN_S
        )

    def close(self) -> None:
        """Stop the threads, once what is under way has ended."""
        for threads in (self._finders, self._readers, self._decoders):
            threads.shutdown()
        self.store.close()

    async def find(self, work: Callable[[], T]) -> T:
        """What asks the catalogue."""
        return await asyncio.get_running_loop().run_in_executor(self._finders, work)

    async def read(self, work: Callable[[], T]) -> T:
        """What reads the store; raises StorageFailure for what the catalogue knows and it lacks."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, work)
        except NotFound as error:
            raise as_failure(error) from error

    async def decode(self, work: Callable[[], T]) -> T:
        """What keeps a processor busy."""
        return await asyncio.get_running_loop().run_in_executor(self._decoders, work)

    def studies_url(self, scope: Scope) -> str:
        """Where studies are retrieved, as this caller reaches us."""
        return f"{self.origin(scope)}{ROOT}/studies"

    def origin(self, scope: Scope) -> str:
        """What stands before our addresses, as this caller reaches us."""
        return own_origin(self._settings, scope)

    async def found(self, caller: Caller, fields: dict[str, str]) -> list[FoundInstance]:
        """The instances that an address names; raises NotFound where there are none."""
        find = partial(self._find, caller.establishment, fields)
        return await self.find(find)

    async def opened(self, caller: Caller, fields: dict[str, str]) -> Opened:
        """The one instance that an address names, opened; remembered for some seconds."""
        key = _key(caller, fields)
        make = partial(self._open, caller.establishment, fields)
        return self._opened.find(key) or await self._opened.take(key, make)

    def forget(self, caller: Caller, fields: dict[str, str]) -> None:
        """Open it anew the next time: it was moved, or is gone."""
        self._opened.discard(_key(caller, fields))

    async def may_see(self, caller: Caller, found: Sequence[FoundInstance]) -> str:
        """How long pixels of it may be kept; raises Covered where they were not opened on purpose.

        Raises NotFound where an instance is not its image's any more.
        """
        kept = KEPT
        keys: dict[str, set[str]] = defaultdict(set)
        for one in found:
            keys[one.image_id].add(one.key)
        for image_id, mine in keys.items():
            image = await self.sources.image(caller, image_id)
            if not mine <= {one.key for one in image.objects}:
                # It may have come since the image was looked up.
                self.sources.forget(image_id)
                image = await self.sources.image(caller, image_id)
            if cover_of(image) is not None:
                await self._covers.require_open(caller, image)
                kept = KEPT_BY_NOBODY
            if not mine <= {one.key for one in image.objects}:
                raise NotFound("It was moved.")
        return kept

    def today(self, caller: Caller, found: FoundInstance) -> Exam:
        """Whose an instance is, and by which order; raises NotFound where it was moved. Blocks."""
        again = self._find(caller.establishment, names_of(found))
        if [one.key for one in again] != [found.key]:
            raise NotFound("It was moved.")
        # A study may be of reports alone.
        return self.catalog.exam_alone(again[0].study.exam_id, establishment=caller.establishment)

    def reader(self, found: FoundInstance) -> ReadRange:
        """Reads ranges of an instance; blocks."""
        return partial(self.storage.read_range, found.key)

    def streamed(
        self, parts: AsyncIterable[Part], part_type: str, headers: dict[str, str], receive: Receive
    ) -> Streamed:
        """An answer of several parts of one kind."""
        # Nobody knows it beforehand, and could put it into what is sent.
        boundary = secrets.token_hex(16)
        told = {**headers, "content-type": content_type_of(part_type, boundary)}
        return Streamed(HTTPStatus.OK, None, told, joined(parts, boundary), receive)

    def flowing(
        self, make: Callable[[], Iterator[bytes]], run: Run
    ) -> AsyncGenerator[bytes | memoryview]:
        """What is made part by part in a thread, as it comes."""

        async def parts() -> AsyncGenerator[bytes | memoryview]:
            iterator = await run(make)
            while (part := await run(partial(next, iterator, None))) is not None:
                yield part

        return parts()

    def _find(self, establishment: str | None, fields: dict[str, str]) -> list[FoundInstance]:
        matches = {_KEYWORDS[name]: fields[name] for name in _KEYWORDS if name in fields}
        query = Query(matches, limit=MOST_INSTANCES + 1)
        found = self.catalog.instances.instances(query, establishment=establishment)
        if not found:
            raise NotFound("There is no such instance.")
        if len(found) > MOST_INSTANCES:
            raise InvalidQuery("These are more instances than one answer holds; ask by series.")
        return found

    def _open(self, establishment: str | None, fields: dict[str, str]) -> Opened:
        found = self._find(establishment, fields)[0]
        if found.sop_class_uid in DOCUMENTS:
            raise NoSuchAddress
        return Opened(found, read_index(self.reader(found), found.length_bytes))


def names_of(found: FoundInstance) -> dict[str, str]:
    """What an address names an instance by."""
    return {
        "study": found.study.study_instance_uid,
        "series": found.described.series.series_instance_uid,
        "instance": found.sop_instance_uid,
    }


def _weight(one: Opened) -> int:
    index = one.index
    lying = 0 if index.lying is None else index.lying.nbytes
    return 1024 + index.offsets.nbytes + index.lengths.nbytes + lying


def tag_of(*told: str) -> str:
    """An entity tag that says nothing of what it is made of."""
    return f'"{hashlib.sha256(chr(0).join(told).encode()).hexdigest()[:32]}"'


def _key(caller: Caller, fields: dict[str, str]) -> tuple[str | None, str, str, str]:
    return caller.establishment, fields["study"], fields["series"], fields["instance"]
