"""Stored objects: immutable, few and large, under random keys, read by byte range."""

import asyncio
import errno
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from archive.durable import make_durable
from archive.errors import NotFound, StorageFailure

_KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}")
# Chunks of 5 MiB in flight: what a put of any length holds in memory.
_CHUNKS_AT_ONCE = 4
_PART_BYTES = 16 << 20


class Storage:
    """An object store named by its URL. Safe to use from several threads and processes at once.

    A folder of this machine is written through obstore like any other store, and read by pread:
    20 kB take 10 µs so, 32 µs through obstore's LocalStore, and 70 µs by way of a thread.
    """

    def __init__(self, store: ObjectStore, folder: Path | None) -> None:
        self._store = store
        self._folder = folder
        self._reads_at_once = folder is not None and hasattr(os, "RWF_NOWAIT")

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the store at a URL: `file:///folder` (made when missing) or `s3://bucket/...`."""
        parts = urlsplit(url)
        with _named_failures():
            if parts.scheme != "file":
                try:
                    return cls(from_url(url), None)
                except ValueError as error:
                    raise StorageFailure(
                        "The address of the store is none; write file:///folder or s3://bucket."
                    ) from error
            folder = Path(unquote(parts.path))
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(LocalStore(folder), folder)

    def check(self) -> None:
        """Ask for an object that was never made, for a readiness probe; raises StorageFailure."""
        with _named_failures():
            if self._folder is not None and not self._folder.is_dir():
                raise StorageFailure("The folder of objects is gone; is its disk mounted?")
        with suppress(NotFound):
            self.size(self.new_key())

    @staticmethod
    def new_key() -> str:
        """Draw a key: derived from nothing, so that it tells nothing."""
        drawn = secrets.token_hex(16)
        return f"{drawn[:2]}/{drawn}"

    @staticmethod
    def key_from(key: str, purpose: str) -> str:
        """Another key for the same bytes: always the same one, and it tells as little."""
        derived = hashlib.sha256(f"{key} {purpose}".encode()).hexdigest()[:32]
        return f"{derived[:2]}/{derived}"

    def put(self, source: Path) -> str:
        """Store a file's bytes in constant memory and give the key, once they are durable.

        Nothing is to be seen in the store before it is complete. Raises NotFound for no such file.
        """
        if not source.is_file():
            raise NotFound("The file to be archived is not there.")
        return self._put(source)

    def put_bytes(self, data: bytes) -> str:
        """Store bytes and give the key, once they are durable."""
        return self._put(data)

    def drafts(self, spool: Path) -> Path:
        """The folder for drafts that `adopt` takes: in the store where it is one, else `spool`.

        In the store it has the name that `spool` has; there it is nobody's key.
        """
        folder = spool if self._folder is None else self._folder / spool.name
        with _named_failures():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def adopt(self, draft: Path, key: str) -> None:
        """Make a finished draft the object `key`; without a copy where the store is a folder.

        The draft stays, as another name of the same bytes, for the caller to delete: nobody may
        write to it any more. Adopting it again to the same key changes nothing. Raises NotFound.
        """
        with _named_failures():
            if self._folder is None or not self._linked(draft, self._folder / _checked(key)):
                self._put(draft, key)

    def _linked(self, draft: Path, path: Path) -> bool:
        """Give the draft its name in the folder; False where no file there can have two."""
        path.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            os.link(draft, path)
        except FileExistsError:
            return True
        except OSError as error:
            if error.errno in {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}:
                return False
            raise
        self._make_durable(path)
        return True

    def read_range(self, key: str, offset: int, length: int) -> bytes:
        """Read exactly `length` bytes; raises NotFound, or StorageFailure when there are fewer."""
        with _named_failures():
            if self._folder is not None:
                data = _pread(f"{self._folder}/{_checked(key)}", offset, length)
            else:
                data = bytes(
                    obstore.get_range(self._store, _checked(key), start=offset, length=length)
                )
        return _complete(data, length)

    async def read_range_async(self, key: str, offset: int, length: int) -> bytes:
        """Read as `read_range` does, without holding the event loop while a disk is waited for."""
        if self._folder is not None:
            with _named_failures():
                cached = self._in_memory(f"{self._folder}/{_checked(key)}", offset, length)
            if cached is not None:
                return cached
            return await asyncio.to_thread(Storage.read_range, self, key, offset, length)
        with _named_failures():
            data = await obstore.get_range_async(
                self._store, _checked(key), start=offset, length=length
            )
        return _complete(bytes(data), length)

    def size(self, key: str) -> int:
        """Length in bytes; raises NotFound."""
        with _named_failures():
            return int(obstore.head(self._store, _checked(key))["size"])

    def delete(self, key: str) -> None:
        """Delete the object; deleting what is not there is no error."""
        # A crash between two deletions is repaired by doing both again.
        with _named_failures(), suppress(FileNotFoundError):
            obstore.delete(self._store, _checked(key))

    def local_path(self, key: str) -> Path | None:
        """Where the object lies on this machine, or None in a remote store; raises NotFound."""
        if self._folder is None:
            return None
        path = self._folder / _checked(key)
        if not path.is_file():
            raise NotFound(_MISSING)
        return path

    def lay_out(
        self,
        key: str,
        length_bytes: int,
        place: Path,
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        """Let an object be read as a file: by a link to where it lies, else as a copy.

        `meanwhile` is called for every part that is copied. Raises NotFound and StorageFailure.
        """
        local = self.local_path(key)
        if local is not None:
            place.symlink_to(local)
            return
        with place.open("wb") as stream:
            for offset in range(0, length_bytes, _PART_BYTES):
                length = min(_PART_BYTES, length_bytes - offset)
                stream.write(self.read_range(key, offset, length))
                if meanwhile is not None:
                    meanwhile()

    def orphans(self, known_keys: Collection[str], older_than_s: float) -> tuple[str, ...]:
        """The keys of objects that no catalogue knows and are older than that.

        The age spares objects put but not yet recorded: make it longer than any build.
        """
        before = datetime.now(UTC) - timedelta(seconds=older_than_s)
        with _named_failures():
            return tuple(
                one["path"]
                for chunk in obstore.list(self._store)
                for one in chunk
                if _KEY.fullmatch(one["path"])
                and one["last_modified"] <= before
                and one["path"] not in known_keys
            )

    def sweep(self, known_keys: Collection[str], older_than_s: float) -> tuple[str, ...]:
        """Delete the orphans, and what killed processes left half written; gives the orphans."""
        before = datetime.now(UTC) - timedelta(seconds=older_than_s)
        orphans = self.orphans(known_keys, older_than_s)
        with _named_failures():
            for key in orphans:
                self.delete(key)
            # What a killed process leaves of a put is named key#number, and listed by nobody.
            for half in self._folder.glob("??/*#*") if self._folder is not None else ():
                if half.stat().st_mtime <= before.timestamp():
                    half.unlink(missing_ok=True)
        return orphans

    def _in_memory(self, path: str, offset: int, length: int) -> bytes | None:
        """What the system has in memory of a file, or None where the disk would be waited for."""
        if not self._reads_at_once:
            return None
        data = bytearray(length)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            found = os.preadv(descriptor, [data], offset, os.RWF_NOWAIT)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            # Not every file system can tell.
            self._reads_at_once = False
            return None
        finally:
            os.close(descriptor)
        return bytes(data) if found == length else None

    def _put(self, content: Path | bytes, key: str | None = None) -> str:
        key = key or self.new_key()
        with _named_failures():
            obstore.put(self._store, key, content, max_concurrency=_CHUNKS_AT_ONCE)
            if self._folder is not None:
                self._make_durable(self._folder / key)
        return key

    def _make_durable(self, path: Path) -> None:
        assert self._folder is not None
        # The file, its name, and the name of its folder, which may be new.
        for one in (path, path.parent, self._folder):
            make_durable(one)


_MISSING = "An object of the archive is not in its store; restore the store from its backup."


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise NotFound(_MISSING)
    return key


def _complete(data: bytes, length: int) -> bytes:
    if len(data) != length:
        raise StorageFailure("An object of the archive is shorter than its record says.")
    return data


def _pread(path: str, offset: int, length: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.pread(descriptor, length, offset)
    finally:
        os.close(descriptor)


@contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except StorageFailure:
        raise
    except FileNotFoundError as error:
        raise NotFound(_MISSING) from error
    except (OSError, BaseError) as error:
        raise StorageFailure(
            "The store of objects does not answer as it must; check its address, space and rights."
        ) from error
