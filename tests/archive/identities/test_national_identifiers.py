"""The national identifier (INS): of a qualified identity alone, and gone where it is withdrawn."""

import pytest
import sqlalchemy as sa

from archive.catalog import Catalog
from archive.errors import InvalidIdentity, NotFound
from archive.identities.decisions import Then
from archive.identities.ins import DEMONSTRATION, NIA, Ins, key_of
from archive.identities.schema import Verdict
from archive.identities.stated import Flag, Status
from archive.identity import PatientIdentity
from archive.messages.inbox import Arrived
from tests.archive.conftest import ELSEWHERE, HERE
from tests.archive.identities.saying import (
    INS,
    LUC,
    OTHER_INS,
    ZOE,
    brought,
    number_of,
    qualified,
    said,
    whose,
)


@pytest.mark.parametrize("is_told", [True, False])
def test_an_identifier_leaves_though_the_rest_waits(catalog: Catalog, is_told: bool) -> None:
    """Withdrawn, or not qualified any more, by a message whose traits a person has to look at."""
    image = brought(catalog, "1", {}, "a")
    catalog.identities.state(HERE, qualified("1", ZOE))
    told = said("1", LUC, 5, withdraws_ins=True)
    lost = said("1", {**LUC, "status": Status.PROVISIONAL}, 5)
    done = catalog.identities.state(HERE, told if is_told else lost)
    assert (done.then, done.ins[0]) == (Then.WAIT, Then.REMOVE)
    found = whose(catalog, image)
    assert found is not None
    assert (found.name, found.ins) == ("MARTIN^ZOÉ", None)


def test_another_identifier_that_waits_ends_the_one_that_was(catalog: Catalog) -> None:
    """Of one person, as was decided: the one that is held is not theirs any more."""
    image = brought(catalog, "1", {}, "a")
    catalog.identities.state(HERE, qualified("1", ZOE))
    done = catalog.identities.state(HERE, qualified("1", LUC, OTHER_INS, 5))
    assert (whose(catalog, image) or PatientIdentity("?")).ins == INS.number
    catalog.identities.decide(done.doubt or 0, Verdict.SAME, "me", establishment=HERE)
    found = whose(catalog, image)
    assert found is not None
    assert (found.name, found.ins) == ("PETIT^LUC", None)


@pytest.mark.parametrize("status", [Status.PROVISIONAL, Status.RETRIEVED, Status.VALIDATED])
def test_an_identifier_leaves_with_the_qualification(catalog: Catalog, status: Status) -> None:
    image = brought(catalog, "1", ZOE, "a")
    catalog.identities.state(HERE, qualified("1", ZOE))
    payload = b"MSH|...|" + INS.number.encode()
    arrived = Arrived("GAM", "1", "ADT^A28", payload, payload)
    kept = catalog.inbox.keep(HERE, arrived)
    done = catalog.identities.state(HERE, said("1", {**ZOE, "status": status}, 1))
    assert done.ins[0] is Then.REMOVE
    assert (whose(catalog, image) or PatientIdentity("?")).ins is None
    with pytest.raises(NotFound):
        catalog.inbox.payload(kept.id, establishment=HERE)
    assert INS.number not in everything(catalog)


def test_an_identifier_is_replaced_withdrawn_and_held_by_one(catalog: Catalog) -> None:
    catalog.identities.state(HERE, qualified("1", ZOE))
    assert catalog.identities.state(HERE, qualified("1", ZOE, OTHER_INS, 1)).ins[0] is Then.TAKE
    assert INS.number not in everything(catalog)
    same = catalog.identities.state(HERE, qualified("2", ZOE, OTHER_INS))
    assert same.ins[0] is Then.TAKE_AND_ASK
    other = catalog.identities.state(HERE, qualified("3", LUC, OTHER_INS))
    assert other.ins[0] is Then.LEAVE_AND_ASK
    catalog.identities.decide(same.doubt or 0, Verdict.SAME, "me", establishment=HERE)
    assert number_of(catalog, brought(catalog, "2", ZOE, "a")) == "1"
    gone = catalog.identities.state(HERE, said("1", {}, 3, withdraws_ins=True))
    assert gone.ins[0] is Then.REMOVE


def everything(catalog: Catalog) -> str:
    with catalog._database.read() as connection:
        tables = sa.inspect(connection).get_table_names()
        rows = [connection.execute(sa.text(f"SELECT * FROM {one}")).all() for one in tables]
    return repr(rows)


def test_an_identifier_is_of_a_qualified_identity_alone(catalog: Catalog) -> None:
    for status in (None, Status.PROVISIONAL, Status.RETRIEVED):
        done = catalog.identities.state(HERE, said("1", {**ZOE, "status": status}, ins=INS))
        assert done.ins[0] in {Then.LEAVE, Then.REMOVE}
    assert catalog.identities.state(HERE, said("1", {**ZOE, "status": "VALI"}, ins=INS)).ins[0] is (
        Then.TAKE
    )
    flagged = {**ZOE, "status": Status.QUALIFIED, "flags": [Flag.NAMESAKE]}
    assert catalog.identities.state(HERE, said("2", flagged, ins=INS)).ins[0] is Then.LEAVE


def test_the_key_of_an_identifier() -> None:
    assert key_of("2550814168025") == 38
    assert key_of("2552A14168025") == key_of("2551914168025")
    assert key_of("2552B14168025") == key_of("2551814168025")
    for wrong in ("", "255081416802539", "25508141680253A", "2 5508141680253"):
        with pytest.raises(InvalidIdentity):
            Ins(wrong)
    with pytest.raises(InvalidIdentity):
        Ins(INS.number, "1.2.3")
    assert INS.number not in repr(INS)


def test_the_same_person_elsewhere_is_found_by_identifier_and_traits(catalog: Catalog) -> None:
    here = catalog.identities.state(HERE, qualified("1", ZOE))
    there = catalog.identities.state(ELSEWHERE, qualified("77", ZOE))
    assert catalog.identities.same_person(here.key, establishment=HERE) == ((ELSEWHERE, there.key),)
    catalog.identities.state(ELSEWHERE, qualified("77", {**ZOE, "name": "MARTIN^ANNE"}, minutes=1))
    assert catalog.identities.same_person(here.key, establishment=HERE) == ()
    catalog.identities.state(ELSEWHERE, qualified("77", ZOE, Ins(INS.number, NIA), minutes=2))
    assert catalog.identities.same_person(here.key, establishment=HERE) == ()
    with pytest.raises(NotFound):
        catalog.identities.same_person(there.key, establishment=HERE)
    assert Ins(INS.number, DEMONSTRATION) != INS
