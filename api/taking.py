"""Closed deposits taken in: their files held against their digests, examined, grouped, archived.

A file's draft lies in the store's own file system and becomes its object by a second name, under
a key that was drawn when the file was announced: doing any of it again gives the same objects.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from api.errors import (
    PASSING,
    ChildCrashed,
    OutOfMemory,
    OutOfTime,
    PartsMissing,
    Refused,
    SandboxError,
)
from api.ingest import Examined, Order, examine, expected, queue, take
from api.parts import main_of
from api.photographs import is_photograph
from api.wanted import CHECKED
from api.work import LEASE_S, RETRY_S, Workplace, claimed, is_done
from archive.deposits import Outcome
from archive.errors import ArchiveError, DifferentPatient, InvalidIdentity, LeaseLost
from archive.record import Assignment, Deposit, FileState, Image, ImageKind, Reason, Upload
from archive.storage import Storage

LOG = logging.getLogger("sansverre.taking")

ATTEMPTS = 100
"""More than crashes and corrected orders would take."""
READ_BYTES = 4 << 20
RENEWED_EACH_S = 1.0


class NotNow(Exception):
    """Something stands in the way that is no fault of the file."""


@dataclass(slots=True)
class Table:
    """The files of a deposit, laid out for reading as they lay where they came from."""

    place: Workplace
    deposit: Deposit
    order: Order | None
    files: dict[Path, Upload]
    renew: Callable[[], None]
    digests: dict[Path, str] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    """The paths in the deposit of files that are, or will be, refused."""

    def settle(self, outcome: Outcome) -> None:
        """Record what became of a file and of those it needs."""
        self.place.catalog.deposits.settle(self.deposit, outcome)
        if outcome.state is FileState.REFUSED:
            self.refused.add(outcome.upload.path)
        self.settled |= {outcome.upload.id, *(one.id for one in outcome.companions)}


def take_once(place: Workplace) -> bool:
    """Take in the closed deposit that is due first; False when there is none.

    Whatever befalls it is recorded with its files. Raises StorageFailure where even that fails.
    """
    deposits = place.catalog.deposits
    deposit = claimed(place, deposits, lambda: deposits.claim(place.worker, LEASE_S))
    if deposit is None:
        return False
    try:
        _take(place, deposit)
        deposits.release(deposit)
    except LeaseLost:
        LOG.warning("deposit %s has changed, or was taken over by another worker", deposit.id)
    except (NotNow, SandboxError, ArchiveError, OSError) as error:
        LOG.warning("deposit %s waits: %s", deposit.id, type(error.__cause__ or error).__name__)
        with suppress(LeaseLost):
            deposits.release(deposit, RETRY_S)
    except (KeyboardInterrupt, SystemExit):
        with suppress(ArchiveError):
            deposits.release(deposit)
        raise
    return True


def sweep_uploads(place: Workplace) -> None:
    """Give up what nobody went on with, and delete the drafts that nobody needs."""
    expired = place.catalog.uploads.expire(datetime.now(UTC))
    if expired:
        LOG.info("%s abandoned uploads were given up", expired)
    # Listed first: a draft that is made in between is not looked at.
    drafts = list(place.incoming.iterdir())
    needed = place.catalog.uploads.with_drafts()
    for draft in drafts:
        if draft.name not in needed:
            draft.unlink(missing_ok=True)


def _take(place: Workplace, deposit: Deposit) -> None:
    with _laid_out(place, deposit) as table:
        _hold_against_digests(table)
        failed: list[tuple[Upload, SandboxError]] = []
        main_files = _main_files(table)
        # Parts after what they are parts of, and pictures last: some lie beside a slide that
        # names them.
        for path in sorted(
            table.files, key=lambda one: (one in main_files, is_photograph(one), one)
        ):
            upload = table.files[path]
            if upload.id in table.settled or _is_left_over(table, upload, main_files.get(path)):
                continue
            try:
                _take_file(table, path, upload)
            except SandboxError as error:
                if isinstance(error, Refused) and error.name in PASSING:
                    raise NotNow from error
                failed.append((upload, error))
                table.refused.add(upload.path)
        for upload, why in failed:
            if upload.id not in table.settled:
                table.settle(_refusal(upload, why))
    for one in place.catalog.deposits.deposit(deposit.id, establishment=None).files:
        if one.image_id is not None or one.state is FileState.REFUSED:
            (place.incoming / one.id).unlink(missing_ok=True)


@contextmanager
def _laid_out(place: Workplace, deposit: Deposit) -> Iterator[Table]:
    renew_at = time.monotonic() + LEASE_S / 3

    def renew() -> None:
        nonlocal renew_at
        if time.monotonic() >= renew_at:
            place.catalog.deposits.renew(deposit, LEASE_S)
            renew_at = time.monotonic() + LEASE_S / 3

    with TemporaryDirectory(prefix="deposit-", dir=place.scratch) as folder:
        table = Table(place, deposit, _order(place, deposit), {}, renew)
        table.refused |= {one.path for one in deposit.files if one.state is FileState.REFUSED}
        for upload in deposit.files:
            if upload.state is not FileState.CHECKING:
                continue
            draft = place.incoming / upload.id
            if deposit.attempt > ATTEMPTS:
                table.settle(Outcome(upload, FileState.REFUSED, reason=Reason.FAULT))
            elif not draft.is_file() or draft.stat().st_size != upload.length_bytes:
                table.settle(Outcome(upload, FileState.REFUSED, reason=Reason.DIGEST))
            else:
                path = Path(folder, *upload.path.split("/"))
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(draft)
                table.files[path] = upload
        yield table


def _hold_against_digests(table: Table) -> None:
    """Refuse what came otherwise than it was sent, before anybody looks at it."""
    for path, upload in list(table.files.items()):
        found = upload.received_sha256 or _sha256(path, table.renew)
        if upload.sha256 not in {None, found}:
            table.settle(Outcome(upload, FileState.REFUSED, reason=Reason.DIGEST))
            path.unlink()
            del table.files[path]
        else:
            table.digests[path] = found


def _main_files(table: Table) -> dict[Path, str]:
    """What each part of a slide is a part of, as a path in the deposit that may not be there."""
    named = {one.path.lower(): one.path for one in table.deposit.files}
    mains = {path: main_of(upload.path, named) for path, upload in table.files.items()}
    return {path: main for path, main in mains.items() if main is not None}


def _is_left_over(table: Table, upload: Upload, main: str | None) -> bool:
    """Whether a file is a part of what is refused or did not come, and was refused for that."""
    if main is None:
        return False
    name = PurePosixPath(main).name
    if main in table.refused:
        table.settle(Outcome(upload, FileState.REFUSED, reason=Reason.PART, detail=name))
    elif main not in {one.path for one in table.deposit.files}:
        table.settle(Outcome(upload, FileState.REFUSED, reason=Reason.MISSING, detail=name))
    else:
        return False
    return True


def _take_file(table: Table, path: Path, upload: Upload) -> None:
    """Take in a file with all that it needs; raises SandboxError for one that is refused."""
    first = examine(table.place, path, meanwhile=table.renew)
    if table.deposit.session is not None and first.kind is not ImageKind.PHOTO:
        raise Refused("it is no photograph; bring slides by a deposit", "NotAPhotograph")
    others = range(2, int(first.facts.get("scenes", 1)) + 1)
    scenes = [first, *(examine(table.place, path, None, one, table.renew) for one in others)]
    needed = _companions(table, first, upload)
    order = table.order or expected(table.place, first, Order(table.deposit.establishment))
    if order is None:
        table.settle(Outcome(upload, FileState.UNASSIGNED, needed))
        return
    try:
        images = [
            _admitted(table, path, one, order, number) for number, one in enumerate(scenes, 1)
        ]
    except (DifferentPatient, InvalidIdentity) as error:
        elsewhere = error.image_id if isinstance(error, DifferentPatient) else None
        table.settle(
            Outcome(upload, FileState.UNASSIGNED, needed, reason=Reason.IDENTITY, detail=elsewhere)
        )
        return
    table.settle(Outcome(upload, FileState.TAKEN, needed, images[0].id))


def _companions(table: Table, examined: Examined, main: Upload) -> tuple[Upload, ...]:
    """The other files that a file needs; raises ChildCrashed for any that was not sent with it."""
    if not set(examined.files) <= set(table.files):
        raise ChildCrashed("its answer is garbled")
    needed = (table.files[one] for one in examined.files)
    return tuple(one for one in needed if one.id != main.id and one.id not in table.settled)


def _admitted(table: Table, path: Path, examined: Examined, order: Order, scene: int) -> Image:
    place, main = table.place, table.files[path]

    def adopt(file: Path) -> str:
        upload = table.files[file]
        key = upload.key
        if scene > 1 or upload.id in table.settled:
            # An object belongs to one image: for another one the same bytes get another name.
            key = Storage.key_from(key, f"{main.id} {scene}")
        with ThreadPoolExecutor(1) as thread:
            # To a store elsewhere it may take longer than a lease.
            adopted = thread.submit(place.storage.adopt, place.incoming / upload.id, key)
            while not wait([adopted], RENEWED_EACH_S).done:
                table.renew()
            adopted.result()
        return key

    image = take(place, examined, order, table.digests, adopt)
    if table.deposit.session is not None:
        # What is built is what was sent, by whoever had the patient in sight.
        place.catalog.pictures.add(table.deposit.session, image.id, CHECKED)
    elif not is_done(image):
        queue(place, image, order)
    return image


def _refusal(upload: Upload, error: SandboxError) -> Outcome:
    reason = Reason.FAULT
    if isinstance(error, PartsMissing) and error.missing:
        missing = ", ".join(error.missing)
        return Outcome(upload, FileState.REFUSED, reason=Reason.MISSING, detail=missing)
    if isinstance(error, Refused):
        reason = Reason.UNREADABLE
    elif isinstance(error, (OutOfTime, OutOfMemory)):
        reason = Reason.TOO_HEAVY
    return Outcome(upload, FileState.REFUSED, reason=reason, detail=str(error))


def _order(place: Workplace, deposit: Deposit) -> Order | None:
    said: Assignment | None = deposit.assignment
    if deposit.session is not None:
        said = place.catalog.sessions.assignment(deposit.session)
    if said is None:
        return None
    return Order(deposit.establishment, said.patient, said.accession_number, issuer=said.issuer)


def _sha256(file: Path, meanwhile: Callable[[], None]) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(READ_BYTES):
            digest.update(block)
            meanwhile()
    return digest.hexdigest()
