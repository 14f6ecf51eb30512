"""What messages and persons do to identities, and that it is taken back exactly."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from archive.cases.order import Numbered, OrderPlaced, Stay, Visit
from archive.catalog import Catalog
from archive.errors import InvalidIdentity, NotFound, TransitionRefused
from archive.identities.decisions import Then
from archive.identities.ins import DEMONSTRATION, NIA, Ins, key_of
from archive.identities.schema import Act, DoubtKind, Verdict
from archive.identities.stated import Flag, Stated, Status
from archive.identity import PatientIdentity
from archive.messages.inbox import Arrived
from archive.move import Author, Destination
from archive.query import Query
from archive.record import Image, ImageKind, ImageState, ObjectRole
from tests.archive.conftest import ELSEWHERE, HERE, digest
from tests.archive.test_instances import kept
from tests.archive.test_moves import carried_out, publish

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ZOE: dict[str, Any] = {"name": "MARTIN^ZOÉ", "birth_date": date(1970, 1, 31), "sex": "F"}
LUC: dict[str, Any] = {"name": "PETIT^LUC", "birth_date": date(1950, 5, 5), "sex": "M"}
INS = Ins("1700133063001" + f"{key_of('1700133063001'):02}")
OTHER_INS = Ins("2700133063002" + f"{key_of('2700133063002'):02}")


def said(
    number: str, traits: dict[str, Any], minutes: int = 0, ins: Ins | None = None, **more: Any
) -> Stated:
    at = NOON + timedelta(minutes=minutes)
    return Stated(number, "CHU", traits, at, "GAM", ins, **more)


def qualified(
    number: str, traits: dict[str, Any], ins: Ins | None = INS, minutes: int = 0
) -> Stated:
    return said(number, {**traits, "status": Status.QUALIFIED}, minutes, ins)


def brought(
    catalog: Catalog,
    number: str,
    traits: dict[str, Any],
    file: str,
    at: str = HERE,
    **order: str,
) -> Image:
    return catalog.receive(
        establishment=at,
        kind=ImageKind.SLIDE,
        source_sha256=digest(file),
        plan="full",
        patient=PatientIdentity(number, "CHU", **traits),
        **order,
    )


V7 = Visit(Stay.VISIT, Numbered("V7", "CHU"))


def ordered(
    catalog: Catalog, number: str, *visits: Visit, order: str = "O-1", establishment: str = HERE
) -> None:
    """An order of the accession number 26H1, of a patient in a visit."""
    catalog.cases.place(
        OrderPlaced(
            establishment,
            Numbered(order, "LABO"),
            Numbered("26H1", "LABO"),
            PatientIdentity(number, "CHU"),
            NOON,
            visits=visits,
        )
    )


def whose(catalog: Catalog, image: Image, at: str = HERE) -> PatientIdentity | None:
    exam = catalog.exam(image.exam_id, establishment=at, states=tuple(ImageState))
    return exam.patient


def number_of(catalog: Catalog, image: Image) -> str:
    found = whose(catalog, image)
    assert found is not None
    return found.patient_id


def undo_merge(catalog: Catalog, number: str) -> None:
    key = catalog.lesions.patient_key(PatientIdentity(number, "CHU"), establishment=HERE)
    found = catalog.identities.history(key, establishment=HERE)
    (event,) = (one for one in found if one.act is Act.MERGED)
    catalog.identities.undo(event.id, "me", establishment=HERE)


def acts(catalog: Catalog, key: str) -> Sequence[Act]:
    return [one.act for one in catalog.identities.history(key, establishment=HERE)]


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


def test_a_merge_brings_images_together_and_apart_again(catalog: Catalog) -> None:
    one, other = brought(catalog, "1", ZOE, "a"), brought(catalog, "2", ZOE, "b")
    done = catalog.identities.merge(HERE, said("1", ZOE), ("2", "CHU"))
    assert done.then is Then.MERGE
    late = brought(catalog, "2", ZOE, "c")
    assert [number_of(catalog, image) for image in (one, other, late)] == ["1", "1", "1"]
    again = catalog.identities.merge(HERE, said("1", ZOE), ("2", "CHU"))
    assert again.then is Then.IGNORE
    event = next(
        one
        for one in catalog.identities.history(done.key, establishment=HERE)
        if one.act is Act.MERGED
    )
    with pytest.raises(NotFound):
        catalog.identities.undo(event.id, "me", establishment=ELSEWHERE)
    catalog.identities.undo(event.id, "me", establishment=HERE)
    assert [number_of(catalog, image) for image in (one, other, late)] == ["1", "2", "2"]
    with pytest.raises(TransitionRefused):
        catalog.identities.undo(event.id, "me", establishment=HERE)
    assert catalog.identities.merge(HERE, said("1", ZOE), ("2", "CHU")).then is Then.IGNORE


def test_merges_in_a_chain_are_taken_back_in_any_order(catalog: Catalog) -> None:
    images = [brought(catalog, number, ZOE, number) for number in "123"]
    catalog.identities.merge(HERE, said("2", ZOE), ("1", "CHU"))
    done = catalog.identities.merge(HERE, said("3", ZOE, 1), ("2", "CHU"))
    assert [number_of(catalog, image) for image in images] == ["3", "3", "3"]
    key = catalog.lesions.patient_key(PatientIdentity("2", "CHU"), establishment=HERE)
    first, second = sorted(
        (e for e in catalog.identities.history(key, establishment=HERE) if e.act is Act.MERGED),
        key=lambda one: one.id,
    )
    catalog.identities.undo(first.id, "me", establishment=HERE)
    assert [number_of(catalog, image) for image in images] == ["1", "3", "3"]
    catalog.identities.undo(second.id, "me", establishment=HERE)
    assert [number_of(catalog, image) for image in images] == ["1", "2", "3"]
    assert catalog.patient(done.key, establishment=HERE).patient_id == "3"


def test_a_merge_that_comes_the_other_way_round_turns_it(catalog: Catalog) -> None:
    images = [brought(catalog, number, ZOE, number) for number in "12"]
    catalog.identities.merge(HERE, said("1", ZOE, 1), ("2", "CHU"))
    assert catalog.identities.merge(HERE, said("2", ZOE), ("1", "CHU")).then is Then.IGNORE
    done = catalog.identities.merge(HERE, said("2", ZOE, 2), ("1", "CHU"))
    assert done.then is Then.TURN
    assert [number_of(catalog, image) for image in images] == ["2", "2"]
    (event,) = (
        e for e in catalog.identities.history(done.key, establishment=HERE) if e.act is Act.TURNED
    )
    catalog.identities.undo(event.id, "me", establishment=HERE)
    assert [number_of(catalog, image) for image in images] == ["1", "1"]


def test_who_is_merged_before_anything_of_them_comes_is_remembered(catalog: Catalog) -> None:
    catalog.identities.merge(HERE, said("1", ZOE), ("2", "CHU"))
    assert number_of(catalog, brought(catalog, "2", ZOE, "a")) == "1"


@pytest.mark.parametrize("flag", sorted(set(Flag) - {Flag.DUPLICATE}))
def test_flags_stop_a_merge(catalog: Catalog, flag: Flag) -> None:
    catalog.identities.state(HERE, said("2", {**ZOE, "flags": [flag]}))
    done = catalog.identities.merge(HERE, said("1", ZOE), ("2", "CHU"))
    assert done.then is Then.WAIT
    catalog.identities.decide(done.doubt or 0, Verdict.SAME, "me", establishment=HERE)
    assert number_of(catalog, brought(catalog, "2", ZOE, "a")) == "1"


def test_two_national_identifiers_are_not_merged(catalog: Catalog) -> None:
    catalog.identities.state(HERE, qualified("2", LUC, OTHER_INS))
    done = catalog.identities.merge(HERE, qualified("1", ZOE), ("2", "CHU"))
    assert (done.then, done.why) == (Then.WAIT, "two qualified identifiers are two persons")
    catalog.identities.decide(done.doubt or 0, Verdict.DIFFERENT, "me", establishment=HERE)
    assert number_of(catalog, brought(catalog, "2", LUC, "a")) == "2"


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


def test_a_number_is_changed(catalog: Catalog) -> None:
    image = brought(catalog, "1", ZOE, "a")
    done = catalog.identities.merge(HERE, said("9", {}), ("1", "CHU"), renumbers=True)
    assert done.then is Then.MERGE
    assert number_of(catalog, image) == "9"
    assert number_of(catalog, brought(catalog, "1", ZOE, "b")) == "9"


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


@pytest.mark.parametrize("fuzzy", [False, True])
def test_birth_and_used_names_are_both_found(catalog: Catalog, fuzzy: bool) -> None:
    image = kept(catalog, "a", PatientIdentity("1", "CHU", "MARTIN^ZOÉ"))
    catalog.advance(image.id, ImageState.PUBLISHED)
    catalog.identities.state(HERE, said("1", {"name": "MARTIN^ZOÉ", "birth_name": "Lefèvre^Zoé"}))
    for name in ("martin*", "LEFEVRE*"):
        query = Query({"PatientName": name}, fuzzy=fuzzy)
        (found,) = catalog.instances.studies(query, establishment=HERE)
        assert found.exam_id == image.exam_id


def test_images_of_one_order_go_home_to_two_when_their_merge_is_undone(catalog: Catalog) -> None:
    for number in "78":
        catalog.identities.state(HERE, said(number, ZOE))
    catalog.identities.merge(HERE, said("8", ZOE, 1), ("7", "CHU"))

    def came(number: str, file: str) -> Image:
        image = catalog.receive(
            establishment=HERE,
            kind=ImageKind.SLIDE,
            source_sha256=digest(file),
            plan="full",
            patient=PatientIdentity(number, "CHU"),
            accession_number="A1",
        )
        return publish(catalog, image, ObjectRole.LEVEL)

    first, second = came("8", "a"), came("7", "b")
    assert first.exam_id == second.exam_id
    undo_merge(catalog, "8")
    # Until it moved it is under the other patient, where nobody sees it.
    exam = catalog.exam(first.exam_id, establishment=HERE)
    assert [one.id for one in exam.images] == [first.id]
    listed = catalog.exams_of_patient(str(exam.patient_key), establishment=HERE)
    assert [[image.id for image in one.images] for one in listed] == [[first.id]]
    with pytest.raises(NotFound, match="on its way"):
        catalog.image(second.id, establishment=HERE)
    job = catalog.jobs.claim("w", 60, kinds=("move",))
    assert job is not None
    carried_out(catalog, job)
    assert number_of(catalog, catalog.image(first.id, establishment=HERE)) == "8"
    assert number_of(catalog, catalog.image(second.id, establishment=HERE)) == "7"


def test_an_image_moved_to_a_number_that_was_merged_goes_home_with_it(catalog: Catalog) -> None:
    for number in "78":
        catalog.identities.state(HERE, said(number, ZOE))
    catalog.identities.state(HERE, said("9", LUC))
    image = publish(catalog, brought(catalog, "9", LUC, "a"), ObjectRole.LEVEL)
    catalog.identities.merge(HERE, said("8", ZOE, 1), ("7", "CHU"))
    to = Destination(PatientIdentity("7", "CHU"))
    catalog.moves.ask([image.id], to, Author("me"), establishment=HERE)
    job = catalog.jobs.claim("w", 60, kinds=("move",))
    assert job is not None
    carried_out(catalog, job)
    undo_merge(catalog, "8")
    assert number_of(catalog, catalog.image(image.id, establishment=HERE)) == "7"


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
