"""Parts of objects."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import api.zarr
from api.app import create_app
from api.policies import Role
from tests.api.conftest import Installation, Web, opened
from tests.api.zarr.conftest import SHARD, Owned


@dataclass
class Ranges:
    web: Web
    address: str
    whole: bytes

    def ask(self, header: str, **others: str) -> httpx.Response:
        return self.web.get(self.address, headers={"range": header, **others})


@pytest.fixture(scope="module")
def ranges(installation: Installation) -> Iterator[Ranges]:
    with opened(create_app(installation.settings)) as web:
        web.headers.update(installation.bearer(Role.READER, "north"))
        address = f"/zarr/{installation.images['north']}/{SHARD}"
        whole = web.get(address)
        assert whole.status_code == 200
        assert whole.headers["accept-ranges"] == "bytes"
        yield Ranges(web, address, whole.content)


@given(data=st.data())
def test_ranges_are_parts_of_the_whole(ranges: "Ranges", data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(ranges.whole) + 9))
    last = data.draw(st.integers(first, first + len(ranges.whole)))
    for header, expected in (
        (f"bytes={first}-{last}", ranges.whole[first : last + 1]),
        (f"bytes={first}-", ranges.whole[first:]),
        (f"bytes=-{last}", ranges.whole[max(0, len(ranges.whole) - last) :] if last else b""),
    ):
        answer = ranges.ask(header)
        if expected:
            begin = len(ranges.whole) - len(expected) if "=-" in header else first
            told = f"bytes {begin}-{begin + len(expected) - 1}/{len(ranges.whole)}"
            assert (answer.status_code, answer.headers["content-range"]) == (206, told)
            assert answer.content == expected
        else:
            assert answer.status_code == 416
            assert answer.headers["content-range"] == f"bytes */{len(ranges.whole)}"


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=", "bytes=-", "bytes=9-3", "bytes=0-1,4-5", "rows=0-1", "bytes=a-b"],
)
def test_what_is_no_range_is_answered_by_the_whole(ranges: Ranges, header: str) -> None:
    answer = ranges.ask(header)
    assert (answer.status_code, answer.content) == (200, ranges.whole)


def test_a_range_of_what_has_changed_is_answered_by_the_whole(ranges: Ranges) -> None:
    part = ranges.ask("bytes=0-9")
    again = ranges.ask("bytes=0-9", **{"if-range": part.headers["etag"]})
    assert (again.status_code, again.content) == (206, ranges.whole[:10])
    changed = ranges.ask("bytes=0-9", **{"if-range": '"other"'})
    assert (changed.status_code, changed.content) == (200, ranges.whole)


def test_large_ranges_come_in_parts(ranges: Ranges, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.zarr, "PART_BYTES", 1000)
    assert ranges.ask("bytes=0-99999999").content == ranges.whole
    assert ranges.ask("bytes=1500-9999").content == ranges.whole[1500:10000]


def test_a_part_of_a_chunk_can_be_asked_for(owned: Owned) -> None:
    address = f"/zarr/{owned.image}/0/c/0/0/1"
    whole = owned.web.get(address).content
    part = owned.web.get(address, headers={"range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, whole[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(whole)}"
    beyond = owned.web.get(address, headers={"range": f"bytes={len(whole)}-"})
    assert beyond.status_code == 416
