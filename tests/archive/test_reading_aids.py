"""Comparisons, scales and biopsies: whose they are is kept by the database itself."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from archive import asked as questions
from archive.catalog import Catalog
from archive.database import Database
from archive.errors import InvalidCapture, NotFound
from archive.lesion import Lesion, Photograph
from archive.lesion_schema import biopsy, comparison
from archive.measure import Segment
from archive.proposals import Proposal
from archive.reading_aids import Comparison, RulerReading
from archive.record import Image, ImageState, ObjectRole
from tests.archive.conftest import ELSEWHERE, HERE, stored
from tests.archive.test_lesions import ANNE, BRUNO, CLOSE_UP, lesion, photo

MATRIX = [[1.0, 0.0, 3.0], [0.0, 1.0, -2.0], [0.0, 0.0, 1.0]]


def shown(catalog: Catalog, name: str, of: Lesion, *, published: bool = True) -> Image:
    image = photo(catalog, name)
    catalog.photographs.state(Photograph(image.id, CLOSE_UP, of.id), establishment=HERE)
    if published:
        catalog.advance(image.id, ImageState.OPENED)
        catalog.advance(image.id, ImageState.BUILT, add_objects=[stored(ObjectRole.PHOTO)])
        catalog.advance(image.id, ImageState.PUBLISHED)
    return image


def test_a_comparison_is_asked_once_and_answered(catalog: Catalog) -> None:
    of = lesion(catalog)
    one, other = (shown(catalog, name, of) for name in ("one", "other"))
    aids = catalog.aids
    asked = aids.ask_comparison(of.id, one.id, other.id, establishment=HERE)
    assert asked == Comparison(one.id, other.id)
    assert asked is not None
    assert not asked.is_done
    assert aids.ask_comparison(of.id, one.id, other.id, establishment=HERE) == asked
    assert aids.waiting_comparisons(other.id) == (asked,)
    assert aids.waiting_comparisons(one.id) == ()
    found = Comparison(one.id, other.id, "1", MATRIX, "similarity", 0.7)
    aids.keep_comparison(found)
    assert aids.ask_comparison(of.id, one.id, other.id, establishment=HERE) == found
    assert aids.waiting_comparisons(other.id) == ()


def test_one_establishment_does_not_fill_the_queue(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "WAITING_AT_ONCE", 2)
    of, aids = lesion(catalog), catalog.aids
    named = [shown(catalog, name, of).id for name in ("one", "two", "three")]
    pairs = [(a, b) for a in named for b in named if a != b]
    asked = [aids.ask_comparison(of.id, *pair, establishment=HERE) for pair in pairs]
    assert asked == [Comparison(*pairs[0]), Comparison(*pairs[1]), *4 * [None]]
    rulers = [aids.ask_ruler(one, establishment=HERE) for one in named]
    assert rulers == [RulerReading(named[0]), RulerReading(named[1]), None]
    # What waits already goes on, and makes room once it is answered, or was given up.
    aids.keep_comparison(Comparison(*pairs[0], version="1", reason="no-detail"))
    assert aids.ask_comparison(of.id, *pairs[2], establishment=HERE) is not None
    assert aids.ask_comparison(of.id, *pairs[3], establishment=HERE) is None
    monkeypatch.setattr(questions, "WAITING_S", 0.0)
    assert aids.ask_comparison(of.id, *pairs[3], establishment=HERE) is not None


def test_only_published_photographs_of_the_lesion_are_compared(catalog: Catalog) -> None:
    of, another = lesion(catalog), lesion(catalog)
    one, other = (shown(catalog, name, of) for name in ("one", "other"))
    theirs = shown(catalog, "of another", another)
    waiting = shown(catalog, "on its way", of, published=False)
    for first, second in (
        (one, theirs),
        (one, waiting),
        (one, one),
    ):
        with pytest.raises(NotFound):
            catalog.aids.ask_comparison(of.id, first.id, second.id, establishment=HERE)
    with pytest.raises(NotFound):
        catalog.aids.ask_comparison(of.id, one.id, other.id, establishment=ELSEWHERE)


def test_the_database_compares_nothing_but_one_lesion(catalog: Catalog, url: str) -> None:
    of, another = lesion(catalog), lesion(catalog)
    one, theirs = shown(catalog, "one", of), shown(catalog, "of another", another)
    row = {"first_id": one.id, "second_id": theirs.id, "lesion_id": of.id}
    database = Database.open(url)
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(sa.insert(comparison).values(**row, asked_at=datetime.now(UTC)))
    database.close()


def test_a_measure_needs_a_scale(catalog: Catalog) -> None:
    image = shown(catalog, "one", lesion(catalog))
    aids, segment = catalog.aids, Segment((0, 0), (100, 0))
    assert aids.ask_ruler(image.id, establishment=HERE) == RulerReading(image.id)
    with pytest.raises(InvalidCapture):
        aids.measure(image.id, segment, establishment=HERE)
    read = RulerReading(image.id, "1", 0.05, 0.0001, 12.0, 40)
    aids.keep_ruler(read)
    assert aids.ask_ruler(image.id, establishment=HERE) == read
    made = aids.measure(image.id, segment, establishment=HERE)
    assert made.length.mm == pytest.approx(5)
    assert made.scale == "ruler 1"
    assert aids.measures([image.id]) == (made,)
    for ask in (
        lambda: aids.ask_ruler(image.id, establishment=ELSEWHERE),
        lambda: aids.spacing(image.id, establishment=ELSEWHERE),
        lambda: aids.measure(image.id, segment, establishment=ELSEWHERE),
        lambda: aids.forget_measure(image.id, made.id, establishment=ELSEWHERE),
    ):
        with pytest.raises(NotFound):
            ask()
    aids.forget_measure(image.id, made.id, establishment=HERE)
    assert aids.measures([image.id]) == ()


def test_a_proposal_is_kept_as_it_is_or_as_somebody_moved_it(catalog: Catalog) -> None:
    image = shown(catalog, "one", lesion(catalog))
    aids, proposals = catalog.aids, catalog.proposals
    aids.keep_ruler(RulerReading(image.id, "1", 0.05, 0.0001, 12.0, 40))
    assert proposals.ask(image.id, establishment=HERE) == Proposal(image.id)
    with pytest.raises(NotFound):
        proposals.ask(image.id, establishment=ELSEWHERE)
    ends = Segment((10.25, 20.5), (110.25, 20.5), 2.0)
    found = Proposal(image.id, "1", ends)
    proposals.keep(found)
    assert proposals.ask(image.id, establishment=HERE) == found
    kept = aids.measure(image.id, ends, establishment=HERE)
    assert kept.length.mm == pytest.approx(5)
    assert kept.proposed_by == "1"
    by_hand = aids.measure(image.id, Segment((10.25, 20.5), (112, 20.5), 2.0), establishment=HERE)
    assert by_hand.proposed_by is None
    assert [one.proposed_by for one in aids.measures([image.id])] == ["1", None]
    without = shown(catalog, "another", lesion(catalog))
    proposals.ask(without.id, establishment=HERE)
    refused = Proposal(without.id, "1", reason="several")
    proposals.keep(refused)
    assert proposals.ask(without.id, establishment=HERE) == refused


def test_the_database_links_no_other_patients_biopsy(catalog: Catalog, url: str) -> None:
    of, theirs = lesion(catalog), lesion(catalog, BRUNO)
    mine = photo(catalog, "mine", ANNE)
    other = photo(catalog, "other", BRUNO)
    rows = sa.select(sa.table("exam", sa.column("id"), sa.column("patient_row")))
    database = Database.open(url)
    with database.read() as connection:
        patient_of = {row.id: row.patient_row for row in connection.execute(rows)}
    for lesion_id, exam, whose in (
        (of.id, other.exam_id, patient_of[other.exam_id]),
        (of.id, other.exam_id, patient_of[mine.exam_id]),
        (theirs.id, mine.exam_id, patient_of[mine.exam_id]),
    ):
        link = {"lesion_id": lesion_id, "exam_id": exam, "patient_row": whose}
        with pytest.raises(IntegrityError), database.write() as connection:
            connection.execute(sa.insert(biopsy).values(**link, recorded_at=datetime.now(UTC)))
    database.close()
