"""One leased job, from claim to outcome: the same for the worker process and for `ingest`."""

import logging
import os
import shutil
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fcntl import LOCK_NB
from pathlib import Path
from typing import Protocol, TypeVar

from api.aids import compare, propose_diameter, read_ruler
from api.archives import Reached, reached
from api.desk import desk, locked
from api.errors import PASSING, Refused, SandboxError
from api.looking import look
from api.originals import laid_out
from api.sandbox import Progress, limits_for, run_limited
from api.settings import Settings, data_folder
from api.wanted import BUILD, CHECK, COMPARE, DEVELOP, DIAMETER, RULER
from archive.catalog import Catalog
from archive.errors import ArchiveError, LeaseLost
from archive.jobs import Job
from archive.record import Image, ImageKind, ImageState, ObjectRole
from archive.storage import Storage

Held = TypeVar("Held")
LOG = logging.getLogger("sansverre.work")

LEASE_S = 60.0
RETRY_S = 30.0
BUILDS_AT_ONCE = 2
"""In all processes of this machine: each uses every core, and may take a gigabyte."""
ABANDONED_S = 30 * 86400.0
"""Longer than any build, and than it takes to notice that an old copy of the catalogue serves."""
SUPERSEDED_S = 3600.0
"""After the converted image took over: longer than anybody is answered from what came before."""

REFUSED_AS = "refused_as"
"""The fact that tells, beside the reason of a refusal, the name of its exception."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """What work needs: the catalogue, the store, a folder for temporary files, and a name."""

    catalog: Catalog
    storage: Storage
    scratch: Path
    worker: str
    drafts: Path
    """A folder with a folder for each image whose building may be taken up again."""
    incoming: Path
    """The folder of the drafts of uploads."""
    turns: tuple[Path, ...]
    """A folder for each build that may be under way at once, whoever does it, held by its lock."""
    archives: tuple[Reached, ...] = ()
    """The archives that are told of what is published."""
    public_url: str | None = None
    """By which address people reach us, where somebody stated it."""


_LOOKS: Mapping[str, Callable[[Workplace, Job, Callable[[], None]], None]] = {
    CHECK: look,
    COMPARE: compare,
    RULER: read_ruler,
    DIAMETER: propose_diameter,
}
"""The work for which somebody waits before a screen; each is told how to keep its lease."""

_QUICK = (*_LOOKS, DEVELOP)


class Leases(Protocol):
    """Work that is held for a while by whoever does it."""

    def holders(self) -> frozenset[str]:
        """Those who hold something."""
        ...

    def lapse(self, worker: str) -> None:
        """Let go of what a dead one holds."""
        ...


@contextmanager
def open_workplace(settings: Settings) -> Iterator[Workplace]:
    """Open the installation for work; raises BadSettings and StorageFailure."""
    data = data_folder(settings)
    turns = tuple(data / "turns" / str(number) for number in range(BUILDS_AT_ONCE))
    for folder in (data / "scratch", data / "drafts", *turns):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (
        desk(data / "scratch") as scratch,
        Catalog.open(settings.database_url) as catalog,
        reached(settings.archives) as archives,
    ):
        storage = Storage.open(settings.objects_url)
        for one in settings.archives:
            # Before anything is published, or the archive would not be told of it.
            catalog.outbox.know(one.establishment, one.name, one.takes)
        catalog.identities.declare(settings.issuers)
        catalog.cases.declare(settings.laboratories)
        stated = {(one.establishment, one.name) for one in settings.worklists}
        catalog.cases.day.keep_sources(stated)
        catalog.sharing.declare(settings.shares)
        yield Workplace(
            catalog=catalog,
            storage=storage,
            scratch=scratch,
            worker=f"{socket.gethostname()}/{scratch.name}",
            drafts=data / "drafts",
            incoming=storage.drafts(data / "incoming"),
            turns=turns,
            archives=archives,
            public_url=settings.public_url,
        )


def work_once(place: Workplace, progress: Progress | None = None) -> bool:
    """Do the oldest job that is due; False when there is none, or enough is under way.

    Whatever befalls the job is recorded with it. Raises StorageFailure where even that fails.
    """
    with ExitStack() as held:
        if not any(_is_free(turn, held) for turn in place.turns):
            return False
        return _do_once(place, (_QUICK, (BUILD,)), progress)


def look_once(place: Workplace) -> bool:
    """Do the oldest job that takes moments, however much is being built; False when there is none.

    Whatever befalls it is recorded, as by `work_once`.
    """
    return _do_once(place, (_QUICK,), None)


def _is_free(turn: Path, held: ExitStack) -> bool:
    try:
        held.enter_context(locked(turn, LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _do_once(place: Workplace, kinds: Sequence[Collection[str]], progress: Progress | None) -> bool:
    job = claimed(place, place.catalog.jobs, lambda: _first(place, kinds))
    if job is None:
        return False
    try:
        if job.kind in _LOOKS:
            _LOOKS[job.kind](place, job, renewing(place.catalog, job))
        else:
            _build(place, job, progress)
        place.catalog.jobs.finish(job)
    except LeaseLost:
        # Another attempt has it, and with it the say.
        LOG.warning("job %s was taken over by another worker", job.id)
    except (SandboxError, ArchiveError, OSError) as error:
        _record(place, job, error)
    except (KeyboardInterrupt, SystemExit):
        # Told to stop: whoever comes next need not wait for the lease to run out.
        with suppress(ArchiveError):
            place.catalog.jobs.give_back(job)
        raise
    return True


def _first(place: Workplace, kinds: Sequence[Collection[str]]) -> Job | None:
    """The oldest job that is due of the first kinds that have one."""
    for several in kinds:
        job = place.catalog.jobs.claim(place.worker, LEASE_S, kinds=several)
        if job is not None:
            return job
    return None


def claimed(place: Workplace, leases: Leases, claim: Callable[[], Held | None]) -> Held | None:
    """What is claimed; where there is nothing, what a dead worker of this machine held."""
    held = claim()
    return claim() if held is None and _has_dead(place, leases) else held


def _has_dead(place: Workplace, leases: Leases) -> bool:
    """Whether workers of this machine were killed at their work; nobody waits for their leases."""
    host = place.worker.rpartition("/")[0]
    found = False
    for worker in leases.holders():
        where, _, name = worker.rpartition("/")
        if where == host and _is_abandoned(place.scratch.parent / name):
            leases.lapse(worker)
            found = True
    return found


def _is_abandoned(desk_of: Path) -> bool:
    try:
        with locked(desk_of, LOCK_NB):
            return True
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True


def is_done(image: Image) -> bool:
    """Whether nothing is left to be built; a photograph's original goes once it is published."""
    return image.state is ImageState.PUBLISHED and (
        image.kind is ImageKind.SLIDE or not image.objects_as(ObjectRole.ORIGINAL)
    )


