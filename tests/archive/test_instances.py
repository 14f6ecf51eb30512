"""Studies, series and instances found as DICOM's queries ask for them."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from archive import schema
from archive.catalog import Catalog
from archive.described import Described, DescribedSeries
from archive.errors import InvalidQuery
from archive.identity import PatientIdentity, folded_name, uid_from
from archive.query import Query
from archive.record import Image, ImageKind, ImageState, ObjectRole
from tests.archive.conftest import ELSEWHERE, HERE, digest, empty_database, stored
from tests.archive.correcting import correct
from tests.postgresql import postgresql

SM, DMS = "1.2.840.10008.5.1.4.1.1.77.1.6", "1.2.840.10008.5.1.4.1.1.77.1.7"
HELOISE = PatientIdentity("1", "R", "LE GALL^Héloïse Anne", date(1950, 1, 2), "F")
ZOE = PatientIdentity("A_2", "R", "JUSTE^Zoé", date(1980, 3, 4), "F")


def kept(catalog: Catalog, name: str, patient: PatientIdentity | None, **more: Any) -> Image:
    """An image of two instances of one series, of which everything is known but not published."""
    slide = more.get("modality", "SM") == "SM"
    image = catalog.receive(
        establishment=more.get("establishment", HERE),
        kind=ImageKind.SLIDE if slide else ImageKind.PHOTO,
        source_sha256=digest(name),
        plan="full",
        patient=patient,
        accession_number=more.get("accession"),
    )
    series = DescribedSeries(uid_from("series", name), "SM" if slide else "DMS", 1, "A series")
    told = Described(series, "1.2.840.10008.1.2.4.50", 1, 256, 256, 12, 8)
    objects = [
        replace(
            stored(ObjectRole.LEVEL, level),
            sop_class_uid=SM if slide else DMS,
            sop_instance_uid=uid_from("instance", name, str(level)),
            described=replace(told, instance_number=level + 1),
        )
        for level in range(2)
    ]
    catalog.advance(image.id, ImageState.OPENED)
    return catalog.advance(image.id, ImageState.BUILT, add_objects=objects)


@pytest.fixture
def filled(catalog: Catalog) -> Catalog:
    """Two exams of here, one of them of two images, and one of elsewhere."""
    fill(catalog)
    return catalog


def fill(catalog: Catalog) -> None:
    for one in (
        kept(catalog, "a", HELOISE, accession="A1"),
        kept(catalog, "b", HELOISE, accession="A1", modality="DMS"),
        kept(catalog, "c", ZOE, accession="B_1"),
        kept(catalog, "d", ZOE, accession="A1", establishment=ELSEWHERE),
    ):
        catalog.advance(one.id, ImageState.PUBLISHED)


MATCHES: list[tuple[dict[str, str], list[str]]] = [
    ({}, ["A1", "B_1"]),
    ({"PatientName": ""}, ["A1", "B_1"]),
    ({"PatientName": "*"}, ["A1", "B_1"]),
    ({"PatientName": "heloise*"}, []),
    ({"PatientName": "*heloise*"}, ["A1"]),
    ({"PatientName": "LE-GALL^Heloise Anne^^"}, ["A1"]),
    ({"PatientName": "le gall^HÉLOÏSE*"}, ["A1"]),
    ({"PatientName": "juste^zo?"}, ["B_1"]),
    ({"PatientID": "A_2"}, ["B_1"]),
    ({"PatientID": "a*"}, []),
    ({"PatientID": "A?2"}, ["B_1"]),
    ({"PatientID": "%"}, []),
    ({"IssuerOfPatientID": "R", "PatientSex": "F"}, ["A1", "B_1"]),
    ({"PatientBirthDate": "19500102"}, ["A1"]),
    ({"PatientBirthDate": "19500102-19800303"}, ["A1"]),
    ({"PatientBirthDate": "-19800304"}, ["A1", "B_1"]),
    ({"AccessionNumber": "B_1"}, ["B_1"]),
    ({"AccessionNumber": "B?1"}, ["B_1"]),
    ({"ModalitiesInStudy": "DMS"}, ["A1"]),
    ({"ModalitiesInStudy": "CT"}, []),
    ({"Modality": "SM", "SeriesInstanceUID": uid_from("series", "c")}, ["B_1"]),
    ({"Modality": "DMS", "SeriesInstanceUID": uid_from("series", "c")}, []),
    ({"SOPInstanceUID": uid_from("instance", "b", "1")}, ["A1"]),
    ({"SOPClassUID": f"{DMS},{SM}"}, ["A1", "B_1"]),
    ({"StudyDate": "19000101-20000101"}, []),
    ({"StudyDate": "20000101-"}, ["A1", "B_1"]),
    ({"StudyDate": "20000101-99991231"}, ["A1", "B_1"]),
    ({"SeriesInstanceUID": "*", "SeriesNumber": "+1"}, ["A1", "B_1"]),
    ({"StudyTime": "00-23"}, ["A1", "B_1"]),
    ({"StudyID": "1"}, []),
    ({"StudyID": "", "ReferringPhysicianName": "*"}, ["A1", "B_1"]),
]
"""What is asked, and the accession numbers that are found."""


def studies(catalog: Catalog, establishment: str | None = HERE, **matches: str) -> list[str]:
    """The accession numbers of what is found."""
    found = catalog.instances.studies(Query(matches), establishment=establishment)
    return sorted(one.accession_number or "" for one in found)


def test_a_study_is_told_with_what_is_in_it(filled: Catalog) -> None:
    found = filled.instances.studies(Query({"AccessionNumber": "A1"}), establishment=HERE)
    (one,) = found
    assert (one.patient, one.modalities, one.series, one.instances) == (
        HELOISE,
        ("DMS", "SM"),
        2,
        4,
    )
    everything = filled.instances.studies(Query(), establishment=None)
    assert [one.created_at for one in everything] == sorted(
        (one.created_at for one in everything), reverse=True
    )


@pytest.mark.parametrize(("matches", "expected"), MATCHES)
def test_what_matches_is_found(
    filled: Catalog, matches: dict[str, str], expected: list[str]
) -> None:
    assert studies(filled, **matches) == expected


def test_today_is_found_by_its_date(filled: Catalog) -> None:
    (last, first) = (
        one.created_at for one in filled.instances.studies(Query(), establishment=HERE)
    )
    found = studies(filled, StudyDate=f"{last:%Y%m%d}", StudyTime=f"-{last:%H%M%S}")
    # They are of one day but where it ended between the two.
    assert found == (["A1", "B_1"] if first.date() == last.date() else ["B_1"])


@pytest.mark.parametrize("words", ["heloise", "gal hel", "ANNE le", "LE GALL^Hé"])
def test_fuzzy_names_are_matched_word_by_word(filled: Catalog, words: str) -> None:
    query = Query({"PatientName": words}, fuzzy=True)
    (found,) = filled.instances.studies(query, establishment=HERE)
    assert found.patient == HELOISE
    with pytest.raises(InvalidQuery):
        filled.instances.studies(Query({"PatientName": "a " * 9}, fuzzy=True), establishment=HERE)
    nobody = Query({"PatientName": f"{words} eloise"}, fuzzy=True)
    assert filled.instances.studies(nobody, establishment=HERE) == []


def test_series_and_instances_are_found_with_their_study(filled: Catalog) -> None:
    (series,) = filled.instances.series(Query({"Modality": "DMS"}), establishment=HERE)
    assert series.described.series_instance_uid == uid_from("series", "b")
    assert (series.instances, series.study.instances) == (2, 4)
    query = Query({"SeriesInstanceUID": uid_from("series", "b")})
    found = filled.instances.instances(query, establishment=HERE)
    assert [one.described.instance_number for one in found] == [1, 2]
    assert found[0].study == series.study
    assert found[0].described.series == series.described
    assert found[0].length_bytes == 7_000_000_000
    assert filled.instances.instances(query, establishment=ELSEWHERE) == []


def test_pages_are_all_there_is_in_one_order(filled: Catalog) -> None:
    instances = filled.instances
    whole = instances.instances(Query(), establishment=None)
    pages = [
        one
        for offset in range(0, 9, 3)
        for one in instances.instances(Query(limit=3, offset=offset), establishment=None)
    ]
    assert pages == whole
    assert len(whole) == 8


def test_what_is_not_published_is_not_there(filled: Catalog) -> None:
    kept(filled, "e", HELOISE, accession="E1")
    kept(filled, "f", HELOISE, accession="A1", modality="DMS")
    assert studies(filled, AccessionNumber="E1") == []
    assert studies(filled, SeriesInstanceUID=uid_from("series", "f")) == []
    (one,) = filled.instances.studies(Query({"AccessionNumber": "A1"}), establishment=HERE)
    assert (one.series, one.instances) == (2, 4)
    assert len(filled.instances.series(Query({"Modality": "DMS"}), establishment=HERE)) == 1


def test_a_corrected_name_is_found(filled: Catalog) -> None:
    correct(filled, replace(HELOISE, name="LEGALL^Héloïse"))
    assert studies(filled, PatientName="legall*") == ["A1"]


@pytest.mark.parametrize(
    "matches",
    [
        {"StudyDate": "2026"},
        {"StudyDate": "20260231"},
        {"StudyTime": "9"},
        {"SeriesNumber": "one"},
        {"SeriesNumber": "99999999999999999999"},
        {"PatientComments": "x"},
    ],
)
def test_a_query_that_means_nothing_is_refused(filled: Catalog, matches: dict[str, str]) -> None:
    with pytest.raises(InvalidQuery):
        filled.instances.series(Query(matches), establishment=HERE)


def test_every_instance_is_of_the_exam_of_its_image(filled: Catalog) -> None:
    found = filled.instances.instances(Query(), establishment=HERE)
    exams = {one.study.exam_id for one in found}
    assert len(exams) == 2
    moved = sa.update(schema.image).where(schema.image.c.id == found[0].image_id)
    moved = moved.values(exam_id=(exams - {found[0].study.exam_id}).pop())
    with filled._database.write() as connection, pytest.raises(sa.exc.IntegrityError):
        connection.execute(moved)


@given(st.text("éàçABc^- =*?'", max_size=20))
def test_a_folded_name_is_folded(name: str) -> None:
    once = folded_name(name)
    assert folded_name(once) == once
    assert once == once.lower()


def test_postgresql_finds_the_same(tmp_path: Path) -> None:
    """Every kind of query, as a region's database answers it."""
    with (
        postgresql() as server,
        empty_database(server, tmp_path) as url,
        Catalog.open(url) as catalog,
    ):
        fill(catalog)
        for matches, expected in MATCHES:
            assert studies(catalog, **matches) == expected, matches
        test_fuzzy_names_are_matched_word_by_word(catalog, "gal hel")
        test_series_and_instances_are_found_with_their_study(catalog)
        test_pages_are_all_there_is_in_one_order(catalog)
        test_today_is_found_by_its_date(catalog)
