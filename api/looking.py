"""A session's picture looked at before it is sent: what may be wrong with it, and a small one."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from api.errors import ChildCrashed
from api.originals import laid_out
from api.sandbox import limits_for, run_limited
from archive.jobs import Job
from archive.record import ObjectRole, StoredObject
from archive.session import Checks

if TYPE_CHECKING:
    from api.work import Workplace

MOST_BYTES = 4 << 20
"""Of a preview: ten times what one has."""


def look(place: "Workplace", job: Job, renew: Callable[[], None]) -> None:
    """Check the image of a job and keep what was found; nothing where its file is gone already.

    Raises SandboxError, ArchiveError and OSError.
    """
    image = place.catalog.image(job.image_id, establishment=None)
    originals = image.objects_as(ObjectRole.ORIGINAL)
    if not originals:
        return
    size_bytes = sum(one.length_bytes for one in originals)
    with (
        laid_out(image, place.storage, place.scratch, renew) as original,
        TemporaryDirectory(prefix="looked-", dir=place.scratch) as folder,
    ):
        small = Path(folder, "small.jpeg")
        told = run_limited(
            "api.tasks:look",
            {"path": str(original), "preview": str(small)},
            limits_for(size_bytes),
            meanwhile=renew,
            scratch=place.scratch,
        )
        preview = _written(small)
    small_ones = []
    if not image.objects_as(ObjectRole.PREVIEW):
        key = place.storage.put_bytes(preview)
        small_ones.append(StoredObject(ObjectRole.PREVIEW, key, len(preview), "image/jpeg"))
    place.catalog.attach(image.id, small_ones, facts=told["facts"], attempt=job)
    found = Checks(str(told["version"]), tuple(told["found"]), tuple(told["codes"]))
    place.catalog.pictures.keep_checks(image.id, found, attempt=job)


def _written(small: Path) -> bytes:
    """What the child wrote, if it did, and no more than it should."""
    if not small.is_file() or small.is_symlink() or small.stat().st_size > MOST_BYTES:
        raise ChildCrashed("its answer is garbled")
    return small.read_bytes()
