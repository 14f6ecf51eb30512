"""What is to be read: unread, urgent, mine; taken by one, read as it was, and unread again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from archive.cases.day import Announced
from archive.cases.order import Numbered, Priority
from archive.catalog import Catalog
from archive.errors import NotFound, TransitionRefused
from archive.identity import PatientIdentity
from archive.record import Image, ImageKind
from archive.reports.report import ReportStatus
from archive.reports.said import ReportSaid
from archive.reports.schema import report
from archive.worklist.item import Counts, Item, News, Reader, Wanted, Which
from tests.archive.cases.conftest import LABORATORY, label, order, scanned
from tests.archive.conftest import ELSEWHERE, HERE, digest

ANNE, BRUNO = Reader("anne", HERE), Reader("bruno", HERE)
SINCE = datetime.now(UTC) - timedelta(days=30)
ELODIE = PatientIdentity("1", "NORD", "ESSAI^Élodie")
OTHER = PatientIdentity("2", "NORD", "MODÈLE^Bruno")


def slide(
    catalog: Catalog,
    patient: PatientIdentity = ELODIE,
    name: str = "s",
    number: str = "N1",
    establishment: str = HERE,
) -> Image:
    return catalog.receive(
        establishment=establishment,
        kind=ImageKind.SLIDE,
        source_sha256=digest(name),
        plan="full",
        patient=patient,
        accession_number=number,
        issuer="LABO",
    )


def listed(
    catalog: Catalog, which: Which = Which.UNREAD, reader: Reader = ANNE, text: str = ""
) -> list[str]:
    wanted = Wanted(SINCE, which, words=tuple(text.split()))
    return [one.exam_id for one in catalog.worklist.page(wanted, reader)[0]]


def item(catalog: Catalog, image: Image, reader: Reader = ANNE) -> Item:
    return catalog.worklist.item(image.exam_id, reader)


def test_what_was_read_is_unread_again_once_something_comes_and_says_why(catalog: Catalog) -> None:
    image = slide(catalog)
    first = item(catalog, image)
    assert (first.news, first.slides, first.read) == ((News.FIRST,), 1, None)
    done = catalog.worklist.mark_read(image.exam_id, first.version, ANNE)
    assert done.news == ()
    assert done.read is not None
    assert (done.read.by, done.read.version, done.taken_by) == ("anne", first.version, "anne")
    assert listed(catalog) == []
    assert listed(catalog, Which.ALL) == [image.exam_id]
    slide(catalog, name="more")
    again = item(catalog, image)
    assert again.news == (News.SLIDE,)
    assert listed(catalog, Which.MINE) == [image.exam_id]
    # What was looked at is not what is there.
    with pytest.raises(TransitionRefused):
        catalog.worklist.mark_read(image.exam_id, first.version, ANNE)
    assert catalog.worklist.mark_read(image.exam_id, again.version, BRUNO).news == ()
    back = catalog.worklist.mark_unread(image.exam_id, BRUNO)
    assert (back.news, back.read) == ((News.FIRST,), None)


def test_a_slide_that_was_scanned_again_is_news_of_its_own(catalog: Catalog) -> None:
    catalog.cases.declare({HERE: LABORATORY})
    case = catalog.cases.place(order(reader="anne"))
    image = scanned(catalog, label("A1-1"), "one")
    seen = item(catalog, image)
    assert (seen.case_id, seen.priority, seen.is_mine) == (case, Priority.ROUTINE, True)
    assert not item(catalog, image, BRUNO).is_mine
    catalog.worklist.mark_read(image.exam_id, seen.version, BRUNO)
    scanned(catalog, label("A1-1"), "again")
    assert item(catalog, image).news == (News.RESCAN,)
    # As the case counts them.
    assert item(catalog, image).slides == 1
    scanned(catalog, label("A1-2"), "another")
    assert item(catalog, image).news == (News.SLIDE, News.RESCAN)
    assert item(catalog, image).slides == 2


def test_frozen_sections_and_what_waits_longest_come_first(catalog: Catalog) -> None:
    catalog.cases.declare({HERE: LABORATORY})
    routine = slide(catalog, OTHER, "old", "N9")
    newer = slide(catalog, OTHER, "new", "N8")
    catalog.cases.place(order(number="26H00001", priority=Priority.URGENT))
    catalog.cases.place(order(number="26H00002", priority=Priority.FROZEN))
    catalog.cases.place(order(number="26H00003", priority=Priority.FROZEN, is_cancelled=True))
    urgent = scanned(catalog, label("A1-1", "26H00001"))
    frozen = scanned(catalog, label("A1-1", "26H00002"))
    in_order = [frozen.exam_id, urgent.exam_id, routine.exam_id, newer.exam_id]
    assert listed(catalog) == in_order
    assert listed(catalog, Which.URGENT) == in_order[:2]
    catalog.worklist.mark_read(frozen.exam_id, item(catalog, frozen).version, ANNE)
    assert listed(catalog, Which.ALL) == [*in_order[1:], frozen.exam_id]
    catalog.worklist.take(newer.exam_id, ANNE)
    _, counts = catalog.worklist.page(Wanted(SINCE), ANNE)
    assert (counts.unread, counts.urgent, counts.mine, counts.all) == (3, 1, 1, 4)
    page = [
        one.exam_id
        for at in (0, 1, 2)
        for one in catalog.worklist.page(Wanted(SINCE, limit=1, offset=at), ANNE)[0]
    ]
    assert page == in_order[1:]
    photos = Wanted(SINCE, kind=ImageKind.PHOTO)
    assert catalog.worklist.page(photos, ANNE) == ((), counts)


def test_what_is_counted_and_chosen_is_what_each_exam_says_of_itself(catalog: Catalog) -> None:
    catalog.cases.declare({HERE: LABORATORY})
    priorities = (Priority.ROUTINE, Priority.URGENT, Priority.FROZEN)
    for at in range(24):
        number = f"26H{at:05}"
        ordered = order(
            number=number, priority=priorities[at % 3], reader="anne" if at % 4 else "bruno"
        )
        catalog.cases.place(ordered)
        image = scanned(catalog, label("A1-1", number))
        if at % 5 == 0:
            catalog.worklist.take(image.exam_id, BRUNO)
        if at % 2:
            catalog.worklist.mark_read(image.exam_id, item(catalog, image).version, ANNE)
        if at % 8 == 3:
            scanned(catalog, label("A1-1", number), f"again {at}")
    every, counts = catalog.worklist.page(Wanted(SINCE, Which.ALL), ANNE)
    unread = {one.exam_id for one in every if one.news}
    urgent = {one.exam_id for one in every if one.priority.urgency}
    mine = {one.exam_id for one in every if one.is_mine}
    said = {
        Which.ALL: {one.exam_id for one in every},
        Which.UNREAD: unread,
        Which.URGENT: unread & urgent,
        Which.MINE: unread & mine,
    }
    assert {one: set(listed(catalog, one)) for one in Which} == said
    assert counts == Counts(**{one: len(said[one]) for one in Which})
    assert (len(every), 0 < len(said[Which.MINE]) < len(unread) < 24) == (24, True)


@pytest.mark.parametrize(
    ("text", "found"),
    [("elodie essai", True), ("ÉLO", True), ("n1", True), ("modele", False), ("elodie 7", False)],
)
def test_it_is_searched_without_accents(catalog: Catalog, text: str, found: bool) -> None:
    image = slide(catalog)
    slide(catalog, OTHER, "other", "A2")
    assert (image.exam_id in listed(catalog, text=text)) == found
    assert listed(catalog, text="%") == []


def test_each_house_has_its_own_list(catalog: Catalog) -> None:
    here, there = slide(catalog), slide(catalog, name="there", establishment=ELSEWHERE)
    assert listed(catalog) == [here.exam_id]
    assert listed(catalog, reader=Reader("anne", ELSEWHERE)) == [there.exam_id]
    assert set(listed(catalog, reader=Reader("op", None))) == {here.exam_id, there.exam_id}
    version = item(catalog, there, Reader("op", None)).version
    works = catalog.worklist
    for act in (works.item, works.take, works.release, works.mark_unread):
        with pytest.raises(NotFound):
            act(there.exam_id, ANNE)
    with pytest.raises(NotFound):
        works.mark_read(there.exam_id, version, ANNE)


def test_of_many_who_take_one_exam_at_once_one_has_it(catalog: Catalog) -> None:
    exam = slide(catalog).exam_id

    def take(number: int) -> str | None:
        try:
            return catalog.worklist.take(exam, Reader(f"r{number}", HERE)).taken_by
        except TransitionRefused:
            return None

    with ThreadPoolExecutor(8) as several:
        taken = [one for one in several.map(take, range(16)) if one]
    assert len(taken) == 1
    has = Reader(taken[0], HERE)
    assert catalog.worklist.take(exam, has).is_mine
    with pytest.raises(TransitionRefused):
        catalog.worklist.release(exam, ANNE)
    assert catalog.worklist.take(exam, ANNE, over=True).taken_by == "anne"
    assert catalog.worklist.release(exam, ANNE).taken_by is None


def test_a_page_takes_as_many_queries_for_one_exam_as_for_many(
    catalog: Catalog, counted: list[str]
) -> None:
    asked = []
    for number in range(20):
        slide(catalog, name=f"s{number}", number=f"N{number}")
        if number in {0, 19}:
            counted.clear()
            assert len(listed(catalog)) == number + 1
            asked.append(len([one for one in counted if one.startswith(("SELECT", "WITH"))]))
    assert asked[0] == asked[1] == 3


def test_so_do_the_list_of_cases_and_the_day(catalog: Catalog, counted: list[str]) -> None:
    asked = []
    for number in range(12):
        whom = PatientIdentity(f"{number}", "NORD", f"ESSAI^N{number}")
        slide(catalog, whom, f"s{number}", f"26H{number:05}")
        catalog.cases.place(order(number=f"26H{number:05}", patient=whom))
        visit = Announced(HERE, Numbered(f"R{number}"), whom, SINCE, SINCE)
        catalog.cases.day.announce(visit)
        if number in {0, 11}:
            counted.clear()
            since = datetime(2026, 1, 1, tzinfo=UTC)
            cases = catalog.cases.list_cases(establishment=HERE, since=since)
            assert [len(one.patients) for one in cases] == [1] * (number + 1)
            day = catalog.cases.day.between(SINCE, SINCE + timedelta(days=1), establishment=HERE)
            assert [one.patient.name for one in day] == [f"ESSAI^N{n}" for n in range(number + 1)]
            assert all(one.key for one in day)
            asked.append(len([one for one in counted if one.startswith("SELECT")]))
    assert asked[0] == asked[1]


def test_a_report_is_news_and_its_versions_are_one_report(catalog: Catalog) -> None:
    image = slide(catalog)
    for number, status, count in (
        ("R1", ReportStatus.PRELIMINARY, 1),
        ("R1", ReportStatus.FINAL, 1),
        ("R2", ReportStatus.FINAL, 2),
    ):
        catalog.worklist.mark_read(image.exam_id, item(catalog, image).version, ANNE)
        catalog.reports.keep(
            ReportSaid(
                HERE,
                Numbered(number, "LABO"),
                ELODIE,
                status,
                datetime.now(UTC),
                accession=Numbered("N1", "LABO"),
            )
        )
        found = item(catalog, image)
        assert (found.news, found.reports) == ((News.REPORT,), count)


def test_a_report_that_went_to_another_exam_is_news_there(catalog: Catalog) -> None:
    first, second = slide(catalog), slide(catalog, name="t", number="N2")
    catalog.reports.keep(
        ReportSaid(
            HERE,
            Numbered("R1", "LABO"),
            ELODIE,
            ReportStatus.FINAL,
            datetime.now(UTC),
            accession=Numbered("N1", "LABO"),
        )
    )
    for one in (first, second):
        catalog.worklist.mark_read(one.exam_id, item(catalog, one).version, ANNE)
    with catalog.worklist._database.write() as connection:
        connection.execute(sa.update(report).values(exam_id=second.exam_id))
    assert item(catalog, first).news == ()
    assert item(catalog, second).news == (News.REPORT,)
