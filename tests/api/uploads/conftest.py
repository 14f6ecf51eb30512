"""A client of an installation with nothing in it."""

from collections.abc import Iterator

import pytest

from api.app import create_app
from api.settings import Settings
from tests.api.conftest import opened
from tests.api.uploads.client import Client


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with opened(create_app(settings)) as web:
        yield Client(web, settings)
