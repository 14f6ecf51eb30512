"""By what archives are asked for a patient: all numbers, who else has them, and what is flagged."""

import pytest
import sqlalchemy as sa

from archive.catalog import Catalog
from archive.identities.changes import put_state
from archive.identities.schema import merged
from archive.identities.stated import Flag, person_of
from archive.identity import PatientIdentity
from tests.archive.conftest import HERE
from tests.archive.identities.saying import LUC, ZOE, said


@pytest.mark.parametrize(("flag", "is_flagged"), [(Flag.DUPLICATE, False), (Flag.COLLISION, True)])
def test_a_duplicate_that_was_merged_is_no_flag_any_more(
    catalog: Catalog, flag: Flag, is_flagged: bool
) -> None:
    key = catalog.identities.state(HERE, said("1", ZOE)).key
    catalog.identities.state(HERE, said("9", ZOE))
    catalog.identities.merge(HERE, said("1", {}, 5), ("9", "CHU"))
    with catalog._database.write() as connection:
        (number,) = connection.scalars(sa.select(merged.c.whom)).all()
        put_state(connection, number, {"flags": [flag]})
    asked = catalog.timelines.patient_asked(key, establishment=HERE)
    assert [one.patient_id for one in asked.numbers] == ["1", "9"]
    assert asked.is_flagged is is_flagged


def test_who_is_flagged_now_is_flagged(catalog: Catalog) -> None:
    key = catalog.identities.state(HERE, said("1", {**ZOE, "flags": [Flag.DUPLICATE]})).key
    assert catalog.timelines.patient_asked(key, establishment=HERE).is_flagged


def test_a_newcomer_rivals_whoever_has_the_number_and_is_another_person(catalog: Catalog) -> None:
    catalog.identities.state(HERE, said("1", LUC))
    new = PatientIdentity("1", "LABO", **ZOE)
    asked = catalog.timelines.newcomer_asked(new, establishment=HERE)
    assert asked.rivals == (("1", person_of(LUC)),)
    again = PatientIdentity("1", "", **LUC)
    assert catalog.timelines.newcomer_asked(again, establishment=HERE).rivals == ()
