"""A slide that was scanned again is one slide, by its latest scan that was accepted."""

from archive.catalog import Catalog
from archive.record import Image, ImageState
from tests.archive.cases.conftest import LABORATORY, label, order, read, scanned
from tests.archive.conftest import HERE, refuse
from tests.archive.test_lesions import ANNE


def older(catalog: Catalog, *images: Image) -> set[str]:
    """Which are older scans in the exams of these images."""
    ids = {one.exam_id for one in images}
    exams = [catalog.exam(one, establishment=HERE, states=(*ImageState,)) for one in ids]
    return set(catalog.cases.older_scans(exams))


def test_all_scans_but_the_one_that_the_case_shows_first_are_older(catalog: Catalog) -> None:
    catalog.cases.declare({HERE: LABORATORY})
    case = catalog.cases.place(order())
    late = scanned(catalog, label("A1-1"), "late", at="2026-03-02T12:00:00")
    early = scanned(catalog, label("A1-1"), "early", at="2026-03-02T11:00:00")
    alone = scanned(catalog, label("A1-2"), at="2026-03-02T10:00:00")
    assert older(catalog, late, early, alone) == {early.id}
    # The latest of all does not count where it is refused.
    refused = scanned(catalog, label("A1-1"), "refused", at="2026-03-02T13:00:00")
    assert older(catalog, late) == {early.id, late.id}
    refuse(catalog, refused.id, "It is blurred.")
    assert older(catalog, late) == {early.id, refused.id}
    shown = [one.scans[0].image.id for one in read(catalog, case).slides if one.scans]
    assert shown == [late.id, alone.id]


def test_what_is_linked_to_nothing_is_a_slide_of_its_own(catalog: Catalog) -> None:
    catalog.cases.declare({HERE: LABORATORY})
    catalog.cases.place(order())
    strangers = [
        scanned(catalog, "?", name, patient=ANNE, accession_number="26H00077", issuer="LABO")
        for name in ("one", "two")
    ]
    assert older(catalog, *strangers) == set()
    assert strangers[0].state is ImageState.RECEIVED
