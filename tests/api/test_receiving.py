"""A file that comes in parts through cuts, kills and power cuts: no byte is lost or there twice."""

import hashlib
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from api.errors import WrongChecksum, WrongOffset
from api.receiving import Reception
from api.settings import UploadLimits
from archive.catalog import Catalog
from archive.record import RECEIVING, FileState, Upload
from archive.uploads import Allowance
from tests.archive.empty import empty_catalogue_in

LENGTH = 1000
WHOLE = bytes(number * 7 % 251 for number in range(LENGTH))
SIZES = st.integers(0, 400)


class ReceivingMachine(RuleBasedStateMachine):
    """The upload as its client sees it; the server's processes come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(TemporaryDirectory()))
        self.drafts = folder / "incoming"
        self.drafts.mkdir()
        self.catalog = self.stack.enter_context(Catalog.open(empty_catalogue_in(folder)))
        self.upload_id, self.told = "", 0

    def teardown(self) -> None:
        self.reception.close()
        self.stack.close()

    @initialize()
    def announce(self) -> None:
        self.start()
        deposit = self.catalog.deposits.open("north")
        upload = self.catalog.uploads.announce(
            deposit.id,
            "a",
            LENGTH,
            hashlib.sha256(WHOLE).hexdigest(),
            Allowance(1 << 40, 3600.0),
            establishment="north",
        )
        self.upload_id = upload.id

    def start(self) -> None:
        self.reception = Reception(self.catalog, self.drafts, UploadLimits())

    @property
    def draft(self) -> Path:
        return self.drafts / self.upload_id

    def upload(self) -> Upload:
        return self.catalog.uploads.upload(self.upload_id, establishment=None)

    def is_coming(self) -> bool:
        return self.upload().state in RECEIVING

    def take(self, parts: list[bytes], checksum: bytes | None, *, whole: bool) -> None:
        with self.reception.receiving(self.upload_id, self.told, checksum, "north") as receiving:
            for part in parts:
                receiving.take(part)
            if whole:
                receiving.end()
            else:
                receiving.break_off()

    @precondition(is_coming)
    @rule(sizes=st.lists(SIZES, max_size=4), with_checksum=st.booleans(), whole=st.booleans())
    def send(self, sizes: list[int], with_checksum: bool, whole: bool) -> None:
        before, parts = self.told, parts_from(self.told, sizes)
        data = b"".join(parts)
        checksum = hashlib.sha256(data).digest() if with_checksum else None
        self.take(parts, checksum, whole=whole)
        kept = whole or not with_checksum
        self.told = before + len(data) if kept else before

    @precondition(is_coming)
    @rule(size=st.integers(1, 400))
    def send_damaged(self, size: int) -> None:
        (part,) = parts_from(self.told, [size])
        damaged = bytes(one ^ 1 for one in part)
        refused(
            WrongChecksum,
            lambda: self.take([damaged], hashlib.sha256(part).digest(), whole=True),
        )

    @precondition(is_coming)
    @rule(offset=st.integers(0, LENGTH))
    def send_from_elsewhere(self, offset: int) -> None:
        if offset == self.told:
            return

        def send() -> None:
            with self.reception.receiving(self.upload_id, offset, None, "north") as receiving:
                receiving.end()

        refused(WrongOffset, send)

    @precondition(is_coming)
    @rule(sizes=st.lists(SIZES, min_size=1, max_size=3), survives=st.integers(0, 1000))
    def be_killed(self, sizes: list[int], survives: int) -> None:
        """Of what was written and not answered for, any part may be on the disk, and as noise."""
        with self.reception.receiving(self.upload_id, self.told, None, "north") as receiving:
            for part in parts_from(self.told, sizes):
                receiving.take(part)
        size = self.draft.stat().st_size
        left = self.told + survives % (size - self.told + 1)
        os.truncate(self.draft, left)
        with self.draft.open("r+b") as stream:
            stream.seek(self.told)
            stream.write(b"\xff" * (left - self.told))
        self.restart()

    @rule()
    def restart(self) -> None:
        self.reception.close()
        self.start()

    @invariant()
    def what_is_told_is_there(self) -> None:
        if not self.upload_id:
            return
        upload = self.upload()
        assert upload.offset_bytes == self.told
        kept = self.draft.read_bytes()[: self.told] if self.told else b""
        assert kept == WHOLE[: self.told]
        if self.told == LENGTH:
            assert upload.state is FileState.CHECKING
            assert upload.received_sha256 in {None, hashlib.sha256(WHOLE).hexdigest()}
            assert self.draft.read_bytes() == WHOLE


def parts_from(offset: int, sizes: list[int]) -> list[bytes]:
    parts = []
    for size in sizes:
        parts.append(WHOLE[offset : offset + size])
        offset += len(parts[-1])
    return parts


def refused(kind: type[Exception], attempt: Callable[[], None]) -> None:
    try:
        attempt()
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was not raised")


TestReceiving = ReceivingMachine.TestCase
TestReceiving.settings = settings(max_examples=12, stateful_step_count=20)


@pytest.mark.soak
class TestReceivingForLong(ReceivingMachine.TestCase):  # type: ignore[misc, valid-type]
    settings = settings(max_examples=300, stateful_step_count=30)
