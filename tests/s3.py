"""A store that speaks S3 over HTTP on the loopback: moto's server."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.orthanc import free_ports

BUCKET = "slides"
STARTED_S = 300.0


@contextmanager
def s3() -> Iterator[dict[str, str]]:
    """The environment that names a store with an empty bucket, which is gone afterwards."""
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # It takes what an installation has not.
        env={**os.environ, "PYTHONPATH": ""},
    )
    try:
        with httpx.Client(base_url=address, trust_env=False, timeout=60) as web:
            until = time.monotonic() + STARTED_S
            while True:
                try:
                    web.put(f"/{BUCKET}").raise_for_status()
                    break
                except httpx.TransportError:
                    assert server.poll() is None
                    assert time.monotonic() < until
                    time.sleep(0.05)
        yield {
            "SANSVERRE_OBJECTS": f"s3://{BUCKET}",
            "AWS_ENDPOINT_URL": address,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
    finally:
        server.kill()
        server.wait()
