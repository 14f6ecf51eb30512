"""What every route of DICOMweb needs: what is found, may be seen, and lies where."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from starlette.types import Receive, Scope

from api.answer import KEPT, KEPT_BY_NOBODY
from api.covered import Covers, cover_of
from api.dicomweb.multipart import Part, boundary_of, content_type_of, joined
from api.dicomweb.places import ROOT
from api.doors import Caller
from api.origin import own_origin
from api.settings import Settings
from api.shelf import Shelf
from api.sources import SEEN_AGAIN_S, Sources
from api.zarr import Streamed
from archive.catalog import Catalog
from archive.errors import InvalidQuery, NotFound
from archive.query import FoundInstance, Query
from archive.record import Exam, ImageState
from archive.storage import Storage
from tiles.instance import FrameIndex, read_index
from tiles.source import ReadRange

T = TypeVar("T")

OPEN_INSTANCES = 1024
MOST_INSTANCES = 2000
"""Of one answer: their heads are in memory at once."""
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
    ) -> None:
        self._settings, self.catalog, self.storage = settings, catalog, storage
        self._sources, self._covers = sources, covers
        self._readers = ThreadPoolExecutor(4, "dicomweb")
        self._opened: Shelf[tuple[str | None, str, str, str], Opened] = Shelf(
            OPEN_INSTANCES, self._readers, lasts_s=SEEN_AGAIN_S
        )

    def close(self) -> None:
        """Stop the threads, once what is under way has ended."""
        self._readers.shutdown()

    async def in_thread(self, work: Callable[[], T]) -> T:
        """What blocks, where it holds up nobody."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    def studies_url(self, scope: Scope) -> str:
        """Where studies are retrieved, as this caller reaches us."""
        return f"{own_origin(self._settings, scope)}{ROOT}/studies"

    async def found(self, caller: Caller, fields: dict[str, str]) -> list[FoundInstance]:
        """The instances that an address names; raises NotFound where there are none."""
        find = partial(self._find, caller.establishment, fields)
        return await self.in_thread(find)

    async def opened(self, caller: Caller, fields: dict[str, str]) -> Opened:
        """The one instance that an address names, opened; remembered for some seconds."""
        key = _key(caller, fields)
        make = partial(self._open, caller.establishment, fields)
        return self._opened.find(key) or await self._opened.take(key, make)

    def forget(self, caller: Caller, fields: dict[str, str]) -> None:
        """Open it anew the next time: it was moved, or is gone."""
        self._opened.discard(_key(caller, fields))

    async def may_see(self, caller: Caller, found: Sequence[FoundInstance]) -> str:
        """How long what is found may be kept; raises Covered where it was not opened on purpose."""
        kept = KEPT
        for image_id in {one.image_id for one in found}:
            image = await self._sources.image(caller, image_id)
            if cover_of(image) is not None:
                await self._covers.require_open(caller, image)
                kept = KEPT_BY_NOBODY
        return kept

    async def exam(self, caller: Caller, found: FoundInstance) -> Exam:
        """Whose an instance is today, and by which order."""
        find = partial(
            self.catalog.exam,
            found.study.exam_id,
            establishment=caller.establishment,
            states=(ImageState.PUBLISHED,),
        )
        return await self.in_thread(find)

    def reader(self, found: FoundInstance) -> ReadRange:
        """Reads ranges of an instance; blocks."""
        return partial(self.storage.read_range, found.key)

    def streamed(
        self, parts: Sequence[Part], headers: dict[str, str], receive: Receive
    ) -> Streamed:
        """An answer of several parts, of one kind each with the first."""
        boundary = boundary_of(headers.get("etag", parts[0].content_type + str(len(parts))))
        length, flowing = joined(parts, boundary)
        told = {**headers, "content-type": content_type_of(parts[0].content_type, boundary)}
        return Streamed(HTTPStatus.OK, length, told, flowing, receive)

    def flowing(self, make: Callable[[], Iterator[bytes]]) -> AsyncGenerator[bytes | memoryview]:
        """What is made part by part in a thread, as it comes."""

        async def parts() -> AsyncGenerator[bytes | memoryview]:
            iterator = make()
            while (part := await self.in_thread(partial(next, iterator, None))) is not None:
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
        return Opened(found, read_index(self.reader(found), found.length_bytes))


def tag_of(*told: str) -> str:
    """An entity tag that says nothing of what it is made of."""
    return f'"{hashlib.sha256(chr(0).join(told).encode()).hexdigest()[:32]}"'


def _key(caller: Caller, fields: dict[str, str]) -> tuple[str | None, str, str, str]:
    return caller.establishment, fields["study"], fields["series"], fields["instance"]
