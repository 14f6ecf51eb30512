"""C-MOVE to dcmtk's receiver: the stored pixels under today's identity, and nowhere else."""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE

from archive.catalog import Catalog
from archive.query import FoundInstance, Query
from archive.storage import Storage
from tests.api.dimse.conftest import ACCENTED, Served, storescp
from tests.archive.correcting import correct

MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
PATIENT_ROOT = "1.2.840.10008.5.1.4.1.2.1.2"


@pytest.fixture
def received(served: Served, tmp_path: Path) -> Iterator[Path]:
    with storescp(served.store_port, tmp_path, "+xa") as folder:
        yield folder


@pytest.fixture
def catalog(served: Served) -> Iterator[Catalog]:
    with Catalog.open(served.settings.database_url) as opened:
        yield opened


@pytest.fixture
def found(served: Served, catalog: Catalog) -> list[FoundInstance]:
    """The instances of the accented patient."""
    everything = catalog.instances.instances(Query(), establishment="north")
    return [one for one in everything if one.study.exam_id == served.exams["accented"]]


def move(
    served: Served, to: str, title: str = "READER", model: str = MOVE, **keys: str
) -> tuple[Dataset, Dataset | None]:
    """The last answer to a C-MOVE."""
    return move_from(served.port, to, keys, title, model)


def move_from(
    port: int,
    to: str,
    keys: Mapping[str, str],
    title: str = "READER",
    model: str = MOVE,
    tls: tuple[ssl.SSLContext, str] | None = None,
) -> tuple[Dataset, Dataset | None]:
    """As `move`, of whoever listens at a port."""
    identifier = Dataset()
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    entity = AE(title)
    entity.add_requested_context(model)
    association = entity.associate("127.0.0.1", port, ae_title="SANSVERRE", tls_args=tls)
    assert association.is_established
    try:
        return list(association.send_c_move(identifier, to, model))[-1]
    finally:
        association.release()


def counts(status: Dataset) -> tuple[int, int, int]:
    return (
        status.NumberOfCompletedSuboperations,
        status.NumberOfFailedSuboperations,
        status.NumberOfWarningSuboperations,
    )


def test_movescu_has_a_study_sent_as_it_is_today(
    served: Served, received: Path, catalog: Catalog, found: list[FoundInstance]
) -> None:
    correct(catalog, replace(ACCENTED, name="CORRIGÉE^Zoé"), "north")
    try:
        study = f"StudyInstanceUID={found[0].study.study_instance_uid}"
        told = served.call(
            "movescu",
            "-v", "-S", "-aem", "STORE", "-k", "QueryRetrieveLevel=STUDY", "-k", study,
        )  # fmt: skip
    finally:
        correct(catalog, ACCENTED, "north")
    assert "Received Final Move Response (Success)" in told
    files = {str(one.SOPInstanceUID): one for one in map(dcmread, received.iterdir())}
    storage = Storage.open(served.settings.objects_url)
    assert files.keys() == {one.sop_instance_uid for one in found}
    for one in found:
        file = files[one.sop_instance_uid]
        stored = storage.read_range(one.key, 0, one.length_bytes)
        assert file.PatientName == "CORRIGÉE^Zoé"
        assert file.file_meta.TransferSyntaxUID == one.described.transfer_syntax_uid
        assert file.PixelData in stored
        assert len(file.PixelData) > 100


def test_a_series_and_instances_are_sent_alone(
    served: Served, received: Path, found: list[FoundInstance]
) -> None:
    one, other = found[:2]
    names = {
        "StudyInstanceUID": one.study.study_instance_uid,
        "SeriesInstanceUID": one.described.series.series_instance_uid,
    }
    both = f"{one.sop_instance_uid}\\{other.sop_instance_uid}"
    status, _ = move(served, "STORE", QueryRetrieveLevel="IMAGE", **names, SOPInstanceUID=both)
    assert (status.Status, counts(status)) == (0x0000, (2, 0, 0))
    assert len(list(received.iterdir())) == 2
    status, _ = move(served, "STORE", QueryRetrieveLevel="SERIES", **names)
    assert counts(status)[0] == len(found)


def test_a_number_of_several_patients_is_not_enough(
    served: Served, received: Path, found: list[FoundInstance]
) -> None:
    asked = {"QueryRetrieveLevel": "PATIENT", "PatientID": "7"}
    study = found[0].study.study_instance_uid
    for below in (
        {},
        {"StudyInstanceUID": ""},
        {"StudyInstanceUID": study},
        {"SOPInstanceUID": ""},
    ):
        status, _ = move(served, "STORE", model=PATIENT_ROOT, **asked, **below)
        assert status.Status == 0xA900, below
        assert "IssuerOfPatientID" in status.ErrorComment
        assert list(received.iterdir()) == []
    status, _ = move(
        served, "STORE", model=PATIENT_ROOT, **asked, IssuerOfPatientID="another registry"
    )
    assert status.Status == 0x0000
    assert {str(dcmread(one).PatientName) for one in received.iterdir()} == {"AUTRE^JEAN"}


def test_it_goes_to_known_places_of_the_establishment_alone(
    served: Served, found: list[FoundInstance]
) -> None:
    names = {
        "QueryRetrieveLevel": "STUDY",
        "StudyInstanceUID": found[0].study.study_instance_uid,
    }
    for to in ("STRANGER", "THEIRS", "READER"):
        assert move(served, to, **names)[0].Status == 0xA801, to
    nothing, _ = move(served, "THEIRS", title="SOUTHERN", **names)
    assert (nothing.Status, counts(nothing)) == (0x0000, (0, 0, 0))


def test_a_place_that_does_not_answer_is_told_with_what_was_not_sent(
    served: Served, found: list[FoundInstance]
) -> None:
    study = found[0].study.study_instance_uid
    status, failed = move(served, "NOWHERE", QueryRetrieveLevel="STUDY", StudyInstanceUID=study)
    assert (status.Status, counts(status)) == (0xA702, (0, len(found), 0))
    assert failed is not None
    assert set(failed.FailedSOPInstanceUIDList) == {one.sop_instance_uid for one in found}


def test_what_the_place_does_not_take_fails_and_is_never_sent_as_something_else(
    served: Served, tmp_path: Path, found: list[FoundInstance]
) -> None:
    study = found[0].study.study_instance_uid
    # Without +xa it takes no compressed transfer syntax.
    with storescp(served.store_port, tmp_path) as folder:
        status, _ = move(served, "STORE", QueryRetrieveLevel="STUDY", StudyInstanceUID=study)
        assert (status.Status, counts(status)) == (0xA702, (0, len(found), 0))
        assert list(folder.iterdir()) == []
