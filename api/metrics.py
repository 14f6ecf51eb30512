"""What the service counts: requests by route, never by image, exam or person."""

import os

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


def exposition() -> Answer:
    """All counts, of all server processes where `serve` started several."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        across_processes.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REQUESTS)
        registry.register(SECONDS)
    body = generate_latest(registry)
    return Answer(200, body, {"content-type": CONTENT_TYPE_LATEST, "cache-control": "no-store"})