def clear_refused(place: Workplace, image_id: str | None = None) -> None:
    """Delete what refused images, or this one if it is refused, still have in the store."""
    for key in place.catalog.clear_refused(image_id):
        place.storage.delete(key)


def sweep(place: Workplace, older_than_s: float = ABANDONED_S) -> None:
    """Delete what killed processes left in the store, and what images there no longer need.

    That is all that refused images have, and the tile maps of those converted a while ago. Where
    most of the store is unknown the catalogue is not its own (an old copy, an empty one), and
    nothing is deleted.
    """
    clear_refused(place)
    for draft in place.drafts.iterdir():
        if time.time() - draft.stat().st_mtime > older_than_s:
            shutil.rmtree(draft, ignore_errors=True)
    for key in place.catalog.clear_tile_maps(datetime.now(UTC) - timedelta(seconds=SUPERSEDED_S)):
        place.storage.delete(key)
    known = place.catalog.object_keys()
    orphans = place.storage.orphans(known, older_than_s)
    if len(orphans) > len(known):
        LOG.error(
            "nothing is swept: the store has %s objects that the catalogue does not know, and it "
            "knows %s; is it the right catalogue?",
            len(orphans),
            len(known),
        )
        return
    swept = place.storage.sweep(known, older_than_s)
    if swept:
        LOG.info("%s abandoned objects were deleted", len(swept))


def _build(place: Workplace, job: Job, progress: Progress | None) -> None:
    catalog = place.catalog
    image = catalog.image(job.image_id, establishment=None)
    if is_done(image) and not (job.payload.get("verify") and image.kind is ImageKind.SLIDE):
        return
    if image.state is ImageState.REFUSED:
        # When it was looked at, after its building was asked for: nothing of it is left to build.
        return
    renew = renewing(catalog, job)
    size_bytes = sum(one.length_bytes for one in image.objects_as(ObjectRole.ORIGINAL))
    with laid_out(image, place.storage, place.scratch, renew) as original:
        told = {"image": image.id, "job": job.id, "attempt": job.attempt}
        is_photo = image.kind is ImageKind.PHOTO
        run_limited(
            "api.tasks:build_photo" if is_photo else "api.tasks:build_slide",
            {
                **told,
                "original": str(original),
                **({} if is_photo else {"drafts": str(place.drafts)}),
            },
            limits_for(size_bytes),
            progress=progress,
            meanwhile=renew,
            scratch=place.scratch,
            # It writes to the store and to the catalogue itself.
            told=os.environ,
        )


def renewing(catalog: Catalog, job: Job) -> Callable[[], None]:
    """What keeps the job's lease, however often it is called while the job is done."""
    return now_and_then(lambda: catalog.jobs.renew(job, LEASE_S), LEASE_S / 3)


def now_and_then(renew: Callable[[], object], each_s: float) -> Callable[[], None]:
    """What may be called at any moment, and renews no more often than that."""
    renew_at = time.monotonic() + each_s

    def called() -> None:
        nonlocal renew_at
        if time.monotonic() >= renew_at:
            renew()
            renew_at = time.monotonic() + each_s

    return called


def _record(place: Workplace, job: Job, error: Exception) -> None:
    """Record a failure; a file at fault is refused, and of it nothing but the reason is kept."""
    name = error.name if isinstance(error, Refused) else type(error).__name__
    passing = name in PASSING or (
        isinstance(error, (ArchiveError, OSError)) and not isinstance(error, SandboxError)
    )
    LOG.warning("job %s attempt %s failed: %s", job.id, job.attempt, name)
    reason = str(error) if isinstance(error, SandboxError) else "the archive did not answer"
    try:
        if not passing:
            place.catalog.attach(job.image_id, facts={REFUSED_AS: name}, attempt=job)
        place.catalog.jobs.fail(job, retry_in_s=RETRY_S if passing else None, reason=reason)
    except LeaseLost:
        LOG.warning("job %s was taken over by another worker", job.id)
        return
    if not passing:
        shutil.rmtree(place.drafts / job.image_id, ignore_errors=True)
    clear_refused(place, job.image_id)
