"""An archive of its own for each test of photographs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.catalog import Catalog
from archive.storage import Storage
from tests.archive.empty import empty_catalogue_in


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(empty_catalogue_in(tmp_path)) as opened:
        yield opened


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage.open((tmp_path / "objects").as_uri())
