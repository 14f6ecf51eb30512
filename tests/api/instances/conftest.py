"""An archive that takes what others send."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from api.app import create_app
from api.doors import Doors
from api.instances.acceptance import Acceptance, Sender
from api.policies import Role
from api.settings import Settings, signing_key
from api.work import Workplace
from archive.query import FoundInstance, Query
from archive.received.outcome import Outcome
from tests.api.conftest import Web, opened
from tests.samples.dicom_slides import Made, write_instance

NORTH = Sender("north")
PATIENT = {
    "PatientID": "7",
    "IssuerOfPatientID": "registry",
    "PatientName": "SPECIMEN^Zoé",
    "PatientBirthDate": "19700131",
    "PatientSex": "F",
    "AccessionNumber": "A7",
    "SpecificCharacterSet": "ISO_IR 192",
    "Modality": "SM",
    "StudyDate": "20260105",
    "StudyTime": "101112",
}
Make = Callable[..., Path]
Take = Callable[..., Outcome]


def picture(width: int, height: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    random = np.random.default_rng(seed)
    small = random.integers(0, 255, (height // 16 + 1, width // 16 + 1, 3), np.uint8)
    return np.repeat(np.repeat(small, 16, 0), 16, 1)[:height, :width]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A file as another scanner would write it: `make("name", width, height, made, **header)`."""
    folder = tmp_path / "sent"
    folder.mkdir()

    def made_file(
        name: str,
        width: int = 300,
        height: int = 200,
        made: Made | None = None,
        change: Callable[[Dataset], None] | None = None,
        seed: int = 0,
        **header: str,
    ) -> Path:
        path = write_instance(folder / f"{name}.dcm", picture(width, height, seed), made)
        data = dcmread(path)
        for keyword, value in {**PATIENT, **header}.items():
            setattr(data, keyword, value)
        if change is not None:
            change(data)
        data.save_as(path, enforce_file_format=True)
        return path

    return made_file


@pytest.fixture
def acceptance(place: Workplace, settings: Settings) -> Iterator[Acceptance]:
    accepting = Acceptance(place.catalog, place.storage, settings.data)
    yield accepting
    accepting.close()


@pytest.fixture
def take(acceptance: Acceptance) -> Take:
    """Take a file, or its bytes, in."""

    def taken(file: Path | bytes, sender: Sender = NORTH, **more: Any) -> Outcome:
        draft = acceptance.folder / "draft.dcm"
        draft.write_bytes(file if isinstance(file, bytes) else file.read_bytes())
        try:
            return acceptance.take(draft, sender, **more)
        finally:
            draft.unlink()
            left = [one.name for one in acceptance.folder.iterdir()]
            assert all(one.startswith("examining-") for one in left)

    return taken


@pytest.fixture
def web(settings: Settings, place: Workplace) -> Iterator[Web]:
    """Somebody of the northern establishment who may bring files."""
    with opened(create_app(settings)) as client:
        token = Doors(signing_key(settings)).issue(Role.CONTRIBUTOR, "north")
        client.headers["authorization"] = f"Bearer {token}"
        yield client


def found(place: Workplace, establishment: str | None = "north") -> list[FoundInstance]:
    return place.catalog.instances.instances(Query(), establishment=establishment)


def objects_in(place: Workplace) -> set[str]:
    return set(place.storage.orphans((), -60.0))
