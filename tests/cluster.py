"""A real scheduler with two worker processes, on the loopback."""

from collections.abc import Iterator
from contextlib import contextmanager

from distributed import LocalCluster


@contextmanager
def two_processes() -> Iterator[str]:
    """The address of a scheduler whose two workers are processes of their own."""
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        # Any free port: the usual one may be somebody else's.
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address="127.0.0.1:0",
    ) as cluster:
        yield cluster.scheduler_address
