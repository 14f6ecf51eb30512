"""One leased job, from claim to outcome: the same for the worker process and for `ingest`."""

import logging
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from api.errors import Refused, SandboxError
from api.originals import laid_out
from api.sandbox import Progress, limits_for, run_limited
from api.settings import Settings
from archive.catalog import Catalog
from archive.errors import ArchiveError, LeaseLost
from archive.jobs import Job
from archive.record import ImageKind, ImageState, ObjectRole
from archive.storage import Storage

LOG = logging.getLogger("sansverre.work")

BUILD = "build"
LEASE_S = 60.0
RETRY_S = 30.0
PASSING = frozenset({"StorageFailure", "LeaseLost"})
"""Refusals that are not the file's fault, by the class of their exception."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """What work needs: the catalogue, the store, a folder for temporary files, and a name."""

    catalog: Catalog
    storage: Storage
    scratch: Path
    worker: str


def open_workplace(settings: Settings) -> Workplace:
    """Open the installation for work; raises StorageFailure."""
    scratch = settings.data / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    return Workplace(
        catalog=Catalog.open(settings.database_url),
        storage=Storage.open(settings.objects_url),
        scratch=scratch,
        worker=f"{socket.gethostname()}-{os.getpid()}",
    )


def work_once(place: Workplace, progress: Progress | None = None) -> bool:
    """Do the oldest job that is due; False when there is none.

    Whatever befalls the job is recorded with it. Raises StorageFailure where even that fails.
    """
    job = place.catalog.jobs.claim(place.worker, LEASE_S, kinds=(BUILD,))
    if job is None:
        return False
    try:
        _build(place, job, progress)
        place.catalog.jobs.finish(job)
    except LeaseLost:
        # Another attempt has it, and with it the say.
        LOG.warning("job %s was taken over by another worker", job.id)
    except (SandboxError, ArchiveError, OSError) as error:
        _record(place, job, error)
    return True


def _build(place: Workplace, job: Job, progress: Progress | None) -> None:
    catalog = place.catalog
    image = catalog.image(job.image_id, establishment=None)
    # A photograph's original goes once it is published, so that much is left to be done.
    originals = image.objects_as(ObjectRole.ORIGINAL)
    if image.state is ImageState.PUBLISHED and (image.kind is ImageKind.SLIDE or not originals):
        return
    renew_at = time.monotonic() + LEASE_S / 3

    def renew() -> None:
        nonlocal renew_at
        if time.monotonic() >= renew_at:
            catalog.jobs.renew(job, LEASE_S)
            renew_at = time.monotonic() + LEASE_S / 3

    size_bytes = sum(one.length_bytes for one in originals)
    with laid_out(image, place.storage, place.scratch) as original:
        run_limited(
            "api.tasks:build",
            {
                "image": image.id,
                "job": job.id,
                "attempt": job.attempt,
                "original": str(original),
            },
            limits_for(size_bytes),
            progress=progress,
            meanwhile=renew,
            scratch=place.scratch,
        )


def _record(place: Workplace, job: Job, error: Exception) -> None:
    """Record a failure; a file at fault is refused, and of it nothing but the reason is kept."""
    name = error.name if isinstance(error, Refused) else type(error).__name__
    passing = name in PASSING or (
        isinstance(error, (ArchiveError, OSError)) and not isinstance(error, SandboxError)
    )
    LOG.warning("job %s attempt %s failed: %s", job.id, job.attempt, name)
    reason = str(error) if isinstance(error, SandboxError) else "the archive did not answer"
    try:
        place.catalog.jobs.fail(job, retry_in_s=RETRY_S if passing else None, reason=reason)
    except LeaseLost:
        LOG.warning("job %s was taken over by another worker", job.id)
        return
    image = place.catalog.image(job.image_id, establishment=None)
    if image.state is ImageState.REFUSED:
        for role in ObjectRole:
            for one in place.catalog.remove_objects(image.id, role):
                place.storage.delete(one.key)
