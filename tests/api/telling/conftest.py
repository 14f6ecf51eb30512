"""One Orthanc for these tests, each of which photographs patients of its own."""

from collections.abc import Iterator

import pytest

from api import sending
from tests.orthanc import Orthanc, orthanc


@pytest.fixture(scope="package", autouse=True)
def unhurried() -> Iterator[None]:
    """What was put off is due again once a test says so, however long the machine takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "FIRST_PAUSE_S", sending.LONGEST_PAUSE_S)
        yield


@pytest.fixture(scope="package")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running
