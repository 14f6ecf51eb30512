"""What messages and persons do to identities, and that it is taken back exactly."""

from datetime import date

import pytest
import sqlalchemy as sa

from archive.cases.order import Numbered, Stay, Visit
from archive.catalog import Catalog
from archive.errors import NotFound, TransitionRefused
from archive.identities.decisions import Then
from archive.identities.schema import Act, DoubtKind, Verdict
from archive.identity import PatientIdentity
from archive.query import Query
from archive.record import ImageState
from tests.archive.conftest import ELSEWHERE, HERE
from tests.archive.identities.saying import (
    INS,
    LUC,
    V7,
    ZOE,
    acts,
    brought,
    number_of,
    ordered,
    qualified,
    said,
    whose,
)
from tests.archive.test_instances import kept


def test_what_is_stated_becomes_what_is_known(catalog: Catalog) -> None:
    image = brought(catalog, "1", {"name": "MARTIN^ZOÉ"}, "a")
    done = catalog.identities.state(HERE, qualified("1", {**ZOE, "birth_name": "DURAND^ZOÉ"}))
    assert (done.then, done.ins[0]) == (Then.UPDATE, Then.TAKE)
    found = whose(catalog, image)
    assert found == PatientIdentity(
        "1",
        "CHU",
        "MARTIN^ZOÉ",
        date(1970, 1, 31),
        "F",
        "DURAND^ZOÉ",
        None,
        INS.number,
        INS.authority,
    )
    catalog.identities.state(HERE, said("1", {"name": "MARTIN^ZOÉ LÉA"}, 5))
    assert acts(catalog, done.key) == [Act.UPDATED, Act.INS_TAKEN, Act.UPDATED]
    before = catalog.identities.state(HERE, said("1", {"name": "OLD^NAME"}, 1))
    assert before.then is Then.IGNORE
    assert (whose(catalog, image) or PatientIdentity("?")).name == "MARTIN^ZOÉ LÉA"


def test_two_questions_answered_late_end_as_the_newest_statement_says(catalog: Catalog) -> None:
    """The older one was asked too: answered last, it does not become what is known."""
    image = brought(catalog, "1", LUC, "a")
    newer = catalog.identities.state(HERE, said("1", {"name": "NEWER^ZOÉ"}, 2))
    older = catalog.identities.state(HERE, said("1", {"name": "OLDER^ZOÉ"}, 1))
    for one in (newer, older):
        catalog.identities.decide(one.doubt or 0, Verdict.SAME, "me", establishment=HERE)
    assert (whose(catalog, image) or PatientIdentity("?")).name == "NEWER^ZOÉ"
    assert catalog.identities.doubts(establishment=HERE) == ()


def test_a_number_that_changed_hands_is_not_given_away_twice(catalog: Catalog) -> None:
    """Two questions of one number: once it is somebody else's, the other one is about them."""
    image = brought(catalog, "1", LUC, "a")
    first = catalog.identities.state(HERE, said("1", {"name": "MARTIN^ZOÉ"}, 1))
    second = catalog.identities.state(HERE, said("1", ZOE, 2))
    catalog.identities.decide(first.doubt or 0, Verdict.DIFFERENT, "me", establishment=HERE)
    catalog.identities.decide(second.doubt or 0, Verdict.DIFFERENT, "me", establishment=HERE)
    found, late = whose(catalog, image), whose(catalog, brought(catalog, "1", ZOE, "b"))
    assert found is not None
    assert late is not None
    assert (found.issuer, found.name) == ("Sans Verre", "PETIT^LUC")
    assert (late.patient_id, late.birth_date) == ("1", ZOE["birth_date"])


def test_same_person_after_the_number_changed_hands_asks_for_a_merge(catalog: Catalog) -> None:
    image = brought(catalog, "1", LUC, "a")
    first = catalog.identities.state(HERE, said("1", {"name": "MARTIN^ZOÉ"}, 1))
    second = catalog.identities.state(HERE, said("1", ZOE, 2))
    catalog.identities.decide(first.doubt or 0, Verdict.DIFFERENT, "me", establishment=HERE)
    catalog.identities.decide(second.doubt or 0, Verdict.SAME, "me", establishment=HERE)
    assert (whose(catalog, image) or PatientIdentity("?")).name == "PETIT^LUC"
    (asked,) = catalog.identities.doubts(establishment=HERE)
    assert (asked.kind, asked.known.traits["patient_id"]) == (DoubtKind.MERGE, "1")
    catalog.identities.decide(asked.id, Verdict.SAME, "me", establishment=HERE)
    assert number_of(catalog, image) == "1"


def test_who_was_brought_as_somebody_else_waits_for_a_person(catalog: Catalog) -> None:
    image = brought(catalog, "1", LUC, "a")
    done = catalog.identities.state(HERE, said("1", ZOE))
    assert done.then is Then.WAIT
    (doubt,) = catalog.identities.doubts(establishment=HERE)
    assert (doubt.id, doubt.kind, doubt.known.exams) == (done.doubt, DoubtKind.CONFLICT, 1)
    assert (doubt.known.traits["name"], doubt.other.traits["name"]) == ("PETIT^LUC", "MARTIN^ZOÉ")
    assert catalog.identities.doubts(establishment=ELSEWHERE) == ()
    with pytest.raises(NotFound):
        catalog.identities.doubt(doubt.id, establishment=ELSEWHERE)
    assert catalog.identities.state(HERE, said("1", ZOE)).doubt == doubt.id
    later = catalog.identities.decide(doubt.id, None, "me", establishment=HERE)
    assert (later.verdict, later.looked_at is None) == (None, False)
    catalog.identities.decide(doubt.id, Verdict.DIFFERENT, "me", establishment=HERE)
    found = whose(catalog, image)
    assert found is not None
    assert (found.issuer, found.name) == ("Sans Verre", "PETIT^LUC")
    late = brought(catalog, "1", ZOE, "b")
    assert (whose(catalog, late) or found).name == "MARTIN^ZOÉ"
    with pytest.raises(TransitionRefused):
        catalog.identities.decide(doubt.id, Verdict.SAME, "me", establishment=HERE)


