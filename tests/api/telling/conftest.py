"""One Orthanc for these tests, each of which photographs patients of its own."""

from collections.abc import Iterator

import pytest

from tests.orthanc import Orthanc, orthanc


@pytest.fixture(scope="package")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running
