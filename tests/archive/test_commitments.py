"""Requests of commitment, by whose they are."""

from archive.catalog import Catalog
from tests.archive.conftest import ELSEWHERE, HERE

TITLE = "SCANNER"


def test_a_request_is_of_an_establishment_and_a_title(catalog: Catalog) -> None:
    requests = catalog.commitments
    requests.ask(TITLE, "1.2.3", [("1.2", "1.2.3.4")], establishment=HERE)
    # The title was given to a device of another establishment since.
    assert requests.claim([(ELSEWHERE, TITLE)], 60) is None
    assert requests.claim([], 60) is None
    held = requests.claim([(ELSEWHERE, TITLE), (HERE, TITLE)], 60)
    assert held is not None
    assert (held.establishment, held.attempt) == (HERE, 1)
    requests.lapse([(ELSEWHERE, TITLE)])
    assert requests.claim([(HERE, TITLE)], 60) is None
    requests.lapse([(HERE, TITLE)])
    again = requests.claim([(HERE, TITLE)], 60)
    assert again is not None
    assert again.attempt == 2
