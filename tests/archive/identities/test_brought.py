"""A file that is brought says whose it is, and is not archived under somebody else's number."""

from datetime import date
from typing import Any

import pytest

from archive.catalog import Catalog
from archive.errors import DifferentPatient
from archive.identities.schema import Verdict
from tests.archive.conftest import HERE
from tests.archive.identities.saying import LUC, ZOE, brought, number_of, said


@pytest.mark.parametrize(
    ("traits", "is_taken"),
    [
        ({}, True),
        (ZOE, True),
        ({"name": "MARTIN^Zoe"}, True),
        ({"name": "DURAND^ZOÉ", "sex": "F"}, True),
        (LUC, False),
        ({"name": "PETIT^LUC"}, False),
        ({"birth_date": date(1970, 1, 30)}, False),
        ({**ZOE, "sex": "M"}, False),
    ],
)
def test_a_number_that_was_mistyped_archives_nothing_under_its_patient(
    catalog: Catalog, traits: dict[str, Any], is_taken: bool
) -> None:
    key = catalog.identities.state(HERE, said("1", ZOE)).key
    if is_taken:
        assert number_of(catalog, brought(catalog, "1", traits, "a")) == "1"
        return
    with pytest.raises(DifferentPatient) as refused:
        brought(catalog, "1", traits, "a")
    assert "PETIT" not in str(refused.value)
    assert catalog.exams_of_patient(key, establishment=HERE) == ()


def test_a_file_that_came_already_is_found_whoever_its_patient_is_by_now(catalog: Catalog) -> None:
    image = brought(catalog, "1", LUC, "a")
    asked = catalog.identities.state(HERE, said("1", ZOE))
    catalog.identities.decide(asked.doubt or 0, Verdict.SAME, "me", establishment=HERE)
    assert brought(catalog, "1", LUC, "a").id == image.id


def test_what_is_known_of_whom_a_number_was_merged_into_counts_as_well(catalog: Catalog) -> None:
    catalog.identities.state(HERE, said("1", LUC))
    catalog.identities.state(HERE, said("2", ZOE))
    assert catalog.identities.merge(HERE, said("1", LUC, 1), ("2", "CHU")).then == "merge"
    for traits, file in ((LUC, "a"), (ZOE, "b")):
        assert number_of(catalog, brought(catalog, "2", traits, file)) == "1"
