"""A study of documents alone: it is one, and no viewer shows it."""

from dataclasses import replace

from api.fhir.asked import Asked
from api.fhir.searching import Place, search
from archive.catalog import Catalog
from archive.described import Described, DescribedSeries
from archive.identity import PatientIdentity
from archive.record import Image, ImageKind, ImageState, ObjectRole
from archive.resources.asked import Criterion, Token
from archive.resources.exams import WADO
from tests.archive.conftest import HERE, digest, stored

SERIES = DescribedSeries("2.25.7", "DOC", 1, "Reports")


def document(catalog: Catalog) -> Image:
    """A report that is an instance, as `publishing` makes it, of an exam without images."""
    image = catalog.receive(
        establishment=HERE,
        kind=ImageKind.REPORT,
        source_sha256=digest("report"),
        plan="report",
        patient=PatientIdentity("L", "CHU"),
        accession_number="A2",
    )
    made = replace(
        stored(ObjectRole.DOCUMENT),
        sop_class_uid="1.2.840.10008.5.1.4.1.1.104.1",
        sop_instance_uid="2.25.8",
        described=Described(SERIES, "1.2.840.10008.1.2.1", 1, 0, 0, 1, 0),
    )
    catalog.advance(image.id, ImageState.OPENED)
    catalog.advance(image.id, ImageState.BUILT, add_objects=[made])
    return catalog.advance(image.id, ImageState.PUBLISHED)


def test_no_viewers_address_is_told_of_documents_alone(catalog: Catalog) -> None:
    exam = document(catalog).exam_id
    place = Place(catalog.resources, HERE, "http://test")
    studies = search(place, Asked("ImagingStudy", includes=frozenset({"ImagingStudy:endpoint"})))
    told = {one["id"]: one for one in studies.resources}
    assert len(told) == 2
    assert told[exam]["modality"][0]["code"] == "DOC"
    assert told[exam]["endpoint"] == [{"reference": f"Endpoint/{WADO}"}]
    (other,) = set(told) - {exam}
    assert len(told[other]["endpoint"]) == 2
    assert {one["id"] for one in studies.included} == {WADO, other}
    endpoints = search(place, Asked("Endpoint", wants_total=True))
    assert ({one["id"] for one in endpoints.resources}, endpoints.total) == ({WADO, other}, 2)
    for asked in (
        {"kind": "Endpoint", "name": "_id"},
        {"kind": "ImagingStudy", "name": "endpoint"},
    ):
        by_name = (Criterion(asked["name"], (Token(exam),)),)
        assert not search(place, Asked(asked["kind"], by_name)).resources
