"""What is read off a label, and what two codes on one glass come to."""

from dataclasses import replace

import pytest

from archive.cases.decide import Verdict
from archive.cases.label import Position
from archive.cases.laboratory import Laboratory
from archive.cases.order import Container, OrderPlaced
from archive.catalog import Catalog
from archive.move import Author
from tests.archive.cases.conftest import (
    LABORATORY,
    container,
    label,
    order,
    published,
    read,
    scanned,
    tree,
    verdicts,
)
from tests.archive.conftest import HERE
from tests.archive.test_moves import done

WHO = Author("subject")


def test_another_pattern_reads_the_labels_of_what_waits_again(catalog: Catalog) -> None:
    case_id = catalog.cases.place(order())
    image = published(catalog, scanned(catalog, label("A1-1")))
    assert verdicts(catalog) == {image.id: Verdict.UNREADABLE}
    catalog.cases.declare({HERE: LABORATORY})
    done(catalog)
    assert tree(read(catalog, case_id))["A1-1"] == [image.source_sha256]
    catalog.cases.declare({})
    assert catalog.cases.laboratory(HERE).barcode is None


def test_a_container_s_own_barcode_needs_no_pattern(catalog: Catalog) -> None:
    said = replace(order(), containers=(container("A1-1", barcode="0001234"),))
    case_id = catalog.cases.place(said)
    image = scanned(catalog, "0001234")
    assert tree(read(catalog, case_id))["A1-1"] == [image.source_sha256]


def marked(number: str, **barcodes: str) -> OrderPlaced:
    """An order whose containers have codes of their own."""
    named = tuple(
        container(where.replace("_", "-"), barcode=one) for where, one in barcodes.items()
    )
    return replace(order(number=number), containers=named)


def test_a_number_on_the_label_is_never_overruled_by_a_code_beside_it(lab: Catalog) -> None:
    lab.cases.place(marked("26H00012", A1_1="x1", A1_2="x2"))
    other = label("A1-1", "26H00099")
    assert lab.cases.expected(HERE, ["x1"]) is not None
    assert lab.cases.expected(HERE, [label("A1-1"), "x1"]) is not None
    # The order of that number is still to come.
    assert lab.cases.expected(HERE, [other, "x1"]) is None
    assert lab.cases.expected(HERE, ["x1", "x2"]) is None


@pytest.mark.parametrize("other", [label("A1-1", "26H00099"), label("A1-2"), label("B1-1")])
def test_two_codes_that_say_two_things_are_no_answer(lab: Catalog, other: str) -> None:
    """Whichever of them stands first, and whether or not there is an order of the other's."""
    case_id = lab.cases.place(order(("A1-1", "A1-2", "B1-1")))
    assert lab.cases.expected(HERE, [label("A1-1")] * 2) is not None
    assert lab.cases.expected(HERE, [label("A1-1"), other]) is None
    assert lab.cases.expected(HERE, [other, label("A1-1")]) is None
    image = scanned(lab, label("A1-1"))
    assert tree(read(lab, case_id))["A1-1"] == [image.source_sha256]


def test_two_blocks_on_one_label_are_not_chosen_from(catalog: Catalog) -> None:
    catalog.cases.declare({HERE: Laboratory(names_slides=False)})
    codes = {"A1": "x1", "A2": "x2", "A": "x"}
    places = {one: Position(one[:1], one[1:]) for one in codes}
    blocks = tuple(Container(places[one], barcode=code) for one, code in codes.items())
    catalog.cases.place(replace(order(), containers=blocks))
    assert catalog.cases.expected(HERE, ["x1"]) is not None
    # A block is of its specimen.
    assert catalog.cases.expected(HERE, ["x", "x1"]) is not None
    assert catalog.cases.expected(HERE, ["x1", "x2"]) is None


def test_a_barcode_of_two_cases_waits_also_where_it_was_linked_before(lab: Catalog) -> None:
    first = lab.cases.place(marked("26H00012", A1_1="x1", A1_2="x2"))
    early, sure = scanned(lab, "x1"), scanned(lab, "x2")
    said = Position("A", "1", "2")
    published(lab, sure)
    lab.cases.link(sure.id, first, said, WHO, establishment=HERE)
    lab.cases.place(marked("26H00099", A1_1="x1", A1_2="x2"))
    late = scanned(lab, "x1", "late")
    assert verdicts(lab) == {early.id: Verdict.AMBIGUOUS, late.id: Verdict.AMBIGUOUS}
    # What a person has said stays.
    assert tree(read(lab, first)) == {"A1-1": [], "A1-2": [sure.source_sha256]}
