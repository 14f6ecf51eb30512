"""Images moved to another patient: their instances written anew, then all of it changed at once.

What a killed process leaves in the store is swept as any other; whoever comes next begins anew.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from api.work import LEASE_S, RETRY_S, Workplace, claimed, renewing
from archive.described import described_in
from archive.errors import ArchiveError, LeaseLost, StorageFailure
from archive.incarnation import Incarnation
from archive.jobs import Job
from archive.moves import MOVE
from archive.record import StoredObject
from archive.reincarnation import reincarnated
from tiles.errors import TilesError
from tiles.instance import read_header
from tiles.reheader import reheader

LOG = logging.getLogger("sansverre.moving")

DICOM = "application/dicom"


def move_once(place: Workplace) -> bool:
    """Do the move that is due first; False when there is none.

    Whatever befalls it is recorded with its job. Raises StorageFailure where even that fails.
    """
    jobs = place.catalog.jobs
    job = claimed(place, jobs, lambda: jobs.claim(place.worker, LEASE_S, kinds=(MOVE,)))
    if job is None:
        return False
    try:
        _move(place, job)
        jobs.finish(job)
    except LeaseLost:
        LOG.warning("move %s was called off, or taken over by another worker", job.id)
    except (ArchiveError, TilesError, OSError) as error:
        LOG.warning("move %s waits: %s", job.id, type(error).__name__)
        # What has changed since it was prepared is prepared again, from what it has become.
        with suppress(LeaseLost):
            jobs.fail(job, retry_in_s=RETRY_S, reason="the archive did not answer")
    except (KeyboardInterrupt, SystemExit):
        with suppress(ArchiveError):
            jobs.give_back(job)
        raise
    return True


def _move(place: Workplace, job: Job) -> None:
    act = str(job.payload["act"])
    moving = place.catalog.moves.act(act)
    if not moving:
        return
    kept = frozenset(
        str(one.sop_instance_uid)
        for image in moving
        for one in image.image.objects
        if one.sop_instance_uid is not None
    )
    renew = renewing(place.catalog, job)
    made: dict[str, dict[StoredObject, StoredObject]] = {}
    series_of: dict[str, str] = {}
    try:
        for image in moving:
            own = made[image.image.id] = {}
            new = Incarnation(image.exam, image.incarnation, kept, image.tracking)
            for one in image.image.objects:
                if one.media_type == DICOM:
                    series_of[str(one.sop_instance_uid)] = _series(place, one)
                    own[one] = _anew(place, one, new, renew)
    except BaseException:
        for objects in made.values():
            for one in objects.values():
                place.storage.delete(one.key)
        raise
    # From here on the catalogue may know them, whatever befalls this process: none is deleted.
    gone = place.catalog.moves.complete(act, made, series_of, job)
    for key in gone:
        place.storage.delete(key)
    LOG.info("%s images were moved", len(moving))


def _series(place: Workplace, one: StoredObject) -> str:
    read = partial(place.storage.read_range, one.key)
    header, _ = read_header(read, one.length_bytes)
    return str(header.SeriesInstanceUID)


def _anew(
    place: Workplace, one: StoredObject, new: Incarnation, renew: Callable[[], None]
) -> StoredObject:
    """The same pixels as another instance, stored; raises StorageFailure where they are not."""
    with TemporaryDirectory(prefix="moved-", dir=place.scratch) as folder:
        before, after = Path(folder, "before.dcm"), Path(folder, "after.dcm")
        place.storage.lay_out(one.key, one.length_bytes, before, renew)
        written = reheader(
            before, after, lambda header: reincarnated(header, new), lambda *_: renew()
        )
        if one.pixel_sha256 not in {None, written.pixel_sha256()}:
            raise StorageFailure("A stored object is damaged; restore the store from its backup.")
        renew()
        return replace(
            one,
            key=place.storage.put(after),
            length_bytes=written.length_bytes,
            sop_instance_uid=new.uid(str(one.sop_instance_uid)),
            described=described_in(after),
        )
