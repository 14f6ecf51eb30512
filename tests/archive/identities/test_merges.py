"""Two numbers are said to be one person: merged, turned round, and taken apart again."""

from datetime import date

import pytest

from archive.catalog import Catalog
from archive.errors import DifferentPatient, NotFound, TransitionRefused
from archive.identities.decisions import Then
from archive.identities.schema import Act, Verdict
from archive.identities.stated import Flag
from archive.identity import PatientIdentity
from archive.move import Author, Destination
from archive.record import Image, ImageKind, ObjectRole
from tests.archive.conftest import ELSEWHERE, HERE, digest
from tests.archive.identities.saying import (
    LUC,
    OTHER_INS,
    ZOE,
    brought,
    number_of,
    qualified,
    said,
    undo_merge,
)
from tests.archive.test_moves import carried_out, publish


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


def test_a_number_is_changed(catalog: Catalog) -> None:
    image = brought(catalog, "1", ZOE, "a")
    done = catalog.identities.merge(HERE, said("9", {}), ("1", "CHU"), renumbers=True)
    assert done.then is Then.MERGE
    assert number_of(catalog, image) == "9"
    assert number_of(catalog, brought(catalog, "1", ZOE, "b")) == "9"


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


def test_a_merged_number_that_is_given_to_a_third_person_waits(catalog: Catalog) -> None:
    """What is brought under it for them is never shown under who survived."""
    anna = {"name": "AUTRE^ANNA", "birth_date": date(1940, 1, 1), "sex": "F"}
    catalog.identities.state(HERE, said("1", ZOE))
    catalog.identities.merge(HERE, said("2", ZOE, 1), ("1", "CHU"))
    old = brought(catalog, "1", ZOE, "a")
    again = catalog.identities.state(HERE, said("1", {**ZOE, "name": "MARTIN^ZOE"}, 2))
    assert again.then is Then.UPDATE

    outcome = catalog.identities.state(HERE, said("1", anna, 3))
    assert outcome.then is Then.WAIT
    with pytest.raises(DifferentPatient):
        brought(catalog, "1", anna, "b")
    assert outcome.doubt is not None
    catalog.identities.decide(outcome.doubt, Verdict.DIFFERENT, "me", establishment=HERE)
    new = brought(catalog, "1", anna, "b")
    assert (number_of(catalog, old), number_of(catalog, new)) == ("2", "1")
