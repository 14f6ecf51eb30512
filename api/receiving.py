"""Files as they come in: parts added to a draft, made durable, digested on their way.

All of it is synchronous; whoever serves runs it in the threads of the Reception, so that neither
the event loop nor the threads that read tiles wait for a disk that writes.
"""

import asyncio
import hashlib
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from api.errors import BadHeader, TooLarge, WrongChecksum, WrongOffset
from api.settings import UploadLimits
from archive.catalog import Catalog
from archive.draft import Draft, held
from archive.record import RECEIVING, FileState, Upload
from archive.uploads import Allowance, Announced

if TYPE_CHECKING:
    from hashlib import _Hash

KEPT_EACH_BYTES = 32 << 20
"""So much a killed process may cost: until then nothing is promised of what has come."""

THREADS = 8
T = TypeVar("T")


class Reception:
    """Where files are received in this process: the catalogue, the drafts, the threads."""

    def __init__(self, catalog: Catalog, drafts: Path, limits: UploadLimits) -> None:
        self.catalog, self.drafts, self.limits = catalog, drafts, limits
        self._threads = ThreadPoolExecutor(THREADS, "receive")
        self._digests = _Digests()

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown()

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Run what may wait for a disk."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, function, *arguments)

    def announce(
        self,
        deposit: str,
        path: str,
        length_bytes: int,
        sha256: str | None,
        establishment: str | None,
    ) -> Upload:
        """The upload of a file, new or as it stands; raises TooLarge and as `Uploads.announce`."""
        allowance = self._allowance(length_bytes)
        upload = self.catalog.uploads.announce(
            deposit, path, length_bytes, sha256, allowance, establishment=establishment
        )
        return self._begun(upload, establishment)

    def announce_picture(self, session: str, file: Announced, establishment: str | None) -> Upload:
        """The upload of a session's picture; raises TooLarge and as `Pictures.announce`."""
        allowance = self._allowance(file.length_bytes)
        upload = self.catalog.pictures.announce(
            session, file, allowance, establishment=establishment
        )
        return self._begun(upload, establishment)

    def _allowance(self, length_bytes: int) -> Allowance:
        if length_bytes > self.limits.max_bytes:
            raise TooLarge("The file is too large.", max_bytes=self.limits.max_bytes)
        free = shutil.disk_usage(self.drafts).free
        return Allowance(
            free - self.limits.headroom_bytes, self.limits.expiry_s, self.limits.quota_bytes
        )

    def _begun(self, upload: Upload, establishment: str | None) -> Upload:
        if upload.length_bytes == 0 and upload.state in RECEIVING:
            with self.receiving(upload.id, 0, None, establishment) as receiving:
                return receiving.end()
        return upload

    @contextmanager
    def receiving(
        self, upload_id: str, offset: int, checksum: bytes | None, establishment: str | None
    ) -> Iterator["Receiving"]:
        """A part of a file that is to come, which nobody else adds to until the block ends.

        `checksum` is the part's SHA-256. Raises NotFound, Expired, Held, WrongOffset.
        """
        uploads = self.catalog.uploads
        # Asked before there is a draft, which strangers' requests must not make.
        if uploads.upload(upload_id, establishment=establishment).state not in RECEIVING:
            raise WrongOffset("The file is complete.")
        with held(self.drafts / upload_id) as draft:
            upload = uploads.upload(upload_id, establishment=establishment)
            if upload.state not in RECEIVING:
                raise WrongOffset("The file is complete.")
            at = draft.take_up(upload.offset_bytes)
            if at != upload.offset_bytes:
                uploads.grew(upload_id, at, self.limits.expiry_s)
            if at != offset:
                raise WrongOffset("The file ends elsewhere.")
            yield Receiving(self, draft, upload, self._digests.take(upload_id, at), checksum)

    def keep_digest(self, upload_id: str, offset: int, digest: "_Hash | None") -> None:
        """Remember how far a file is digested, for the part that follows."""
        if digest is not None:
            self._digests.keep(upload_id, offset, digest)

    def drop(self, upload: Upload) -> None:
        """Delete the draft of an upload that was given up."""
        (self.drafts / upload.id).unlink(missing_ok=True)


class Receiving:
    """One part of a file while it comes."""

    def __init__(
        self,
        reception: Reception,
        draft: Draft,
        upload: Upload,
        digest: "_Hash | None",
        checksum: bytes | None,
    ) -> None:
        self._reception, self._draft, self._upload = reception, draft, upload
        self._digest, self._checksum = digest, checksum
        self._before = digest.copy() if digest and checksum else None
        self._part = hashlib.sha256() if checksum else None
        self._start = self._kept = draft.offset

    def require(self, length_bytes: int) -> None:
        """Refuse a part that is longer than what is missing; raises BadHeader."""
        if self._draft.offset + length_bytes > self._upload.length_bytes:
            raise BadHeader("The part is longer than what is missing of the file.")

    def take(self, data: bytes) -> None:
        """Add what has come; raises BadHeader for more than the file has, and StorageFailure."""
        self.require(len(data))
        self._draft.write(data)
        for digest in (self._digest, self._part):
            if digest is not None:
                digest.update(data)
        # A part with a checksum is kept whole or not at all.
        if self._part is None and self._draft.offset - self._kept >= KEPT_EACH_BYTES:
            self._keep()

    def break_off(self) -> None:
        """The part ended before its end: what came of it is kept, if it needs no checksum."""
        if self._part is None:
            self._keep()
        else:
            self._rewind()
        self._remember()

    def end(self) -> Upload:
        """The part is complete; gives the upload as it stands now.

        Raises WrongChecksum, after which the file ends where it ended before.
        """
        if self._part is not None and self._part.digest() != self._checksum:
            self._rewind()
            self._remember()
            raise WrongChecksum("The part is not what its checksum says.")
        upload = self._keep()
        if upload.state is FileState.REFUSED:
            self._reception.drop(upload)
        elif upload.state in RECEIVING:
            self._remember()
        return upload

    def _keep(self) -> Upload:
        offset = self._draft.make_durable()
        whole = offset == self._upload.length_bytes and self._digest is not None
        self._kept = offset
        return self._reception.catalog.uploads.grew(
            self._upload.id,
            offset,
            self._reception.limits.expiry_s,
            sha256=self._digest.hexdigest() if whole and self._digest is not None else None,
        )

    def _rewind(self) -> None:
        self._draft.take_up(self._start)
        self._digest = self._before

    def _remember(self) -> None:
        self._reception.keep_digest(self._upload.id, self._draft.offset, self._digest)


class _Digests:
    """How far this process has digested files whose parts came to it in order.

    Where a part came to another process, or a process was replaced, the file is digested when it
    is examined.
    """

    def __init__(self, most: int = 1024) -> None:
        self._known: OrderedDict[str, tuple[int, _Hash]] = OrderedDict()
        self._most, self._lock = most, threading.Lock()

    def take(self, upload_id: str, offset: int) -> "_Hash | None":
        """The digest of the file's beginning up to the offset, which is the caller's from now."""
        with self._lock:
            at, digest = self._known.pop(upload_id, (0, hashlib.sha256()))
        return digest if at == offset else None

    def keep(self, upload_id: str, offset: int, digest: "_Hash") -> None:
        """Keep it for the part that follows."""
        with self._lock:
            self._known[upload_id] = (offset, digest)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
