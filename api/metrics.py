"""What the service counts: requests by route, never by image, exam or person."""

import os
from functools import cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client import multiprocess as across_processes

from api.answer import Answer

REQUESTS = Counter("sansverre_requests", "Requests answered.", ["route", "status"])
SECONDS = Histogram(
    "sansverre_request_seconds",
    "Time to the answer.",
    ["route"],
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)


DIMSE = Counter(
    "sansverre_dimse", "Messages of DICOM peers answered, and how.", ["service", "outcome"]
)


STORED = Counter(
    "sansverre_stored",
    "Instances sent by STOW-RS: kept, or DICOM's number for why not.",
    ["outcome"],
)


@cache
def _requests(route: str, status: int) -> Counter:
    return REQUESTS.labels(route, str(status))


@cache
def _seconds(route: str) -> Histogram:
    return SECONDS.labels(route)


def count(route: str, status: int, took_s: float) -> None:
    """Count one answer. Routes are templates, so that there are few."""
    _requests(route, status).inc()
    _seconds(route).observe(took_s)


def count_dimse(service: str, outcome: str) -> None:
    """Count one answer to a DICOM peer, by the kind of service alone."""
    DIMSE.labels(service, outcome).inc()


def exposition() -> Answer:
    """All counts, of all server processes where `serve` started several."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        across_processes.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REQUESTS)
        registry.register(SECONDS)
        registry.register(DIMSE)
    body = generate_latest(registry)
    return Answer(200, body, {"content-type": CONTENT_TYPE_LATEST, "cache-control": "no-store"})


def count_stored(outcome: str) -> None:
    """Count one instance that was sent by STOW-RS, by what became of it alone."""
    STORED.labels(outcome).inc()
