"""What tests of every package share."""

import gc
import os

# Thousands of tests are found first, and none of what they are is garbage: a look through all of
# it, again and again, takes a quarter of the time.
gc.disable()

# One thread a library, as the product's own children have: several tests run at once, and threads
# that wait for each other on the same cores make all of them several times as slow.
for _library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
    os.environ.setdefault(_library, "1")

# ruff: noqa: E402 -- libraries read these as they are loaded
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

from archive.catalog import Catalog

UNHURRIED: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
"""How fast examples are made and tried is the machine's."""
# The same examples each time where a machine judges, new ones where a person looks.
settings.register_profile("ci", derandomize=True, print_blob=True, **UNHURRIED)
settings.register_profile("dev", **UNHURRIED)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_collection_finish() -> None:
    """What stays until the end is looked through no more; what tests leave behind is."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def as_installed() -> Iterator[None]:
    """Processes that tests start find no more than an installation has (`tests.absent`)."""
    paths = [str(Path(__file__).parent / "absent"), os.environ.get("PYTHONPATH", "")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        yield


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """The folder of what a person may want to look at after the tests (screenshots, reports)."""
    folder = Path(__file__).parent.parent / "artefacts"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def empty_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SQLite's file of a catalogue with nothing in it, to copy: to make one takes a while."""
    path = tmp_path_factory.mktemp("catalogue") / "catalog.sqlite"
    Catalog.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A real browser; what drives it is slow to load, and few tests need it."""
    from tests.browser import chromium

    with chromium() as started:
        yield started
