import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore

from archive.errors import NotFound, StorageFailure
from archive.storage import Storage

DATA = bytes(range(256)) * 40


@pytest.fixture(params=["folder", "remote"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """A folder, and a store that is no folder: what an S3 one is to the code."""
    if request.param == "remote":
        return Storage(MemoryStore(), None)
    return Storage.open((tmp_path / "objects with spaces é").as_uri())


def test_what_is_put_is_read(store: Storage, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(DATA)
    first, second = store.put(source), store.put_bytes(DATA)
    assert first != second
    for key in (first, second):
        assert store.size(key) == len(DATA)
        assert store.read_range(key, 0, len(DATA)) == DATA
        assert asyncio.run(store.read_range_async(key, 5, 7)) == DATA[5:12]


@given(st.integers(0, len(DATA)), st.integers(1, len(DATA)))
@settings(
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_range_is_exact_or_refused(store: Storage, offset: int, length: int) -> None:
    key = store.put_bytes(DATA)
    if offset + length <= len(DATA):
        assert store.read_range(key, offset, length) == DATA[offset : offset + length]
        return
    with pytest.raises(StorageFailure):
        store.read_range(key, offset, length)
    with pytest.raises(StorageFailure):
        asyncio.run(store.read_range_async(key, offset, length))


def test_an_absent_object_is_not_found(store: Storage) -> None:
    absent = Storage.new_key()
    for ask in (
        lambda: store.read_range(absent, 0, 1),
        lambda: asyncio.run(store.read_range_async(absent, 0, 1)),
        lambda: store.size(absent),
    ):
        with pytest.raises(NotFound):
            ask()
    store.delete(absent)


@pytest.mark.parametrize("key", ["../secret", "/etc/passwd", "", "ab/..", "ab/cd\n"])
def test_a_key_is_no_path(storage: Storage, key: str) -> None:
    for ask in (storage.size, storage.delete, storage.local_path):
        with pytest.raises(NotFound):
            ask(key)
    with pytest.raises(NotFound):
        storage.read_range(key, 0, 1)


def test_a_deleted_object_is_gone(store: Storage) -> None:
    key = store.put_bytes(DATA)
    store.delete(key)
    store.delete(key)
    with pytest.raises(NotFound):
        store.size(key)


def test_a_folder_tells_where_an_object_lies(storage: Storage) -> None:
    path = storage.local_path(storage.put_bytes(DATA))
    assert path is not None
    assert path.read_bytes() == DATA
    with pytest.raises(NotFound):
        storage.local_path(Storage.new_key())
    assert Storage(MemoryStore(), None).local_path(Storage.new_key()) is None


def test_a_missing_source_leaves_nothing(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        storage.put(tmp_path / "absent")
    assert storage.sweep((), older_than_s=0) == ()


def test_sweeping_takes_old_orphans_only(store: Storage) -> None:
    known, orphan = store.put_bytes(DATA), store.put_bytes(DATA)
    assert store.sweep({known}, older_than_s=3600) == ()
    assert store.sweep({known}, older_than_s=0) == (orphan,)
    assert store.size(known) == len(DATA)
    with pytest.raises(NotFound):
        store.size(orphan)


def test_sweeping_leaves_what_is_not_ours(tmp_path: Path) -> None:
    mine = tmp_path / "notes.txt"
    mine.write_text("mine")
    assert Storage.open(tmp_path.as_uri()).sweep((), older_than_s=0) == ()
    assert mine.read_text() == "mine"


def test_sweeping_takes_what_a_killed_put_left(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path.as_uri())
    path = storage.local_path(storage.put_bytes(DATA))
    assert path is not None
    half = path.with_name(f"{path.name}#1")
    path.rename(half)
    storage.sweep((), older_than_s=3600)
    assert half.exists()
    storage.sweep((), older_than_s=0)
    assert not half.exists()


def test_keys_are_random_and_spread() -> None:
    keys = {Storage.new_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert len({key[:2] for key in keys}) > 200
    assert all(key[:2] == key[3:5] for key in keys)


def test_a_put_holds_little_memory(storage: Storage, tmp_path: Path) -> None:
    source = tmp_path / "large"
    length = 400_000_000
    with source.open("wb") as file:
        file.truncate(length)

    def peak_bytes() -> int:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    Path("/proc/self/clear_refs").write_text("5")
    before = peak_bytes()
    key = storage.put(source)
    assert storage.size(key) == length
    assert peak_bytes() - before < 100_000_000
    storage.delete(key)


def test_an_address_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for url in ("nonsense", "nosuch://x", (tmp_path / "file" / "below").as_uri()):
        with pytest.raises((StorageFailure, NotFound)):
            Storage.open(url)
