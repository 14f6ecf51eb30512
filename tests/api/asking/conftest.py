"""One Orthanc with radiology of two patients who have one number from two issuers."""

from collections.abc import Iterator
from datetime import date
from functools import partial

import pytest

from api import asker, asking, priors
from archive.dimse_station import Station
from tests.api.asking.radiology import ANNE, BRUNO, Radiology, give
from tests.orthanc import TITLE, Orthanc, orthanc
from tests.serving import LONG_S


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever answers is heard out, and who is silent is asked no more, on the slowest machine."""
    monkeypatch.setattr(asker, "ask", partial(asking.ask, within_s=LONG_S))
    for name in ("ASKED_S", "SILENT_S"):
        monkeypatch.setattr(priors, name, LONG_S)


@pytest.fixture(scope="package")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        for one in (
            Radiology("1.2.3.1", ANNE, "CT", "Scanner thoracique", date(2026, 1, 5), "R1"),
            Radiology("1.2.3.2", ANNE, "MR", "IRM cérébrale", date(2024, 6, 1), "R2"),
            Radiology("1.2.3.3", BRUNO, "CT", "Scanner du bassin", date(2025, 2, 3), "R3"),
        ):
            give(running, one)
        yield running


@pytest.fixture
def station(archive: Orthanc) -> Station:
    return Station("127.0.0.1", archive.dicom_port, TITLE)
