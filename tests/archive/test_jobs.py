"""Leased work: one holder at a time, and a fence against the one before."""

import pytest

from archive.catalog import Catalog
from archive.errors import LeaseLost, NotFound
from archive.jobs import Job
from archive.record import ImageState, JobState
from tests.archive.conftest import HERE, published, received, stored

LONG_S = 3600.0


def claimed(catalog: Catalog, lease_s: float = LONG_S) -> Job:
    job = catalog.jobs.claim("worker", lease_s)
    assert job is not None
    return job


def test_a_job_is_claimed_by_one_worker(catalog: Catalog) -> None:
    image = received(catalog)
    asked = catalog.jobs.enqueue("ingest", image.id, {"path": "é"})
    job = claimed(catalog)
    assert (job.id, job.payload, job.attempt) == (asked.id, {"path": "é"}, 1)
    assert catalog.jobs.claim("other", LONG_S) is None
    catalog.jobs.finish(job)
    assert catalog.jobs.job(job.id).state is JobState.DONE
    assert catalog.jobs.claim("other", LONG_S) is None
    assert catalog.jobs.counts()[JobState.DONE] == 1


def test_asking_again_for_unfinished_work_gives_the_same_job(catalog: Catalog) -> None:
    image = received(catalog)
    first = catalog.jobs.enqueue("ingest", image.id, {})
    assert catalog.jobs.enqueue("ingest", image.id, {}).id == first.id
    assert catalog.jobs.enqueue("export", image.id, {}).id != first.id
    catalog.jobs.finish(claimed(catalog))
    assert catalog.jobs.enqueue("ingest", image.id, {}).id != first.id


def test_only_the_kinds_asked_for_are_claimed(catalog: Catalog) -> None:
    image = received(catalog)
    catalog.jobs.enqueue("ingest", image.id, {})
    assert catalog.jobs.claim("worker", LONG_S, kinds=["export"]) is None
    assert catalog.jobs.claim("worker", LONG_S, kinds=["export", "ingest"]) is not None


def test_work_is_asked_for_an_image_that_exists(catalog: Catalog) -> None:
    with pytest.raises(NotFound):
        catalog.jobs.enqueue("ingest", "0" * 32, {})
    with pytest.raises(NotFound):
        catalog.jobs.job(1)


def test_a_worker_that_lost_its_lease_changes_nothing(catalog: Catalog) -> None:
    image = received(catalog)
    catalog.jobs.enqueue("ingest", image.id, {})
    lost = claimed(catalog, lease_s=0)
    held = claimed(catalog)
    assert (held.id, held.attempt) == (lost.id, 2)
    for late in (
        lambda: catalog.jobs.renew(lost, LONG_S),
        lambda: catalog.jobs.finish(lost),
        lambda: catalog.jobs.fail(lost, retry_in_s=0, reason="late"),
        lambda: catalog.advance(image.id, ImageState.OPENED, add_objects=[stored()], attempt=lost),
        lambda: catalog.attach(image.id, [stored()], attempt=lost),
    ):
        with pytest.raises(LeaseLost):
            late()
    assert catalog.image(image.id, establishment=HERE) == image
    assert catalog.jobs.job(held.id) == held
    assert catalog.advance(image.id, ImageState.OPENED, attempt=held).state is ImageState.OPENED
    catalog.jobs.finish(held)
    with pytest.raises(LeaseLost):
        catalog.jobs.finish(held)


def test_a_lease_is_for_its_own_image(catalog: Catalog) -> None:
    image, other = received(catalog), received(catalog, "other")
    catalog.jobs.enqueue("ingest", image.id, {})
    with pytest.raises(LeaseLost):
        catalog.advance(other.id, ImageState.OPENED, attempt=claimed(catalog))


def test_a_renewed_lease_is_not_taken_over(catalog: Catalog) -> None:
    catalog.jobs.enqueue("ingest", received(catalog).id, {})
    job = catalog.jobs.renew(claimed(catalog, lease_s=0), LONG_S)
    assert catalog.jobs.claim("other", LONG_S) is None
    catalog.jobs.finish(job)


def test_a_late_worker_may_finish_what_nobody_took_over(catalog: Catalog) -> None:
    catalog.jobs.enqueue("ingest", received(catalog).id, {})
    catalog.jobs.finish(claimed(catalog, lease_s=0))
    assert catalog.jobs.counts()[JobState.DONE] == 1


def test_failed_attempts_are_bounded_and_the_image_says_why(catalog: Catalog) -> None:
    image = received(catalog)
    catalog.jobs.enqueue("ingest", image.id, {}, max_attempts=2)
    state = catalog.jobs.fail(claimed(catalog), retry_in_s=0, reason="The disk is full.")
    assert state is JobState.WAITING
    state = catalog.jobs.fail(claimed(catalog), retry_in_s=0, reason="The disk is full.")
    assert state is JobState.FAILED
    assert catalog.jobs.claim("worker", LONG_S) is None
    assert catalog.image(image.id, establishment=HERE).reason == "The disk is full."


def test_a_retry_waits_for_its_time(catalog: Catalog) -> None:
    catalog.jobs.enqueue("ingest", received(catalog).id, {})
    catalog.jobs.fail(claimed(catalog), retry_in_s=LONG_S, reason="Busy.")
    assert catalog.jobs.claim("worker", LONG_S) is None
    assert catalog.jobs.counts()[JobState.WAITING] == 1


def test_a_file_that_kills_every_worker_is_refused(catalog: Catalog) -> None:
    image = received(catalog)
    catalog.jobs.enqueue("ingest", image.id, {}, max_attempts=2)
    assert claimed(catalog, lease_s=0).attempt == 1
    assert claimed(catalog, lease_s=0).attempt == 2
    assert catalog.jobs.claim("worker", LONG_S) is None
    assert catalog.jobs.counts()[JobState.FAILED] == 1
    refused = catalog.image(image.id, establishment=HERE)
    assert refused.state is ImageState.REFUSED
    assert refused.reason


def test_failing_on_a_published_image_leaves_it_published(catalog: Catalog) -> None:
    image = published(catalog)
    catalog.jobs.enqueue("export", image.id, {})
    catalog.jobs.fail(claimed(catalog), retry_in_s=None, reason="No room.")
    assert catalog.image(image.id, establishment=HERE) == image


def test_a_job_given_back_is_due_at_once(catalog: Catalog) -> None:
    image = received(catalog)
    catalog.jobs.enqueue("build", image.id, {})
    first = catalog.jobs.claim("a", 60)
    assert first is not None
    catalog.jobs.give_back(first)
    second = catalog.jobs.claim("b", 60)
    assert second is not None
    assert (second.id, second.attempt) == (first.id, 2)
    with pytest.raises(LeaseLost):
        catalog.jobs.give_back(first)


def test_asking_again_makes_a_job_due(catalog: Catalog) -> None:
    image = received(catalog)
    catalog.jobs.enqueue("build", image.id, {})
    job = catalog.jobs.claim("a", 60)
    assert job is not None
    catalog.jobs.fail(job, retry_in_s=3600, reason="the disk is full")
    assert catalog.jobs.job(job.id).reason == "the disk is full"
    assert catalog.jobs.claim("a", 60) is None
    assert catalog.jobs.enqueue("build", image.id, {}).reason is None
    again = catalog.jobs.claim("a", 60)
    assert again is not None
    assert again.id == job.id
