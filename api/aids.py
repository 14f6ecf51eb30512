"""Reading aids, found by a worker: how photographs lie on each other, scales and diameters.

An answer is kept with the version of the method, also where it is that nothing was found. Only
what is no fault of the pictures (a full disk, a store that does not answer) is tried again.
"""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from api.errors import PASSING, Refused, SandboxError
from api.sandbox import Limits, run_limited
from archive.jobs import Job
from archive.measure import Segment
from archive.proposals import Proposal
from archive.reading_aids import Comparison, RulerReading

if TYPE_CHECKING:
    from api.work import Workplace

NOT_READ = "not-read"
"""The reason where the pictures took too much memory or time, or a fault of ours ended it."""
_UNKNOWN = "0"
# Two photographs of 48 megapixels are decoded, the one after the other.
_LIMITS = Limits(memory_bytes=1 << 30, silence_s=60.0)


def compare(place: "Workplace", job: Job, renew: Callable[[], None]) -> None:
    """Answer every comparison that waits for this photograph."""
    for asked in place.catalog.aids.waiting_comparisons(job.image_id):
        named = {"first": asked.first, "second": asked.second}
        found = _found("api.tasks:align", named, place, renew)
        place.catalog.aids.keep_comparison(Comparison(asked.first, asked.second, **found))


def read_ruler(place: "Workplace", job: Job, renew: Callable[[], None]) -> None:
    """Answer what scale this photograph's ruler gives."""
    found = _found("api.tasks:read_ruler", {"image": job.image_id}, place, renew)
    place.catalog.aids.keep_ruler(RulerReading(job.image_id, **found))


def propose_diameter(place: "Workplace", job: Job, renew: Callable[[], None]) -> None:
    """Answer where the lesion of this photograph is longest."""
    found = _found("api.tasks:find_diameter", {"image": job.image_id}, place, renew)
    version, ends = str(found["version"]), found.get("ends")
    if ends is None:
        told = Proposal(job.image_id, version, reason=found["reason"])
    else:
        start, end = ((float(x), float(y)) for x, y in ends)
        segment = Segment(start, end, float(found["marking_px"]))
        told = Proposal(job.image_id, version, segment)
    place.catalog.proposals.keep(told)


def _found(
    task: str, named: dict[str, str], place: "Workplace", renew: Callable[[], None]
) -> dict[str, Any]:
    try:
        found: dict[str, Any] = run_limited(
            task, named, _LIMITS, meanwhile=renew, scratch=place.scratch, told=os.environ
        )
    except SandboxError as error:
        name = error.name if isinstance(error, Refused) else type(error).__name__
        if name in PASSING:
            raise
        return {"version": _UNKNOWN, "reason": NOT_READ}
    return found
