"""Whatever is sent, it is refused with a number, nothing of it stays, and the next is taken."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from api.work import Workplace
from archive.query import Query
from archive.received.outcome import Failure, Outcome
from tests.api.instances.conftest import Make, Take
from tests.samples import real_samples
from tests.samples.dicom_slides import Made
from tiles.instance import read_index


def hostile() -> list[Path]:
    """Files that others found to break readers of DICOM, where there are any."""
    root = real_samples()
    if root is None:
        return []
    folders = [root / "hostile" / one for one in ("dicom", "bomb", "photo", "tiff")]
    return sorted(one for folder in folders for one in folder.rglob("*") if one.is_file())


def damaged(data: bytes) -> list[bytes]:
    """A file with some bytes changed: where its header is, as often as in all of it."""
    random = np.random.default_rng(20260105)
    found = []
    for number in range(60):
        whole = bytearray(data)
        end = len(data) if number % 2 else 1500
        at = int(random.integers(128, end))
        whole[at : at + 4] = random.integers(0, 256, 4, np.uint8).tobytes()
        found.append(bytes(whole))
    return found


def test_hostile_files_are_refused_and_the_next_is_taken(
    make: Make, take: Take, place: Workplace
) -> None:
    sound = make("level", made=Made(table="extended"))
    outcomes: list[Outcome] = [take(one) for one in hostile()]
    # None is a fault of this software.
    assert not {None, Failure.PROCESSING} & {one.failure for one in outcomes}
    assert place.catalog.instances.instances(Query(), establishment="north") == []
    assert all("\n" not in one.reason and len(one.reason) <= 400 for one in outcomes)
    assert take(sound).failure is None


@pytest.mark.parametrize("table", ["basic", "extended"])
def test_what_is_kept_of_damaged_files_is_served(
    make: Make, take: Take, place: Workplace, table: str
) -> None:
    """A changed byte may be one of a name, or of a frame's inside; nothing else is kept."""
    data = make("level", made=Made(table=table)).read_bytes()  # type: ignore[arg-type]
    outcomes = [take(one) for one in damaged(data)]
    assert any(one.failure is not None for one in outcomes)
    assert Failure.PROCESSING not in {one.failure for one in outcomes}
    found = place.catalog.instances.instances(Query(limit=100), establishment=None)
    assert {one.image_id for one in outcomes if one.failure is None} == {
        one.image_id for one in found
    }
    keys = {one.key for one in found}
    for one in found:
        index = read_index(partial(place.storage.read_range, one.key), one.length_bytes)
        assert len(index.lengths) == one.described.frames
    assert set(place.storage.orphans((), -60.0)) == keys
