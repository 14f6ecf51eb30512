"""A client that others wrote searches and pages, over the network."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
import uvicorn
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import AuthorizationError, OperationOutcome, ResourceNotFound

from api.app import create_app
from api.policies import Role
from tests.api.conftest import Installation
from tests.api.fhir.conftest import Hospital
from tests.archive.conftest import HERE


@contextmanager
def listening(hospital: Hospital) -> Iterator[str]:
    """The address of the application, which a thread of these tests serves."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        app = create_app(hospital.settings)
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
        thread = Thread(target=server.run, args=([door],))
        thread.start()
        try:
            # Who comes before it is ready waits at the door.
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
            app.close()


def test_fhirpy_searches_reads_and_pages(hospital: Hospital) -> None:
    bearer = Installation(hospital.settings, {}, {}).bearer(Role.READER, HERE)["authorization"]
    with listening(hospital) as address:
        client = SyncFHIRClient(f"{address}/fhir", authorization=bearer)
        studies = client.resources("ImagingStudy").sort("-started")
        whole = studies.fetch_all()
        assert {one.id for one in whole} == {
            hospital.exams[name] for name in ("zoe", "luc", "nobody", "zoe again")
        }
        by_pages = studies.limit(1).fetch_all()
        assert [one.id for one in by_pages] == [one.id for one in whole]
        assert studies.count() == 4
        mine = client.resources("ImagingStudy").search(patient__Patient__family="durand")
        assert {one.id for one in mine.fetch_all()} == {
            hospital.exams["zoe"],
            hospital.exams["zoe again"],
        }
        (report, *_) = client.resources("DiagnosticReport").search(status="amended").fetch()
        patient = report.subject.to_resource()
        assert (patient.id, patient.birthDate) == (hospital.keys["zoe"], "1955-08-14")
        along = client.resources("ImagingStudy").search(identifier="A1")
        bundle = along.include("ImagingStudy", "patient").fetch_raw()
        assert [one.resource.resourceType for one in bundle.entry] == ["ImagingStudy", "Patient"]
        endpoint = client.reference("Endpoint", "wado-rs").to_resource()
        assert endpoint.address == f"{address}/dicomweb"
        with pytest.raises(ResourceNotFound):
            client.get("Patient", "nobody")
        with pytest.raises(OperationOutcome):
            client.resources("Patient").search(birthdate="soon").fetch()
        stranger = SyncFHIRClient(f"{address}/fhir")
        with pytest.raises(AuthorizationError):
            stranger.resources("Patient").fetch()