def test_a_conflict_that_is_none_is_taken(catalog: Catalog) -> None:
    image = brought(catalog, "1", LUC, "a")
    done = catalog.identities.state(HERE, said("1", ZOE))
    catalog.identities.decide(done.doubt or 0, Verdict.SAME, "me", establishment=HERE)
    assert (whose(catalog, image) or PatientIdentity("?")).name == "MARTIN^ZOÉ"
    (event,) = catalog.identities.history(done.key, establishment=HERE)
    catalog.identities.undo(event.id, "me", establishment=HERE)
    assert whose(catalog, image) == PatientIdentity("1", "CHU", **LUC)


def test_a_visit_goes_to_another_patient_and_back(catalog: Catalog) -> None:
    mine = brought(catalog, "1", ZOE, "a", accession_number="26H1", issuer="LABO")
    stays = brought(catalog, "1", ZOE, "b")
    to = said("2", LUC)
    asked = catalog.identities.move_visit(HERE, to, ("1", "CHU"), [V7])
    assert asked.then is Then.WAIT
    ordered(catalog, "1", V7)
    ordered(catalog, "1", V7, establishment=ELSEWHERE)
    for other in (
        Visit(Stay.ACCOUNT, V7.named),
        Visit(Stay.VISIT, Numbered("V8", "CHU")),
        Visit(Stay.VISIT, Numbered("V7", "LABO")),
    ):
        assert catalog.identities.move_visit(HERE, to, ("1", "CHU"), [other]).then is Then.WAIT
    bare = [Visit(Stay.VISIT, Numbered("V7"))]
    done = catalog.identities.move_visit(HERE, to, ("1", "CHU"), bare)
    assert done.then is Then.UPDATE
    assert [number_of(catalog, one) for one in (mine, stays)] == ["2", "1"]
    assert catalog.identities.move_visit(HERE, to, ("1", "CHU"), [V7]).then is Then.IGNORE
    event = catalog.identities.history(done.key, establishment=HERE)[0]
    catalog.identities.undo(event.id, "me", establishment=HERE)
    assert [number_of(catalog, one) for one in (mine, stays)] == ["1", "1"]


@pytest.mark.parametrize("fuzzy", [False, True])
def test_birth_and_used_names_are_both_found(catalog: Catalog, fuzzy: bool) -> None:
    image = kept(catalog, "a", PatientIdentity("1", "CHU", "MARTIN^ZOÉ"))
    catalog.advance(image.id, ImageState.PUBLISHED)
    catalog.identities.state(HERE, said("1", {"name": "MARTIN^ZOÉ", "birth_name": "Lefèvre^Zoé"}))
    for name in ("martin*", "LEFEVRE*"):
        query = Query({"PatientName": name}, fuzzy=fuzzy)
        (found,) = catalog.instances.studies(query, establishment=HERE)
        assert found.exam_id == image.exam_id


def test_what_was_ordered_in_two_visits_does_not_go_with_one(catalog: Catalog) -> None:
    image = brought(catalog, "1", ZOE, "a", accession_number="26H1", issuer="LABO")
    ordered(catalog, "1", V7)
    ordered(catalog, "1", order="O-2")
    done = catalog.identities.move_visit(HERE, said("2", LUC), ("1", "CHU"), [V7])
    assert (done.then, done.why) == (Then.WAIT, "an exam of it was ordered in another visit too")
    assert number_of(catalog, image) == "1"


def test_a_visit_that_came_back_is_not_taken_away_by_an_older_message(catalog: Catalog) -> None:
    image = brought(catalog, "1", ZOE, "a", accession_number="26H1", issuer="LABO")
    ordered(catalog, "1", V7)
    catalog.identities.move_visit(HERE, said("2", LUC, 1), ("1", "CHU"), [V7])
    catalog.identities.move_visit(HERE, said("1", ZOE, 9), ("2", "CHU"), [V7])
    assert number_of(catalog, image) == "1"
    again = catalog.identities.move_visit(HERE, said("2", LUC, 1), ("1", "CHU"), [V7])
    assert (again.then, number_of(catalog, image)) == (Then.IGNORE, "1")


def test_many_questions_are_read_in_as_many_queries_as_one(catalog: Catalog) -> None:
    asked: list[str] = []
    taken = set()

    def note(_: object, __: object, statement: str, *___: object) -> None:
        asked.append(statement)

    engine = catalog._database._engine
    sa.event.listen(engine, "before_cursor_execute", note)
    for count, number in enumerate("123", 1):
        brought(catalog, number, LUC, number)
        catalog.identities.state(HERE, said(number, ZOE))
        asked.clear()
        found = catalog.identities.doubts(establishment=HERE)
        taken.add(len(asked))
        assert [one.known.exams for one in found] == [1] * count
    sa.event.remove(engine, "before_cursor_execute", note)
    assert len(taken) == 1
