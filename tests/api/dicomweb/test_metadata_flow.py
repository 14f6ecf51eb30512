"""Metadata of many instances are sent as they are read, for as long as somebody listens."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import pytest
from starlette.types import Message, Scope

from api.dicomweb.desk import Desk
from api.dicomweb.retrieved import metadata_answer
from api.doors import Caller
from archive.catalog import Catalog
from archive.query import FoundInstance, Query
from archive.record import Exam
from archive.storage import Storage
from tests.api.conftest import Installation
from tiles.source import ReadRange

MANY = 20


class Counting(Desk):
    """A desk of one instance, found many times, that counts how often a header was read."""

    def __init__(self, storage: Storage, one: FoundInstance, exam: Exam) -> None:
        self.storage, self._one, self._exam = storage, one, exam
        self.headers = 0

    async def found(self, caller: Caller, fields: dict[str, str]) -> list[FoundInstance]:
        return [self._one] * MANY

    def today(self, caller: Caller, found: FoundInstance) -> Exam:
        return self._exam

    async def find(self, work: Callable[[], Any]) -> Any:
        return work()

    async def read(self, work: Callable[[], Any]) -> Any:
        self.headers += 1
        return work()

    def studies_url(self, scope: Scope) -> str:
        return "http://test/dicomweb/studies"

    def reader(self, found: FoundInstance) -> ReadRange:
        return partial(self.storage.read_range, found.key)


@pytest.fixture
def desk(installation: Installation, storage: Storage) -> Counting:
    with Catalog.open(installation.settings.database_url) as catalog:
        one = catalog.instances.instances(Query(), establishment="north")[0]
        exam = catalog.exam_alone(one.study.exam_id, establishment="north")
        return Counting(storage, one, exam)


def sent(
    desk: Counting, accept: str, receive: Callable[[], Any], *, method: str = "GET"
) -> list[tuple[int, bytes]]:
    """What is sent, each with how many headers were read until then."""
    told: list[tuple[int, bytes]] = []
    scope = {"method": method, "headers": [(b"accept", accept.encode())], "query_string": b""}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            told.append((desk.headers, bytes(message["body"])))
        await asyncio.sleep(0)

    async def ask() -> None:
        answer = await metadata_answer(desk, cast("Caller", None), {"study": "1"}, scope, receive)
        await answer.give(scope, send)

    asyncio.run(ask())
    return told


async def listening() -> Message:
    await asyncio.sleep(60)
    return {"type": "http.disconnect"}


async def leaving() -> Message:
    return {"type": "http.disconnect"}


@pytest.mark.parametrize(
    "accept", ["application/dicom+json", 'multipart/related; type="application/dicom+xml"']
)
def test_each_instance_is_sent_before_the_next_is_read(desk: Counting, accept: str) -> None:
    told = sent(desk, accept, listening)
    assert [number for number, data in told[:MANY] if data] == list(range(1, MANY + 1))
    whole = b"".join(data for _, data in told)
    if "json" in accept:
        first, *others = json.loads(whole)
        assert others == [first] * (MANY - 1)
    else:
        assert whole.count(b"</NativeDicomModel>") == MANY
        assert whole.endswith(b"--\r\n")


def test_who_left_has_nothing_more_read(desk: Counting) -> None:
    sent(desk, "application/dicom+json", leaving)
    assert desk.headers <= 3


def test_who_asks_for_the_head_has_nothing_read(desk: Counting) -> None:
    assert sent(desk, "application/dicom+json", listening, method="HEAD") == [(0, b"")]
